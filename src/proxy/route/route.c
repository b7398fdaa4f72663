/* route.c - virtual hosts by domain, routes by prefix and path. */
#include "proxy/route/route.h"

#include <stdlib.h>

#include "proxy/http/chars.h"

enum { MAX_AUTHORITY = 512 }; /* longer ones can only match "*" */

/* One configured domain; @text without its '*'. */
struct domain {
	struct slice text;
	const struct virtual_host_config *host;
};

struct domains {
	struct domain *at;
	uint32_t n;
};

struct route_table {
	const struct route_table_config *config;
	const struct virtual_host_config *any; /* "*" */
	struct domains exact;		       /* sorted by text */
	struct domains suffixes;	       /* longest first */
	struct domains prefixes;	       /* longest first */
};

static bool add_domain(struct domains *d, struct slice text, const struct virtual_host_config *host)
{
	struct domain *at = reallocarray(d->at, d->n + 1, sizeof(*at));

	if (!at)
		return false;
	d->at = at;
	d->at[d->n++] = (struct domain){ text, host };
	return true;
}

static bool add_host(struct route_table *t, const struct virtual_host_config *host)
{
	for (uint32_t i = 0; i < host->n_domains; i++) {
		struct slice text = slice_of_text(host->domains[i]);
		struct domains *to = &t->exact;

		if (slice_is(text, "*")) {
			t->any = host;
			continue;
		}
		if (text.len && text.at[0] == '*') {
			to = &t->suffixes;
			text = slice_from(text, 1);
		} else if (text.len && text.at[text.len - 1] == '*') {
			to = &t->prefixes;
			text.len--;
		}
		if (!add_domain(to, text, host))
			return false;
	}
	return true;
}

static int by_text(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;
	size_t n = x->text.len < y->text.len ? x->text.len : y->text.len;
	int order = n ? memcmp(x->text.at, y->text.at, n) : 0;

	if (order)
		return order;
	return x->text.len < y->text.len ? -1 : x->text.len > y->text.len;
}

static int longest_first(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;

	return x->text.len > y->text.len ? -1 : x->text.len < y->text.len;
}

static void sort(struct domains *d, int (*order)(const void *, const void *))
{
	if (d->n)
		qsort(d->at, d->n, sizeof(*d->at), order);
}

struct route_table *route_table_new_or_null(const struct route_table_config *config)
{
	struct route_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->config = config;
	for (uint32_t i = 0; i < config->n_virtual_hosts; i++) {
		if (!add_host(t, &config->virtual_hosts[i])) {
			route_table_free(t);
			return NULL;
		}
	}
	sort(&t->exact, by_text);
	sort(&t->suffixes, longest_first);
	sort(&t->prefixes, longest_first);
	return t;
}

void route_table_free(struct route_table *t)
{
	if (!t)
		return;
	free(t->exact.at);
	free(t->suffixes.at);
	free(t->prefixes.at);
	free(t);
}

/* Without ":port"; a bracketed IPv6 address keeps its colons. */
static struct slice without_port(struct slice authority)
{
	size_t n = authority.len;

	while (n && authority.at[n - 1] >= '0' && authority.at[n - 1] <= '9')
		n--;
	return n && authority.at[n - 1] == ':' ? slice_first(authority, n - 1) : authority;
}

static const struct virtual_host_config *find_exact(const struct route_table *t, struct slice name)
{
	struct domain key = { .text = name };
	const struct domain *found;

	if (!t->exact.n)
		return NULL;
	found = bsearch(&key, t->exact.at, t->exact.n, sizeof(key), by_text);
	return found ? found->host : NULL;
}

static const struct virtual_host_config *find_wildcard(const struct domains *d, struct slice name,
						       bool suffix)
{
	for (uint32_t i = 0; i < d->n; i++) {
		struct slice text = d->at[i].text;
		struct slice part;

		if (name.len <= text.len) /* the '*' stands for one character at least */
			continue;
		part = suffix ? slice_from(name, name.len - text.len) : slice_first(name, text.len);
		if (slice_equal(part, text))
			return d->at[i].host;
	}
	return NULL;
}

const struct virtual_host_config *route_find_host_or_null(const struct route_table *t,
							  struct slice authority)
{
	const struct virtual_host_config *host;
	uint8_t lower[MAX_AUTHORITY];
	struct slice name;

	if (!t->exact.n && !t->suffixes.n && !t->prefixes.n)
		return t->any;
	if (t->config->ignore_port_in_host_matching)
		authority = without_port(authority);
	if (authority.len > sizeof(lower))
		return t->any;
	for (size_t i = 0; i < authority.len; i++)
		lower[i] = char_lower(authority.at[i]);
	name = slice_of(lower, authority.len);
	host = find_exact(t, name);
	if (!host)
		host = find_wildcard(&t->suffixes, name, true);
	if (!host)
		host = find_wildcard(&t->prefixes, name, false);
	return host ? host : t->any;
}

static bool starts_with(struct slice path, struct slice start, bool case_sensitive)
{
	if (path.len < start.len)
		return false;
	if (case_sensitive)
		return start.len == 0 || memcmp(path.at, start.at, start.len) == 0;
	for (size_t i = 0; i < start.len; i++)
		if (char_lower(path.at[i]) != char_lower(start.at[i]))
			return false;
	return true;
}

static bool matches(const struct route_match_config *m, struct slice path)
{
	struct slice text = slice_of_text(m->text);

	if (!starts_with(path, text, m->case_sensitive))
		return false;
	if (m->kind == ROUTE_MATCH_PREFIX)
		return true;
	/* The query takes no part in an exact match. */
	return path.len == text.len || path.at[text.len] == '?';
}

const struct route_config *route_find_or_null(const struct virtual_host_config *host,
					      struct slice path)
{
	for (uint32_t i = 0; i < host->n_routes; i++)
		if (matches(&host->routes[i].match, path))
			return &host->routes[i];
	return NULL;
}

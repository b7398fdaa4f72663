/*
 * fib.c - tables and routes. The data path is fib_lookup() in the header; here is how it changes:
 *
 *   route ──> load-balance (shared by equal paths) ──> rib node's leaf ──> trie_update()
 *
 * Everything that can fail is done before anything is published. What readers may still see goes
 * through fib_retire().
 */
#include "l3/fib/fib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* What one change of a table left behind. */
struct leftovers {
	struct fib_grave grave;
	struct fib *fib;
	struct trie_garbage garbage;
	struct fib_route *route; /* NULL if none went */
	uint32_t load_balance;	 /* reference to give back; LOAD_BALANCE_NONE for none */
};

static void bury_leftovers(struct fib_grave *g)
{
	struct leftovers *l = container_of(g, struct leftovers, grave);

	trie_collect(&l->fib->space, &l->garbage);
	if (l->load_balance != LOAD_BALANCE_NONE)
		load_balance_put(&l->fib->load_balances, l->load_balance);
	free(l->route);
	free(l);
}

/* A prefix that never goes by a route. */
struct special {
	struct fib_key key;
	unsigned len;
	enum adjacency_kind kind;
};

/* RFC 1122 §3.2.1.3, RFC 6890. */
static const struct special specials4[] = {
	{ { 0x0000000000000000, 0 }, 8, ADJACENCY_BLACKHOLE },
	{ { 0x7f00000000000000, 0 }, 8, ADJACENCY_BLACKHOLE },
	{ { 0xe000000000000000, 0 }, 4, ADJACENCY_BLACKHOLE },
	{ { 0xf000000000000000, 0 }, 4, ADJACENCY_BLACKHOLE },
	{ { 0xffffffff00000000, 0 }, 32, ADJACENCY_BROADCAST },
};

/* RFC 4291 §2.4: unspecified, loopback, mapped IPv4, link-local of no link, multicast. */
static const struct special specials6[] = {
	{ { 0, 0 }, 128, ADJACENCY_BLACKHOLE },
	{ { 0, 1 }, 128, ADJACENCY_BLACKHOLE },
	{ { 0, 0x0000ffff00000000 }, 96, ADJACENCY_BLACKHOLE },
	{ { FIB6_LINK_LOCAL, 0 }, 10, ADJACENCY_BLACKHOLE },
	{ { 0xff00000000000000, 0 }, 8, ADJACENCY_GROUP },
};

static int add_route(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
		     enum fib_source source, const struct fib_path *paths, unsigned n_paths);

static int add_specials(struct vrf *v, struct fib_table *t, const struct special *specials,
			unsigned n)
{
	struct fib *f = v->fib;
	int err = 0;

	for (unsigned i = 0; i < n && err == 0; i++) {
		struct adjacency value = { .kind = (uint8_t)specials[i].kind };
		struct fib_path path = { .weight = 1 };

		err = adjacency_new(&f->adjacencies, &value, &path.adjacency);
		if (err == 0) {
			err = add_route(v, t, specials[i].key, specials[i].len, FIB_SPECIAL, &path,
					1);
			adjacency_put(&f->adjacencies, path.adjacency);
		}
	}
	return err;
}

static int table_init(struct vrf *v, struct fib_table *t, unsigned family,
		      const struct special *specials, unsigned n)
{
	int err = trie_init(&t->trie, &v->fib->space, family);

	rib_init(&t->rib);
	return err ? err : add_specials(v, t, specials, n);
}

static bool free_routes(const struct rib_node *n, void *context unused_arg)
{
	for (struct fib_route *r = n->owner, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	return true;
}

static void table_deinit(struct fib_table *t)
{
	rib_walk(&t->rib, (struct fib_key){ 0 }, 0, free_routes, NULL);
	rib_deinit(&t->rib);
	trie_deinit(&t->trie);
}

/* No worker knows @v. Its load-balances go with the table of all. */
static void free_vrf(struct vrf *v)
{
	table_deinit(&v->ip4);
	table_deinit(&v->ip6);
	free(v);
}

int fib_add_vrf(struct fib *f, const char *name, struct vrf **out)
{
	uint32_t index = VRFS_MAX;
	struct vrf *v;
	int err;

	if (name[0] == '\0' || strlen(name) >= VRF_NAME_MAX)
		return ERR_INVAL;
	for (uint32_t i = VRFS_MAX; i-- > 0;) {
		if (!f->vrf[i])
			index = i;
		else if (strcmp(f->vrf[i]->name, name) == 0)
			return ERR_EXIST;
	}
	if (index == VRFS_MAX)
		return ERR_FULL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return ERR_NOMEM;
	v->index = index;
	v->fib = f;
	snprintf(v->name, sizeof(v->name), "%s", name);
	err = table_init(v, &v->ip4, 4, specials4, count_of(specials4));
	if (err == 0)
		err = table_init(v, &v->ip6, 6, specials6, count_of(specials6));
	if (err != 0) {
		free_vrf(v);
		return err;
	}
	rcu_publish(f->vrf[index], v);
	*out = v;
	return 0;
}

int fib_new(struct mailbox *main, struct fib **out)
{
	struct fib *f = calloc(1, sizeof(*f));
	struct vrf *v;
	int err;

	if (!f)
		return ERR_NOMEM;
	f->yard.main = main;
	err = trie_space_init(&f->space);
	if (err != 0)
		goto fail_space;
	err = adjacency_table_init(&f->adjacencies, &f->yard);
	if (err != 0)
		goto fail_adjacencies;
	err = load_balance_table_init(&f->load_balances, &f->adjacencies);
	if (err != 0)
		goto fail_load_balances;
	err = fib_add_vrf(f, "default", &v);
	if (err != 0)
		goto fail_vrf;
	*out = f;
	return 0;
fail_vrf:
	load_balance_table_deinit(&f->load_balances);
fail_load_balances:
	adjacency_table_deinit(&f->adjacencies);
fail_adjacencies:
	trie_space_deinit(&f->space);
fail_space:
	free(f);
	return err;
}

void fib_free(struct fib *f)
{
	for (unsigned i = 0; i < VRFS_MAX; i++) {
		if (f->vrf[i])
			free_vrf(f->vrf[i]);
	}
	load_balance_table_deinit(&f->load_balances);
	adjacency_table_deinit(&f->adjacencies);
	trie_space_deinit(&f->space);
	free(f);
}

/* The link that points at @source's route, or where it belongs. */
static struct fib_route **find_source(struct rib_node *n, enum fib_source source)
{
	struct fib_route **link = (struct fib_route **)&n->owner;

	while (*link && (*link)->source < source)
		link = &(*link)->next;
	return link;
}

/* Let the trie show what the first route of @n says; @n is removed if it has none. */
static int show(struct vrf *v, struct fib_table *t, struct rib_node *n, struct leftovers *l)
{
	const struct fib_route *first = n->owner;
	uint32_t was = n->leaf;
	int err;

	n->leaf = first ? first->load_balance : 0;
	if (n->leaf != was) {
		err = trie_update(&t->trie, &t->rib, n->key, n->len, &l->garbage);
		if (err != 0) {
			n->leaf = was;
			return err;
		}
		fib_touch(v->fib);
	}
	if (!first) {
		rib_remove(&t->rib, n->key, n->len);
		v->fib->n_prefixes--;
	}
	return 0;
}

/* A prefix that was only just made, and has no route yet, goes again. */
static void drop_if_bare(struct vrf *v, struct fib_table *t, struct rib_node *n)
{
	if (!n->owner) {
		rib_remove(&t->rib, n->key, n->len);
		v->fib->n_prefixes--;
	}
}

static struct rib_node *prefix_node_or_null(struct vrf *v, struct fib_table *t, struct fib_key key,
					    unsigned len)
{
	struct rib_node *n = rib_add_or_null(&t->rib, key, len);

	if (n && !n->owner)
		v->fib->n_prefixes++;
	return n;
}

/* Put @route in the place of its source's old one. On failure all is as before. */
static int put_route(struct vrf *v, struct fib_table *t, struct rib_node *n,
		     struct fib_route *route, struct leftovers *l)
{
	struct fib_route **link = find_source(n, route->source), *old;
	int err;

	old = *link && (*link)->source == route->source ? *link : NULL;
	route->next = old ? old->next : *link;
	*link = route;
	err = show(v, t, n, l);
	if (err != 0) {
		*link = old ? old : route->next;
		drop_if_bare(v, t, n);
		return err;
	}
	if (old) {
		l->route = old;
		l->load_balance = old->load_balance;
	}
	return 0;
}

static struct leftovers *leftovers_or_null(struct fib *f)
{
	struct leftovers *l = calloc(1, sizeof(*l));

	if (l) {
		l->fib = f;
		l->load_balance = LOAD_BALANCE_NONE;
	}
	return l;
}

static int add_route(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
		     enum fib_source source, const struct fib_path *paths, unsigned n_paths)
{
	struct fib *f = v->fib;
	struct leftovers *l = leftovers_or_null(f);
	struct fib_route *route = calloc(1, sizeof(*route));
	struct rib_node *n;
	int err = ERR_NOMEM;

	if (!l || !route)
		goto fail;
	err = ERR_FULL;
	if (f->n_prefixes >= FIB_ROUTES_MAX)
		goto fail;
	route->source = source;
	err = load_balance_get(&f->load_balances, paths, n_paths, &route->load_balance);
	if (err != 0)
		goto fail;
	n = prefix_node_or_null(v, t, key, len);
	err = n ? put_route(v, t, n, route, l) : ERR_NOMEM;
	if (err != 0) {
		load_balance_put(&f->load_balances, route->load_balance);
		goto fail;
	}
	fib_retire(&f->yard, &l->grave, bury_leftovers);
	return 0;
fail:
	free(route);
	free(l);
	return err;
}

static int del_route(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
		     enum fib_source source)
{
	struct rib_node *n = rib_find_or_null(&t->rib, key, len);
	struct fib_route **link, *old;
	struct leftovers *l;
	int err;

	if (!n)
		return ERR_NOENT;
	link = find_source(n, source);
	old = *link;
	if (!old || old->source != source)
		return ERR_NOENT;
	l = leftovers_or_null(v->fib);
	if (!l)
		return ERR_NOMEM;
	*link = old->next;
	err = show(v, t, n, l);
	if (err != 0) {
		*link = old;
		free(l);
		return err;
	}
	l->route = old;
	l->load_balance = old->load_balance;
	fib_retire(&v->fib->yard, &l->grave, bury_leftovers);
	return 0;
}

static const struct fib_route *find_or_null(const struct fib_table *t, struct fib_key key,
					    unsigned len)
{
	struct rib_node *n = rib_find_or_null(&t->rib, key, len);

	return n ? n->owner : NULL;
}

/* --- IPv4 --- */

int fib_add_route(struct fib *f unused_arg, struct vrf *v, struct ip4_prefix prefix,
		  enum fib_source source, const struct fib_path *paths, unsigned n_paths)
{
	return add_route(v, &v->ip4, fib_key_of_ip4(prefix.addr), prefix.len, source, paths,
			 n_paths);
}

int fib_del_route(struct fib *f unused_arg, struct vrf *v, struct ip4_prefix prefix,
		  enum fib_source source)
{
	return del_route(v, &v->ip4, fib_key_of_ip4(prefix.addr), prefix.len, source);
}

const struct fib_route *fib_find_or_null(const struct vrf *v, struct ip4_prefix prefix)
{
	return find_or_null(&v->ip4, fib_key_of_ip4(prefix.addr), prefix.len);
}

void fib_walk(const struct vrf *v, struct ip4_prefix from,
	      bool (*visit)(const struct rib_node *n, void *context), void *context)
{
	rib_walk(&v->ip4.rib, fib_key_of_ip4(from.addr), from.len, visit, context);
}

/* --- IPv6 --- */

int fib6_add_route(struct fib *f unused_arg, struct vrf *v, struct ip6_prefix prefix,
		   enum fib_source source, const struct fib_path *paths, unsigned n_paths)
{
	return add_route(v, &v->ip6, fib_key_of_ip6(&prefix.addr), prefix.len, source, paths,
			 n_paths);
}

int fib6_del_route(struct fib *f unused_arg, struct vrf *v, struct ip6_prefix prefix,
		   enum fib_source source)
{
	return del_route(v, &v->ip6, fib_key_of_ip6(&prefix.addr), prefix.len, source);
}

const struct fib_route *fib6_find_or_null(const struct vrf *v, struct ip6_prefix prefix)
{
	return find_or_null(&v->ip6, fib_key_of_ip6(&prefix.addr), prefix.len);
}

void fib6_walk(const struct vrf *v, struct ip6_prefix from,
	       bool (*visit)(const struct rib_node *n, void *context), void *context)
{
	rib_walk(&v->ip6.rib, fib_key_of_ip6(&from.addr), from.len, visit, context);
}

/* route_text.c - words of a line, one after the other. */
#include "l3/route/route_text.h"

#include <string.h>

enum { WORD_MAX = 80 };

/* The words that are left, and where in the line they are. */
struct words {
	struct slice rest;
	unsigned column; /* of rest's first byte */
	char word[WORD_MAX];
	unsigned at; /* column of @word */
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip(struct words *w, size_t n)
{
	w->rest.at += n;
	w->rest.len -= n;
	w->column += (unsigned)n;
}

/* The next word; false at the end. One that is too long is cut, and so is none of ours. */
static bool take_word(struct words *w)
{
	size_t n = 0;

	while (w->rest.len > 0 && is_blank(w->rest.at[0]))
		skip(w, 1);
	w->at = w->column;
	w->word[0] = '\0';
	if (w->rest.len == 0 || w->rest.at[0] == '#')
		return false;
	while (n < w->rest.len && !is_blank(w->rest.at[n]) && w->rest.at[n] != '#')
		n++;
	if (n < WORD_MAX && !memchr(w->rest.at, '\0', n)) {
		memcpy(w->word, w->rest.at, n);
		w->word[n] = '\0';
	}
	skip(w, n);
	return true;
}

static int fail(const struct words *w, struct route_text_fault *fault, const char *what)
{
	*fault = (struct route_text_fault){ w->at, what };
	return ERR_FORMAT;
}

int route_text_prefix(struct slice *line, struct ip_prefix *out, struct route_text_fault *fault)
{
	struct words w = { .rest = *line, .column = 1 };
	struct fib_key key, mask;

	if (!take_word(&w))
		return 1;
	if (ip_prefix_from_text(w.word, out) != 0)
		return fail(&w, fault, "no prefix; expected one like 10.0.0.0/8 or 2001:db8::/32");
	mask = fib_key_mask(out->len + (ip_prefix_is_ip4(out) ? 96u : 0u));
	key = fib_key_of_ip6(&out->addr);
	if (!fib_key_equal(key, fib_key_and(key, mask)))
		return fail(&w, fault, "bits are set behind the prefix's length");
	*line = w.rest;
	return 0;
}

static bool copy_name(char out[ROUTE_NAME_MAX], const char *from)
{
	size_t n = strlen(from);

	if (n == 0 || n >= ROUTE_NAME_MAX)
		return false;
	memcpy(out, from, n + 1);
	return true;
}

/* A number from 1 to 255. */
static int take_weight(struct words *w, struct route_text_hop *hop, struct route_text_fault *fault)
{
	uint32_t n = 0;

	for (const char *c = w->word; *c; c++) {
		if (*c < '0' || *c > '9' || n > LOAD_BALANCE_WEIGHT_MAX)
			return fail(w, fault, "expected a weight from 1 to 255");
		n = n * 10 + (uint32_t)(*c - '0');
	}
	if (n == 0 || n > LOAD_BALANCE_WEIGHT_MAX)
		return fail(w, fault, "expected a weight from 1 to 255");
	hop->weight = n;
	return 0;
}

static int take_name(struct words *w, char out[ROUTE_NAME_MAX], struct route_text_fault *fault,
		     const char *what)
{
	return take_word(w) && copy_name(out, w->word) ? 0 : fail(w, fault, what);
}

/* What may follow a next hop: its link, its VRF, its weight, which needs no name. */
static int take_option(struct words *w, struct route_text_hop *hop, struct route_text_fault *fault)
{
	if (strcmp(w->word, "dev") == 0)
		return take_name(w, hop->interface, fault, "\"dev\" needs an interface");
	if (strcmp(w->word, "vrf") == 0)
		return take_name(w, hop->vrf, fault, "\"vrf\" needs the name of a VRF");
	if (strcmp(w->word, "weight") == 0)
		return take_word(w) ? take_weight(w, hop, fault)
				    : fail(w, fault, "expected a weight from 1 to 255");
	if (w->word[0] >= '0' && w->word[0] <= '9')
		return take_weight(w, hop, fault);
	return fail(w, fault, "expected \"via\", \"dev\", \"vrf\", \"weight\" or \"resilient\"");
}

/* ADDRESS, ADDRESS@INTERFACE, @INTERFACE, or nothing before "dev INTERFACE". */
static int take_hop(struct words *w, bool is_ip4, struct route_text_hop *out,
		    struct route_text_fault *fault)
{
	char *at;

	*out = (struct route_text_hop){ .weight = 1 };
	if (!take_word(w))
		return fail(w, fault, "\"via\" needs a next hop");
	if (strcmp(w->word, "dev") == 0)
		return take_option(w, out, fault);
	at = strchr(w->word, '@');
	if (at) {
		*at = '\0';
		if (!copy_name(out->interface, at + 1))
			return fail(w, fault, "no name of an interface behind the \"@\"");
	}
	out->has_addr = !at || w->word[0];
	if (out->has_addr && ip_addr_from_text(w->word, &out->addr) != 0)
		return fail(w, fault, "no next hop; expected one like 192.0.2.1 or 192.0.2.1@lan");
	if (out->has_addr && ip6_is_mapped(&out->addr) != is_ip4)
		return fail(w, fault, "prefix and next hop are of different families");
	return 0;
}

static int take_hops(struct words *w, bool is_ip4, struct route_text_to *out,
		     struct route_text_fault *fault)
{
	int err = 0;

	do {
		if (strcmp(w->word, "via") == 0) {
			if (out->n_hops == LOAD_BALANCE_PATHS)
				return fail(w, fault, "more than 64 next hops");
			err = take_hop(w, is_ip4, &out->hop[out->n_hops++], fault);
		} else if (strcmp(w->word, "resilient") == 0) {
			out->resilient = true;
		} else {
			err = take_option(w, &out->hop[out->n_hops - 1], fault);
		}
	} while (err == 0 && take_word(w));
	if (err == 0 && out->resilient && out->n_hops < 2)
		return fail(w, fault, "flows can be spread over several next hops only");
	return err;
}

static bool is_dead(const char *word, enum adjacency_kind *kind)
{
	static const enum adjacency_kind kinds[] = { ADJACENCY_BLACKHOLE, ADJACENCY_PROHIBIT,
						     ADJACENCY_UNREACHABLE };

	for (unsigned i = 0; i < count_of(kinds); i++) {
		*kind = kinds[i];
		if (strcmp(word, adjacency_kind_name(kinds[i])) == 0)
			return true;
	}
	return false;
}

int route_text_to(struct slice rest, unsigned column, bool is_ip4, struct route_text_to *out,
		  struct route_text_fault *fault)
{
	struct words w = { .rest = rest, .column = column };

	out->is_dead = out->resilient = false;
	out->n_hops = 0;
	out->vrf[0] = '\0';
	if (!take_word(&w))
		return fail(&w, fault, "where to? expected \"via\", \"lookup\", \"blackhole\" …");
	if (strcmp(w.word, "via") == 0)
		return take_hops(&w, is_ip4, out, fault);
	if (strcmp(w.word, "lookup") == 0) {
		if (!take_word(&w) || !copy_name(out->vrf, w.word))
			return fail(&w, fault, "\"lookup\" needs the name of a VRF");
	} else {
		out->is_dead = is_dead(w.word, &out->dead);
		if (!out->is_dead)
			return fail(&w, fault,
				    "where to? expected \"via\", \"lookup\", \"blackhole\" …");
	}
	return take_word(&w) ? fail(&w, fault, "nothing may follow") : 0;
}

/*
 * route_fuzz.c - a file of routes, line by line, into tries of both families. Whatever it holds,
 * tries answer as a list of prefixes does.
 */
#include "l3/route/route_text.h"

enum { LINES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	struct fib_key key;
	unsigned len;
	uint32_t leaf;
};

static uint32_t longest(const struct model *m, unsigned n, struct fib_key key)
{
	uint32_t leaf = 0;
	int best = -1;

	for (unsigned i = 0; i < n; i++) {
		if ((int)m[i].len >= best && fib_key_agrees(m[i].key, key, m[i].len)) {
			best = (int)m[i].len;
			leaf = m[i].leaf;
		}
	}
	return leaf;
}

/* Routes of one family; the specials of a real table would only stand in the way. */
struct side {
	struct trie trie;
	struct rib rib;
	struct model model[LINES_MAX];
	unsigned n;
};

static void check(const struct side *s, unsigned family, struct fib_key key)
{
	uint32_t want = longest(s->model, s->n, key), addr = fib_key_ip4(key), many;

	if (family == 4)
		trie_lookup4_many(&s->trie, &addr, &many, 1);
	else
		trie_lookup6_many(&s->trie, &key, &many, 1);
	invariant(many == want);
	invariant((family == 4 ? trie_lookup4(&s->trie, addr) : trie_lookup6(&s->trie, key)) ==
		  want);
}

static void check_all(const struct side *s, unsigned family)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct fib_key rest = fib_key_not(fib_key_mask(s->model[i].len));

		check(s, family, s->model[i].key);
		if (family == 6)
			check(s, family, fib_key_or(s->model[i].key, rest));
	}
}

static void add(struct trie_space *space, struct side *s, unsigned family, struct fib_key key,
		unsigned len)
{
	struct trie_garbage garbage = { 0 };
	struct rib_node *n = rib_add_or_null(&s->rib, key, len);
	uint32_t leaf = n->leaf ? n->leaf : s->n + 1;

	n->leaf = leaf;
	invariant(trie_update(&s->trie, &s->rib, key, len, &garbage) == 0);
	trie_collect(space, &garbage);
	s->model[s->n++] = (struct model){ n->key, len, leaf };
	check_all(s, family);
}

/* The way back, the first ones first. */
static void remove_all(struct trie_space *space, struct side *s, unsigned family)
{
	while (s->n > 0) {
		struct model gone = s->model[0];
		struct trie_garbage garbage = { 0 };

		s->model[0] = s->model[--s->n];
		for (unsigned i = 0; i < s->n; i++) /* the same prefix may be there twice */
			while (i < s->n && s->model[i].len == gone.len &&
			       fib_key_equal(s->model[i].key, gone.key))
				s->model[i] = s->model[--s->n];
		rib_remove(&s->rib, gone.key, gone.len);
		invariant(trie_update(&s->trie, &s->rib, gone.key, gone.len, &garbage) == 0);
		trie_collect(space, &garbage);
		check_all(s, family);
	}
}

static void take_line(struct trie_space *space, struct side sides[2], struct slice line)
{
	struct route_text_fault fault = { 0 };
	struct route_text_to to;
	struct ip_prefix prefix;
	struct slice rest = line;
	int err = route_text_prefix(&rest, &prefix, &fault);
	bool is_ip4;

	if (err != 0) {
		invariant(err > 0 || fault.column <= line.len + 1);
		return;
	}
	is_ip4 = ip_prefix_is_ip4(&prefix);
	err = route_text_to(rest, (unsigned)(rest.at - line.at) + 1, is_ip4, &to, &fault);
	invariant(err == 0 || (fault.what && fault.column <= line.len + 1));
	invariant(err != 0 || to.n_hops <= LOAD_BALANCE_PATHS);
	if (sides[is_ip4].n < LINES_MAX)
		add(space, &sides[is_ip4], is_ip4 ? 4 : 6,
		    is_ip4 ? fib_key_of_ip4(ip6_mapped_ip4(&prefix.addr))
			   : fib_key_of_ip6(&prefix.addr),
		    prefix.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct side sides[2];
	struct trie_space space;

	invariant(trie_space_init(&space) == 0);
	for (unsigned i = 0; i < 2; i++) {
		sides[i].n = 0;
		rib_init(&sides[i].rib);
		invariant(trie_init(&sides[i].trie, &space, i ? 4 : 6) == 0);
	}
	while (size > 0) {
		const uint8_t *stop = memchr(data, '\n', size);
		size_t n = stop ? (size_t)(stop - data) : size;

		take_line(&space, sides, slice_of(data, n));
		data += n + (stop != NULL);
		size -= n + (stop != NULL);
	}
	for (unsigned i = 0; i < 2; i++) {
		remove_all(&space, &sides[i], i ? 4 : 6);
		trie_deinit(&sides[i].trie);
		rib_deinit(&sides[i].rib);
	}
	invariant(space.nodes.n_used == 0 && space.leaves.n_used == 0 && space.wide.n_used == 0);
	trie_space_deinit(&space);
	return 0;
}

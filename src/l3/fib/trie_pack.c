/* trie_pack.c - the cutting of a list of prefixes into ranges of eight. */
#include "l3/fib/trie_pack.h"

/* The entries that hold for a window, each inside the one before. */
struct chain {
	unsigned n;
	uint8_t entry[TRIE_WINDOW_BITS + 1];
};

static bool add(struct trie_entries *e, const struct rib_node *r, unsigned len, uint32_t leaf,
		const struct rib_node *below)
{
	uint32_t window = trie_window(&r->key, e->depth), rest;
	unsigned n_bits = len - e->depth;

	if (e->n == TRIE_ENTRIES_MAX)
		return false;
	rest = UINT32_MAX >> n_bits;
	e->at[e->n++] = (struct trie_entry){ .first = window & ~rest,
					     .last = window | rest,
					     .leaf = leaf,
					     .below = below,
					     .len = (uint8_t)n_bits };
	e->has_below |= below != NULL;
	if (n_bits > e->max_len)
		e->max_len = (uint8_t)n_bits;
	return true;
}

static bool collect(struct trie_entries *e, const struct rib_node *r, uint32_t inherited)
{
	if (!r)
		return true;
	if (e->n_visits++ == TRIE_VISITS_MAX)
		return false;
	if (r->len >= e->end && (r->len > e->end || r->child[0] || r->child[1]))
		return add(e, r, e->end, r->len == e->end && r->leaf ? r->leaf : inherited, r);
	if (r->len > e->depth && r->leaf && r->leaf != inherited) {
		inherited = r->leaf;
		if (!add(e, r, r->len, inherited, NULL))
			return false;
	}
	return collect(e, r->child[0], inherited) && collect(e, r->child[1], inherited);
}

bool trie_collect_entries(struct trie_entries *e, const struct rib_node *r, unsigned depth,
			  uint32_t inherited)
{
	e->depth = depth;
	e->end = trie_window_end(depth);
	e->n = e->n_visits = 0;
	e->max_len = 0;
	e->has_below = false;
	return collect(e, r, inherited);
}

/* Entries of @c that begin before a range which ends with @last, and end inside it. */
static unsigned n_partial(const struct trie_entries *e, const struct chain *c, uint32_t last)
{
	unsigned n = 0;

	while (n < c->n && e->at[c->entry[c->n - 1 - n]].last < last)
		n++;
	return n;
}

/* Whatever ends before @first holds no longer. */
static void pass(const struct trie_entries *e, struct chain *c, uint32_t first)
{
	while (c->n > 0 && e->at[c->entry[c->n - 1]].last < first)
		c->n--;
}

/* The last window before entry @i. */
static uint32_t end_before(const struct trie_entries *e, unsigned i)
{
	return i < e->n ? e->at[i].first - 1 : UINT32_MAX;
}

/*
 * How many of the entries from @from on fit into one range, with what @c has to add: the range then
 * ends before the next one, so that one must begin somewhere else. Returns the first that does not
 * fit, or NONE.
 */
enum { NONE = TRIE_ENTRIES_MAX + 1 };
static unsigned fill_to(const struct trie_entries *e, const struct chain *c, unsigned from)
{
	unsigned best = NONE;

	for (unsigned i = from; i <= e->n && i - from <= TRIE_FEW_MAX; i++) {
		bool may_end = i == from || i == e->n || e->at[i].first > e->at[i - 1].first;

		if (may_end && i - from + n_partial(e, c, end_before(e, i)) <= TRIE_FEW_MAX)
			best = i;
	}
	return best;
}

static void list(const struct trie_entries *e, const struct chain *c, unsigned from, unsigned to,
		 struct trie_range *r)
{
	unsigned n = n_partial(e, c, end_before(e, to)), n_whole = c->n - n;

	for (unsigned i = 0; i < n; i++)
		r->entry[i] = c->entry[n_whole + i];
	for (unsigned i = from; i < to; i++)
		r->entry[n++] = (uint8_t)i;
	r->n = (uint8_t)n;
	r->whole = n_whole > 0 ? &e->at[c->entry[n_whole - 1]] : NULL;
}

unsigned trie_pack(const struct trie_entries *e, struct trie_range *range)
{
	struct chain c = { 0 };
	uint32_t first = 0;
	unsigned from = 0, n = 0, to;

	do {
		if (n == TRIE_RANGES_MAX)
			return 0;
		pass(e, &c, first);
		while (from < e->n && e->at[from].first == first)
			c.entry[c.n++] = (uint8_t)from++;
		to = fill_to(e, &c, from);
		if (to == NONE)
			return 0;
		range[n].first = first;
		list(e, &c, from, to, &range[n++]);
		for (; from < to; from++) {
			pass(e, &c, e->at[from].first);
			c.entry[c.n++] = (uint8_t)from;
		}
		first = to < e->n ? e->at[to].first : 0;
	} while (to < e->n);
	return n;
}

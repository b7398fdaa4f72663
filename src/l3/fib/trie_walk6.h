/*
 * trie_walk6.h - many lookups of IPv6 at once. For files that have defined how a processor compares
 * a window with all prefixes of a few, and all places of a cut:
 *
 *   static force_inline unsigned match(const struct trie_node *n, uint32_t window);
 *   static force_inline unsigned range(const struct trie_node *n, uint32_t window);
 *
 * as trie_match() and trie_range() do it one by one.
 *
 *   tables ──┬──> cut ──> few ──> leaf
 *            ├──> few ──────────> leaf
 *            └──> radix ──┬─────> leaf
 *                         └──> again, from a deeper node; so does a few whose value is a child
 *
 * Lookups wait in a list for each kind of node, so that no branch depends on an address; whoever
 * puts one there has asked for the node's line.
 */
#ifndef CONVOY_L3_FIB_TRIE_WALK6_H
#define CONVOY_L3_FIB_TRIE_WALK6_H

#include "l3/fib/trie.h"
#include "l3/fib/trie_many.h"

enum { ROOT_DEPTH = TRIE_TOP6_BITS + TRIE_WIDE_BITS, ANY_DEPTH = 0 };

/* Lookups, by number. */
struct list6 {
	unsigned n;
	uint16_t at[TRIE_BATCH];
};

struct walk6 {
	const struct trie_space *space;
	const struct fib_key *key;
	uint32_t *leaf;		   /* the caller's */
	uint32_t node[TRIE_BATCH]; /* where each lookup is */
	struct list6 radix, cut, few, deeper;
};

static force_inline void append(struct list6 *l, unsigned i, bool really)
{
	l->at[l->n] = (uint16_t)i;
	l->n += really;
}

/* Lookup @i goes on at @node, whose kind it finds out later. */
static force_inline void go_deeper(struct walk6 *w, unsigned i, uint32_t node, bool really)
{
	w->node[i] = node;
	prefetch_read(trie_node_at(w->space, node));
	append(&w->deeper, i, really);
}

/* Lookup @i is at a node of kind @kind, if anywhere. */
static force_inline void sort_in(struct walk6 *w, unsigned i, uint32_t kind, bool really)
{
	append(&w->few, i, really & (kind == TRIE_FEW));
	append(&w->cut, i, really & (kind == TRIE_CUT));
	append(&w->radix, i, really & (kind == TRIE_RADIX));
}

static force_inline void begin(struct walk6 *w, unsigned i, uint32_t word)
{
	w->leaf[i] = 0;
	w->node[i] = trie_index(word); /* the first node of all is none */
	prefetch_read(trie_node_at(w->space, w->node[i]));
	sort_in(w, i, word >> TRIE_INDEX_BITS & 3, word != 0);
}

static force_inline uint32_t window_of(const struct walk6 *w, const struct trie_node *n, unsigned i,
				       unsigned depth)
{
	return depth == ANY_DEPTH ? trie_window(&w->key[i], trie_depth(n))
				  : (uint32_t)(w->key[i].hi << depth >> 32);
}

static force_inline void step_cut(struct walk6 *w, unsigned i, unsigned depth)
{
	const struct trie_node *n = trie_node_at(w->space, w->node[i]);

	w->node[i] = trie_first_child(n) + range(n, window_of(w, n, i, depth));
	prefetch_read(trie_node_at(w->space, w->node[i]));
	append(&w->few, i, true);
}

static force_inline void step_few(struct walk6 *w, unsigned i, unsigned depth)
{
	const struct trie_node *n = trie_node_at(w->space, w->node[i]);
	uint32_t value = trie_value(n, match(n, window_of(w, n, i, depth)));

	w->leaf[i] = value;
	if (unlikely(value & TRIE_CHILD))
		go_deeper(w, i, trie_first_child(n) + (value & ~TRIE_CHILD), true);
}

static force_inline void step_radix(struct walk6 *w, unsigned i)
{
	const struct trie_node *n = trie_node_at(w->space, w->node[i]);
	unsigned slot = trie_slot(w->key[i], trie_depth(n));
	uint32_t child = trie_child(n, slot), rank = trie_rank(n->radix.runs, slot);
	bool goes_on = trie_has_child(n, slot);

	w->leaf[i] = trie_near_leaf(n, rank & (TRIE_NODE_LEAVES - 1));
	if (unlikely(!goes_on & (rank >= TRIE_NODE_LEAVES)))
		w->leaf[i] = *trie_far_leaf(w->space, n, rank);
	go_deeper(w, i, goes_on ? child : 0, goes_on);
}

/* All that wait take a step. */
static force_inline void step_all(struct walk6 *w, unsigned depth)
{
	for (unsigned k = 0; k < w->radix.n; k++)
		step_radix(w, w->radix.at[k]);
	for (unsigned k = 0; k < w->cut.n; k++)
		step_cut(w, w->cut.at[k], depth);
	for (unsigned k = 0; k < w->few.n; k++)
		step_few(w, w->few.at[k], depth);
}

static force_inline void start_lists(struct walk6 *w)
{
	w->radix.n = w->cut.n = w->few.n = w->deeper.n = 0;
}

/* Those who went deeper go where they belong. */
static force_inline void sort_deeper(struct walk6 *w)
{
	unsigned n = w->deeper.n;

	start_lists(w);
	for (unsigned k = 0; k < n; k++) {
		unsigned i = w->deeper.at[k];

		sort_in(w, i, trie_kind_of(trie_node_at(w->space, w->node[i])), true);
	}
}

static no_inline void put_covers(const struct trie *t, const struct fib_key *key, uint32_t *leaf,
				 unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t cover = trie_cover6(t, key[i]);

		leaf[i] = leaf[i] ? leaf[i] : cover;
	}
}

static force_inline void walk6(const struct trie *t, const struct fib_key *key, uint32_t *leaf,
			       unsigned n)
{
	struct walk6 w;

	w.space = t->space;
	w.key = key;
	w.leaf = leaf;
	start_lists(&w);
	for (unsigned i = 0; i < n; i++)
		begin(&w, i, trie_root6(t, key[i]));
	step_all(&w, ROOT_DEPTH);
	while (unlikely(w.deeper.n > 0)) {
		sort_deeper(&w);
		step_all(&w, ANY_DEPTH);
	}
	if (unlikely(trie_any_zero(leaf, n)))
		put_covers(t, key, leaf, n);
}

#endif

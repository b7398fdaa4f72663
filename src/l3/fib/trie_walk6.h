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

/* Where lookup @i goes on, if it does; of which kind that node is it finds out later. */
static force_inline void go_deeper(struct walk6 *w, const struct trie_node *nodes, unsigned i,
				   uint32_t node, bool really)
{
	w->node[i] = node;
	prefetch_read(nodes + node);
	w->deeper.at[w->deeper.n] = (uint16_t)i;
	w->deeper.n += really;
}

/*
 * All begin with what the tables say. What a loop counts is its own: in the struct it would go to
 * memory and back for each packet.
 */
static force_inline void begin(struct walk6 *w, const struct trie *t, unsigned n)
{
	const struct trie_node *nodes = trie_node_at(w->space, 0);
	const struct trie_wide *wide = trie_wide_at(w->space, 0);
	unsigned n_radix = 0, n_cut = 0, n_few = 0;
	const struct fib_key *key = w->key;
	const uint32_t *top = t->top;
	uint32_t *leaf = w->leaf;

	for (unsigned i = 0; i < n; i++) {
		uint32_t word = trie_root6_in(top, wide, &key[i]), kind = word >> TRIE_INDEX_BITS;

		leaf[i] = 0;
		w->node[i] = trie_index(word); /* the first node of all is none */
		prefetch_read(nodes + trie_index(word));
		w->few.at[n_few] = w->cut.at[n_cut] = w->radix.at[n_radix] = (uint16_t)i;
		n_few += kind == (TRIE_NODE >> TRIE_INDEX_BITS | TRIE_FEW);
		n_cut += kind == (TRIE_NODE >> TRIE_INDEX_BITS | TRIE_CUT);
		n_radix += kind == (TRIE_NODE >> TRIE_INDEX_BITS | TRIE_RADIX);
	}
	w->radix.n = n_radix;
	w->cut.n = n_cut;
	w->few.n = n_few;
	w->deeper.n = 0;
}

/* Those who went deeper go where they belong. */
static force_inline void sort_deeper(struct walk6 *w)
{
	const struct trie_node *nodes = trie_node_at(w->space, 0);
	unsigned n_radix = 0, n_cut = 0, n_few = 0;

	for (unsigned k = 0; k < w->deeper.n; k++) {
		unsigned i = w->deeper.at[k];
		enum trie_kind kind = trie_kind_of(nodes + w->node[i]);

		w->few.at[n_few] = w->cut.at[n_cut] = w->radix.at[n_radix] = (uint16_t)i;
		n_few += kind == TRIE_FEW;
		n_cut += kind == TRIE_CUT;
		n_radix += kind == TRIE_RADIX;
	}
	w->radix.n = n_radix;
	w->cut.n = n_cut;
	w->few.n = n_few;
	w->deeper.n = 0;
}

static force_inline uint32_t window_of(const struct fib_key *key, const struct trie_node *n,
				       unsigned depth)
{
	return depth == ANY_DEPTH ? trie_window(key, trie_depth(n))
				  : (uint32_t)(key->hi << depth >> 32);
}

static force_inline void step_radix(struct walk6 *w)
{
	const struct trie_node *nodes = trie_node_at(w->space, 0);

	for (unsigned k = 0; k < w->radix.n; k++) {
		unsigned i = w->radix.at[k];
		const struct trie_node *n = nodes + w->node[i];
		unsigned slot = trie_slot(w->key[i], trie_depth(n));
		uint32_t child = trie_child(n, slot), rank = trie_rank(n->radix.runs, slot);
		bool goes_on = trie_has_child(n, slot);

		w->leaf[i] = trie_near_leaf(n, rank & (TRIE_NODE_LEAVES - 1));
		if (unlikely(!goes_on & (rank >= TRIE_NODE_LEAVES)))
			w->leaf[i] = *trie_far_leaf(w->space, n, rank);
		go_deeper(w, nodes, i, goes_on ? child : 0, goes_on);
	}
}

static force_inline void step_cut(struct walk6 *w, unsigned depth)
{
	const struct trie_node *nodes = trie_node_at(w->space, 0);
	unsigned n_cut = w->cut.n, n_few = w->few.n;
	const struct fib_key *key = w->key;

	for (unsigned k = 0; k < n_cut; k++) {
		unsigned i = w->cut.at[k];
		const struct trie_node *n = nodes + w->node[i];
		uint32_t child = trie_first_child(n) + range(n, window_of(&key[i], n, depth));

		w->node[i] = child;
		prefetch_read(nodes + child);
		w->few.at[n_few++] = (uint16_t)i;
	}
	w->few.n = n_few;
}

static force_inline void step_few(struct walk6 *w, unsigned depth)
{
	const struct trie_node *nodes = trie_node_at(w->space, 0);
	const struct fib_key *key = w->key;
	unsigned n_few = w->few.n;
	uint32_t *leaf = w->leaf;

	for (unsigned k = 0; k < n_few; k++) {
		unsigned i = w->few.at[k];
		const struct trie_node *n = nodes + w->node[i];
		uint32_t value = trie_value(n, match(n, window_of(&key[i], n, depth)));

		leaf[i] = value;
		if (unlikely(value & TRIE_CHILD))
			go_deeper(w, nodes, i, trie_first_child(n) + (value & ~TRIE_CHILD), true);
	}
}

/* All that wait take a step. */
static force_inline void step_all(struct walk6 *w, unsigned depth)
{
	step_radix(w);
	step_cut(w, depth);
	step_few(w, depth);
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
	begin(&w, t, n);
	step_all(&w, ROOT_DEPTH);
	while (unlikely(w.deeper.n > 0)) {
		sort_deeper(&w);
		step_all(&w, ANY_DEPTH);
	}
	if (unlikely(trie_any_zero(leaf, n)))
		put_covers(t, key, leaf, n);
}

#endif

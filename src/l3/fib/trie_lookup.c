/*
 * trie_lookup.c - many lookups at once: all of them one step, then all that are left one more.
 *
 * A lookup alone waits for memory at each step, and where its walk ends the processor guesses
 * wrong. Here each pass has no branch that depends on an address, and asks for what the next pass
 * reads. Sapphire Rapids, 1,000,000 prefixes, random destinations, million lookups a second, one by
 * one and so: IPv4 77 and 86, IPv6 7.0 and 24; with 100,000, 78 and 112, 16 and 36.
 * bench/fib_bench.c.
 */
#include "l3/fib/trie.h"

/* The lookups that are not at their leaf yet. */
struct walk {
	uint32_t word[TRIE_BATCH]; /* NODE | a node, or the answer */
	const uint32_t *leaf[TRIE_BATCH];
	uint16_t live[TRIE_BATCH];
	unsigned n_live;
};

/* One step of lookup @i for the slot @slot; returns 1 if it goes on. */
static force_inline unsigned step(const struct trie_space *s, struct walk *w, unsigned i,
				  unsigned slot)
{
	const struct trie_node *n = trie_node_at(s, w->word[i] & ~TRIE_NODE);
	bool goes_on = trie_has_child(n, slot);
	uint32_t child = trie_child(n, slot);

	w->leaf[i] = trie_leaf(s, n, slot);
	w->word[i] = child;
	prefetch_read(goes_on ? (const void *)trie_node_at(s, child) : (const void *)w->leaf[i]);
	return goes_on;
}

/* Lookup @i starts with what the tables say. */
static force_inline void start(const struct trie_space *s, struct walk *w, unsigned i,
			       uint32_t word)
{
	bool is_node = word & TRIE_NODE;

	w->word[i] = word;
	w->leaf[i] = &w->word[i];
	w->live[w->n_live] = (uint16_t)i;
	w->n_live += is_node;
	prefetch_read(trie_node_at(s, is_node ? word & ~TRIE_NODE : 0));
}

static force_inline void finish(const struct trie *t, const struct walk *w, uint32_t *leaf,
				unsigned n)
{
	uint32_t fallback = __atomic_load_n(&t->default_leaf, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < n; i++) {
		uint32_t found = *w->leaf[i];

		leaf[i] = found ? found : fallback;
	}
}

cpu_clones void trie_lookup4_many(const struct trie *t, const uint32_t *addr, uint32_t *leaf,
				  unsigned n)
{
	struct walk w;

	w.n_live = 0;
	for (unsigned i = 0; i < n; i++)
		start(t->space, &w, i, trie_root4(t, addr[i]));
	for (unsigned depth = TRIE_TOP4_BITS; w.n_live > 0; depth += TRIE_STRIDE) {
		unsigned n_live = 0;

		for (unsigned k = 0; k < w.n_live; k++) {
			unsigned i = w.live[k];

			w.live[n_live] = (uint16_t)i;
			n_live += step(t->space, &w, i, addr[i] << depth >> (32 - TRIE_STRIDE));
		}
		w.n_live = n_live;
	}
	finish(t, &w, leaf, n);
}

cpu_clones void trie_lookup6_many(const struct trie *t, const struct fib_key *key, uint32_t *leaf,
				  unsigned n)
{
	struct walk w;

	w.n_live = 0;
	for (unsigned i = 0; i < n; i++)
		start(t->space, &w, i, trie_root6(t, key[i]));
	for (unsigned depth = TRIE_TOP6_BITS + TRIE_WIDE_BITS; w.n_live > 0; depth += TRIE_STRIDE) {
		bool is_high = depth <= 64 - TRIE_STRIDE;
		unsigned n_live = 0;

		for (unsigned k = 0; k < w.n_live; k++) {
			unsigned i = w.live[k];
			unsigned slot = is_high ? (unsigned)(key[i].hi << depth >> 58)
						: trie_slot(key[i], depth);

			w.live[n_live] = (uint16_t)i;
			n_live += step(t->space, &w, i, slot);
		}
		w.n_live = n_live;
	}
	finish(t, &w, leaf, n);
}

/*
 * trie.h - longest-prefix match for full Internet tables of both families: a Poptrie.
 *
 *   key:   [ 18 bits: direct table ][ 6 ][ 6 ][ 6 ] …
 *
 *   direct[2^18]   0: nothing here, the default answers · a leaf · NODE | index of a node
 *   node           two bit vectors over 64 slots: which slots lead to a child, and where, among
 *                  the others, a run of equal leaves begins. Children and leaves stand in two
 *                  blocks; popcount finds the place in them.
 *
 * Most of the IPv4 Internet's prefixes are a /24 or shorter, so that a lookup is one to three
 * dependent loads. Asai and Ohara, "Poptrie: A Compressed Trie with Population Count for Fast and
 * Scalable Software IP Routing Table Lookup", SIGCOMM 2015; ours differs in how it changes.
 *
 * Readers never wait: a change builds new nodes beside the old ones, along the path to what
 * changed, and then stores one word for each direct slot. What the old path used alone becomes
 * garbage, which the owner gives back by trie_collect() when no reader can see it any more. A
 * change of a /n touches 2^(18-n) slots, or one; the default route is a word of its own.
 */
#ifndef CONVOY_L3_FIB_TRIE_H
#define CONVOY_L3_FIB_TRIE_H

#include "base/err.h"
#include "l3/fib/key.h"

enum {
	TRIE_DIRECT_BITS = 18,
	TRIE_DIRECT_SLOTS = 1 << TRIE_DIRECT_BITS,
	TRIE_STRIDE = 6,
	TRIE_FANOUT = 1 << TRIE_STRIDE,
	TRIE_MAX_NODES = 1 << 24, /* of all tables in one space; address space, not memory */
	TRIE_MAX_LEAVES = 1 << 26,
};
#define TRIE_NODE 0x80000000u

struct rib;

struct trie_node {
	uint64_t children; /* bit i: slot i leads to a child */
	uint64_t runs;	   /* bit i: slot i is no child, and its leaf differs from the one before */
	uint32_t first_leaf;
	uint32_t first_child;
};

/* Blocks of 1 to 64 equal things in a reserved range of addresses, which never moves. */
struct trie_region {
	uint8_t *base;
	uint32_t item_bytes;
	uint32_t end; /* items ever used; 0 is not */
	uint32_t max;
	uint32_t n_used;
	uint32_t free_of_size[TRIE_FANOUT + 1]; /* heads of lists through the free blocks */
};

/* Where the nodes and leaves of all tables are. */
struct trie_space {
	struct trie_region nodes;
	struct trie_region leaves;
};

struct trie_block {
	uint32_t at;
	uint16_t n;
	uint16_t is_leaves;
};

/* Blocks that readers may still see. */
struct trie_garbage {
	uint32_t n, room;
	struct trie_block *block;
};

struct trie {
	struct trie_space *space;
	uint32_t *direct;
	uint32_t default_leaf; /* of the prefix of no bits; may be 0 */
};

/* trie_space_init - reserve address space; ERR_NOMEM. */
must_check
int trie_space_init(struct trie_space *s);
void trie_space_deinit(struct trie_space *s);

/* trie_init - an empty table: every lookup answers 0. ERR_NOMEM. */
must_check
int trie_init(struct trie *t, struct trie_space *space);

/* trie_deinit - give everything back; no reader may be left. */
void trie_deinit(struct trie *t);

/*
 * trie_update - show what @r says about the addresses in @key/@len, after that prefix's leaf in
 * @r has changed, come or gone. Leaves are under 2^31.
 * @garbage: blocks that became unreachable are appended
 * Returns 0, or ERR_NOMEM with the table and @garbage as they were.
 */
must_check
int trie_update(struct trie *t, const struct rib *r, struct fib_key key, unsigned len,
		struct trie_garbage *garbage);

/* trie_collect - give the blocks back and free the list: every reader has passed by. */
void trie_collect(struct trie_space *s, struct trie_garbage *garbage);

/* The place of slot @i among the ones in @bits, which has a one at or before it. */
static force_inline uint32_t trie_rank(uint64_t bits, unsigned i)
{
	return (uint32_t)__builtin_popcountll(bits & (((uint64_t)2 << i) - 1)) - 1;
}

/* One step down from @n for @i, the next six bits; true when @at is the leaf. */
static force_inline bool trie_step(const struct trie_space *s, uint32_t *at, unsigned i)
{
	const struct trie_node *n = (const struct trie_node *)(void *)s->nodes.base + *at;

	if (!(n->children >> i & 1)) {
		*at = ((const uint32_t *)(void *)
			       s->leaves.base)[n->first_leaf + trie_rank(n->runs, i)];
		return true;
	}
	*at = n->first_child + trie_rank(n->children, i);
	return false;
}

/* trie_walk4, trie_walk6 - the rest of a lookup, from the node that a direct slot names. */
static force_inline uint32_t trie_walk4(const struct trie_space *s, uint32_t slot, uint32_t addr)
{
	uint32_t at = slot & ~TRIE_NODE;

	addr <<= TRIE_DIRECT_BITS;
	while (!trie_step(s, &at, addr >> (32 - TRIE_STRIDE)))
		addr <<= TRIE_STRIDE;
	return at;
}

static force_inline uint32_t trie_walk6(const struct trie_space *s, uint32_t slot,
					struct fib_key key)
{
	uint32_t at = slot & ~TRIE_NODE;

	key = fib_key_shift_left(key, TRIE_DIRECT_BITS);
	while (!trie_step(s, &at, (unsigned)(key.hi >> (64 - TRIE_STRIDE))))
		key = fib_key_shift_left(key, TRIE_STRIDE);
	return at;
}

/* trie_lookup4 - the leaf of the longest prefix that holds @addr (host order), 0 if none does. */
static force_inline uint32_t trie_lookup4(const struct trie *t, uint32_t addr)
{
	uint32_t leaf = __atomic_load_n(&t->direct[addr >> (32 - TRIE_DIRECT_BITS)],
					__ATOMIC_ACQUIRE); /* pairs with publish() */

	if (leaf & TRIE_NODE)
		leaf = trie_walk4(t->space, leaf, addr);
	return leaf ? leaf : __atomic_load_n(&t->default_leaf, __ATOMIC_RELAXED);
}

/* trie_lookup6 - the same for a key of any length. */
static force_inline uint32_t trie_lookup6(const struct trie *t, struct fib_key key)
{
	uint32_t leaf = __atomic_load_n(&t->direct[key.hi >> (64 - TRIE_DIRECT_BITS)],
					__ATOMIC_ACQUIRE); /* pairs with publish() */

	if (leaf & TRIE_NODE)
		leaf = trie_walk6(t->space, leaf, key);
	return leaf ? leaf : __atomic_load_n(&t->default_leaf, __ATOMIC_RELAXED);
}

#endif

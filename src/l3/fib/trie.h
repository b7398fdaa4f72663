/*
 * trie.h - longest-prefix match for full Internet tables of both families: a Poptrie whose nodes
 * are cache lines.
 *
 *   IPv4   [ 18 bits: top table             ][ 6 ][ 6 ][ 6 ]
 *   IPv6   [ 12 bits: top table ][ 12: wide ][ 6 ][ 6 ][ 6 ][ 6 ] …
 *
 *   top[2^18 or 2^12]  0: nothing here, the default answers · a leaf · WIDE | a wide table
 *   wide[2^12]         and, like the last of them, NODE | index of a node
 *   node               two bit vectors over 64 slots: which slots lead to a child, and where, among
 *                      the others, a run of equal leaves begins. popcount finds the place in the
 *                      block of children, and among the leaves: sixteen in the node, the rest in a
 * block.
 *
 * Most of the IPv4 Internet's prefixes are a /24 or shorter: a lookup is a word of the top table,
 * which stays in the L2 cache, and one line of a node. In IPv6 the upper tables are small, because
 * addresses come out of few /12s; a /48 is four nodes down. Asai and Ohara, "Poptrie: A Compressed
 * Trie with Population Count for Fast and Scalable Software IP Routing Table Lookup", SIGCOMM 2015;
 * leaves inside the nodes, wide tables and the way that it changes are ours.
 *
 * Readers never wait: a change builds new nodes beside the old ones, along the path to what
 * changed, and then stores one word for each slot of the tables. What the old path used alone
 * becomes garbage, which the owner gives back by trie_collect() when no reader can see it any more.
 * A change of a prefix shorter than the tables touches each slot that it covers; the default route
 * is a word of its own. A wide table stays until the trie goes: there are at most 4096.
 */
#ifndef CONVOY_L3_FIB_TRIE_H
#define CONVOY_L3_FIB_TRIE_H

#include "base/err.h"
#include "l3/fib/key.h"

enum {
	TRIE_TOP4_BITS = 18,
	TRIE_TOP6_BITS = 12,
	TRIE_WIDE_BITS = 12,
	TRIE_WIDE_SLOTS = 1 << TRIE_WIDE_BITS,
	TRIE_STRIDE = 6,
	TRIE_FANOUT = 1 << TRIE_STRIDE,
	TRIE_LEAF_BITS = 20,
	TRIE_NODE_LEAVES = 16,	  /* those that stand in the node */
	TRIE_MAX_NODES = 1 << 24, /* of all tables in one space; address space, not memory */
	TRIE_MAX_LEAVES = 1 << 26,
	TRIE_MAX_WIDE = 1 << 16,
	TRIE_BATCH = 256, /* lookups at once */
};
#define TRIE_NODE 0x80000000u
#define TRIE_WIDE 0x40000000u

struct rib;

struct trie_node {
	uint64_t children; /* bit i: slot i leads to a child */
	uint64_t runs;	   /* bit i: slot i is no child, and its leaf differs from the one before */
	uint8_t leaf[TRIE_NODE_LEAVES * TRIE_LEAF_BITS / 8]; /* 20 bits each: trie_near_leaf() */
	uint32_t first_child;
	uint32_t more_leaves; /* those that do not fit here */
};
_Static_assert(sizeof(struct trie_node) == 64, "one cache line");

/* Blocks of 1 to 64 equal things in a reserved range of addresses, which never moves. */
struct trie_region {
	uint8_t *base;
	uint32_t item_bytes;
	uint32_t end; /* items ever used; 0 is not */
	uint32_t max;
	uint32_t n_used;
	uint32_t free_of_size[TRIE_FANOUT + 1]; /* heads of lists through the free blocks */
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

/* A word that a change is to store. */
struct trie_store {
	uint32_t *place;
	uint32_t word;
};

/* Where the nodes, leaves and wide tables of all tries are; and main's room for one change. */
struct trie_space {
	struct trie_region nodes;
	struct trie_region leaves;
	struct trie_region wide;
	struct trie_garbage made, old;
	struct trie_store *store;
	uint32_t n_stores, room_stores;
};

struct trie {
	struct trie_space *space;
	uint32_t *top;
	uint8_t top_bits;
	uint8_t root_bits;     /* of the last table: where nodes begin */
	uint32_t default_leaf; /* of the prefix of no bits; may be 0 */
};

/* trie_space_init - reserve address space; ERR_NOMEM. */
must_check
int trie_space_init(struct trie_space *s);
void trie_space_deinit(struct trie_space *s);

/* trie_init - an empty table for @family, 4 or 6: every lookup answers 0. ERR_NOMEM. */
must_check
int trie_init(struct trie *t, struct trie_space *space, unsigned family);

/* trie_deinit - give everything back; no reader may be left. */
void trie_deinit(struct trie *t);

/*
 * trie_update - show what @r says about the addresses in @key/@len, after that prefix's leaf in
 * @r has changed, come or gone. Leaves are under 2^20. Several changes inside one prefix may be
 * shown by one call.
 * @garbage: blocks that became unreachable are appended
 * Returns 0, or ERR_NOMEM with the table and @garbage as they were.
 */
must_check
int trie_update(struct trie *t, const struct rib *r, struct fib_key key, unsigned len,
		struct trie_garbage *garbage);

/* trie_collect - give the blocks back and free the list: every reader has passed by. */
void trie_collect(struct trie_space *s, struct trie_garbage *garbage);

/* trie_collect_some - at most @n of them, the last first; true if none is left. */
bool trie_collect_some(struct trie_space *s, struct trie_garbage *garbage, uint32_t n);

/* The place of slot @i among the ones in @bits, which has a one at or before it. */
static force_inline uint32_t trie_rank(uint64_t bits, unsigned i)
{
	return (uint32_t)__builtin_popcountll(bits & (((uint64_t)2 << i) - 1)) - 1;
}

static force_inline const struct trie_node *trie_node_at(const struct trie_space *s, uint32_t at)
{
	return (const struct trie_node *)(const void *)s->nodes.base + at;
}

static force_inline bool trie_has_child(const struct trie_node *n, unsigned i)
{
	return n->children >> i & 1;
}

static force_inline uint32_t trie_child(const struct trie_node *n, unsigned i)
{
	return n->first_child + trie_rank(n->children, i);
}

/* The leaf at @rank under TRIE_NODE_LEAVES: five bytes hold two of them, the lower half first. */
static force_inline uint32_t trie_near_leaf(const struct trie_node *n, uint32_t rank)
{
	uint32_t word;

	memcpy(&word, n->leaf + rank * 5 / 2, sizeof(word)); /* ends inside the node */
	return word >> (rank & 1) * 4 & ((1 << TRIE_LEAF_BITS) - 1);
}

/* Where the leaf at @rank from TRIE_NODE_LEAVES on is. */
static force_inline const uint32_t *trie_far_leaf(const struct trie_space *s,
						  const struct trie_node *n, uint32_t rank)
{
	const uint32_t *more = (const uint32_t *)(const void *)s->leaves.base + n->more_leaves;

	return &more[rank - TRIE_NODE_LEAVES];
}

/* The leaf of slot @i, which has no child. */
static force_inline uint32_t trie_leaf(const struct trie_space *s, const struct trie_node *n,
				       unsigned i)
{
	uint32_t rank = trie_rank(n->runs, i);

	return rank < TRIE_NODE_LEAVES ? trie_near_leaf(n, rank) : *trie_far_leaf(s, n, rank);
}

/* trie_root4, trie_root6 - the word that the tables hold for an address: a leaf, or a node. */
static force_inline uint32_t trie_root4(const struct trie *t, uint32_t addr)
{
	return __atomic_load_n(&t->top[addr >> (32 - TRIE_TOP4_BITS)],
			       __ATOMIC_ACQUIRE); /* pairs with publish() */
}

static force_inline uint32_t trie_root6(const struct trie *t, struct fib_key key)
{
	const uint32_t *wide = (const uint32_t *)(const void *)t->space->wide.base;
	uint32_t word = __atomic_load_n(&t->top[key.hi >> (64 - TRIE_TOP6_BITS)], __ATOMIC_ACQUIRE);
	uint32_t slot = (uint32_t)(key.hi << TRIE_TOP6_BITS >> (64 - TRIE_WIDE_BITS));

	if (word & TRIE_WIDE)
		word = __atomic_load_n(&wide[(word & ~TRIE_WIDE) << TRIE_WIDE_BITS | slot],
				       __ATOMIC_ACQUIRE);
	return word;
}

/* trie_walk4, trie_walk6 - the rest of a lookup, from the node that a root word names. */
static force_inline uint32_t trie_walk4(const struct trie_space *s, uint32_t word, uint32_t addr)
{
	const struct trie_node *n = trie_node_at(s, word & ~TRIE_NODE);

	addr <<= TRIE_TOP4_BITS;
	while (trie_has_child(n, addr >> (32 - TRIE_STRIDE))) {
		n = trie_node_at(s, trie_child(n, addr >> (32 - TRIE_STRIDE)));
		addr <<= TRIE_STRIDE;
	}
	return trie_leaf(s, n, addr >> (32 - TRIE_STRIDE));
}

/* The six bits of @key behind @depth. */
static force_inline unsigned trie_slot(struct fib_key key, unsigned depth)
{
	return (unsigned)(fib_key_shift_left(key, depth).hi >> (64 - TRIE_STRIDE));
}

static force_inline uint32_t trie_walk6(const struct trie_space *s, uint32_t word,
					struct fib_key key)
{
	const struct trie_node *n = trie_node_at(s, word & ~TRIE_NODE);
	unsigned depth = TRIE_TOP6_BITS + TRIE_WIDE_BITS;

	while (trie_has_child(n, trie_slot(key, depth))) {
		n = trie_node_at(s, trie_child(n, trie_slot(key, depth)));
		depth += TRIE_STRIDE;
	}
	return trie_leaf(s, n, trie_slot(key, depth));
}

/* trie_lookup4 - the leaf of the longest prefix that holds @addr (host order), 0 if none does. */
static force_inline uint32_t trie_lookup4(const struct trie *t, uint32_t addr)
{
	uint32_t leaf = trie_root4(t, addr);

	if (leaf & TRIE_NODE)
		leaf = trie_walk4(t->space, leaf, addr);
	return leaf ? leaf : __atomic_load_n(&t->default_leaf, __ATOMIC_RELAXED);
}

static force_inline uint32_t trie_lookup6(const struct trie *t, struct fib_key key)
{
	uint32_t leaf = trie_root6(t, key);

	if (leaf & TRIE_NODE)
		leaf = trie_walk6(t->space, leaf, key);
	return leaf ? leaf : __atomic_load_n(&t->default_leaf, __ATOMIC_RELAXED);
}

/*
 * trie_lookup4_many, trie_lookup6_many - @n lookups, at most TRIE_BATCH, that wait for memory
 * together. @leaf: written, one for each
 */
void trie_lookup4_many(const struct trie *t, const uint32_t *addr, uint32_t *leaf, unsigned n);
void trie_lookup6_many(const struct trie *t, const struct fib_key *key, uint32_t *leaf, unsigned n);

#endif

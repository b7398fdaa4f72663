/*
 * trie.h - longest-prefix match for full Internet tables of both families: tables of words, then
 * nodes that are cache lines: trie_node.h.
 *
 *   IPv4   [ 18 bits: top table             ][ 6 ][ 6 ][ 6 ]
 *   IPv6   [ 12 bits: top table ][ 12: wide ][ up to 30 bits, or 6 ] …
 *
 *   top[2^18 or 2^12]  0: nothing here · a leaf (IPv4) · NODE | a node (IPv4) · WIDE | a wide table
 *   wide[2^12]         0 · NODE | kind | a node
 *   cover[2^8 or 2^12] what holds where all that is 0: the longest prefix of so many bits or fewer.
 *                      A wide table has covers of its own, for prefixes of 13 to 24 bits; the
 *                      default route is a word.
 *
 * Most of the IPv4 Internet's prefixes are a /24 or shorter: a lookup is a word of the top table,
 * which stays in the L2 cache, and one line of a node. In IPv6 the upper tables are small, because
 * addresses come out of few /12s; from there a /48 is one or two lines down, whether 1,000 prefixes
 * are around it or 1,000,000. Asai and Ohara, "Poptrie: A Compressed Trie with Population Count for
 * Fast and Scalable Software IP Routing Table Lookup", SIGCOMM 2015, is where radix nodes come
 * from; leaves inside them, the other kinds of nodes, wide tables, covers and the way that it
 * changes are ours.
 *
 * Readers never wait: a change builds new nodes beside the old ones, along the path to what
 * changed, and then stores one word for each slot of the tables. What the old path used alone
 * becomes garbage, which the owner gives back by trie_collect() when no reader can see it any more.
 * What a change costs is bounded: a prefix that has covers is a store for each (at most 4096), and
 * builds nothing; one of IPv4 with 9 to 18 bits builds the nodes of up to 512 slots; a longer one
 * those of its slot that are on its path. A wide table stays until the trie goes: there are at most
 * 4096.
 */
#ifndef CONVOY_L3_FIB_TRIE_H
#define CONVOY_L3_FIB_TRIE_H

#include "base/err.h"
#include "l3/fib/trie_node.h"

enum {
	TRIE_TOP4_BITS = 18,
	TRIE_COVER4_BITS = 8,
	TRIE_TOP6_BITS = 12,
	TRIE_WIDE_BITS = 12,
	TRIE_WIDE_SLOTS = 1 << TRIE_WIDE_BITS,
	TRIE_MAX_NODES = 1 << TRIE_INDEX_BITS, /* of all tables in one space; not memory */
	TRIE_MAX_LEAVES = 1 << 26,
	TRIE_MAX_WIDE = 1 << 16,
	TRIE_BATCH = 256, /* lookups at once */
};
#define TRIE_NODE 0x80000000u
#define TRIE_WIDE 0x40000000u

struct rib;

/* A table of the second 12 bits. The first of all is empty, for tops that name none. */
struct trie_wide {
	uint32_t slot[TRIE_WIDE_SLOTS];
	uint32_t cover[TRIE_WIDE_SLOTS]; /* prefixes of 13 to 24 bits */
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

struct trie;
typedef void trie_lookup6_run(const struct trie *t, const struct fib_key *key, uint32_t *leaf,
			      unsigned n);

/* Where the nodes, leaves and wide tables of all tries are; and main's room for one change. */
struct trie_space {
	struct trie_region nodes;
	struct trie_region leaves;
	struct trie_region wide;
	struct trie_garbage made, old;
	struct trie_store *store;
	uint32_t n_stores, room_stores;
	uint32_t *kept; /* nodes that a change takes over, in the order of their keys */
	uint32_t n_kept, room_kept;
	trie_lookup6_run *look_up6; /* what this processor is best at */
};

struct trie {
	struct trie_space *space;
	uint32_t *top;
	uint32_t *cover;       /* behind @top */
	uint32_t default_leaf; /* of the prefix of no bits; may be 0 */
	uint8_t top_bits;
	uint8_t cover_bits; /* of @cover */
	uint8_t root_bits;  /* of the last table: where nodes begin */
};

/* trie_has_wide - true for IPv6. */
static inline bool trie_has_wide(const struct trie *t)
{
	return t->top_bits < t->root_bits;
}

/* trie_is_cover - true if a prefix of @len bits is shown by covers, and nodes know nothing of it.
 */
static inline bool trie_is_cover(const struct trie *t, unsigned len)
{
	return len <= (trie_has_wide(t) ? t->root_bits : t->cover_bits);
}

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
 * @r has changed, come or gone. Leaves are under 2^20.
 * @garbage: blocks that became unreachable are appended
 * Returns 0, or ERR_NOMEM with the table and @garbage as they were.
 */
must_check
int trie_update(struct trie *t, const struct rib *r, struct fib_key key, unsigned len,
		struct trie_garbage *garbage);

/*
 * trie_update_slot - the same after changes of any of the prefixes longer than the tables that
 * share their first root_bits with @key.
 */
must_check
int trie_update_slot(struct trie *t, const struct rib *r, struct fib_key key,
		     struct trie_garbage *garbage);

/* trie_collect - give the blocks back and free the list: every reader has passed by. */
void trie_collect(struct trie_space *s, struct trie_garbage *garbage);

/* trie_collect_some - at most @n of them, the last first; true if none is left. */
bool trie_collect_some(struct trie_space *s, struct trie_garbage *garbage, uint32_t n);

/* The node that a word of the tables names. */
static force_inline uint32_t trie_index(uint32_t word)
{
	return word & ((1u << TRIE_INDEX_BITS) - 1);
}

static force_inline const struct trie_node *trie_node_at(const struct trie_space *s, uint32_t at)
{
	return (const struct trie_node *)(const void *)s->nodes.base + at;
}

/* Where the leaf at @rank from TRIE_NODE_LEAVES on is. */
static force_inline const uint32_t *trie_far_leaf(const struct trie_space *s,
						  const struct trie_node *n, uint32_t rank)
{
	const uint32_t *more =
		(const uint32_t *)(const void *)s->leaves.base + n->radix.more_leaves;

	return &more[rank - TRIE_NODE_LEAVES];
}

/* The leaf of slot @i, which has no child. */
static force_inline uint32_t trie_leaf(const struct trie_space *s, const struct trie_node *n,
				       unsigned i)
{
	uint32_t rank = trie_rank(n->radix.runs, i);

	return rank < TRIE_NODE_LEAVES ? trie_near_leaf(n, rank) : *trie_far_leaf(s, n, rank);
}

/* The wide table that a word of a top table names. */
static force_inline const struct trie_wide *trie_wide_at(const struct trie_space *s, uint32_t word)
{
	return (const struct trie_wide *)(const void *)s->wide.base + (word & ~TRIE_WIDE);
}

/* The slot of a wide table, by the second 12 bits. */
static force_inline uint32_t trie_wide_slot(struct fib_key key)
{
	return (uint32_t)(key.hi << TRIE_TOP6_BITS >> (64 - TRIE_WIDE_BITS));
}

/* trie_root4, trie_root6 - the word that the tables hold for an address: a leaf, or a node. */
static force_inline uint32_t trie_root4(const struct trie *t, uint32_t addr)
{
	return __atomic_load_n(&t->top[addr >> (32 - TRIE_TOP4_BITS)],
			       __ATOMIC_ACQUIRE); /* pairs with publish() */
}

/* @top, @wide: of the trie and of its space. */
static force_inline uint32_t trie_root6_in(const uint32_t *top, const struct trie_wide *wide,
					   const struct fib_key *key)
{
	uint32_t word = __atomic_load_n(&top[key->hi >> (64 - TRIE_TOP6_BITS)], __ATOMIC_ACQUIRE);

	return __atomic_load_n(&wide[word & ~TRIE_WIDE].slot[trie_wide_slot(*key)],
			       __ATOMIC_ACQUIRE);
}

static force_inline uint32_t trie_root6(const struct trie *t, struct fib_key key)
{
	return trie_root6_in(t->top, trie_wide_at(t->space, 0), &key);
}

/* trie_cover4, trie_cover6 - what holds for an address that nodes and roots know nothing about. */
static force_inline uint32_t trie_cover4(const struct trie *t, uint32_t addr)
{
	uint32_t leaf = __atomic_load_n(&t->cover[addr >> (32 - TRIE_COVER4_BITS)],
					__ATOMIC_ACQUIRE); /* pairs with cover() */

	return leaf ? leaf : __atomic_load_n(&t->default_leaf, __ATOMIC_ACQUIRE);
}

static force_inline uint32_t trie_cover6(const struct trie *t, struct fib_key key)
{
	uint32_t at = (uint32_t)(key.hi >> (64 - TRIE_TOP6_BITS));
	uint32_t word = __atomic_load_n(&t->top[at], __ATOMIC_ACQUIRE);
	uint32_t leaf = __atomic_load_n(&trie_wide_at(t->space, word)->cover[trie_wide_slot(key)],
					__ATOMIC_ACQUIRE);

	if (leaf == 0)
		leaf = __atomic_load_n(&t->cover[at], __ATOMIC_ACQUIRE);
	return leaf ? leaf : __atomic_load_n(&t->default_leaf, __ATOMIC_ACQUIRE);
}

/* trie_walk4, trie_walk6 - the rest of a lookup, from the node that a root word names. */
static force_inline uint32_t trie_walk4(const struct trie_space *s, uint32_t word, uint32_t addr)
{
	const struct trie_node *n = trie_node_at(s, trie_index(word));

	addr <<= TRIE_TOP4_BITS;
	while (trie_has_child(n, addr >> (32 - TRIE_STRIDE))) {
		n = trie_node_at(s, trie_child(n, addr >> (32 - TRIE_STRIDE)));
		addr <<= TRIE_STRIDE;
	}
	return trie_leaf(s, n, addr >> (32 - TRIE_STRIDE));
}

/* The child of @n that @key leads to; NULL where there is none, and its leaf. */
static inline const struct trie_node *trie_step6_or_null(const struct trie_space *s,
							 const struct trie_node *n,
							 const struct fib_key *key, uint32_t *leaf)
{
	unsigned depth = trie_depth(n), slot;
	uint32_t value;

	switch (trie_kind_of(n)) {
	case TRIE_FEW:
		value = trie_value(n, trie_match(n, trie_window(key, depth)));
		if (value & TRIE_CHILD)
			return trie_node_at(s, trie_first_child(n) + (value & ~TRIE_CHILD));
		*leaf = value;
		return NULL;
	case TRIE_CUT:
		return trie_node_at(s,
				    trie_first_child(n) + trie_range(n, trie_window(key, depth)));
	default:
		slot = trie_slot(*key, depth);
		if (trie_has_child(n, slot))
			return trie_node_at(s, trie_child(n, slot));
		*leaf = trie_leaf(s, n, slot);
		return NULL;
	}
}

static inline uint32_t trie_walk6(const struct trie_space *s, uint32_t word, struct fib_key key)
{
	const struct trie_node *n = trie_node_at(s, trie_index(word));
	uint32_t leaf = 0;

	while (n)
		n = trie_step6_or_null(s, n, &key, &leaf);
	return leaf;
}

/* trie_lookup4 - the leaf of the longest prefix that holds @addr (host order), 0 if none does. */
static force_inline uint32_t trie_lookup4(const struct trie *t, uint32_t addr)
{
	uint32_t leaf = trie_root4(t, addr);

	if (leaf & TRIE_NODE)
		leaf = trie_walk4(t->space, leaf, addr);
	return leaf ? leaf : trie_cover4(t, addr);
}

static inline uint32_t trie_lookup6(const struct trie *t, struct fib_key key)
{
	uint32_t word = trie_root6(t, key);
	uint32_t leaf = word ? trie_walk6(t->space, word, key) : 0;

	return leaf ? leaf : trie_cover6(t, key);
}

/*
 * trie_lookup4_many, trie_lookup6_many - @n lookups, at most TRIE_BATCH, that wait for memory
 * together. @leaf: written, one for each
 */
void trie_lookup4_many(const struct trie *t, const uint32_t *addr, uint32_t *leaf, unsigned n);

static inline void trie_lookup6_many(const struct trie *t, const struct fib_key *key,
				     uint32_t *leaf, unsigned n)
{
	t->space->look_up6(t, key, leaf, n);
}

#endif

/*
 * trie_node.h - the nodes of a trie: a cache line each, of three kinds.
 *
 *   radix  six bits of the key, 64 slots. Two bit vectors: which slots lead to a child and where,
 *          among the others, a run of equal leaves begins. popcount finds the place in the block of
 *          children, and among the leaves: sixteen in the node, the rest in a block.
 *   few    up to eight prefixes of up to 30 more bits, longest first, compared all at once. Each is
 *          a word: its bits, a one, zeros. A word of zeros agrees with every key: what holds there.
 *   cut    the same bits, more prefixes: cut at up to 14 places into ranges, each a child that is a
 *          few; a range lists what begins in it, and what ends in it that began before.
 *
 *   few   [ 8 prefixes                     ][ 9 values of 3 bytes: a leaf, or CHILD | which ][ head
 * ] cut   [ 14 places                                                               ][ spare ][
 * head ] head  depth / 2 (6 bits) · kind (2) · first child (24); children are a block of neighbours
 *
 * Radix nodes are what dense parts want, the other two what sparse ones do: a /48 alone in its /24
 * is one line. IPv4 has radix nodes only.
 */
#ifndef CONVOY_L3_FIB_TRIE_NODE_H
#define CONVOY_L3_FIB_TRIE_NODE_H

#include <string.h>

#include "base/compiler.h"
#include "l3/fib/key.h"

enum {
	TRIE_STRIDE = 6,
	TRIE_FANOUT = 1 << TRIE_STRIDE,
	TRIE_LEAF_BITS = 20,
	TRIE_NODE_LEAVES = 16, /* those that stand in a radix node */
	TRIE_FEW_MAX = 8,
	TRIE_CUTS_MAX = 14,
	TRIE_WINDOW_BITS = 30, /* that few and cut look at */
	TRIE_INDEX_BITS = 24,
};
enum trie_kind { TRIE_RADIX, TRIE_FEW, TRIE_CUT };

#define TRIE_CHILD     0x800000u  /* in a value of a few */
#define TRIE_NEVER_CUT 0x7fffffff /* a place that no key is behind */

struct trie_radix {
	uint64_t children; /* bit i: slot i leads to a child */
	uint64_t runs;	   /* bit i: slot i is no child, and its leaf differs from the one before */
	uint8_t leaf[TRIE_NODE_LEAVES * TRIE_LEAF_BITS / 8]; /* 20 bits each: trie_near_leaf() */
	uint32_t more_leaves;				     /* those that do not fit here */
	uint32_t head;
};

struct trie_few {
	uint32_t prefix[TRIE_FEW_MAX];
	uint8_t value[28]; /* of each prefix, and of keys that agree with none */
	uint32_t head;
};

struct trie_cut {
	int32_t before[TRIE_CUTS_MAX]; /* window / 2 of the last key before each cut */
	uint32_t spare;
	uint32_t head;
};

struct trie_node {
	union {
		struct trie_radix radix;
		struct trie_few few;
		struct trie_cut cut;
	};
} cacheline_aligned;
_Static_assert(sizeof(struct trie_node) == 64, "one cache line");
_Static_assert(offsetof(struct trie_radix, head) == offsetof(struct trie_few, head) &&
		       offsetof(struct trie_cut, head) == offsetof(struct trie_few, head),
	       "one place for all kinds");

static force_inline uint32_t trie_head(enum trie_kind kind, unsigned depth, uint32_t first_child)
{
	return depth / 2 << 26 | (uint32_t)kind << TRIE_INDEX_BITS | first_child;
}

static force_inline enum trie_kind trie_kind_of(const struct trie_node *n)
{
	return (enum trie_kind)(n->few.head >> TRIE_INDEX_BITS & 3);
}

/* How many bits of the key lead to @n. */
static force_inline unsigned trie_depth(const struct trie_node *n)
{
	return n->few.head >> 25 & 0x7e;
}

static force_inline uint32_t trie_first_child(const struct trie_node *n)
{
	return n->few.head & ((1u << TRIE_INDEX_BITS) - 1);
}

/* --- radix --- */

/* The place of slot @i among the ones in @bits, which has a one at or before it. */
static force_inline uint32_t trie_rank(uint64_t bits, unsigned i)
{
	return (uint32_t)__builtin_popcountll(bits & (((uint64_t)2 << i) - 1)) - 1;
}

static force_inline bool trie_has_child(const struct trie_node *n, unsigned i)
{
	return n->radix.children >> i & 1;
}

static force_inline uint32_t trie_child(const struct trie_node *n, unsigned i)
{
	return trie_first_child(n) + trie_rank(n->radix.children, i);
}

/* The leaf at @rank under TRIE_NODE_LEAVES: five bytes hold two of them, the lower half first. */
static force_inline uint32_t trie_near_leaf(const struct trie_node *n, uint32_t rank)
{
	uint32_t word;

	memcpy(&word, n->radix.leaf + rank * 5 / 2, sizeof(word)); /* ends inside the node */
	return word >> (rank & 1) * 4 & ((1 << TRIE_LEAF_BITS) - 1);
}

/* The six bits of @key behind @depth. */
static force_inline unsigned trie_slot(struct fib_key key, unsigned depth)
{
	return (unsigned)(fib_key_shift_left(key, depth).hi >> (64 - TRIE_STRIDE));
}

/* --- few and cut --- */

/* The 32 bits of @key behind @depth, as far as its half goes: windows do not straddle. */
static force_inline uint32_t trie_window(const struct fib_key *key, unsigned depth)
{
	const uint64_t half[2] = { key->hi, key->lo };

	return (uint32_t)(half[depth >> 6] << (depth & 63) >> 32);
}

/* Where the window of a node at @depth ends, the same for all depths before it. */
static inline unsigned trie_window_end(unsigned depth)
{
	if (depth < 64)
		return depth < 54 ? 54 : 64;
	return depth < 94 ? 94 : depth < 124 ? 124 : 128;
}

/* The one behind a prefix's bits, and the bits. */
static force_inline uint32_t trie_prefix_word(uint32_t window, unsigned len)
{
	uint32_t one = 1u << (31 - len);

	return (window & ~(2 * one - 1)) | one;
}

/* Nonzero where the key differs in a bit of the prefix. */
static force_inline uint32_t trie_differs(uint32_t prefix, uint32_t window)
{
	return (prefix ^ window) & (prefix ^ (0 - prefix));
}

/* The first prefix of a few that agrees with @window; TRIE_FEW_MAX if none does. */
static force_inline unsigned trie_match(const struct trie_node *n, uint32_t window)
{
	unsigned i = 0;

	while (i < TRIE_FEW_MAX && trie_differs(n->few.prefix[i], window))
		i++;
	return i;
}

/* What stands for it: a leaf, or TRIE_CHILD | which. */
static force_inline uint32_t trie_value(const struct trie_node *n, unsigned i)
{
	uint32_t word;

	memcpy(&word, n->few.value + 3 * (size_t)i, sizeof(word)); /* ends inside the value */
	return word & 0xffffff;
}

/* Which range of a cut. */
static force_inline unsigned trie_range(const struct trie_node *n, uint32_t window)
{
	unsigned at = 0;

	for (unsigned i = 0; i < TRIE_CUTS_MAX; i++)
		at += (int32_t)(window >> 1) > n->cut.before[i];
	return at;
}

#endif

/*
 * trie_pack.h - which prefixes go into which nodes of the kinds few and cut. Main only.
 */
#ifndef CONVOY_L3_FIB_TRIE_PACK_H
#define CONVOY_L3_FIB_TRIE_PACK_H

#include "l3/fib/rib.h"
#include "l3/fib/trie_node.h"

enum {
	TRIE_RANGES_MAX = TRIE_CUTS_MAX + 1,
	TRIE_ENTRIES_MAX = TRIE_RANGES_MAX * TRIE_FEW_MAX + 8, /* what ranges can hold at all */
	TRIE_VISITS_MAX = 512, /* nodes of the rib that are looked at before it is too much */
};

/* A prefix inside of a node's window: with a leaf, or with all that is longer below it. */
struct trie_entry {
	uint32_t first, last;	      /* windows of the keys that agree */
	uint32_t leaf;		      /* what holds where nothing longer does; may be 0 */
	const struct rib_node *below; /* NULL: nothing; else @len is up to the window's end */
	uint8_t len;		      /* bits behind the node's depth, 1 to TRIE_WINDOW_BITS */
};

/* In the order of their keys, shorter ones first. */
struct trie_entries {
	unsigned depth, end; /* of the window */
	unsigned n, n_visits;
	uint8_t max_len;
	bool has_below;
	struct trie_entry at[TRIE_ENTRIES_MAX];
};

/* What one few has to list: entries, the shorter ones first. */
struct trie_range {
	uint32_t first; /* window where it begins */
	uint8_t n;
	uint8_t entry[TRIE_FEW_MAX];
	const struct trie_entry *whole; /* holds for all of it, if nothing listed does; or NULL */
};

/*
 * trie_collect_entries - all that @r says about the window behind @depth, but for prefixes that
 * make no difference. @inherited: what holds for all of it. False if it is too much for a cut.
 */
bool trie_collect_entries(struct trie_entries *e, const struct rib_node *r, unsigned depth,
			  uint32_t inherited);

/* trie_pack - cut @e into @range[TRIE_RANGES_MAX]; returns their number, 0 if they do not do. */
unsigned trie_pack(const struct trie_entries *e, struct trie_range *range);

#endif

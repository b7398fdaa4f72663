/* trie_build.h - what trie.c needs from trie_build.c, and nobody else. */
#ifndef CONVOY_L3_FIB_TRIE_BUILD_H
#define CONVOY_L3_FIB_TRIE_BUILD_H

#include "l3/fib/rib.h"
#include "l3/fib/trie.h"

/* One change in the making. Its lists are the space's. */
struct trie_change {
	struct trie_space *space;
	struct fib_key first, last; /* keys that are affected */
	bool radix_only;
};

/*
 * trie_build_slot - the word that the slot of @bits bits at @start, whose word is @was, should
 * have. New blocks are in the space's list of those made, blocks that only @was leads to among the
 * old ones. @least: prefixes of so many bits or fewer are none of its business. ERR_NOMEM.
 */
must_check
int trie_build_slot(struct trie_change *c, const struct rib *rib, struct fib_key start,
		    unsigned bits, unsigned least, uint32_t was, uint32_t *out);

/* trie_free_word - give back what a word of the tables leads to. */
void trie_free_word(struct trie_space *s, uint32_t word);

#endif

/* trie_space.h - what trie.c needs from trie_space.c, and nobody else. */
#ifndef CONVOY_L3_FIB_TRIE_SPACE_H
#define CONVOY_L3_FIB_TRIE_SPACE_H

#include "l3/fib/trie.h"

/* trie_take_or_zero - the index of @n (1..64) adjacent items, not cleared; 0 when all are used. */
uint32_t trie_take_or_zero(struct trie_region *r, unsigned n);
void trie_give(struct trie_region *r, uint32_t at, unsigned n);
void trie_give_block(struct trie_space *s, struct trie_block block);

/* trie_lookup6_choose - trie_lookup6_many() in the form that this processor runs best. */
trie_lookup6_run *trie_lookup6_choose(void);
trie_lookup6_run trie_lookup6_plain;
trie_lookup6_run trie_lookup6_avx2; /* x86 only */
trie_lookup6_run trie_lookup6_avx512;

/* trie_note - append @block to the list; ERR_NOMEM. */
must_check
int trie_note(struct trie_garbage *g, struct trie_block block);

#endif

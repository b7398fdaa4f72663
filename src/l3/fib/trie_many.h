/* trie_many.h - what the lookups of both families share. */
#ifndef CONVOY_L3_FIB_TRIE_MANY_H
#define CONVOY_L3_FIB_TRIE_MANY_H

#include <string.h>

#include "base/compiler.h"

typedef uint32_t trie_four __attribute__((vector_size(16)));

/* trie_any_zero - true if a cover has to answer for some of @leaf[@n]. */
static force_inline bool trie_any_zero(const uint32_t *leaf, unsigned n)
{
	trie_four four, zero = { 0 };
	uint64_t half[2];
	unsigned i = 0;

	for (; i + 4 <= n; i += 4) {
		memcpy(&four, leaf + i, sizeof(four));
		zero |= (trie_four)(four == 0);
	}
	memcpy(half, &zero, sizeof(half));
	for (; i < n; i++)
		half[0] |= leaf[i] == 0;
	return (half[0] | half[1]) != 0;
}

#endif

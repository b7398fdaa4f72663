/* trie_lookup6_avx512.c - the same with masks for the results of comparisons: trie_walk6.h. */
#include <immintrin.h>

#include "l3/fib/trie_space.h"

static force_inline unsigned match(const struct trie_node *n, uint32_t window)
{
	__m256i prefix = _mm256_load_si256((const __m256i *)(const void *)n->few.prefix);
	__m256i bits = _mm256_xor_si256(prefix, _mm256_sub_epi32(_mm256_setzero_si256(), prefix));
	__m256i differs = _mm256_xor_si256(prefix, _mm256_set1_epi32((int)window));
	unsigned mask = _mm256_testn_epi32_mask(differs, bits);

	return (unsigned)__builtin_ctz(mask | 1u << TRIE_FEW_MAX);
}

/* The last two words of the node are none. */
static force_inline unsigned range(const struct trie_node *n, uint32_t window)
{
	__m512i at = _mm512_load_si512(n->cut.before);
	unsigned mask =
		_mm512_mask_cmpgt_epi32_mask(0x3fff, _mm512_set1_epi32((int)(window >> 1)), at);

	return (unsigned)__builtin_popcount(mask);
}

#include "l3/fib/trie_walk6.h"

void trie_lookup6_avx512(const struct trie *t, const struct fib_key *key, uint32_t *leaf,
			 unsigned n)
{
	walk6(t, key, leaf, n);
}

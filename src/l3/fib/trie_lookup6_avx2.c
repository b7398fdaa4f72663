/* trie_lookup6_avx2.c - lookups of IPv6, eight prefixes an instruction: trie_walk6.h. */
#include <immintrin.h>

#include "l3/fib/trie_space.h"

static force_inline unsigned match(const struct trie_node *n, uint32_t window)
{
	__m256i prefix = _mm256_load_si256((const __m256i *)(const void *)n->few.prefix);
	__m256i bits = _mm256_xor_si256(prefix, _mm256_sub_epi32(_mm256_setzero_si256(), prefix));
	__m256i differs =
		_mm256_and_si256(_mm256_xor_si256(prefix, _mm256_set1_epi32((int)window)), bits);
	__m256i agrees = _mm256_cmpeq_epi32(differs, _mm256_setzero_si256());
	unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(agrees));

	return (unsigned)__builtin_ctz(mask | 1u << TRIE_FEW_MAX);
}

/* Which of the eight places at @before are before @window. */
static force_inline unsigned places(const int32_t *before, __m256i window)
{
	__m256i at = _mm256_loadu_si256((const __m256i *)(const void *)before);

	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(window, at)));
}

/* The last two words of the node are none. */
static force_inline unsigned range(const struct trie_node *n, uint32_t window)
{
	__m256i w = _mm256_set1_epi32((int)(window >> 1));
	unsigned low = places(n->cut.before, w), high = places(n->cut.before + 8, w) & 0x3f;

	return (unsigned)__builtin_popcount(low | high << 8);
}

#include "l3/fib/trie_walk6.h"

void trie_lookup6_avx2(const struct trie *t, const struct fib_key *key, uint32_t *leaf, unsigned n)
{
	walk6(t, key, leaf, n);
}

/* trie_lookup6.c - lookups of IPv6 on any processor: trie_walk6.h. */
#include "l3/fib/trie_space.h"

static force_inline unsigned match(const struct trie_node *n, uint32_t window)
{
	unsigned agree = 1u << TRIE_FEW_MAX;

	for (unsigned i = 0; i < TRIE_FEW_MAX; i++)
		agree |= (unsigned)(trie_differs(n->few.prefix[i], window) == 0) << i;
	return (unsigned)__builtin_ctz(agree);
}

static force_inline unsigned range(const struct trie_node *n, uint32_t window)
{
	return trie_range(n, window);
}

#include "l3/fib/trie_walk6.h"

void trie_lookup6_plain(const struct trie *t, const struct fib_key *key, uint32_t *leaf, unsigned n)
{
	walk6(t, key, leaf, n);
}

/* trie_choose_any.c - on processors that have only one form of lookup. */
#include "l3/fib/trie_space.h"

trie_lookup6_run *trie_lookup6_choose(void)
{
	return trie_lookup6_plain;
}

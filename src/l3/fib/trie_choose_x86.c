/* trie_choose_x86.c - which form of lookup this processor runs best. */
#include "l3/fib/trie_space.h"

trie_lookup6_run *trie_lookup6_choose(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("bmi2"))
		return trie_lookup6_avx512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		return trie_lookup6_avx2;
	return trie_lookup6_plain;
}

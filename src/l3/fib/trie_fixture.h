/*
 * trie_fixture.h - what the tests of IPv4's and IPv6's tries share: one trie with the rib that it
 * is built from. The includer's tests keep a list of prefixes of their own to compare with.
 */
#ifndef CONVOY_L3_FIB_TRIE_FIXTURE_H
#define CONVOY_L3_FIB_TRIE_FIXTURE_H

#include "l3/fib/rib.h"
#include "l3/fib/trie.h"

extern struct trie_space trie_space;
extern struct trie trie;
extern struct rib trie_rib;

/* trie_set_up4, trie_set_up6 - group fixtures: an empty trie of the family. */
int trie_set_up4(void **state);
int trie_set_up6(void **state);
/* trie_tear_down - nothing leaks. */
int trie_tear_down(void **state);

/* trie_follow - the prefix has changed in the rib: change it in the trie as well. */
void trie_follow(struct fib_key key, unsigned len);

#endif

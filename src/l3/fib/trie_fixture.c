/* trie_fixture.c - see trie_fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/fib/trie_fixture.h"

struct trie_space trie_space;
struct trie trie;
struct rib trie_rib;

static int set_up(unsigned family)
{
	rib_init(&trie_rib);
	return trie_space_init(&trie_space) || trie_init(&trie, &trie_space, family);
}

int trie_set_up4(void **state unused_arg)
{
	return set_up(4);
}

int trie_set_up6(void **state unused_arg)
{
	return set_up(6);
}

int trie_tear_down(void **state unused_arg)
{
	trie_deinit(&trie);
	assert_int_equal(trie_space.nodes.n_used, 0);
	assert_int_equal(trie_space.leaves.n_used, 0);
	assert_int_equal(trie_space.wide.n_used, 0);
	trie_space_deinit(&trie_space);
	rib_deinit(&trie_rib);
	return 0;
}

void trie_follow(struct fib_key key, unsigned len)
{
	struct trie_garbage garbage = { 0 };

	assert_int_equal(trie_update(&trie, &trie_rib, key, len, &garbage), 0);
	trie_collect(&trie_space, &garbage);
}

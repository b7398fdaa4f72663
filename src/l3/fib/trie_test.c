/* trie_test.c - rib and trie of IPv4 against a list of prefixes searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/random.h"
#include "l3/fib/rib.h"
#include "l3/fib/trie.h"
#include "l3/fib/trie_fixture.h"
#include "wire/ip4.h"

enum { MODEL_MAX = 3000, SEED = 20 };

struct model_route {
	uint32_t addr;
	uint8_t len;
	uint32_t leaf;
};

static struct model_route model[MODEL_MAX];
static unsigned n_model;

static int set_up(void **state)
{
	n_model = 0;
	return trie_set_up4(state);
}

static uint32_t model_lookup(uint32_t addr)
{
	uint32_t leaf = 0;
	int best = -1;

	for (unsigned i = 0; i < n_model; i++) {
		if (((model[i].addr ^ addr) & ip4_mask_of(model[i].len)) == 0 &&
		    model[i].len > best) {
			best = model[i].len;
			leaf = model[i].leaf;
		}
	}
	return leaf;
}

static void add(uint32_t addr, unsigned len, uint32_t leaf)
{
	struct rib_node *n = rib_add_or_null(&trie_rib, fib_key_of_ip4(addr), len);
	unsigned i;

	addr &= ip4_mask_of(len);
	assert_int_equal(fib_key_ip4(n->key), addr);
	assert_int_equal(n->len, len);
	n->leaf = leaf;
	trie_follow(fib_key_of_ip4(addr), len);
	for (i = 0; i < n_model; i++)
		if (model[i].addr == addr && model[i].len == len)
			break;
	model[i] = (struct model_route){ addr, (uint8_t)len, leaf };
	n_model += i == n_model;
}

static void remove_at(unsigned i)
{
	struct model_route gone = model[i];

	rib_remove(&trie_rib, fib_key_of_ip4(gone.addr), gone.len);
	trie_follow(fib_key_of_ip4(gone.addr), gone.len);
	model[i] = model[--n_model];
}

static void check(uint32_t addr)
{
	uint32_t want = model_lookup(addr), got = trie_lookup4(&trie, addr);
	struct rib_node *n = rib_match_or_null(&trie_rib, fib_key_of_ip4(addr), 32);

	if (want != got || want != (n ? n->leaf : 0))
		fail_msg("%08x: want %u, trie %u, rib %u", addr, want, got, n ? n->leaf : 0);
}

static void check_edges(void)
{
	for (unsigned i = 0; i < n_model; i++) {
		uint32_t first = model[i].addr, last = first | ~ip4_mask_of(model[i].len);

		check(first);
		check(first - 1);
		check(last);
		check(last + 1);
	}
}

static void test_few(void **state unused_arg)
{
	check(0x0a000001);
	add(0x0a000000, 8, 1);
	add(0x0a010000, 16, 2);
	add(0x0a010100, 24, 3);
	add(0x0a010180, 25, 4);
	add(0x0a0101ff, 32, 5);
	add(0, 0, 6);
	add(0x80000000, 1, 7);
	check_edges();
	while (n_model > 0) {
		remove_at(n_model / 2);
		check_edges();
	}
	assert_int_equal(trie_lookup4(&trie, 0x0a0101ff), 0);
}

/* Lengths as they are in the Internet, and everything else too. */
static unsigned random_len(struct random *r)
{
	return random_below(r, 3) ? 16 + random_below(r, 17) : random_below(r, 33);
}

/* @mask keeps the prefixes close together, so that they nest. */
static void random_churn(uint32_t mask, unsigned n_steps)
{
	struct random r;

	random_seed(&r, SEED);
	for (unsigned step = 0; step < n_steps; step++) {
		uint32_t addr = (uint32_t)random_u64(&r) & mask;

		if (n_model > 0 && (n_model == MODEL_MAX || random_below(&r, 3) == 0))
			remove_at(random_below(&r, n_model));
		else
			add(addr, random_len(&r), 1 + random_below(&r, 1000));
		for (unsigned i = 0; i < 4; i++)
			check((uint32_t)random_u64(&r) & mask);
	}
	assert_int_equal(trie_rib.n_prefixes, n_model);
	check_edges();
	while (n_model > 0)
		remove_at(n_model - 1);
	assert_null(trie_rib.root);
	check(0);
}

static void test_random_and_dense(void **state unused_arg)
{
	random_churn(0x0003ffff, 3000); /* 16 direct slots */
}

static void test_random_and_wide(void **state unused_arg)
{
	random_churn(0xffffffff, 2000);
}

static void test_host_routes_of_one_slot(void **state unused_arg)
{
	for (unsigned i = 0; i < 1024; i++)
		add(0xc0a80000 + i, 32, i + 1);
	check_edges();
	assert_int_equal(trie_space.nodes.n_used, 1 + 4 + 4 * 64);
}

static bool count_prefix(const struct rib_node *n, void *context)
{
	struct model_route *last = context;

	uint32_t addr = fib_key_ip4(n->key);

	assert_true(addr > last->addr || (addr == last->addr && n->len > last->len) ||
		    last->leaf == 0);
	*last = (struct model_route){ addr, n->len, last->leaf + 1 };
	return last->leaf < 1000;
}

static void test_walk_in_order_and_resumes(void **state unused_arg)
{
	struct model_route last = { 0 };
	struct random r;

	random_seed(&r, SEED);
	while (n_model < 300)
		add((uint32_t)random_u64(&r) & 0xff0fffff, random_len(&r), 1);
	rib_walk(&trie_rib, (struct fib_key){ 0 }, 0, count_prefix, &last);
	assert_int_equal(last.leaf, 300);
	last.leaf = 0;
	rib_walk(&trie_rib, fib_key_of_ip4(0x80000000), 0, count_prefix, &last);
	for (unsigned i = 0; i < n_model; i++)
		last.leaf -= model[i].addr >= 0x80000000;
	assert_int_equal(last.leaf, 0);
}

/* Old answers stay readable until the garbage is collected. */
static void test_readers_see_the_old_table_until_collect(void **state unused_arg)
{
	struct trie_garbage garbage = { 0 };
	uint32_t old_slot;

	add(0x0a010100, 24, 3);
	add(0x0a010180, 25, 4);
	old_slot = trie.top[0x0a010180 >> 14];
	assert_true(old_slot & TRIE_NODE);
	rib_remove(&trie_rib, fib_key_of_ip4(0x0a010180), 25);
	assert_int_equal(trie_update(&trie, &trie_rib, fib_key_of_ip4(0x0a010180), 25, &garbage),
			 0);
	assert_int_equal(trie_lookup4(&trie, 0x0a010181), 3);
	assert_int_equal(trie_walk4(&trie_space, old_slot, 0x0a010181), 4);
	trie_collect(&trie_space, &garbage);
	n_model = 0;
}

static void test_a_change_without_room_changes_nothing(void **state unused_arg)
{
	struct trie_garbage garbage = { 0 };
	uint32_t max = trie_space.nodes.max, n_used;

	add(0x0a010100, 24, 3);
	add(0x0a010180, 25, 4);
	n_used = trie_space.nodes.n_used;
	trie_space.nodes.max = trie_space.nodes.end;
	rib_add_or_null(&trie_rib, fib_key_of_ip4(0x0a010181), 32)->leaf = 9;
	assert_int_equal(trie_update(&trie, &trie_rib, fib_key_of_ip4(0x0a010181), 32, &garbage),
			 ERR_NOMEM);
	assert_int_equal(garbage.n, 0);
	assert_int_equal(trie_space.nodes.n_used, n_used);
	assert_int_equal(trie_lookup4(&trie, 0x0a010181), 4);
	trie_space.nodes.max = max;
	assert_int_equal(trie_update(&trie, &trie_rib, fib_key_of_ip4(0x0a010181), 32, &garbage),
			 0);
	assert_int_equal(trie_lookup4(&trie, 0x0a010181), 9);
	trie_collect(&trie_space, &garbage);
}

/* The same addresses in all sizes of batches. */
static void test_many_at_once(void **state unused_arg)
{
	uint32_t addr[TRIE_BATCH], leaf[TRIE_BATCH];
	struct random r;

	random_seed(&r, SEED);
	add(0, 0, 9999);
	while (n_model < 1000)
		add((uint32_t)random_u64(&r) & 0x0003ffff, random_len(&r), 1 + n_model);
	for (unsigned n = 1; n <= TRIE_BATCH; n += 17) {
		for (unsigned i = 0; i < n; i++)
			addr[i] = (uint32_t)random_u64(&r) & (i & 1 ? 0x0003ffff : 0xffffffff);
		trie_lookup4_many(&trie, addr, leaf, n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(leaf[i], model_lookup(addr[i]));
	}
}

static void test_short_prefixes_of_ip4_build_nothing(void **state unused_arg)
{
	struct random r;
	uint32_t n_used;

	random_seed(&r, SEED);
	for (unsigned i = 0; i < 200; i++)
		add((uint32_t)random_u64(&r) & 0x0a0fffff, 19 + random_below(&r, 14), 1 + i);
	n_used = trie_space.nodes.n_used;
	for (unsigned len = 0; len <= TRIE_COVER4_BITS; len++)
		add(0x0a000000, len, 2000 + len);
	assert_int_equal(trie_space.nodes.n_used, n_used);
	check_edges();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_few, set_up, trie_tear_down),
		cmocka_unit_test_setup_teardown(test_random_and_dense, set_up, trie_tear_down),
		cmocka_unit_test_setup_teardown(test_random_and_wide, set_up, trie_tear_down),
		cmocka_unit_test_setup_teardown(test_host_routes_of_one_slot, set_up,
						trie_tear_down),
		cmocka_unit_test_setup_teardown(test_many_at_once, set_up, trie_tear_down),
		cmocka_unit_test_setup_teardown(test_short_prefixes_of_ip4_build_nothing, set_up,
						trie_tear_down),
		cmocka_unit_test_setup_teardown(test_walk_in_order_and_resumes, set_up,
						trie_tear_down),
		cmocka_unit_test_setup_teardown(test_readers_see_the_old_table_until_collect,
						set_up, trie_tear_down),
		cmocka_unit_test_setup_teardown(test_a_change_without_room_changes_nothing, set_up,
						trie_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

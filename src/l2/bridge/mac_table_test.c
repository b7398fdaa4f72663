/* mac_table_test.c - the MAC table: find, add, change, remove, fill, and several threads at once.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "l2/bridge/mac_table.h"

enum { SEED = 7, THREADS = 4, THREAD_MACS = 16, THREAD_ROUNDS = 60000 };

static struct mac_table t;

static int set_up(void **state unused_arg)
{
	return mac_table_init(&t, SEED);
}

static int tear_down(void **state unused_arg)
{
	mac_table_deinit(&t);
	return 0;
}

static unsigned n_resident(void)
{
	static unsigned char page[MAC_BUCKETS * sizeof(struct mac_bucket) / 4096];
	unsigned n = 0;

	assert_int_equal(mincore(t.bucket, sizeof(page) * (size_t)4096, page), 0);
	for (size_t at = 0; at < sizeof(page); at++)
		n += page[at] & 1;
	return n;
}

static void no_worker_is_the_first_to_touch_its_memory(void **state unused_arg)
{
	assert_int_equal(n_resident(), 0);
	mac_table_touch(&t);
	assert_int_equal(n_resident(), MAC_BUCKETS * sizeof(struct mac_bucket) / 4096);
	assert_int_equal(t.bucket[0].entry[0].key, 0);
}

static uint64_t key_of(uint32_t bridge, uint32_t n)
{
	const struct mac m = { { 2, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
				 (uint8_t)n } };

	return mac_key(bridge, &m);
}

static uint64_t value_of(uint32_t port)
{
	const struct mac_value v = { .port = port, .stamp = 77, .port_gen = 5, .bridge_gen = 9 };

	return mac_pack(&v);
}

/* 0: not there. */
static uint64_t find(uint64_t key)
{
	uint64_t value = 0;

	return mac_find_or_null(&t, mac_hash(&t, key), key, &value) ? value : 0;
}

static void values_are_packed_and_unpacked(void **state unused_arg)
{
	const struct mac_value in = { .port = 4095,
				      .stamp = 0xfedc,
				      .port_gen = 0xabc,
				      .bridge_gen = 0x123,
				      .flags = MAC_STATIC | MAC_FILTER,
				      .moves = 13 };
	struct mac_value out = mac_unpack(mac_pack(&in));

	assert_int_equal(out.port, in.port);
	assert_int_equal(out.stamp, in.stamp);
	assert_int_equal(out.port_gen, in.port_gen);
	assert_int_equal(out.bridge_gen, in.bridge_gen);
	assert_int_equal(out.flags, in.flags);
	assert_int_equal(out.moves, in.moves);
}

static void keys_hold_bridge_and_address(void **state unused_arg)
{
	const struct mac m = { { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc } };
	struct mac back = mac_of_key(mac_key(4095, &m));

	assert_true(mac_key(4095, &m) == 0x0fff123456789abcu);
	assert_true(mac_equal(&m, &back));
}

static void what_is_added_is_found(void **state unused_arg)
{
	assert_true(find(key_of(1, 1)) == 0);
	assert_int_equal(mac_insert(&t, key_of(1, 1), value_of(3)), 0);
	assert_int_equal(mac_insert(&t, key_of(2, 1), value_of(4)), 0);
	assert_int_equal(mac_insert(&t, key_of(1, 1), value_of(5)), ERR_EXIST);
	assert_true(find(key_of(1, 1)) == value_of(3));
	assert_true(find(key_of(2, 1)) == value_of(4));
	assert_false(mac_replace(&t, key_of(1, 1), value_of(9), value_of(6)));
	assert_true(mac_replace(&t, key_of(1, 1), value_of(3), value_of(6)));
	assert_true(find(key_of(1, 1)) == value_of(6));
	assert_false(mac_remove(&t, key_of(1, 1), value_of(3)));
	assert_true(mac_remove(&t, key_of(1, 1), value_of(6)));
	assert_true(find(key_of(1, 1)) == 0);
	assert_int_equal(mac_table_count(&t), 1);
}

static bool sum_up(uint64_t key, uint64_t value, void *context)
{
	uint64_t *sum = context;

	sum[0]++;
	sum[1] += mac_unpack(value).port;
	(void)key;
	return true;
}

/* The table is bounded, and takes nearly all that it says before some bucket is full. */
static void it_fills_to_its_bound(void **state unused_arg)
{
	uint32_t n_full = 0;
	uint64_t sum[2] = { 0 };

	for (uint32_t n = 0; n < MACS_MAX; n++) {
		int err = mac_insert(&t, key_of(1 + n % 7, n), value_of(1 + n % 100));

		assert_true(err == 0 || err == ERR_FULL);
		n_full += err == ERR_FULL;
	}
	assert_in_range(n_full, 0, MACS_MAX / 1000);
	mac_walk(&t, 0, MAC_BUCKETS, sum_up, sum);
	assert_int_equal(sum[0], MACS_MAX - n_full);
	assert_int_equal(mac_table_count(&t), MACS_MAX - n_full);
	for (uint32_t n = 0; n < n_full; n++)
		assert_true(mac_insert(&t, key_of(9, n), value_of(1)) <= 0);
	for (uint32_t n = 0; n < MACS_MAX; n++) {
		uint64_t value = find(key_of(1 + n % 7, n));

		assert_true(value == 0 || value == value_of(1 + n % 100));
	}
}

static void at_the_bound_nothing_is_added(void **state unused_arg)
{
	t.n = MACS_MAX;
	assert_int_equal(mac_insert(&t, key_of(1, 1), value_of(1)), ERR_FULL);
	t.n = 0;
	assert_int_equal(mac_insert(&t, key_of(1, 1), value_of(1)), 0);
}

/*
 * Threads add, move, touch, remove and look up addresses that all want the same bucket, so that its
 * places change hands all the time. A lookup never sees the value of another address: each has
 * ports of its own.
 */
static uint64_t crowd[THREAD_MACS];
static pthread_barrier_t together;

static void find_crowd(void)
{
	struct mac_bucket *bucket = mac_bucket(&t, mac_hash(&t, key_of(1, 0)), 0);
	unsigned n_found = 0;

	for (uint32_t n = 0; n_found < THREAD_MACS; n++)
		if (mac_bucket(&t, mac_hash(&t, key_of(1, n)), 0) == bucket)
			crowd[n_found++] = key_of(1, n);
}

static uintptr_t scribble_one(unsigned salt, unsigned round, uint32_t n)
{
	static const struct mac_value stamped = { .stamp = 1 };
	uint64_t key = crowd[n], value = 0, new = value_of(n * 8 + 1 + (round + salt) % 8);
	struct mac_entry *e = mac_find_or_null(&t, mac_hash(&t, key), key, &value);

	if (!e)
		return mac_insert(&t, key, new) > 0;
	if ((mac_unpack(value).port - 1) / 8 != n)
		return 1;
	if ((round + salt + n) % 3 == 0)
		(void)!mac_remove(&t, key, value);
	else if ((round + salt) % 3 == 1)
		(void)!mac_replace(&t, key, value, new);
	else
		mac_touch(e, value, value ^ mac_pack(&stamped));
	return 0;
}

static void *scribble(void *arg)
{
	unsigned salt = *(const unsigned *)arg;
	uintptr_t n_wrong = 0;

	pthread_barrier_wait(&together);
	for (unsigned round = 0; round < THREAD_ROUNDS; round++)
		for (uint32_t n = 0; n < THREAD_MACS; n++)
			n_wrong += scribble_one(salt, round, (n * 7 + salt) % THREAD_MACS);
	return (void *)n_wrong;
}

static void threads_never_see_anothers_value(void **state unused_arg)
{
	pthread_t thread[THREADS];
	unsigned salt[THREADS];
	uint64_t sum[2] = { 0 };
	void *n_wrong;

	find_crowd();
	assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		salt[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, scribble, &salt[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &n_wrong);
		assert_null(n_wrong);
	}
	pthread_barrier_destroy(&together);
	mac_walk(&t, 0, MAC_BUCKETS, sum_up, sum);
	assert_int_equal(mac_table_count(&t), sum[0]);
	assert_in_range(sum[0], 0, THREAD_MACS); /* nothing is there twice */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_are_packed_and_unpacked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_worker_is_the_first_to_touch_its_memory, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(keys_hold_bridge_and_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_added_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_fills_to_its_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(at_the_bound_nothing_is_added, set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads_never_see_anothers_value, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

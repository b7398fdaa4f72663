/* table_test.c - the connection table against a plain list, with hashes that collide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "transport/tcp/key.h"
#include "transport/tcp/table.h"

static bool holds(const struct tcp_table *t, uint32_t hash, tcp_ref ref)
{
	uint32_t cursor = hash;
	tcp_ref found;

	while ((found = tcp_table_next(t, hash, &cursor)))
		if (found == ref)
			return true;
	return false;
}

static void test_against_a_list(void **state unused_arg)
{
	enum { N = 200 };
	uint32_t hash[N] = { 0 };
	bool there[N] = { false };
	struct random random;
	struct tcp_table t;
	uint32_t n = 0;

	random_seed(&random, 793);
	assert_int_equal(tcp_table_init(&t, N), 0);
	for (unsigned round = 0; round < 20000; round++) {
		uint32_t i = random_below(&random, N);
		tcp_ref ref = tcp_ref_of(TCP_KIND_CONN, i);

		if (there[i]) {
			tcp_table_remove(&t, hash[i], ref);
			n--;
		} else {
			hash[i] = random_below(&random, 40) * 13 + 500; /* crowded, over the edge */
			assert_int_equal(tcp_table_add(&t, hash[i], ref), 0);
			n++;
		}
		there[i] = !there[i];
		assert_int_equal(t.n_used, n);
		for (uint32_t j = 0; j < N; j++)
			assert_int_equal(holds(&t, hash[j], tcp_ref_of(TCP_KIND_CONN, j)),
					 there[j]);
	}
	tcp_table_deinit(&t);
}

static void test_full(void **state unused_arg)
{
	struct tcp_table t;
	uint32_t n = 0;

	assert_int_equal(tcp_table_init(&t, 8), 0);
	while (n < 100 && tcp_table_add(&t, n, tcp_ref_of(TCP_KIND_CONN, n)) == 0)
		n++;
	assert_in_range(n, 8, 99);
	tcp_table_deinit(&t);
}

static void test_kinds_survive(void **state unused_arg)
{
	tcp_ref ref = tcp_ref_of(TCP_KIND_TIME_WAIT, 12345);
	struct tcp_table t;

	assert_int_equal(tcp_ref_kind(ref), TCP_KIND_TIME_WAIT);
	assert_int_equal(tcp_ref_index(ref), 12345);
	assert_int_equal(tcp_table_init(&t, 8), 0);
	assert_int_equal(tcp_table_add(&t, 7, ref), 0);
	tcp_table_replace(&t, 7, ref, tcp_ref_of(TCP_KIND_CONN, 1));
	assert_false(holds(&t, 7, ref));
	assert_true(holds(&t, 7, tcp_ref_of(TCP_KIND_CONN, 1)));
	tcp_table_deinit(&t);
}

/* Each field of a key reaches each bit of the hash: neighbours differ in about half of them. */
static void test_hash_spreads(void **state unused_arg)
{
	const struct tcp_key_secret secret = { { 0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u,
						 0x94d049bb133111ebu, 0xd6e8feb86659fd93u,
						 0xa0761d6478bd642fu } };
	struct tcp_key key = { .local_port = be16_of(80) };
	uint32_t base = tcp_key_hash(&secret, &key);

	for (unsigned bit = 0; bit < 8 * sizeof(key); bit++) {
		struct tcp_key other = key;

		((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_in_range(__builtin_popcount(base ^ tcp_key_hash(&secret, &other)), 6, 26);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_a_list),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_kinds_survive),
		cmocka_unit_test(test_hash_spreads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

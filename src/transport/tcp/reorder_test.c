/* reorder_test.c - arrivals in, SACK blocks and the new end of in-order data out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "transport/tcp/reorder.h"

static void test_blocks_latest_first(void **state unused_arg)
{
	static const struct {
		struct tcp_range in[4], out[3];
		int result; /* of the last arrival */
	} cases[] = {
		{ { { 10, 20 } }, { { 10, 20 } }, 0 },
		{ { { 10, 20 }, { 30, 40 } }, { { 30, 40 }, { 10, 20 } }, 0 },
		{ { { 30, 40 }, { 10, 20 }, { 50, 60 } },
		  { { 50, 60 }, { 10, 20 }, { 30, 40 } },
		  0 },
		{ { { 10, 20 }, { 50, 60 }, { 20, 30 } }, { { 10, 30 }, { 50, 60 } }, 0 },
		{ { { 10, 20 }, { 30, 40 }, { 20, 30 } }, { { 10, 40 } }, 0 },
		{ { { 10, 40 }, { 20, 30 } }, { { 10, 40 } }, ERR_EXIST },
		{ { { 10, 20 }, { 10, 20 } }, { { 10, 20 } }, ERR_EXIST },
		{ { { 10, 20 }, { 15, 25 } }, { { 10, 25 } }, 0 },
		{ { { 10, 20 }, { 30, 40 }, { 50, 60 }, { 70, 80 } },
		  { { 70, 80 }, { 50, 60 }, { 30, 40 } },
		  0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct tcp_range out[4] = { { 0, 0 } };
		struct tcp_reorder q;
		unsigned n;
		int result = 0;

		tcp_reorder_init(&q);
		for (unsigned j = 0; j < 4 && cases[i].in[j].end; j++)
			result = tcp_reorder_add(&q, cases[i].in[j]);
		assert_int_equal(result, cases[i].result);
		n = tcp_reorder_blocks(&q, out, 3);
		for (unsigned j = 0; j < 3; j++) {
			assert_int_equal(out[j].start, cases[i].out[j].start);
			assert_int_equal(out[j].end, cases[i].out[j].end);
		}
		assert_true(n <= 3);
	}
}

static void test_a_filled_gap_takes_what_waited(void **state unused_arg)
{
	struct tcp_reorder q;

	tcp_reorder_init(&q);
	assert_int_equal(tcp_reorder_add(&q, (struct tcp_range){ 0xfffffff0u, 10 }), 0);
	assert_int_equal(tcp_reorder_add(&q, (struct tcp_range){ 20, 30 }), 0);
	assert_int_equal(tcp_reorder_advance(&q, 0xffffffe0u), 0xffffffe0u);
	assert_int_equal(tcp_reorder_advance(&q, 0xfffffff0u), 10);
	assert_int_equal(q.n, 1);
	assert_int_equal(tcp_reorder_advance(&q, 25), 30);
	assert_int_equal(q.n, 0);
}

static void test_ranges_are_bounded(void **state unused_arg)
{
	struct tcp_reorder q;

	tcp_reorder_init(&q);
	for (uint32_t i = 0; i < TCP_REORDER_RANGES; i++)
		assert_int_equal(tcp_reorder_add(&q, (struct tcp_range){ 2 * i, 2 * i + 1 }), 0);
	assert_int_equal(tcp_reorder_add(&q, (struct tcp_range){ 1000, 1001 }), ERR_FULL);
	assert_int_equal(tcp_reorder_add(&q, (struct tcp_range){ 1, 3 }), 0);
	assert_int_equal(q.n, TCP_REORDER_RANGES - 1);
}

static void test_any_order_ends_whole(void **state unused_arg)
{
	enum { N = 32 };
	struct random random;

	random_seed(&random, 2018);
	for (unsigned round = 0; round < 200; round++) {
		uint32_t order[N], next = 0;
		struct tcp_reorder q;

		tcp_reorder_init(&q);
		for (unsigned i = 0; i < N; i++) {
			unsigned j = random_below(&random, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (unsigned i = 0; i < N; i++) {
			if (order[i] == next)
				next = tcp_reorder_advance(&q, next + 1);
			else
				assert_int_equal(
					tcp_reorder_add(
						&q, (struct tcp_range){ order[i], order[i] + 1 }),
					0);
		}
		assert_int_equal(next, N);
		assert_int_equal(q.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_latest_first),
		cmocka_unit_test(test_a_filled_gap_takes_what_waited),
		cmocka_unit_test(test_ranges_are_bounded),
		cmocka_unit_test(test_any_order_ends_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

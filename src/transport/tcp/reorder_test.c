/* reorder_test.c - arrivals in; SACK blocks, and segments in order, out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "transport/tcp/reorder.h"

enum { TOKENS = 128 };

/* Segments by token: where they lie and which follows. */
static struct {
	struct tcp_range range;
	uint32_t next;
} held[TOKENS];

static void link_tokens(void *context unused_arg, uint32_t from, uint32_t to)
{
	held[from].next = to;
}

static const struct tcp_linker linker = { link_tokens, NULL };

static int add(struct tcp_reorder *q, uint32_t start, uint32_t end, uint32_t token)
{
	struct tcp_range range = { start, end };

	held[token].range = range;
	held[token].next = 0;
	return tcp_reorder_add(q, range, token, &linker);
}

/* Take what follows @at; fails if a walk from the first token would leave a gap. */
static uint32_t drain(struct tcp_reorder *q, uint32_t at)
{
	uint32_t token;

	while (tcp_reorder_take(q, at, &token))
		for (; token; token = held[token].next) {
			assert_true(seq_le(held[token].range.start, at));
			at = seq_max(at, held[token].range.end);
		}
	return at;
}

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
		{ { { 10, 20 }, { 30, 40 }, { 50, 60 }, { 5, 70 } }, { { 5, 70 } }, 0 },
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
		int result = 0;

		tcp_reorder_init(&q);
		for (unsigned j = 0; j < 4 && cases[i].in[j].end; j++)
			result = add(&q, cases[i].in[j].start, cases[i].in[j].end, j + 1);
		assert_int_equal(result, cases[i].result);
		assert_true(tcp_reorder_blocks(&q, out, 3) <= 3);
		for (unsigned j = 0; j < 3; j++) {
			assert_int_equal(out[j].start, cases[i].out[j].start);
			assert_int_equal(out[j].end, cases[i].out[j].end);
		}
	}
}

static void test_a_filled_gap_takes_what_waited(void **state unused_arg)
{
	struct tcp_reorder q;

	tcp_reorder_init(&q);
	assert_int_equal(add(&q, 0xfffffff0u, 10, 1), 0);
	assert_int_equal(add(&q, 20, 30, 2), 0);
	assert_int_equal(drain(&q, 0xffffffe0u), 0xffffffe0u);
	assert_int_equal(drain(&q, 0xfffffff0u), 10);
	assert_int_equal(q.n, 1);
	assert_int_equal(drain(&q, 25), 30);
	assert_int_equal(q.n, 0);
}

static void test_ranges_are_bounded(void **state unused_arg)
{
	struct tcp_reorder q;

	tcp_reorder_init(&q);
	for (uint32_t i = 0; i < TCP_REORDER_RANGES; i++)
		assert_int_equal(add(&q, 2 * i, 2 * i + 1, i + 1), 0);
	assert_int_equal(add(&q, 1000, 1001, 100), ERR_FULL);
	assert_int_equal(add(&q, 1, 3, 101), 0);
	assert_int_equal(q.n, TCP_REORDER_RANGES - 1);
}

/* Overlapping segments of random sizes until all is there; dropped ones come again. */
static void test_any_order_ends_whole(void **state unused_arg)
{
	enum { END = 64 };
	struct random random;

	random_seed(&random, 2018);
	for (unsigned round = 0; round < 500; round++) {
		uint32_t at = 0, token = 1;
		struct tcp_reorder q;

		tcp_reorder_init(&q);
		while (at < END) {
			uint32_t start = random_below(&random, END);
			uint32_t end = start + 1 + random_below(&random, 8);

			if (start <= at)
				at = drain(&q, seq_max(at, end));
			else if (token < TOKENS && add(&q, start, end, token) == 0)
				token++;
		}
		assert_true(at >= END);
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

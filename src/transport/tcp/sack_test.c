/*
 * sack_test.c - the scoreboard as tables, and against a byte-by-byte model of RFC 6675.
 * One segment is 10 octets; sequence numbers start just before they wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "transport/tcp/sack.h"

enum { MSS = 10 };
#define BASE 0xffffffe0u

static uint32_t add(struct tcp_scoreboard *s, uint32_t una, uint32_t max, uint32_t start,
		    uint32_t end)
{
	return tcp_sack_add(s, BASE + una, BASE + max,
			    (struct tcp_range){ BASE + start, BASE + end });
}

static void init(struct tcp_scoreboard *s)
{
	static struct tcp_range ranges[TCP_SACK_RANGES];

	tcp_sack_init(s, BASE);
	tcp_sack_lend(s, ranges, TCP_SACK_RANGES);
}

static void test_one_table(void **state unused_arg)
{
	static const struct {
		const char *what;
		struct tcp_range blocks[5];
		uint32_t added, pipe, lost_end; /* lost_end: end of the first run to send again */
	} cases[] = {
		{ "nothing arrived", { { 0, 0 } }, 0, 100, 0 },
		{ "one segment above a hole", { { 10, 20 } }, 10, 90, 0 },
		{ "two whole segments are not enough", { { 10, 30 } }, 20, 80, 0 },
		{ "more than two segments in one run", { { 10, 31 } }, 21, 69, 10 },
		{ "three separate runs", { { 10, 11 }, { 20, 21 }, { 30, 31 } }, 3, 87, 10 },
		{ "blocks that merge", { { 10, 20 }, { 30, 40 }, { 20, 30 } }, 30, 60, 10 },
		{ "the same block twice", { { 10, 20 }, { 10, 20 } }, 10, 90, 0 },
		{ "outside the flight", { { 90, 101 }, { 50, 50 }, { 60, 50 } }, 0, 100, 0 },
		{ "a duplicate report from the start", { { 0, 10 } }, 0, 100, 0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct tcp_scoreboard s;
		uint32_t added = 0;

		init(&s);
		for (unsigned j = 0; j < 5; j++)
			added += add(&s, 0, 100, cases[i].blocks[j].start, cases[i].blocks[j].end);
		tcp_sack_detect(&s, MSS);
		if (added != cases[i].added ||
		    tcp_sack_pipe(&s, BASE, BASE + 100) != cases[i].pipe ||
		    tcp_sack_next_lost(&s, BASE).end != BASE + cases[i].lost_end)
			fail_msg("%s: added %u pipe %u", cases[i].what, added,
				 tcp_sack_pipe(&s, BASE, BASE + 100));
	}
}

static void test_recovery_walks_the_holes_in_order(void **state unused_arg)
{
	struct tcp_scoreboard s;
	struct tcp_range next;

	init(&s);
	add(&s, 0, 100, 10, 20);
	add(&s, 0, 100, 30, 80);
	tcp_sack_detect(&s, MSS);
	tcp_sack_enter(&s, BASE);
	next = tcp_sack_next_lost(&s, BASE);
	assert_int_equal(next.start - BASE, 0);
	assert_int_equal(next.end - BASE, 10);
	tcp_sack_sent(&s, next.end);
	next = tcp_sack_next_lost(&s, BASE);
	assert_int_equal(next.start - BASE, 20);
	assert_int_equal(next.end - BASE, 30);
	tcp_sack_sent(&s, next.end);
	next = tcp_sack_next_lost(&s, BASE);
	assert_int_equal(next.start, next.end);
	/* 20 sent again, and 20 above the last range still counted as in flight. */
	assert_int_equal(tcp_sack_pipe(&s, BASE, BASE + 100), 40);
	next = tcp_sack_next_rescue(&s, BASE, BASE + 100, MSS);
	assert_int_equal(next.start - BASE, 90);
	next = tcp_sack_next_rescue(&s, BASE, BASE + 100, MSS);
	assert_int_equal(next.start, next.end);
}

static void test_timeout_keeps_what_arrived(void **state unused_arg)
{
	struct tcp_scoreboard s;
	struct tcp_range next;

	init(&s);
	add(&s, 0, 100, 40, 60);
	tcp_sack_timed_out(&s, BASE, BASE + 100);
	assert_int_equal(tcp_sack_pipe(&s, BASE, BASE + 100), 0);
	next = tcp_sack_next_lost(&s, BASE);
	assert_int_equal(next.end - BASE, 40);
	tcp_sack_sent(&s, BASE + 40);
	next = tcp_sack_next_lost(&s, BASE);
	assert_int_equal(next.start - BASE, 60);
	assert_int_equal(next.end - BASE, 100);
}

static void test_a_receiver_that_takes_back_is_not_believed(void **state unused_arg)
{
	struct tcp_scoreboard s;

	init(&s);
	add(&s, 0, 100, 40, 60);
	tcp_sack_acked(&s, BASE + 40);
	tcp_sack_timed_out(&s, BASE + 40, BASE + 100);
	assert_int_equal(tcp_sack_next_lost(&s, BASE + 40).end - BASE, 100);
}

static void test_without_memory_nothing_arrived(void **state unused_arg)
{
	struct tcp_scoreboard s;

	tcp_sack_init(&s, BASE);
	assert_int_equal(add(&s, 0, 100, 40, 60), 0);
	tcp_sack_timed_out(&s, BASE, BASE + 100);
	assert_int_equal(tcp_sack_next_lost(&s, BASE).end - BASE, 100);
	assert_int_equal(tcp_sack_pipe(&s, BASE, BASE + 100), 0);
}

static void test_ranges_are_bounded(void **state unused_arg)
{
	struct tcp_scoreboard s;
	uint32_t added = 0;

	init(&s);
	for (uint32_t i = 1; i < 500; i += 2)
		added += add(&s, 0, 1000, i, i + 1);
	assert_int_equal(s.n, TCP_SACK_RANGES);
	assert_int_equal(added, TCP_SACK_RANGES);
	assert_int_equal(add(&s, 0, 1000, 1, 900), 899 - TCP_SACK_RANGES);
	assert_int_equal(s.n, 1);
}

/* The definitions of RFC 6675 §4, one octet at a time. */
static bool model_lost(const bool *arrived, uint32_t at, uint32_t max)
{
	uint32_t runs = 0, octets = 0;

	for (uint32_t i = at; i < max; i++) {
		octets += arrived[i];
		runs += arrived[i] && (i == at || !arrived[i - 1]);
	}
	return !arrived[at] && (runs >= TCP_DUP_THRESH || octets > (TCP_DUP_THRESH - 1) * MSS);
}

static void test_against_the_model(void **state unused_arg)
{
	struct random random;

	random_seed(&random, 6675);
	for (unsigned round = 0; round < 500; round++) {
		enum { MAX = 120 };
		bool arrived[MAX] = { false };
		struct tcp_scoreboard s;
		uint32_t high_rxt = random_below(&random, MAX), pipe = 0, sacked = 0;

		init(&s);
		for (unsigned i = 0; i < 6; i++) {
			uint32_t start = 1 + random_below(&random, MAX - 1);
			uint32_t end = start + random_below(&random, MAX - start) / 3 + 1;

			end = end > MAX ? MAX : end;
			add(&s, 0, MAX, start, end);
			for (uint32_t j = start; j < end; j++)
				arrived[j] = true;
		}
		tcp_sack_detect(&s, MSS);
		tcp_sack_sent(&s, BASE + high_rxt);
		for (uint32_t i = 0; i < MAX; i++) {
			sacked += arrived[i];
			pipe += !arrived[i] && !model_lost(arrived, i, MAX);
			pipe += !arrived[i] && i < high_rxt;
		}
		assert_int_equal(tcp_sack_bytes(&s), sacked);
		assert_int_equal(tcp_sack_pipe(&s, BASE, BASE + MAX), pipe);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_table),
		cmocka_unit_test(test_recovery_walks_the_holes_in_order),
		cmocka_unit_test(test_timeout_keeps_what_arrived),
		cmocka_unit_test(test_a_receiver_that_takes_back_is_not_believed),
		cmocka_unit_test(test_without_memory_nothing_arrived),
		cmocka_unit_test(test_ranges_are_bounded),
		cmocka_unit_test(test_against_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

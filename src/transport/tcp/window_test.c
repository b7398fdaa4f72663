/* window_test.c - scaling, offers, small segments, PAWS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "transport/tcp/window.h"

static void test_shift(void **state unused_arg)
{
	assert_int_equal(tcp_window_shift(0), 0);
	assert_int_equal(tcp_window_shift(65535), 0);
	assert_int_equal(tcp_window_shift(65536), 1);
	assert_int_equal(tcp_window_shift(960 * 1024), 4);
	assert_int_equal(tcp_window_shift(UINT32_MAX), 14);
	assert_int_equal(tcp_window_field(1000000, 0, 4), 62500);
	assert_int_equal(tcp_window_field(3000000, 0, 4), 65535);
}

static void test_offers(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint32_t edge, nxt, room, capacity, mss, new_edge;
		bool update;
	} cases[] = {
		{ "nothing freed", 5000, 1000, 4000, 8000, 1000, 5000, false },
		{ "less than a segment", 5000, 1000, 4999, 8000, 1000, 5000, false },
		{ "a segment", 5000, 1000, 5000, 8000, 1000, 6000, false },
		{ "two segments", 5000, 1000, 6000, 8000, 1000, 7000, true },
		{ "half a small buffer", 1000, 1000, 400, 800, 1000, 1400, true },
		{ "reopened by one segment", 1000, 1000, 1000, 80000, 1000, 2000, true },
		{ "less room than offered: no shrinking", 5000, 1000, 100, 8000, 1000, 5000,
		  false },
		{ "wraps", 0xfffffff0u, 0xffffffe0u, 5000, 8000, 1000, 0xffffffe0u + 5000, true },
		{ "beyond the edge", 1000, 1008, 0, 8000, 1000, 1008, true },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		uint32_t got = tcp_window_edge(cases[i].edge, cases[i].nxt, cases[i].room,
					       cases[i].capacity, cases[i].mss);

		if (got != cases[i].new_edge)
			fail_msg("%s: %u", cases[i].what, got);
		if (seq_ge(cases[i].edge, cases[i].nxt))
			assert_int_equal(tcp_window_deserves_update(cases[i].edge, got,
								    cases[i].nxt, cases[i].capacity,
								    cases[i].mss),
					 cases[i].update);
	}
}

static void test_small_segments(void **state unused_arg)
{
	static const struct {
		const char *what;
		struct tcp_send_question q;
		bool now;
	} cases[] = {
		{ "nothing", { .mss = 1000 }, false },
		{ "full", { .len = 1000, .mss = 1000, .in_flight = 5, .cork = true }, true },
		{ "small, idle", { .len = 10, .mss = 1000 }, true },
		{ "small, Nagle", { .len = 10, .mss = 1000, .in_flight = 5 }, false },
		{ "small, no delay",
		  { .len = 10, .mss = 1000, .in_flight = 5, .nodelay = true },
		  true },
		{ "corked", { .len = 10, .mss = 1000, .cork = true, .nodelay = true }, false },
		{ "corked and closing",
		  { .len = 10, .mss = 1000, .cork = true, .push_out = true },
		  true },
		{ "silly window",
		  { .len = 10, .mss = 1000, .more = true, .max_window = 5000 },
		  false },
		{ "half of a small window",
		  { .len = 250, .mss = 1000, .more = true, .max_window = 500 },
		  true },
	};

	for (unsigned i = 0; i < count_of(cases); i++)
		if (tcp_send_now(&cases[i].q) != cases[i].now)
			fail_msg("%s", cases[i].what);
}

static void test_what_limits(void **state unused_arg)
{
	static const struct {
		uint32_t octets, elapsed_ms, srtt_us;
		bool limits;
	} cases[] = {
		{ 119999, 10, 1000, false }, /* not two of it yet */
		{ 120000, 10, 1000, true },  /* fast */
		{ 120000, 999, 1000, true }, /* in a second */
		{ 120000, 1000, 1000, false } /* slow */,
		{ 120000, 4700, 600000, true }, /* a window a round trip, by way of a satellite */
		{ 120000, 4800, 600000, false },
	};

	for (unsigned i = 0; i < count_of(cases); i++)
		if (tcp_window_limits(cases[i].octets, 60000, cases[i].elapsed_ms,
				      cases[i].srtt_us) != cases[i].limits)
			fail_msg("case %u", i);
}

static void test_paws(void **state unused_arg)
{
	assert_true(tcp_paws_is_old(99, 100, 0));
	assert_false(tcp_paws_is_old(100, 100, 0));
	assert_false(tcp_paws_is_old(5, 0xfffffff0u, 0)); /* it wraps */
	assert_true(tcp_paws_is_old(0xfffffff0u, 5, 0));
	assert_false(tcp_paws_is_old(99, 100, TCP_PAWS_IDLE_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shift),	       cmocka_unit_test(test_offers),
		cmocka_unit_test(test_small_segments), cmocka_unit_test(test_what_limits),
		cmocka_unit_test(test_paws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

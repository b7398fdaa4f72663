/* rack_test.c - when octets were sent, and what that says about those that have not arrived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "transport/tcp/rack.h"

enum { MS = 1000, NEVER_SHORT = 0 };

/* --- the log --- */

static void test_the_log_knows_each_burst(void **state unused_arg)
{
	struct tcp_sent_log l = { 0 };
	uint32_t us;

	tcp_sent_note(&l, 1000, 1 * MS);
	tcp_sent_note(&l, 2000, 1 * MS); /* the same burst */
	tcp_sent_note(&l, 3000, 2 * MS);
	assert_int_equal(l.n, 2);
	assert_true(tcp_sent_when(&l, 2000, &us));
	assert_int_equal(us, 1 * MS);
	assert_true(tcp_sent_when(&l, 2001, &us));
	assert_int_equal(us, 2 * MS);
	assert_false(tcp_sent_when(&l, 3001, &us));
	assert_int_equal(tcp_sent_by(&l, 1 * MS, 500), 2000);
	assert_int_equal(tcp_sent_by(&l, 1 * MS - 1, 500), 500);
	tcp_sent_acked(&l, 2000);
	assert_int_equal(l.n, 1);
	tcp_sent_acked(&l, 3000);
	assert_int_equal(l.n, 0);
}

/* What became one run is answered for with care: sent as early as possible, surely sent only late.
 */
static void test_a_full_log_is_coarse_and_careful(void **state unused_arg)
{
	struct tcp_sent_log l = { 0 };
	uint32_t us;

	for (uint32_t i = 1; i <= TCP_SENT_RUNS; i++)
		tcp_sent_note(&l, i * 1000, i * 10 * MS);
	tcp_sent_note(&l, 7000, 61 * MS); /* close to the one before: those stay apart until full */
	assert_int_equal(l.n, TCP_SENT_RUNS);
	tcp_sent_note(&l, 8000, 200 * MS); /* and now are one */
	assert_int_equal(l.n, TCP_SENT_RUNS);
	assert_true(tcp_sent_when(&l, 7000, &us));
	assert_int_equal(us, 60 * MS);
	assert_int_equal(tcp_sent_by(&l, 60 * MS, 0), 5000);
	assert_int_equal(tcp_sent_by(&l, 61 * MS, 0), 7000);
}

static void test_the_tail_again(void **state unused_arg)
{
	struct tcp_sent_log l = { 0 };
	uint32_t us;

	tcp_sent_note(&l, 1000, 1 * MS);
	tcp_sent_note(&l, 5000, 2 * MS);
	tcp_sent_tail_again(&l, 4000, 9 * MS);
	assert_true(tcp_sent_when(&l, 4000, &us));
	assert_int_equal(us, 2 * MS);
	assert_true(tcp_sent_when(&l, 5000, &us));
	assert_int_equal(us, 9 * MS);
	tcp_sent_tail_again(&l, 500, 20 * MS); /* all of it */
	assert_int_equal(l.n, 2);
	assert_true(tcp_sent_when(&l, 501, &us));
	assert_int_equal(us, 20 * MS);
}

/* --- losses by time --- */

/* Bursts of 1000 octets at 0, 10, 20, 30 ms. */
static struct tcp_sent_log four_bursts(void)
{
	struct tcp_sent_log l = { 0 };

	for (uint32_t i = 0; i < 4; i++)
		tcp_sent_note(&l, (i + 1) * 1000, i * 10 * MS);
	return l;
}

static void test_lost_by_time(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint32_t arrived, at_us, window_us, lost, wait_us;
	} cases[] = {
		{ "nothing was sent before the first", 1000, 40 * MS, 0, 1000, 0 },
		{ "the burst before is lost at once without a window", 2000, 50 * MS, 0, 2000, 0 },
		{ "with one the oldest only", 3000, 60 * MS, 10 * MS, 2000, 10 * MS },
		{ "or none yet", 2000, 50 * MS, 15 * MS, 0, 5 * MS },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct tcp_sent_log l = four_bursts();
		struct tcp_rack r = { 0 };
		uint32_t wait_us, lost;

		tcp_rack_arrived(&r, &l, cases[i].arrived, cases[i].at_us, NEVER_SHORT);
		lost = tcp_rack_lost(&r, &l, 0, cases[i].at_us, cases[i].window_us, &wait_us);
		if (lost != cases[i].lost || wait_us != cases[i].wait_us)
			fail_msg("%s: %u, wait %u", cases[i].what, lost, wait_us);
	}
}

static void test_time_passes(void **state unused_arg)
{
	struct tcp_sent_log l = four_bursts();
	struct tcp_rack r = { 0 };
	uint32_t wait_us;

	tcp_rack_arrived(&r, &l, 4000, 70 * MS, NEVER_SHORT);
	assert_int_equal(tcp_rack_lost(&r, &l, 0, 70 * MS, 25 * MS, &wait_us), 1000);
	assert_int_equal(wait_us, 5 * MS);
	assert_int_equal(tcp_rack_lost(&r, &l, 0, 75 * MS, 25 * MS, &wait_us), 2000);
	assert_int_equal(tcp_rack_lost(&r, &l, 0, 95 * MS, 25 * MS, &wait_us), 4000);
	assert_int_equal(wait_us, 0);
}

static void test_an_arrival_too_soon_is_of_an_earlier_copy(void **state unused_arg)
{
	struct tcp_sent_log l = four_bursts();
	struct tcp_rack r = { 0 };

	tcp_rack_arrived(&r, &l, 4000, 35 * MS, 20 * MS);
	assert_false(r.known);
	tcp_rack_arrived(&r, &l, 3000, 41 * MS, 20 * MS);
	assert_int_equal(r.end, 3000);
	tcp_rack_arrived(&r, &l, 2000, 60 * MS, 20 * MS); /* sent earlier: no news */
	assert_int_equal(r.end, 3000);
}

static void test_the_window_learns(void **state unused_arg)
{
	struct tcp_rack r = { 0 };

	assert_int_equal(tcp_rack_window_us(&r, 40 * MS, 50 * MS, false), 10 * MS);
	assert_int_equal(tcp_rack_window_us(&r, 40 * MS, 50 * MS, true), 0);
	tcp_rack_too_short(&r);
	assert_int_equal(tcp_rack_window_us(&r, 40 * MS, 50 * MS, true), 10 * MS);
	tcp_rack_too_short(&r);
	assert_int_equal(tcp_rack_window_us(&r, 40 * MS, 50 * MS, true), 20 * MS);
	for (unsigned i = 0; i < 20; i++)
		tcp_rack_too_short(&r);
	assert_int_equal(tcp_rack_window_us(&r, 40 * MS, 50 * MS, true), 50 * MS); /* srtt */
	for (unsigned i = 0; i < TCP_RACK_PERSIST; i++)
		tcp_rack_recovered(&r);
	assert_int_equal(tcp_rack_window_us(&r, 40 * MS, 50 * MS, true), 10 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_log_knows_each_burst),
		cmocka_unit_test(test_a_full_log_is_coarse_and_careful),
		cmocka_unit_test(test_the_tail_again),
		cmocka_unit_test(test_lost_by_time),
		cmocka_unit_test(test_time_passes),
		cmocka_unit_test(test_an_arrival_too_soon_is_of_an_earlier_copy),
		cmocka_unit_test(test_the_window_learns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

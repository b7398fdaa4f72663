/* cc_test.c - windows as tables: what each event does, and CUBIC's curve against the RFC's formula.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "transport/cc/cc.h"

enum { MSS = 1000 };

static struct cc_ack ack_of(uint32_t octets, uint64_t now_us)
{
	return (struct cc_ack){
		.now_us = now_us, .acked = octets, .srtt_us = 100000, .was_limited = true
	};
}

static void test_found_by_name(void **state unused_arg)
{
	assert_ptr_equal(cc_find_or_null("cubic"), &cc_cubic);
	assert_ptr_equal(cc_find_or_null("newreno"), &cc_newreno);
	assert_null(cc_find_or_null("vegas"));
}

static void test_initial_window(void **state unused_arg)
{
	/* RFC 6928: min(10 MSS, max(2 MSS, 14600)). */
	assert_int_equal(cc_initial_window(1460), 14600);
	assert_int_equal(cc_initial_window(536), 5360);
	assert_int_equal(cc_initial_window(8960), 17920);
}

static void test_slow_start_doubles_and_stops_at_ssthresh(void **state unused_arg)
{
	const struct cc_ops *const all[] = { &cc_newreno, &cc_cubic };

	for (unsigned i = 0; i < count_of(all); i++) {
		struct cc_ack ack = ack_of(10000, 1000);
		struct cc cc;

		cc_init(&cc, all[i], MSS);
		all[i]->acked(&cc, &ack);
		assert_int_equal(cc.cwnd, 20000);
		cc.ssthresh = 25000;
		ack.acked = 20000;
		all[i]->acked(&cc, &ack);
		assert_in_range(cc.cwnd, 25000, 26000);
		ack.was_limited = false;
		ack.acked = 1000000;
		cc.ssthresh = CC_SSTHRESH_NONE;
		all[i]->acked(&cc, &ack);
		assert_in_range(cc.cwnd, 25000, 26000);
	}
}

static void test_newreno(void **state unused_arg)
{
	struct cc_ack ack = ack_of(5000, 1000);
	struct cc cc;

	cc_init(&cc, &cc_newreno, MSS);
	cc.ops->lost(&cc, 40000, 0);
	assert_int_equal(cc.cwnd, 20000);
	assert_int_equal(cc.ssthresh, 20000);
	for (unsigned i = 0; i < 4; i++) /* a window's worth: one segment more */
		cc.ops->acked(&cc, &ack);
	assert_int_equal(cc.cwnd, 21000);
	cc.ops->timed_out(&cc, 21000, 0);
	assert_int_equal(cc.cwnd, MSS);
	assert_int_equal(cc.ssthresh, 10500);
	cc.ops->undone(&cc);
	assert_int_equal(cc.cwnd, 21000);
	assert_int_equal(cc.ssthresh, 20000);
	cc.ops->lost(&cc, 1000, 0);
	assert_int_equal(cc.ssthresh, 2 * MSS);
	cc.cwnd = 500000;
	cc.ops->idle(&cc, 10000000);
	assert_int_equal(cc.cwnd, 10000);
}

static void test_cubic_reduction_and_fast_convergence(void **state unused_arg)
{
	struct cc cc;

	cc_init(&cc, &cc_cubic, MSS);
	cc.cwnd = 100000;
	cc.ops->lost(&cc, 100000, 0);
	assert_int_equal(cc.cwnd, 70000);
	cc.ops->lost(&cc, 70000, 0); /* below the last maximum */
	assert_int_equal(cc.cwnd, 49000);
	cc.ops->undone(&cc);
	assert_int_equal(cc.cwnd, 70000);
	cc.ops->timed_out(&cc, 70000, 0);
	assert_int_equal(cc.cwnd, MSS);
	assert_int_equal(cc.ssthresh, 49000);
}

/* Large window, long path: the cubic region. One ACK a segment for 20 s, against floating point. */
static void test_cubic_follows_its_curve(void **state unused_arg)
{
	double w_max = 1000, k = cbrt(w_max * 0.3 / 0.4);
	uint64_t now_us = 1000000;
	struct cc cc;

	cc_init(&cc, &cc_cubic, MSS);
	cc.cwnd = 1000 * MSS;
	cc.ops->lost(&cc, 1000 * MSS, now_us);
	for (unsigned ms = 0; ms < 20000; ms += 10) {
		struct cc_ack ack = ack_of(cc.cwnd / 10, now_us + ms * 1000ull);
		double t = ms / 1000.0, want;

		cc.ops->acked(&cc, &ack);
		want = 0.4 * pow(t - k, 3) + w_max;
		if (ms > 200)
			assert_true(fabs(cc.cwnd / 1000.0 - want) < 0.04 * want + 5);
	}
}

/* Small window, short path: never slower than Reno with the same β, and not much faster. */
static void test_cubic_is_friendly_to_reno(void **state unused_arg)
{
	double reno = 14;
	struct cc cc;

	cc_init(&cc, &cc_cubic, MSS);
	cc.cwnd = 20 * MSS;
	cc.ops->lost(&cc, 20 * MSS, 1000000);
	for (unsigned round = 0; round < 50; round++) {
		struct cc_ack ack = ack_of(cc.cwnd, 1000000 + round * 1000ull);

		ack.srtt_us = 1000;
		cc.ops->acked(&cc, &ack);
		reno += reno < 20 ? 0.529 : 1;
	}
	assert_true(fabs(cc.cwnd / 1000.0 - reno) < 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_name),
		cmocka_unit_test(test_initial_window),
		cmocka_unit_test(test_slow_start_doubles_and_stops_at_ssthresh),
		cmocka_unit_test(test_newreno),
		cmocka_unit_test(test_cubic_reduction_and_fast_convergence),
		cmocka_unit_test(test_cubic_follows_its_curve),
		cmocka_unit_test(test_cubic_is_friendly_to_reno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

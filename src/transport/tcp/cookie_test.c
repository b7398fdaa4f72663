/* cookie_test.c - what a cookie says to whom, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "transport/tcp/cookie.h"

enum { IRS = 12345, NOW_S = 100000 };

static const struct siphash_key secret = { { 1, 2 } }, other_secret = { { 1, 3 } };
static const struct tcp_key peer = { .remote_port = { { 0, 80 } } }, stranger = { .fib = 1 };

static void test_good_for_its_peer_only(void **state unused_arg)
{
	uint32_t isn = tcp_cookie_isn(&secret, &peer, IRS, 1460, NOW_S);

	assert_int_equal(tcp_cookie_mss(&secret, &peer, IRS, isn, NOW_S), 1460);
	assert_int_equal(tcp_cookie_mss(&secret, &stranger, IRS, isn, NOW_S), 0);
	assert_int_equal(tcp_cookie_mss(&secret, &peer, IRS + 1, isn, NOW_S), 0);
	assert_int_equal(tcp_cookie_mss(&other_secret, &peer, IRS, isn, NOW_S), 0);
	for (unsigned bit = 0; bit < 32; bit++)
		assert_int_equal(tcp_cookie_mss(&secret, &peer, IRS, isn ^ 1u << bit, NOW_S), 0);
}

static void test_good_for_a_while(void **state unused_arg)
{
	uint32_t isn = tcp_cookie_isn(&secret, &peer, IRS, 1460, NOW_S);
	uint32_t begin_s = NOW_S / TCP_COOKIE_PERIOD_S * TCP_COOKIE_PERIOD_S;
	uint32_t end_s = begin_s + TCP_COOKIE_PERIODS * TCP_COOKIE_PERIOD_S;

	assert_int_equal(tcp_cookie_mss(&secret, &peer, IRS, isn, end_s - 1), 1460);
	assert_int_equal(tcp_cookie_mss(&secret, &peer, IRS, isn, end_s), 0);
	assert_int_equal(tcp_cookie_mss(&secret, &peer, IRS, isn, begin_s - 1), 0);
	/* 32 periods later the age has come round; the hash has not. */
	assert_int_equal(tcp_cookie_mss(&secret, &peer, IRS, isn, NOW_S + 32 * TCP_COOKIE_PERIOD_S),
			 0);
}

static void test_never_a_larger_segment(void **state unused_arg)
{
	for (uint32_t mss = 48; mss < 65536; mss++) {
		uint32_t isn = tcp_cookie_isn(&secret, &peer, IRS, (uint16_t)mss, NOW_S);

		assert_in_range(tcp_cookie_mss(&secret, &peer, IRS, isn, NOW_S), 48, mss);
	}
}

static void test_options_in_the_clock(void **state unused_arg)
{
	for (uint32_t now_ms = 1000; now_ms < 1100; now_ms++)
		for (unsigned shift = 0; shift <= 15; shift++)
			for (unsigned sack = 0; sack < 2; sack++) {
				struct tcp_options o = { .window_shift = (uint8_t)shift },
						   back = { 0 };
				uint32_t time;

				o.has = (sack ? TCP_HAS_SACK_PERMITTED : 0) |
					(shift < 15 ? TCP_HAS_WINDOW_SHIFT : 0);
				time = tcp_cookie_time(now_ms, &o);
				assert_in_range(now_ms - time, 0, 31); /* never ahead */
				tcp_cookie_options(time, &back);
				assert_int_equal(back.has, o.has);
				if (shift < 15)
					assert_int_equal(back.window_shift, shift);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_for_its_peer_only),
		cmocka_unit_test(test_good_for_a_while),
		cmocka_unit_test(test_never_a_larger_segment),
		cmocka_unit_test(test_options_in_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* rtt_test.c - RFC 6298 as a table: samples in, estimate and timeout out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "transport/tcp/rtt.h"

static void test_samples(void **state unused_arg)
{
	static const struct {
		uint32_t sample_us[4];
		uint32_t srtt_us, var_us, rto_us;
	} cases[] = {
		{ { 0 }, 0, 0, 1000000 },		       /* (2.1) nothing measured */
		{ { 100000 }, 100000, 50000, 300000 },	       /* (2.2) first */
		{ { 400000 }, 400000, 200000, 1200000 },       /* spread above the minimum */
		{ { 100000, 200000 }, 112500, 62500, 362500 }, /* (2.3) */
		{ { 200000, 100000 }, 187500, 100000, 587500 },
		{ { 50 }, 50, 25, 200050 }, /* a LAN still waits the minimum */
		{ { 59000000, 59000000 }, 59000000, 22125000, 60000000 }, /* (2.5) ceiling */
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct tcp_rtt r;

		tcp_rtt_init(&r);
		for (unsigned j = 0; j < 4 && cases[i].sample_us[j]; j++)
			tcp_rtt_sample(&r, cases[i].sample_us[j]);
		assert_int_equal(r.srtt_us, cases[i].srtt_us);
		assert_int_equal(r.var_us, cases[i].var_us);
		assert_int_equal(tcp_rtt_rto_us(&r), cases[i].rto_us);
	}
}

static void test_back_off_doubles_up_to_the_ceiling(void **state unused_arg)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r);
	tcp_rtt_back_off(&r);
	assert_int_equal(tcp_rtt_rto_us(&r), 2000000);
	tcp_rtt_back_off(&r);
	assert_int_equal(tcp_rtt_rto_us(&r), 4000000);
	for (unsigned i = 0; i < 100; i++)
		tcp_rtt_back_off(&r);
	assert_int_equal(tcp_rtt_rto_us(&r), TCP_RTO_MAX_US);
	tcp_rtt_sample(&r, 1000);
	assert_int_equal(tcp_rtt_rto_us(&r), 201000);
}

static void test_minimum_is_remembered(void **state unused_arg)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r);
	tcp_rtt_sample(&r, 300);
	tcp_rtt_sample(&r, 200);
	tcp_rtt_sample(&r, 900);
	assert_int_equal(r.min_us, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_back_off_doubles_up_to_the_ceiling),
		cmocka_unit_test(test_minimum_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

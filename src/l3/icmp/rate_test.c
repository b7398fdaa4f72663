/* rate_test.c - token buckets over a made-up clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/icmp/rate.h"

static unsigned burst(struct icmp_rates *r, uint64_t dst, unsigned n, uint64_t now_ns)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < n; i++)
		sent += icmp_may_send(r, dst, now_ns);
	return sent;
}

static void test_one_destination(void **state unused_arg)
{
	struct icmp_rates r;
	uint64_t now = 100 * (uint64_t)NS_PER_S;

	icmp_rates_init(&r, 1);
	assert_int_equal(burst(&r, 1, 500, now), ICMP_RATE_ONE);
	assert_int_equal(burst(&r, 1, 500, now), 0);
	assert_int_equal(burst(&r, 1, 500, now + NS_PER_S / 10), ICMP_RATE_ONE / 10);
	assert_int_equal(burst(&r, 1, 500, now + 60 * (uint64_t)NS_PER_S), ICMP_RATE_ONE);
}

static void test_all_destinations(void **state unused_arg)
{
	struct icmp_rates r;
	uint64_t now = 5 * (uint64_t)NS_PER_S;
	unsigned sent = 0;

	icmp_rates_init(&r, 2);
	for (uint64_t dst = 0; dst < 5000; dst++)
		sent += icmp_may_send(&r, dst * 7919, now);
	assert_int_equal(sent, ICMP_RATE_ALL);
}

static void test_a_flood_does_not_silence_others(void **state unused_arg)
{
	struct icmp_rates r;
	uint64_t now = 5 * (uint64_t)NS_PER_S;

	icmp_rates_init(&r, 3);
	burst(&r, 1, 5000, now);
	assert_int_equal(burst(&r, 2, 50, now), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_destination),
		cmocka_unit_test(test_all_destinations),
		cmocka_unit_test(test_a_flood_does_not_silence_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* mtu_test.c - path MTUs: what is believed, kept and forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "transport/tcp/mtu.h"

static void test_kept_by_destination_and_for_a_while(void **state unused_arg)
{
	static struct tcp_mtu_table t;
	be32 a = be32_of(0x0a000001), b = be32_of(0x0a000002);

	assert_int_equal(tcp_mtu_of(&t, 0, a, 1500, 1000), 1500);
	tcp_mtu_learn(&t, 0, a, 1400, 1000);
	assert_int_equal(tcp_mtu_of(&t, 0, a, 1500, 1000), 1400);
	assert_int_equal(tcp_mtu_of(&t, 0, b, 1500, 1000), 1500);
	assert_int_equal(tcp_mtu_of(&t, 1, a, 1500, 1000), 1500); /* another VRF */
	assert_int_equal(tcp_mtu_of(&t, 0, a, 1300, 1000), 1300); /* our interface takes less */
	assert_int_equal(tcp_mtu_of(&t, 0, a, 1500, 1000 + TCP_MTU_AGE_S - 1), 1400);
	assert_int_equal(tcp_mtu_of(&t, 0, a, 1500, 1000 + TCP_MTU_AGE_S), 1500);
}

static void test_any_number_of_destinations(void **state unused_arg)
{
	static struct tcp_mtu_table t;
	unsigned n_known = 0;

	for (uint32_t i = 0; i < 1000; i++)
		tcp_mtu_learn(&t, 0, be32_of(0x0a000000 + i), 1400, 1);
	for (uint32_t i = 0; i < 1000; i++)
		n_known += tcp_mtu_of(&t, 0, be32_of(0x0a000000 + i), 1500, 1) == 1400;
	assert_int_equal(n_known, TCP_MTU_SLOTS);
}

static void test_claims(void **state unused_arg)
{
	static const struct {
		uint32_t claimed, quoted, mtu_bytes;
	} cases[] = {
		{ 1400, 1500, 1400 },	{ 1500, 1500, 0 },
		{ 9000, 1500, 0 },	{ 68, 1500, TCP_MTU_MIN },
		{ 68, TCP_MTU_MIN, 0 }, { 0, 1500, 1492 },
		{ 0, 1492, 1006 },	{ 0, 1006, TCP_MTU_MIN },
		{ 0, 65000, 32000 },	{ 0, 100, 0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++)
		assert_int_equal(tcp_mtu_claimed(cases[i].claimed, cases[i].quoted),
				 cases[i].mtu_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_by_destination_and_for_a_while),
		cmocka_unit_test(test_any_number_of_destinations),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

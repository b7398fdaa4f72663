/* pmtu_test.c - path MTUs are learnt, shrink, age and give way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/ip6/pmtu.h"

#define NOW (1000 * (uint64_t)NS_PER_S)

static struct pmtu_table table;

static int set_up(void **state unused_arg)
{
	table = (struct pmtu_table){ .seed = 5 };
	return 0;
}

static struct ip6_addr host(uint64_t n)
{
	return ip6_of(0x20010db800000000, n);
}

static bool learn(uint64_t n, uint32_t mtu_bytes, uint64_t now_ns)
{
	struct ip6_addr dst = host(n);

	return pmtu_learn(&table, 0, &dst, mtu_bytes, now_ns);
}

static uint32_t of(uint64_t n, uint64_t now_ns)
{
	struct ip6_addr dst = host(n);

	return pmtu_of(&table, 0, &dst, 1500, now_ns);
}

static void test_rfc8201_4_only_lower_values_and_none_under_1280(void **state unused_arg)
{
	struct ip6_addr dst = host(1);

	assert_int_equal(of(1, NOW), 1500);
	assert_false(learn(1, 1279, NOW));
	assert_true(learn(1, 1400, NOW));
	assert_false(learn(1, 1400, NOW));
	assert_false(learn(1, 1450, NOW));
	assert_int_equal(of(1, NOW), 1400);
	assert_true(learn(1, 1280, NOW));
	assert_int_equal(of(1, NOW), 1280);
	assert_int_equal(of(2, NOW), 1500);
	assert_int_equal(pmtu_of(&table, 1, &dst, 1500, NOW), 1500); /* another VRF */
	assert_int_equal(pmtu_of(&table, 0, &dst, 1200, NOW), 1200);
}

static void test_rfc8201_4_values_age(void **state unused_arg)
{
	assert_true(learn(1, 1300, NOW));
	assert_int_equal(of(1, NOW + PMTU_LIFE_NS - 1), 1300);
	assert_int_equal(of(1, NOW + PMTU_LIFE_NS), 1500);
	assert_true(learn(1, 1400, NOW + PMTU_LIFE_NS));
	assert_int_equal(of(1, NOW + PMTU_LIFE_NS), 1400);
}

/* Far more hosts than there is room for: those heard of last are there. */
static void test_the_table_is_bounded(void **state unused_arg)
{
	unsigned n = 0;
	struct pmtu p;

	for (uint64_t i = 0; i < 100000; i++)
		assert_true(learn(i, 1300, NOW + i));
	for (unsigned i = 0; i < PMTU_ENTRIES; i++)
		n += pmtu_read(&table, i, NOW, &p) && ip6_low(&p.dst) >= 90000;
	assert_int_equal(n, PMTU_ENTRIES);
	assert_int_equal(of(99999, NOW), 1300);
	assert_int_equal(of(0, NOW), 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rfc8201_4_only_lower_values_and_none_under_1280,
				       set_up),
		cmocka_unit_test_setup(test_rfc8201_4_values_age, set_up),
		cmocka_unit_test_setup(test_the_table_is_bounded, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

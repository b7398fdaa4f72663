/* mac_filter_test.c - which frames a list of addresses lets pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "l2/mac_filter/mac_filter_table.h"

enum { SRC = MAC_FILTER_SOURCE, DST = MAC_FILTER_DESTINATION };
enum { ALLOW = MAC_FILTER_ALLOW, DENY = MAC_FILTER_DENY };

static struct mac station(unsigned n)
{
	return (struct mac){ { 2, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
}

static void test_what_passes(void **state unused_arg)
{
	static const struct mac group = { { 1, 0, 0x5e, 0, 0, 1 } };
	static const struct {
		struct mac_filter_entry list[2];
		unsigned n;
		bool sources[3], destinations[3], broadcast, group; /* of stations 1, 2, 3 */
	} cases[] = {
		{ { { { { 2, 0, 0, 0, 0, 1 } }, SRC, DENY } },
		  1,
		  { false, true, true },
		  { true, true, true },
		  true,
		  true },
		{ { { { { 2, 0, 0, 0, 0, 1 } }, SRC, ALLOW } },
		  1,
		  { true, false, false },
		  { true, true, true },
		  true,
		  true },
		{ { { { { 2, 0, 0, 0, 0, 1 } }, SRC, ALLOW },
		    { { { 2, 0, 0, 0, 0, 2 } }, SRC, DENY } },
		  2,
		  { true, false, false },
		  { true, true, true },
		  true,
		  true },
		{ { { { { 2, 0, 0, 0, 0, 1 } }, DST, DENY } },
		  1,
		  { true, true, true },
		  { false, true, true },
		  true,
		  true },
		{ { { { { 2, 0, 0, 0, 0, 1 } }, DST, ALLOW } },
		  1,
		  { true, true, true },
		  { true, false, false },
		  true,
		  true },
		{ { { { { 2, 0, 0, 0, 0, 1 } }, DST, ALLOW },
		    { { { 1, 0, 0x5e, 0, 0, 1 } }, DST, DENY } },
		  2,
		  { true, true, true },
		  { true, false, false },
		  true,
		  false },
		{ { { { { 2, 0, 0, 0, 0, 1 } }, SRC, ALLOW },
		    { { { 2, 0, 0, 0, 0, 1 } }, DST, DENY } },
		  2,
		  { true, false, false },
		  { false, true, true },
		  true,
		  true },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct mac_filter_table *t =
			mac_filter_table_new_or_null(cases[i].list, cases[i].n);

		assert_non_null(t);
		for (unsigned s = 0; s < 3; s++) {
			struct mac mac = station(s + 1);

			if (mac_filter_passes(t, &mac, MAC_FILTER_SOURCE) != cases[i].sources[s] ||
			    mac_filter_passes(t, &mac, MAC_FILTER_DESTINATION) !=
				    cases[i].destinations[s])
				fail_msg("case %u, station %u", i, s + 1);
		}
		assert_int_equal(mac_filter_passes(t, &mac_broadcast, MAC_FILTER_DESTINATION),
				 cases[i].broadcast);
		assert_int_equal(mac_filter_passes(t, &group, MAC_FILTER_DESTINATION),
				 cases[i].group);
		free(t);
	}
}

static void test_a_full_list(void **state unused_arg)
{
	static struct mac_filter_entry list[MAC_FILTER_MAX];
	struct mac_filter_table *t;

	for (unsigned n = 0; n < MAC_FILTER_MAX; n++)
		list[n] = (struct mac_filter_entry){ station(2 * n), SRC, n % 2 ? ALLOW : DENY };
	t = mac_filter_table_new_or_null(list, MAC_FILTER_MAX);
	assert_non_null(t);
	for (unsigned n = 0; n < 2 * MAC_FILTER_MAX; n++) {
		struct mac mac = station(n);

		assert_int_equal(mac_filter_passes(t, &mac, MAC_FILTER_SOURCE), n % 4 == 2);
		assert_true(mac_filter_passes(t, &mac, MAC_FILTER_DESTINATION));
	}
	free(t);
}

static void test_names(void **state unused_arg)
{
	assert_int_equal(mac_filter_side_from_text("destination"), MAC_FILTER_DESTINATION);
	assert_int_equal(mac_filter_side_from_text("dest"), ERR_FORMAT);
	assert_int_equal(mac_filter_action_from_text("deny"), MAC_FILTER_DENY);
	assert_int_equal(mac_filter_action_from_text(""), ERR_FORMAT);
	assert_string_equal(mac_filter_side_name(MAC_FILTER_SOURCE), "source");
	assert_string_equal(mac_filter_action_name(MAC_FILTER_ALLOW), "allow");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_passes),
		cmocka_unit_test(test_a_full_list),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

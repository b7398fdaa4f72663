/* datagram_test.c - fragments in every order, and the ways to lie about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "l3/reassembly/datagram.h"

struct step {
	uint32_t first, len;
	bool more;
	enum datagram_verdict verdict;
};

static void play(const char *what, const struct step *steps, unsigned n)
{
	struct datagram d = { 0 };

	for (unsigned i = 0; i < n; i++) {
		enum datagram_verdict v =
			datagram_add(&d, steps[i].first, steps[i].len, 20, steps[i].more, i);

		if (v != steps[i].verdict)
			fail_msg("%s, step %u: %d", what, i, v);
	}
}

static void test_conversations(void **state unused_arg)
{
	const struct step in_order[] = { { 0, 8, true, DATAGRAM_ADDED },
					 { 8, 16, true, DATAGRAM_ADDED },
					 { 24, 5, false, DATAGRAM_COMPLETE } };
	const struct step backwards[] = { { 24, 5, false, DATAGRAM_ADDED },
					  { 8, 16, true, DATAGRAM_ADDED },
					  { 0, 8, true, DATAGRAM_COMPLETE } };
	const struct step duplicates[] = { { 8, 8, true, DATAGRAM_ADDED },
					   { 8, 8, true, DATAGRAM_DUPLICATE },
					   { 16, 3, false, DATAGRAM_ADDED },
					   { 16, 3, false, DATAGRAM_DUPLICATE },
					   { 0, 8, true, DATAGRAM_COMPLETE } };
	const struct step inside[] = { { 0, 24, true, DATAGRAM_ADDED },
				       { 8, 8, true, DATAGRAM_OVERLAP } };
	const struct step around[] = { { 8, 8, true, DATAGRAM_ADDED },
				       { 0, 24, true, DATAGRAM_OVERLAP } };
	const struct step over_the_front[] = { { 8, 16, true, DATAGRAM_ADDED },
					       { 0, 16, true, DATAGRAM_OVERLAP } };
	const struct step same_start[] = { { 8, 16, true, DATAGRAM_ADDED },
					   { 8, 8, true, DATAGRAM_OVERLAP } };
	const struct step two_ends[] = { { 8, 8, false, DATAGRAM_ADDED },
					 { 16, 8, false, DATAGRAM_OVERLAP } };
	const struct step behind_the_end[] = { { 0, 8, false, DATAGRAM_COMPLETE },
					       { 8, 8, true, DATAGRAM_OVERLAP } };
	const struct step early_end[] = { { 16, 8, true, DATAGRAM_ADDED },
					  { 0, 8, false, DATAGRAM_OVERLAP } };
	const struct step end_again_with_more[] = { { 8, 8, false, DATAGRAM_ADDED },
						    { 8, 8, true, DATAGRAM_OVERLAP } };
	const struct step lengths[] = { { 0, 0, true, DATAGRAM_BAD },
					{ 0, 7, true, DATAGRAM_BAD },
					{ 65512, 8, true, DATAGRAM_BAD },
					{ 65512, 3, false, DATAGRAM_ADDED } };

	play("in order", in_order, count_of(in_order));
	play("backwards", backwards, count_of(backwards));
	play("duplicates", duplicates, count_of(duplicates));
	play("inside", inside, count_of(inside));
	play("around", around, count_of(around));
	play("over the front", over_the_front, count_of(over_the_front));
	play("same start", same_start, count_of(same_start));
	play("two ends", two_ends, count_of(two_ends));
	play("behind the end", behind_the_end, count_of(behind_the_end));
	play("early end", early_end, count_of(early_end));
	play("end again with more", end_again_with_more, count_of(end_again_with_more));
	play("lengths", lengths, count_of(lengths));
}

static void test_any_order_completes(void **state unused_arg)
{
	struct random r;

	random_seed(&r, 3);
	for (unsigned round = 0; round < 2000; round++) {
		uint32_t order[DATAGRAM_FRAGMENTS], n = 1 + random_below(&r, DATAGRAM_FRAGMENTS);
		struct datagram d = { 0 };

		for (uint32_t i = 0; i < n; i++)
			order[i] = i;
		for (uint32_t i = n - 1; i > 0; i--) {
			uint32_t k = random_below(&r, i + 1), t = order[i];

			order[i] = order[k];
			order[k] = t;
		}
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(
				datagram_add(&d, order[i] * 64, 64, 20, order[i] < n - 1, order[i]),
				i < n - 1 ? DATAGRAM_ADDED : DATAGRAM_COMPLETE);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(d.piece[i].what, i);
	}
}

static void test_too_many(void **state unused_arg)
{
	struct datagram d = { 0 };

	for (uint32_t i = 0; i < DATAGRAM_FRAGMENTS; i++)
		assert_int_equal(datagram_add(&d, i * 16, 8, 20, true, i), DATAGRAM_ADDED);
	assert_int_equal(datagram_add(&d, 8, 8, 20, true, 0), DATAGRAM_TOO_MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_any_order_completes),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* histogram_test.c - bucket edges, quantiles against the sorted truth, and sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "proxy/stats/histogram.h"

static void every_value_lies_in_its_bucket(void **state unused_arg)
{
	for (unsigned bits = 0; bits < 64; bits++)
		for (int delta = -2; delta <= 2; delta++) {
			uint64_t v = (1ull << bits) + (uint64_t)delta;
			unsigned idx = histogram_bucket(v);

			assert_true(idx < HISTOGRAM_BUCKETS);
			assert_true(histogram_bucket_start(idx) <= v);
			if (idx + 1 < HISTOGRAM_BUCKETS)
				assert_true(v < histogram_bucket_start(idx + 1));
		}
	for (unsigned idx = 1; idx < HISTOGRAM_BUCKETS; idx++)
		assert_true(histogram_bucket_start(idx) > histogram_bucket_start(idx - 1));
}

static int compare(const void *a, const void *b)
{
	uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;

	return l < r ? -1 : l > r;
}

static void quantiles_are_near_the_truth(void **state unused_arg)
{
	static const double qs[] = { 0.1, 0.25, 0.5, 0.9, 0.99, 0.999 };
	static uint64_t values[20000];
	static struct histogram h;
	struct random r;

	random_seed(&r, 7);
	for (unsigned i = 0; i < count_of(values); i++) {
		values[i] = random_u64(&r) >> (40 + random_below(&r, 20));
		histogram_record(&h, values[i]);
	}
	qsort(values, count_of(values), sizeof(values[0]), compare);
	assert_int_equal(h.count, count_of(values));
	for (unsigned i = 0; i < count_of(qs); i++) {
		double truth = (double)values[(size_t)(qs[i] * (count_of(values) - 1))];
		double got = histogram_quantile(&h, qs[i]);

		assert_true(fabs(got - truth) <= 0.13 * truth + 1);
	}
}

static void counts_below_and_subtracts(void **state unused_arg)
{
	static struct histogram h, sum, empty;

	for (uint64_t v = 0; v < 1000; v++)
		histogram_record(&h, v);
	assert_int_equal(histogram_count_below(&h, 9), 10);
	assert_true(llabs((long long)histogram_count_below(&h, 500) - 501) <= 1);
	assert_int_equal(histogram_count_below(&h, UINT32_MAX), 1000);
	histogram_add(&sum, &h);
	histogram_add(&sum, &h);
	assert_int_equal(sum.sum, 999 * 1000);
	histogram_subtract(&sum, &h);
	assert_memory_equal(&sum, &h, sizeof(h));
	assert_true(isnan(histogram_quantile(&empty, 0.5)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_lies_in_its_bucket),
		cmocka_unit_test(quantiles_are_near_the_truth),
		cmocka_unit_test(counts_below_and_subtracts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

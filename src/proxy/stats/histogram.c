/* histogram.c - reading of histograms: quantiles and cumulative counts. */
#include "proxy/stats/histogram.h"

#include <math.h>

uint64_t histogram_bucket_start(unsigned idx)
{
	unsigned shift = idx >> HISTOGRAM_SUB_BITS;

	if (idx < 2 * HISTOGRAM_SUB)
		return idx;
	return (uint64_t)(HISTOGRAM_SUB + (idx & (HISTOGRAM_SUB - 1))) << (shift - 1);
}

void histogram_add(struct histogram *h, const struct histogram *other)
{
	if (!__atomic_load_n(&other->count, __ATOMIC_RELAXED))
		return; /* memory that was never written is not looked at further */
	h->sum += __atomic_load_n(&other->sum, __ATOMIC_RELAXED);
	/* The count follows the buckets, so that quantiles of a moving histogram stay in it. */
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = __atomic_load_n(&other->buckets[i], __ATOMIC_RELAXED);

		h->buckets[i] += n;
		h->count += n;
	}
}

void histogram_subtract(struct histogram *h, const struct histogram *other)
{
	h->count -= other->count;
	h->sum -= other->sum;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->buckets[i] -= other->buckets[i];
}

double histogram_quantile(const struct histogram *h, double q)
{
	double wanted = q * (double)h->count;
	uint64_t below = 0;
	unsigned last = 0;

	if (!h->count)
		return NAN;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t start = histogram_bucket_start(i);
		double width = (double)(histogram_bucket_start(i + 1) - start);
		double n = (double)h->buckets[i];

		if (h->buckets[i]) {
			last = i;
			if ((double)below + n >= wanted)
				return (double)start + width * fmax(wanted - (double)below, 0) / n;
		}
		below += h->buckets[i];
	}
	return (double)histogram_bucket_start(last + 1);
}

uint64_t histogram_count_below(const struct histogram *h, uint64_t value)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t start = histogram_bucket_start(i), end = histogram_bucket_start(i + 1);

		if (start > value)
			break;
		if (value + 1 >= end)
			n += h->buckets[i];
		else
			n += h->buckets[i] * (value + 1 - start) / (end - start);
	}
	return n;
}

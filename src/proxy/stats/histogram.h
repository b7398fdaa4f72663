/*
 * histogram.h - how durations are spread, in 8 buckets per power of two (at most 12.5% wide).
 * One thread records; another may read at the same time and sees a slightly older picture.
 */
#ifndef CONVOY_PROXY_STATS_HISTOGRAM_H
#define CONVOY_PROXY_STATS_HISTOGRAM_H

#include "base/compiler.h"

enum {
	HISTOGRAM_SUB_BITS = 3,
	HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS,
	HISTOGRAM_MAX_BITS = 42, /* values from 2^42 on (50 days in µs) count as the last bucket */
	HISTOGRAM_BUCKETS = (HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB,
};

struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* The bucket of @value: exact below 2 * HISTOGRAM_SUB, then the top bits of the value. */
static inline unsigned histogram_bucket(uint64_t value)
{
	unsigned shift;

	if (value < HISTOGRAM_SUB)
		return (unsigned)value;
	if (value >> HISTOGRAM_MAX_BITS)
		return HISTOGRAM_BUCKETS - 1;
	shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

/* histogram_bucket_start - the smallest value of bucket @idx; also for idx == HISTOGRAM_BUCKETS. */
uint64_t histogram_bucket_start(unsigned idx);

static inline void histogram_record(struct histogram *h, uint64_t value)
{
	uint64_t *bucket = &h->buckets[histogram_bucket(value)];

	__atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&h->count, h->count + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&h->sum, h->sum + value, __ATOMIC_RELAXED);
}

/* histogram_add, histogram_subtract - @h += @other, which its thread may be changing; @h -= it. */
void histogram_add(struct histogram *h, const struct histogram *other);
void histogram_subtract(struct histogram *h, const struct histogram *other);

/* histogram_quantile - the value that @q (0 to 1) of the records do not exceed; NAN when empty. */
double histogram_quantile(const struct histogram *h, double q);

/* histogram_count_below - records up to @value, the bucket that it cuts in proportion. */
uint64_t histogram_count_below(const struct histogram *h, uint64_t value);

#endif

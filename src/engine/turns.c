/* turns.c - what a histogram of turns says. */
#include "engine/turns.h"

uint64_t turns_total(const uint64_t bucket[TURNS_BUCKETS])
{
	uint64_t n = 0;

	for (unsigned i = 0; i < TURNS_BUCKETS; i++)
		n += bucket[i];
	return n;
}

uint64_t turns_percentile(const uint64_t bucket[TURNS_BUCKETS], double p)
{
	uint64_t total = turns_total(bucket), seen = 0;
	double wanted = p * (double)total;

	for (unsigned i = 0; i < TURNS_BUCKETS && total; i++) {
		seen += bucket[i];
		if (seen && (double)seen >= wanted)
			return turns_limit(i) - 1;
	}
	return 0;
}

/*
 * random.h - a small fast generator, seeded by the caller (tests) or by the kernel.
 * Not for secrets; keys and sequence-number secrets come from random_secret().
 */
#ifndef CONVOY_BASE_RANDOM_H
#define CONVOY_BASE_RANDOM_H

#include "base/compiler.h"

struct random {
	uint64_t s[4];
};

/* random_seed - start the sequence that belongs to @seed. */
void random_seed(struct random *r, uint64_t seed);

/* random_u64 - the next number (xoshiro256**, Blackman and Vigna 2018). */
uint64_t random_u64(struct random *r);

/* random_below - uniform in [0, @n); @n must not be 0. */
uint32_t random_below(struct random *r, uint32_t n);

/* random_secret - fill @out with @len unpredictable bytes from the kernel; aborts if it cannot. */
void random_secret(void *out, size_t len);

#endif

/*
 * key.h - addresses of both families as strings of bits: IPv4 has 32 of them, and zeros behind.
 *
 * The control plane's rib and the building of tries know keys only, so that both families are one
 * code; lookups have a form for each.
 */
#ifndef CONVOY_L3_FIB_KEY_H
#define CONVOY_L3_FIB_KEY_H

#include "wire/ip4.h"
#include "wire/ip6.h"

enum { FIB_KEY_BITS = 128 };

struct fib_key {
	uint64_t hi, lo; /* the first bit is the top one of @hi */
};

static inline struct fib_key fib_key_of_ip4(uint32_t addr)
{
	return (struct fib_key){ (uint64_t)addr << 32, 0 };
}

static inline struct fib_key fib_key_of_ip6(const struct ip6_addr *addr)
{
	return (struct fib_key){ ip6_high(addr), ip6_low(addr) };
}

static inline uint32_t fib_key_ip4(struct fib_key k)
{
	return (uint32_t)(k.hi >> 32);
}

static inline struct ip6_addr fib_key_ip6(struct fib_key k)
{
	return ip6_of(k.hi, k.lo);
}

/* fib_key_mask - @len ones, then zeros; lengths over FIB_KEY_BITS count as that. */
static inline struct fib_key fib_key_mask(unsigned len)
{
	if (len >= 128)
		return (struct fib_key){ ~(uint64_t)0, ~(uint64_t)0 };
	if (len > 64)
		return (struct fib_key){ ~(uint64_t)0, ~(uint64_t)0 << (128 - len) };
	return (struct fib_key){ len ? ~(uint64_t)0 << (64 - len) : 0, 0 };
}

static inline struct fib_key fib_key_and(struct fib_key a, struct fib_key b)
{
	return (struct fib_key){ a.hi & b.hi, a.lo & b.lo };
}

static inline struct fib_key fib_key_or(struct fib_key a, struct fib_key b)
{
	return (struct fib_key){ a.hi | b.hi, a.lo | b.lo };
}

static inline struct fib_key fib_key_not(struct fib_key a)
{
	return (struct fib_key){ ~a.hi, ~a.lo };
}

static inline bool fib_key_equal(struct fib_key a, struct fib_key b)
{
	return ((a.hi ^ b.hi) | (a.lo ^ b.lo)) == 0;
}

static inline bool fib_key_before(struct fib_key a, struct fib_key b)
{
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

/* fib_key_bit - bit @at, 0 to 127 from the top. */
static inline unsigned fib_key_bit(struct fib_key k, unsigned at)
{
	return (unsigned)((at < 64 ? k.hi >> (63 - at) : k.lo >> (127 - at)) & 1);
}

/* fib_key_shift_left - without the first @n bits, which may be more than there are. */
static inline struct fib_key fib_key_shift_left(struct fib_key k, unsigned n)
{
	if (n >= 64)
		return (struct fib_key){ n < 128 ? k.lo << (n - 64) : 0, 0 };
	return n ? (struct fib_key){ k.hi << n | k.lo >> (64 - n), k.lo << n } : k;
}

static inline struct fib_key fib_key_shift_right(struct fib_key k, unsigned n)
{
	if (n >= 64)
		return (struct fib_key){ 0, n < 128 ? k.hi >> (n - 64) : 0 };
	return n ? (struct fib_key){ k.hi >> n, k.lo >> n | k.hi << (64 - n) } : k;
}

/* fib_key_common - how many leading bits two keys share. */
static inline unsigned fib_key_common(struct fib_key a, struct fib_key b)
{
	if (a.hi != b.hi)
		return (unsigned)__builtin_clzll(a.hi ^ b.hi);
	return a.lo != b.lo ? 64u + (unsigned)__builtin_clzll(a.lo ^ b.lo) : 128u;
}

/* fib_key_agrees - true if both have the same first @len bits. */
static inline bool fib_key_agrees(struct fib_key a, struct fib_key b, unsigned len)
{
	struct fib_key m = fib_key_mask(len);

	return (((a.hi ^ b.hi) & m.hi) | ((a.lo ^ b.lo) & m.lo)) == 0;
}

#endif

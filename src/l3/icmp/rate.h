/*
 * rate.h - how many ICMP errors may be sent: token buckets, one for all and one for each group of
 * destinations, so that one flood does not silence the others. RFC 1812 §4.3.2.8, RFC 4443 §2.4
 * (f). Pure.
 */
#ifndef CONVOY_L3_ICMP_RATE_H
#define CONVOY_L3_ICMP_RATE_H

#include "base/clock.h"
#include "base/compiler.h"

enum {
	ICMP_RATE_ALL = 1000, /* errors a second from one worker, and in one burst */
	ICMP_RATE_ONE = 100,  /* the same to one destination */
	ICMP_RATE_BUCKETS = 256,
};

struct icmp_rate {
	uint64_t full_ns; /* when the bucket will be, or was, full again */
};

struct icmp_rates {
	uint64_t seed;
	struct icmp_rate all;
	struct icmp_rate one[ICMP_RATE_BUCKETS];
};

static inline void icmp_rates_init(struct icmp_rates *r, uint64_t seed)
{
	*r = (struct icmp_rates){ .seed = seed };
}

/* A bucket of @per_second tokens that fills in one second; @now_ns counts from over a second on. */
static inline bool icmp_rate_has(const struct icmp_rate *r, uint32_t per_second, uint64_t now_ns)
{
	return r->full_ns + NS_PER_S / per_second <= now_ns + NS_PER_S;
}

static inline void icmp_rate_take(struct icmp_rate *r, uint32_t per_second, uint64_t now_ns)
{
	uint64_t from = r->full_ns > now_ns ? r->full_ns : now_ns;

	r->full_ns = from + NS_PER_S / per_second;
}

/*
 * icmp_may_send - true if one more error may go to @dst now, and takes a token of each bucket.
 * @dst: an IPv4 address, or the upper half of an IPv6 one: hosts of one network share a bucket
 */
static inline bool icmp_may_send(struct icmp_rates *r, uint64_t dst, uint64_t now_ns)
{
	uint64_t h = (dst ^ r->seed) * 0x9e3779b97f4a7c15u;
	struct icmp_rate *one = &r->one[h >> 56];

	if (!icmp_rate_has(&r->all, ICMP_RATE_ALL, now_ns) ||
	    !icmp_rate_has(one, ICMP_RATE_ONE, now_ns))
		return false;
	icmp_rate_take(&r->all, ICMP_RATE_ALL, now_ns);
	icmp_rate_take(one, ICMP_RATE_ONE, now_ns);
	return true;
}

#endif

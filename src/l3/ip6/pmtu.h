/*
 * pmtu.h - how long packets of ours may be that go to a host: what routers on the way have said.
 * RFC 8201.
 *
 *   icmp6-input ── "too big" ──> pmtu_learn() ──> table <── pmtu_of() ── ip6-rewrite, ip6-fragment
 *
 * Shared by all workers, PMTU_ENTRIES in all; nobody waits for another. Values only shrink, whoever
 * learns what in the same instant, and are forgotten after PMTU_LIFE_NS (§4: ten minutes). Never
 * under 1280 (§4).
 */
#ifndef CONVOY_L3_IP6_PMTU_H
#define CONVOY_L3_IP6_PMTU_H

#include "base/clock.h"
#include "wire/ip6.h"

enum {
	PMTU_SETS = 256,
	PMTU_WAYS = 4, /* hosts of one set; the one that is forgotten next gives way */
	PMTU_ENTRIES = PMTU_SETS * PMTU_WAYS,
};
#define PMTU_LIFE_NS ((uint64_t)600 * NS_PER_S)

/* Every field is atomic; @seq is odd while somebody writes. */
struct pmtu_entry {
	uint32_t seq;
	uint32_t vrf;
	uint32_t mtu_bytes;
	uint64_t high, low; /* of the destination */
	uint64_t until_ns;  /* 0: free */
};

struct pmtu_table {
	uint64_t seed;
	uint64_t until_ns; /* atomic: of the entry that lasts longest; nothing is known after it */
	struct pmtu_entry entry[PMTU_SETS][PMTU_WAYS];
};

/* An entry, copied. */
struct pmtu {
	struct ip6_addr dst;
	uint32_t vrf;
	uint32_t mtu_bytes;
	uint64_t until_ns;
};

/*
 * pmtu_learn - packets to @dst may have @mtu_bytes. False, and nothing is learnt, if that is under
 * IP6_MIN_MTU or not less than what is known, or if others write to all places without end.
 */
bool pmtu_learn(struct pmtu_table *t, uint32_t vrf, const struct ip6_addr *dst, uint32_t mtu_bytes,
		uint64_t now_ns);

/* pmtu_of - the lesser of @mtu_bytes and what is known about @dst. */
uint32_t pmtu_of(const struct pmtu_table *t, uint32_t vrf, const struct ip6_addr *dst,
		 uint32_t mtu_bytes, uint64_t now_ns);

/* pmtu_read - entry number @at, below PMTU_ENTRIES; false if it holds nothing. */
bool pmtu_read(const struct pmtu_table *t, unsigned at, uint64_t now_ns, struct pmtu *out);

#endif

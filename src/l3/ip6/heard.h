/*
 * heard.h - what routers say about a host's link itself: RFC 4861 §6.3.4. Main thread.
 *
 * The last word counts, whoever says it, until the link goes down. A router cannot make the MTU
 * larger than the interface's, nor less than IP6_MIN_MTU.
 */
#ifndef CONVOY_L3_IP6_HEARD_H
#define CONVOY_L3_IP6_HEARD_H

#include "base/clock.h"
#include "engine/interface.h"

struct ip6_link;
struct ip6_stack;
struct nd;

/* 0: nothing was said. */
struct ip6_heard {
	uint32_t mtu_bytes;
	uint32_t reachable_ms;	/* as the router said it */
	uint64_t reachable_ns;	/* what it has come to here: §6.3.2 */
	uint64_t drawn_ns;	/* when */
	uint64_t retransmit_ns; /* at least IP6_RETRANSMIT_MIN_MS, at most IP6_RETRANSMIT_MAX_MS */
	uint8_t hop_limit;	/* of packets of ours */
};

/* Less would flood the link, and more let nobody resolve anything. */
enum { IP6_RETRANSMIT_MIN_MS = 100, IP6_RETRANSMIT_MAX_MS = 10000 };

/* ip6_heard_take - an advertisement that this host believes. */
void ip6_heard_take(struct ip6_link *l, const struct nd *m);

/* ip6_heard_forget - the link goes down, or is no host any more. */
void ip6_heard_forget(struct ip6_link *l);

/* ip6_mtu_on - of IPv6 packets on the link of @i: the interface's, or what routers say. */
uint32_t ip6_mtu_on(const struct ip6_stack *s, const struct interface *i);

#endif

/*
 * routers.h - who leads where, as the routers of a host's links say: the default route (RFC 4861
 * §6.3.4, §6.3.6) and routes to prefixes (RFC 4191 §3.2, a host of type C). Main thread.
 *
 *   ::/0               fe80::1 high, fe80::2 medium      ──> fe80::1; fe80::2 while that is silent
 *   2001:db8:5::/48    fe80::2 low, fe80::3 low          ──> both, flow by flow (RFC 4311)
 *
 * Of those that lead to a prefix, from all links of the VRF, the ones that answer come first, then
 * those of higher preference. The routes are of the source FIB_ADVERTISED; a prefix that is on the
 * link needs no router. Bounded: IP6_ROUTERS_MAX default routers and IP6_ROUTES_MAX routes of a
 * link; more are ignored, and counted.
 */
#ifndef CONVOY_L3_IP6_ROUTERS_H
#define CONVOY_L3_IP6_ROUTERS_H

#include "l3/ip6/ip6.h"
#include "wire/nd.h"

struct ip6_host;

enum { IP6_ROUTES_MAX = 16 };

/* A router that leads to a prefix; one that leads to several is there several times. */
struct ip6_router {
	struct ip6_prefix prefix; /* ::/0: it is a default router */
	struct ip6_addr addr;	  /* link-local */
	enum nd_preference preference;
	bool is_silent;	   /* it did not answer when it was asked last */
	uint64_t until_ns; /* UINT64_MAX: without end */
};

void ip6_routers_init(struct ip6_host *h);

/* ip6_routers_hear - what an advertisement from @src says about where it leads. */
void ip6_routers_hear(struct ip6_host *h, const struct ip6_addr *src, const struct nd *m);

/* ip6_routers_moved - the host's link was in VRF @from until now. */
void ip6_routers_moved(struct ip6_host *h, uint32_t from);

/* ip6_routers_stop - forget them all. */
void ip6_routers_stop(struct ip6_host *h);

/* ip6_advertised_update - let the FIB have the route that is advertised for @prefix, or none. */
void ip6_advertised_update(struct ip6_stack *s, uint32_t vrf, const struct ip6_prefix *prefix);

/*
 * Of l3/neighbor, about any neighbor: it does not answer, or does again (RFC 4861 §6.3.6); it says
 * that it is no router (§7.2.5): then it is no default router any more.
 */
void ip6_router_is_silent(struct engine *e, uint32_t if_index, const struct ip6_addr *addr,
			  bool is_silent);
void ip6_router_is_none(struct engine *e, uint32_t if_index, const struct ip6_addr *addr);

#endif

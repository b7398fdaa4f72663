/*
 * autoconf.h - an interface as a host: addresses, routes and settings from router advertisements.
 * RFC 4861 §6.3, RFC 4862 §5.5, RFC 4191 (routers.h), RFC 5942 (on-link prefixes without
 * addresses). Main thread.
 *
 * Routers are solicited when the link comes up. Bounded, because anybody on the link can advertise:
 * IP6_ROUTERS_MAX routers, IP6_ROUTES_MAX routes, IP6_AUTOCONF_MAX addresses, IP6_ON_LINK_MAX
 * prefixes; what comes beyond that is ignored, and counted.
 */
#ifndef CONVOY_L3_IP6_AUTOCONF_H
#define CONVOY_L3_IP6_AUTOCONF_H

#include "l3/ip6/address.h"
#include "l3/ip6/routers.h"

enum { IP6_AUTOCONF_MAX = 8 };

/* A prefix that no address is made of, but whose addresses are on the link. on_link.c */
struct ip6_on_link {
	struct ip6_prefix prefix;
	uint64_t until_ns; /* UINT64_MAX: without end */
};

struct ip6_host {
	struct ip6_link *on;
	struct timer solicit;
	unsigned n_solicits; /* since the link came up */
	struct timer expire; /* of the router whose time is over next */
	unsigned n_routers;
	struct ip6_router router[IP6_ROUTERS_MAX + IP6_ROUTES_MAX];
	struct timer leave_link; /* of the on-link prefix whose time is over next */
	unsigned n_on_link;
	struct ip6_on_link on_link[IP6_ON_LINK_MAX];
	uint64_t n_heard, n_ignored;
};

/* ip6_host_hear - a router advertisement, valid as far as §6.1.2 goes, from @src. */
void ip6_host_hear(struct ip6_link *l, const struct ip6_addr *src, const struct nd *m);

/* ip6_host_until - when @seconds from now are over; UINT64_MAX for ND_INFINITE. */
uint64_t ip6_host_until(const struct ip6_host *h, uint32_t seconds);

/* ip6_on_nd - what workers pass on: solicitations, advertisements, conflicts. */
void ip6_on_nd(struct ip6_stack *s, uint32_t if_index, const struct ip6_addr *src,
	       const struct nd *m);

/* ip6_host_moved - the link is in another VRF than @from now: its routers are, too. */
void ip6_host_moved(struct ip6_link *l, uint32_t from);

/* Of link.c: begin to be a host; the link came up, goes down; end. Where nobody is one, nothing. */
must_check
int ip6_host_new(struct ip6_link *l);
void ip6_host_start(struct ip6_link *l);
void ip6_host_stop(struct ip6_link *l);
void ip6_host_free(struct ip6_link *l);

/*
 * Of autoconf.c, in on_link.c. ip6_on_link_hear: @p has the flag, and is no link-local or multicast
 * prefix; a lifetime of 0 ends it. RFC 4861 §6.3.4. ip6_on_link_moved: as ip6_host_moved().
 */
void ip6_on_link_init(struct ip6_host *h);
void ip6_on_link_hear(struct ip6_host *h, const struct nd_prefix *p);
void ip6_on_link_moved(struct ip6_host *h, uint32_t from);
void ip6_on_link_stop(struct ip6_host *h);

/* ip6_on_link_interface - the first of the VRF whose link has exactly that prefix; 0 for none. */
uint32_t ip6_on_link_interface(const struct ip6_stack *s, uint32_t vrf,
			       const struct ip6_prefix *prefix);

#endif

/*
 * route.h - static IPv6 routes: the operator's prefixes and their next hops. Main thread.
 *
 * A next hop is on the link of an interface, or a route leads to it (route/hop.h); a link-local one
 * needs the interface's name. It is resolved when a packet needs it. The routes by an interface go
 * when it is removed.
 */
#ifndef CONVOY_L3_IP6_ROUTE_H
#define CONVOY_L3_IP6_ROUTE_H

#include "l3/ip6/ip6.h"

struct ip6_hop {
	uint32_t if_index;    /* 0: the interface whose prefix holds @addr */
	struct ip6_addr addr; /* unspecified: the destination itself, then with an interface */
	uint32_t weight;      /* 0 counts as 1 */
};

struct ip6_route {
	struct list link;
	uint32_t vrf;
	struct ip6_prefix prefix;
	enum fib_source source;
	enum adjacency_kind dead; /* without a hop: what becomes of the packets */
	uint32_t to;		  /* @dead is ADJACENCY_LOOKUP: the VRF */
	unsigned n_hops;
	struct ip6_hop hop[LOAD_BALANCE_PATHS];
};

/*
 * ip6_add_route - packets to the prefix go by these hops, in proportion to their weights. It
 * replaces an earlier route of the same source for the prefix.
 * @source: FIB_STATIC or FIB_DYNAMIC
 * ERR_INVAL for host bits in the prefix, a link-local or multicast prefix, a hop with neither
 * address nor interface, or with a link-local address and no interface; ERR_FULL for more than
 * LOAD_BALANCE_PATHS hops; ERR_UNREACHABLE if a hop is on no link and no route
 * leads there; ERR_NOENT for an unknown VRF or
 * interface, or one without IPv6; ERR_NOMEM.
 */
must_check
int ip6_add_route(struct engine *e, uint32_t vrf, struct ip6_prefix prefix, enum fib_source source,
		  const struct ip6_hop *hops, unsigned n_hops);

/*
 * ip6_add_dead_route - packets to the prefix go nowhere.
 * @kind: ADJACENCY_BLACKHOLE, ADJACENCY_PROHIBIT or ADJACENCY_UNREACHABLE, else ERR_INVAL
 */
must_check
int ip6_add_dead_route(struct engine *e, uint32_t vrf, struct ip6_prefix prefix,
		       enum adjacency_kind kind);

/* ip6_link_to - the interface of @vrf on whose network @addr is, 0 for none. */
uint32_t ip6_link_to(const struct ip6_stack *s, uint32_t vrf, const struct ip6_addr *addr);

/* ip6_add_lookup_route - packets to the prefix go as VRF @to says. ERR_INVAL if that is @vrf. */
must_check
int ip6_add_lookup_route(struct engine *e, uint32_t vrf, struct ip6_prefix prefix, uint32_t to);

/* ip6_del_route - ERR_NOENT if @source has no route for exactly this prefix. */
must_check
int ip6_del_route(struct engine *e, uint32_t vrf, struct ip6_prefix prefix, enum fib_source source);

/* ip6_routes_del_by_interface - forget every route by an interface that loses IPv6. */
void ip6_routes_del_by_interface(struct engine *e, uint32_t if_index);

/* ip6_routes_deinit - forget all of them; before neighbor_deinit(). */
void ip6_routes_deinit(struct engine *e);

#endif

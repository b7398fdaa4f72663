/*
 * route.h - static routes: the operator's prefixes and their next hops. Main thread.
 *
 * A next hop is on the link of an interface, or a route leads to it: route/hop.h. It is resolved
 * when a packet needs it. The routes by an interface go when it is removed.
 */
#ifndef CONVOY_L3_IP4_ROUTE_H
#define CONVOY_L3_IP4_ROUTE_H

#include "l3/ip4/ip4.h"

struct ip4_hop {
	uint32_t if_index; /* 0: the interface whose prefix holds @addr, if there is one */
	uint32_t addr;	   /* host order; 0: the destination itself, then with an interface */
	uint32_t weight;   /* 0 counts as 1 */
};

struct ip4_route {
	struct list link;
	uint32_t vrf;
	struct ip4_prefix prefix;
	enum adjacency_kind dead; /* without a hop: what becomes of the packets */
	uint32_t to;		  /* @dead is ADJACENCY_LOOKUP: the VRF */
	unsigned n_hops;
	struct ip4_hop hop[LOAD_BALANCE_PATHS];
};

/*
 * ip4_add_route - packets to the prefix go by these hops, in proportion to their weights. It
 * replaces an earlier static route for the prefix. ERR_INVAL for host bits in the prefix or a hop
 * with neither address nor interface; ERR_FULL for more than LOAD_BALANCE_PATHS hops;
 * ERR_UNREACHABLE if a hop is on no link and no route leads there; ERR_NOENT for an unknown VRF or
 * interface; ERR_NOMEM.
 */
must_check
int ip4_add_route(struct engine *e, uint32_t vrf, struct ip4_prefix prefix,
		  const struct ip4_hop *hops, unsigned n_hops);

/*
 * ip4_add_dead_route - packets to the prefix go nowhere.
 * @kind: ADJACENCY_BLACKHOLE, ADJACENCY_PROHIBIT or ADJACENCY_UNREACHABLE, else ERR_INVAL
 */
must_check
int ip4_add_dead_route(struct engine *e, uint32_t vrf, struct ip4_prefix prefix,
		       enum adjacency_kind kind);

/* ip4_link_of - the interface of @vrf on whose network @addr is, 0 for none. */
uint32_t ip4_link_of(const struct ip4_stack *s, uint32_t vrf, uint32_t addr);

/* ip4_add_lookup_route - packets to the prefix go as VRF @to says. ERR_INVAL if that is @vrf. */
must_check
int ip4_add_lookup_route(struct engine *e, uint32_t vrf, struct ip4_prefix prefix, uint32_t to);

/* ip4_del_route - ERR_NOENT if there is no static route for exactly this prefix. */
must_check
int ip4_del_route(struct engine *e, uint32_t vrf, struct ip4_prefix prefix);

/* ip4_routes_del_by_interface - forget every static route by an interface that goes away. */
void ip4_routes_del_by_interface(struct engine *e, uint32_t if_index);

/* ip4_routes_deinit - forget all of them; before neighbor_deinit(). */
void ip4_routes_deinit(struct engine *e);

#endif

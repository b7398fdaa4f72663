/*
 * route.h - the routes of the operator and of routers heard of, of both families: prefixes and
 * where they lead. Main thread.
 *
 *   prefix in a VRF ──> next hops, by weight     each on a link, or where the routes say: hop.h
 *                   ──> another VRF              looked up there
 *                   ──> nowhere                  blackhole, prohibit, unreachable
 *
 * Next hops are resolved when a packet needs them. Routes over an interface go when it is removed.
 * What is loaded by the million is known to the FIB only: load.h.
 */
#ifndef CONVOY_L3_ROUTE_H
#define CONVOY_L3_ROUTE_H

#include "l3/fib/fib.h"
#include "wire/ip_prefix.h"

struct engine;

/* One next hop. */
struct route_hop {
	uint32_t vrf;	      /* that it is in, which need not be the route's */
	uint32_t if_index;    /* the link that it is on; 0: the routes that cover @addr decide */
	bool has_addr;	      /* false: the destination itself, on @if_index */
	struct ip6_addr addr; /* IPv4 in the mapped form */
	uint32_t weight;      /* up to LOAD_BALANCE_WEIGHT_MAX; 0 counts as 1 */
};

/* Where to. */
struct route_to {
	enum adjacency_kind kind; /* without hops: BLACKHOLE, PROHIBIT, UNREACHABLE, or LOOKUP */
	uint32_t lookup;	  /* the VRF, with ADJACENCY_LOOKUP */
	bool resilient;		  /* flows stay when hops are added or taken away: load_balance.h */
	unsigned n_hops;
	const struct route_hop *hop;
};

struct route {
	struct list link;	 /* of all, in the order of their making */
	struct list bucket_link; /* by prefix */
	uint32_t vrf;
	struct ip_prefix prefix;
	enum fib_source source; /* FIB_STATIC or FIB_ADVERTISED */
	struct route_to to;
	struct route_hop hop[]; /* @to's */
};

/* routes_init - after route_hops_init(); ERR_NOMEM. routes_deinit: before its deinit. */
must_check
int routes_init(struct engine *e);
void routes_deinit(struct engine *e);

/* routes_of - every struct route by its @link. */
const struct list *routes_of(const struct engine *e);

/* A next hop that no route leads to yet is no fault: it is unreachable until there is one. */
enum route_flags { ROUTE_MAY_WAIT = 1 };

/*
 * route_set - packets to @prefix in VRF @vrf go where @to says, in place of an earlier route of
 * @source for the prefix. Hops without a link get the one that their address is on, if there is
 * one; the next hop to a single host by an interface is that host.
 * An enum err with the reason in @what, a sentence, and nothing has changed: ERR_INVAL for host
 * bits, a link-local or multicast prefix, a hop that can be none; ERR_NOENT for an unknown VRF or
 * interface; ERR_UNREACHABLE, unless it may wait; ERR_FULL for more than LOAD_BALANCE_PATHS;
 * ERR_RANGE for a weight; ERR_NOMEM.
 */
must_check
int route_set(struct engine *e, uint32_t vrf, const struct ip_prefix *prefix,
	      enum fib_source source, const struct route_to *to, unsigned flags, const char **what);

/* route_del - ERR_NOENT if @source has no route for exactly this prefix; ERR_NOMEM. */
must_check
int route_del(struct engine *e, uint32_t vrf, const struct ip_prefix *prefix,
	      enum fib_source source);

/* route_unload - remove what route_load_start() has put in for exactly this prefix. ERR_NOENT,
 * ERR_NOMEM. */
must_check
int route_unload(struct engine *e, uint32_t vrf, const struct ip_prefix *prefix);

/* route_find_or_null - @source's route for exactly this prefix. */
const struct route *route_find_or_null(const struct engine *e, uint32_t vrf,
				       const struct ip_prefix *prefix, enum fib_source source);

/* route_leads - false while a route still waits for a way to one of its next hops. */
bool route_leads(const struct engine *e, const struct route *r);

/* routes_del_by_interface - the interface is going: forget every route over it. */
void routes_del_by_interface(struct engine *e, uint32_t if_index);

/*
 * routes_move_fault_or_null - a sentence why the routes over @if_index cannot go with it from one
 * VRF to another: a route that also leads elsewhere, or from another VRF, or for whose prefix there
 * is one already, or a loaded one. routes_move: let them go along; the interface is in @to already.
 */
const char *routes_move_fault_or_null(const struct engine *e, uint32_t if_index, uint32_t from,
				      uint32_t to);
void routes_move(struct engine *e, uint32_t if_index, uint32_t from, uint32_t to);

/* routes_del_ip6 - the interface does without IPv6 from now on: forget the IPv6 routes over it. */
void routes_del_ip6(struct engine *e, uint32_t if_index);

#endif

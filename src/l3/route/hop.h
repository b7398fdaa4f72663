/*
 * hop.h - next hops: from what an operator or a protocol says to an adjacency. Main thread.
 *
 *   on a link          the neighbour's adjacency, pinned, resolved when a packet needs it
 *   not on a link      an adjacency of the kind VIA: "as the route that covers that address says"
 *   in a VRF           an adjacency of the kind LOOKUP: "look the destination up there"
 *   nowhere            blackhole, prohibit, unreachable
 *
 *   1,000,000 prefixes ──> one load-balance ──> VIA 192.0.2.1 ──> load-balance of 192.0.2.0/24
 *
 * When the route that covers a next hop changes, one VIA is stored anew, whatever the number of
 * prefixes behind it. A default route covers no next hop, and a next hop that is reached over
 * itself is not reached. A VIA whose own paths are all dead is dead, as is a next hop on an
 * interface that is down or without a link: flows take other paths. What nobody has a path over any
 * more is let go by route_hops_tick().
 */
#ifndef CONVOY_L3_ROUTE_HOP_H
#define CONVOY_L3_ROUTE_HOP_H

#include "l3/fib/fib.h"

struct engine;
struct interface;

enum { ROUTE_HOPS_MAX = 65536 };

/* route_hops_init - after neighbor_init(); ERR_NOMEM. route_hops_deinit: before its deinit. */
must_check
int route_hops_init(struct engine *e);
void route_hops_deinit(struct engine *e);

/* route_hops_tick - some times a minute: let go what is not used. */
void route_hops_tick(struct engine *e);

/*
 * route_hop_to - the adjacency for a next hop in VRF @vrf.
 * @addr: IPv4 in the mapped form
 * @if_index: the link that it is on; 0: the routes decide, now and later
 * The caller takes its own reference (by load_balance_get()) before it returns to the main loop.
 * ERR_UNREACHABLE if no route but a default one leads to it: @adjacency is set nevertheless, and
 * unreachable until there is one. ERR_FULL, ERR_NOMEM.
 */
must_check
int route_hop_to(struct engine *e, uint32_t vrf, uint32_t if_index, const struct ip6_addr *addr,
		 uint32_t *adjacency);

/* route_hop_leads - true if a route leads to the next hop @addr, which is on no link. */
bool route_hop_leads(const struct engine *e, uint32_t vrf, const struct ip6_addr *addr);

/* route_hop_glean - the adjacency for destinations on the link of @if_index itself. ERR_NOENT. */
must_check
int route_hop_glean(struct engine *e, uint32_t if_index, bool is_ip4, uint32_t *adjacency);

/* route_hop_lookup - the adjacency that looks destinations up in VRF @vrf. ERR_NOENT without it. */
must_check
int route_hop_lookup(struct engine *e, uint32_t vrf, uint32_t *adjacency);

/* route_hop_dead - the adjacency for packets that go nowhere. @kind: BLACKHOLE, PROHIBIT or
 * UNREACHABLE, else ERR_INVAL. */
must_check
int route_hop_dead(struct engine *e, enum adjacency_kind kind, uint32_t *adjacency);

/* route_hops_need_vrf - true while a next hop is in VRF @vrf, or it is looked up. */
bool route_hops_need_vrf(struct engine *e, uint32_t vrf);

/*
 * route_hops_del_interface - forget the next hops on a link that is no more, or (@family 4 or 6)
 * that does without that family, and the loaded routes over them: those step by step, later.
 */
void route_hops_del_interface(struct engine *e, uint32_t if_index, unsigned family);

/* route_hops_loaded_over - true if a loaded route leads over the link. Looks at every prefix. */
bool route_hops_loaded_over(const struct engine *e, uint32_t if_index);

/* route_hops_set_mtu - the MTU of a link has changed, of a family or of both. */
void route_hops_set_mtu(struct engine *e, const struct interface *i);

/* route_hops_load_begins, _ends - of load.c: loaded routes may still come over what goes now. */
void route_hops_load_begins(struct engine *e);
void route_hops_load_ends(struct engine *e);

/* route_hops_stored - how often a VIA was stored anew, for tests. */
uint64_t route_hops_stored(const struct engine *e);

#endif

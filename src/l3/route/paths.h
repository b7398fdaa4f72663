/* paths.h - from what a route says to the paths of its packets. Main thread. */
#ifndef CONVOY_L3_ROUTE_PATHS_H
#define CONVOY_L3_ROUTE_PATHS_H

#include "l3/route/route.h"
#include "l3/route/route_text.h"

struct engine;

/* route_link_to - the interface of VRF @vrf on whose network @addr is, 0 for none. */
uint32_t route_link_to(const struct engine *e, uint32_t vrf, const struct ip6_addr *addr);

/*
 * route_to_of_text - names become interfaces and VRFs. @hops: LOAD_BALANCE_PATHS of them, which
 * @out points at. ERR_NOENT with @what, a sentence, for an interface or VRF that is not there.
 */
must_check
int route_to_of_text(struct engine *e, uint32_t vrf, bool is_ip4, const struct route_text_to *text,
		     struct route_hop *hops, struct route_to *out, const char **what);

/*
 * route_paths_get - the paths to where @to, checked and complete, leads from a route of the
 * family: LOAD_BALANCE_PATHS of them, @n used. Their adjacencies are to be referenced before main
 * returns to its loop. Errors as those of route_set(), in @what.
 */
must_check
int route_paths_get(struct engine *e, bool is_ip4, const struct route_to *to, unsigned flags,
		    struct fib_path *paths, unsigned *n, const char **what);

/*
 * route_hop_complete - check @hop of a route of the family and find the link that it is on.
 * ERR_INVAL, ERR_NOENT with the reason in @what.
 */
must_check
int route_hop_complete(const struct engine *e, bool is_ip4, struct route_hop *hop,
		       const char **what);

#endif

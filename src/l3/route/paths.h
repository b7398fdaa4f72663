/* paths.h - from a route's text to the load-balance of its packets. Main thread. */
#ifndef CONVOY_L3_ROUTE_PATHS_H
#define CONVOY_L3_ROUTE_PATHS_H

#include "l3/route/route_text.h"

struct engine;

/*
 * route_paths_get - a load-balance for where @to leads from VRF @vrf; its reference is the
 * caller's. Returns 0, or an enum err with @what, a sentence: ERR_NOENT for an interface or VRF
 * that is not there, ERR_UNREACHABLE for a next hop that no route leads to, ERR_FULL, ERR_NOMEM.
 */
must_check
int route_paths_get(struct engine *e, uint32_t vrf, bool is_ip4, const struct route_text_to *to,
		    uint32_t *load_balance, const char **what);

#endif

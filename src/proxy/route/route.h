/*
 * route.h - which route a request takes, compiled from the configuration.
 *
 *   authority ──> virtual host: exact, then the longest "*suffix", then the longest "prefix*",
 *                 then "*" ──> its first route whose match holds
 *
 * Immutable and shared by all workers.
 */
#ifndef CONVOY_PROXY_ROUTE_ROUTE_H
#define CONVOY_PROXY_ROUTE_ROUTE_H

#include "base/slice.h"
#include "proxy/config/route.h"

struct route_table;

/* route_table_new_or_null - @config must outlive it. NULL when memory is exhausted. */
struct route_table *route_table_new_or_null(const struct route_table_config *config);
void route_table_free(struct route_table *t);

/*
 * route_find_host_or_null - the virtual host of @authority (as received: any case, with its port).
 * A port takes part in the match as Envoy has it, unless ignore_port_in_host_matching.
 */
const struct virtual_host_config *route_find_host_or_null(const struct route_table *t,
							  struct slice authority);

/* route_find_or_null - the first route of @host that @path (with its query) matches. */
const struct route_config *route_find_or_null(const struct virtual_host_config *host,
					      struct slice path);

#endif

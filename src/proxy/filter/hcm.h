/*
 * hcm.h - the HTTP connection manager: a network filter that turns bytes into streams and runs each
 * through its HTTP filters. Essay in hcm_connection.c.
 */
#ifndef CONVOY_PROXY_FILTER_HCM_H
#define CONVOY_PROXY_FILTER_HCM_H

#include "proxy/config/http.h"
#include "proxy/filter/network_filter.h"
#include "proxy/stats/stats.h"

struct access_logs;
struct clusters;
struct network_filter_factory;

/* What a connection manager works with; all of it outlives the factory. */
struct hcm_services {
	struct stats *stats;
	struct access_logs *logs;
	uint32_t buffer_limit_bytes; /* of the listener: most that is held of a body */
};

/*
 * hcm_factory_new_or_null - a factory for listeners. Main thread, before the workers start.
 * NULL when memory is exhausted or an access log cannot be opened (the log says which).
 */
struct network_filter_factory *hcm_factory_new_or_null(const struct hcm_config *config,
						       const struct hcm_services *services);

/*
 * http_worker_start - what all connection managers of one worker share: recycled streams, the date,
 * request ids. In the thread of @d, before its first connection.
 */
must_check
int http_worker_start(struct dispatcher *d, unsigned worker_idx);

/* http_worker_stop - in the thread of @d, after its last connection. */
void http_worker_stop(struct dispatcher *d);

#endif

/*
 * clusters.h - every cluster of a configuration, and each worker's half of it.
 *
 *   struct clusters        shared: configuration, limits (circuit breakers), statistics
 *     └─ per worker        hosts, round-robin position, pools of connections; nothing is shared
 *
 * Made by the main thread before the workers start; freed after they have stopped.
 */
#ifndef CONVOY_PROXY_UPSTREAM_CLUSTERS_H
#define CONVOY_PROXY_UPSTREAM_CLUSTERS_H

#include "proxy/config/bootstrap.h"
#include "proxy/net/address.h"
#include "proxy/net/dispatcher.h"
#include "proxy/net/socket_interface.h"
#include "proxy/stats/stats.h"

struct clusters;

/*
 * clusters_new_or_null - @bootstrap, @stats and @sockets must outlive it.
 * NULL when memory is exhausted or an endpoint names a socket interface that does not exist (the
 * log says which).
 */
struct clusters *clusters_new_or_null(const struct bootstrap_config *bootstrap, struct stats *stats,
				      const struct socket_registry *sockets);
void clusters_free(struct clusters *cs);

/*
 * clusters_worker_start - make this worker's half, with the hosts of STATIC clusters; DNS clusters
 * are empty until clusters_set_hosts(). In the thread of @d.
 */
must_check
int clusters_worker_start(struct clusters *cs, struct dispatcher *d, unsigned worker_idx);

/* clusters_worker_stop - close every upstream connection; in the thread of @d, after its streams
 * have gone. */
void clusters_worker_stop(struct dispatcher *d);

/* One host of a cluster: where it is, and the endpoint that it came from. */
struct host_spec {
	struct address address;
	const struct endpoint_config *endpoint;
};

/*
 * clusters_set_hosts - the hosts of cluster @cluster_idx are now @hosts, in this order.
 * Hosts that stay keep their connections and counts; those that went finish what is under way.
 * In the thread of @d.
 */
must_check
int clusters_set_hosts(struct dispatcher *d, uint32_t cluster_idx, const struct host_spec *hosts,
		       unsigned n_hosts);

/* What one worker knows of one host, for /clusters; add up what the workers say. */
struct host_report {
	struct address address;
	const struct endpoint_config *endpoint;
	uint64_t cx_active, cx_connect_fail, cx_total;
	uint64_t rq_active, rq_error, rq_success, rq_timeout, rq_total;
};

/*
 * clusters_report - the hosts of cluster @cluster_idx as this worker sees them, in order.
 * Returns how many there are; fills at most @max. In the thread of @d.
 */
unsigned clusters_report(struct dispatcher *d, uint32_t cluster_idx, struct host_report *out,
			 unsigned max);

#endif

/* upstream_internal.h - what hosts, pools and connections share. */
#ifndef CONVOY_PROXY_UPSTREAM_UPSTREAM_INTERNAL_H
#define CONVOY_PROXY_UPSTREAM_UPSTREAM_INTERNAL_H

#include <stdatomic.h>

#include "proxy/filter/network_filter.h"
#include "proxy/http/http1.h"
#include "proxy/upstream/clusters.h"
#include "proxy/upstream/upstream.h"

/* A circuit breaker: how many all workers together have in use; relaxed, only the sum matters. */
struct limit {
	atomic_uint_fast32_t n;
	atomic_bool full;
};

struct limits {
	struct limit connections, pending, requests;
} cacheline_aligned;

/* Shared by the workers. */
struct cluster_shared {
	const struct cluster_config *config;
	struct stat_group *stats;
	struct socket_interface **interfaces; /* of each endpoint */
	struct http1_settings http1;
	struct limits limits[ROUTE_N_PRIORITIES];
};

struct clusters {
	const struct bootstrap_config *bootstrap;
	struct cluster_shared *at; /* bootstrap->n_clusters */
};

struct cluster {
	struct cluster_shared *shared;
	struct cluster_stats *stats;
	struct dispatcher *dispatcher;
	struct upstream_host **hosts;
	unsigned n_hosts;
	unsigned next; /* round robin, when all weights are equal */
	bool weighted;
	unsigned n_former;   /* hosts taken out that still have work */
	bool counts_members; /* one worker does, as all have the same hosts */
};

struct cluster_worker {
	struct clusters *shared;
	struct cluster clusters[]; /* bootstrap->n_clusters */
};

/* Counted: one for the cluster's list, one per connection, one per request. */
struct upstream_host {
	struct cluster *cluster;
	struct address address;
	const struct endpoint_config *endpoint;
	struct socket_interface *interface;
	struct list idle;    /* connections, the most recently used last */
	struct list busy;    /* connections that connect or carry a request */
	struct list pending; /* requests, the oldest first */
	unsigned n_refs;
	unsigned n_connecting, n_pending;
	int64_t current_weight; /* smooth weighted round robin */
	bool former;		/* no longer of the cluster */
	uint64_t cx_active, cx_connect_fail, cx_total;
	uint64_t rq_active, rq_error, rq_success, rq_timeout, rq_total;
};

enum upstream_state { UPSTREAM_CONNECTING, UPSTREAM_IDLE, UPSTREAM_BUSY, UPSTREAM_ENDED };

struct upstream_connection {
	struct network_filter filter;
	struct connection_observer observer;
	struct connection *connection;
	struct http1 codec;
	struct upstream_host *host; /* counted; NULL once ended */
	struct upstream_request *request;
	struct list link; /* in one of the host's lists */
	struct timer idle_timer;
	struct dispatcher *dispatcher;
	uint64_t started_ns, idle_since_ns;
	uint64_t counted_rx, counted_tx; /* bytes that the statistics have */
	uint32_t n_requests, n_pauses;
	uint8_t state; /* enum upstream_state */
	uint8_t priority;
	bool request_done, response_done;
};

/* pool_serve - give the oldest waiting requests of @h to idle connections. */
void pool_serve(struct upstream_host *h);

/* pool_fail_pending - fail every waiting request of @h. */
void pool_fail_pending(struct upstream_host *h, enum upstream_failure why);

/* upstream_connection_open - connect to @h; ERR_* if there is no socket to do it with. */
must_check
int upstream_connection_open(struct upstream_host *h, enum route_priority priority);

/* upstream_connection_assign - @r is now carried by @c, which is idle; calls ready. */
void upstream_connection_assign(struct upstream_connection *c, struct upstream_request *r);

/* upstream_connection_release - the exchange is over: to the pool, or close. */
void upstream_connection_release(struct upstream_connection *c);

/* request_over - the count and the host of @r go; its connection must be gone already. */
void request_over(struct upstream_request *r);

/*
 * limit_take - one more, if there are fewer than @max. @open: the gauge of this worker that goes up
 * when the limit is reached, and down when it no longer is, by whichever worker notices.
 */
bool limit_take(struct limit *l, uint32_t max, uint64_t *open);
/* limit_force - one more in any case. */
void limit_force(struct limit *l);
void limit_give(struct limit *l, uint64_t *open);

static inline struct limits *limits_of(const struct upstream_host *h, unsigned priority)
{
	return &h->cluster->shared->limits[priority];
}

static inline struct breaker_stats *breakers_of(const struct upstream_host *h, unsigned priority)
{
	return &h->cluster->stats->breakers[priority];
}

#endif

/*
 * upstream.h - one request to one host of a cluster: what the router works with.
 *
 *   upstream_choose_host() ──> upstream_start() ──> ready ──> write_head, write_data …
 *                                               └─> failed          head, data, … <── response
 *
 * A worker's half of a cluster gives out hosts in weighted round robin; each host keeps a pool of
 * HTTP/1.1 connections, the most recently used first. A request without a free connection waits
 * until one comes free or a new one is connected. Limits (circuit breakers) hold for all workers
 * together.
 */
#ifndef CONVOY_PROXY_UPSTREAM_UPSTREAM_H
#define CONVOY_PROXY_UPSTREAM_UPSTREAM_H

#include "proxy/config/cluster.h"
#include "proxy/http/codec.h"
#include "proxy/net/buffer.h"
#include "proxy/net/connection.h"
#include "proxy/upstream/cluster_stats.h"

struct cluster;
struct upstream_connection;
struct upstream_host;
struct upstream_request;

/* Why a request has ended before its time. */
enum upstream_failure {
	UPSTREAM_OVERFLOW,	  /* a circuit breaker is open */
	UPSTREAM_CONNECT_FAILED,  /* refused, unreachable … */
	UPSTREAM_LOCAL_FAILED,	  /* no socket to connect with */
	UPSTREAM_CONNECT_TIMEOUT, /* connect_timeout passed */
	UPSTREAM_CLOSED,	  /* the connection ended inside the exchange */
	UPSTREAM_RESET,		  /* the same, by a reset */
	UPSTREAM_PROTOCOL_ERROR,  /* what came is not HTTP */
	N_UPSTREAM_FAILURES,
};

/* Called with the request still valid; the receiver may end it inside. */
struct upstream_request_ops {
	/* A connection is assigned: write. May come from inside upstream_start(). */
	void (*ready)(struct upstream_request *r);
	/* The request is over. */
	void (*failed)(struct upstream_request *r, enum upstream_failure why);
	/* A 1xx response; the head is used again for the next one. */
	void (*interim)(struct upstream_request *r);
	/* The response's head. With @end_stream, here and below, the request is over. */
	void (*head)(struct upstream_request *r, bool end_stream);
	void (*data)(struct upstream_request *r, struct buffer *body, bool end_stream);
	void (*trailers)(struct upstream_request *r);
	/* Too much is waiting to be sent to the host; and no more. */
	void (*above_write_mark)(struct upstream_request *r);
	void (*below_write_mark)(struct upstream_request *r);
};

/* Embed it. All members are upstream's after upstream_start(). */
struct upstream_request {
	const struct upstream_request_ops *ops;
	struct http_head *head;	     /* where the response goes: initialised by the caller */
	struct header_map *trailers; /* likewise */
	struct list link;	     /* while it waits for a connection */
	struct upstream_connection *connection; /* NULL: waiting, or over */
	struct upstream_host *host;		/* counted while the request is not over */
	uint8_t priority;
	bool reused; /* its connection has carried requests before */
	bool response_started;
};

/* cluster_of - this worker's half of cluster @cluster_idx of the configuration. */
struct cluster *cluster_of(const struct dispatcher *d, uint32_t cluster_idx);
const struct cluster_config *cluster_config(const struct cluster *c);
struct cluster_stats *cluster_stats(const struct cluster *c);

/* upstream_choose_host - the next host's turn; NULL if the cluster has none. */
struct upstream_host *upstream_choose_host(struct cluster *c);

/* host_get, host_put - hosts are counted: one that was taken out lives until its last request. */
struct upstream_host *host_get(struct upstream_host *h);
void host_put(struct upstream_host *h);
const struct address *upstream_host_address(const struct upstream_host *h);

/* upstream_start - begin @r on @h; ready or failed follows, now or later. */
void upstream_start(struct upstream_request *r, struct upstream_host *h,
		    const struct upstream_request_ops *ops, enum route_priority priority,
		    struct http_head *head, struct header_map *trailers);

/* upstream_cancel - forget @r; closes its connection if the exchange is under way. Idempotent. */
void upstream_cancel(struct upstream_request *r);

/* Write the request; after ready, until it is over. @end_stream: nothing follows. */
void upstream_write_head(struct upstream_request *r, const struct http_head *h, bool end_stream);
void upstream_write_data(struct upstream_request *r, struct buffer *body, bool end_stream);
void upstream_write_trailers(struct upstream_request *r, const struct header_map *trailers);

/* upstream_pause - stop reading the response, or go on. Counted. */
void upstream_pause(struct upstream_request *r, bool pause);

/* upstream_local_address - of the connection of @r; NULL while it has none. */
const struct address *upstream_local_address(const struct upstream_request *r);

/* upstream_count_outcome - for /clusters: how the exchange with the host of @r went. */
void upstream_count_outcome(struct upstream_host *h, unsigned status, bool timed_out);

/* upstream_failure_text - as in Envoy's replies ("connection termination"). */
const char *upstream_failure_text(enum upstream_failure why);

#endif

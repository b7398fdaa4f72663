/* cluster_stats.h - what is counted per cluster and worker, with Envoy's names. */
#ifndef CONVOY_PROXY_UPSTREAM_CLUSTER_STATS_H
#define CONVOY_PROXY_UPSTREAM_CLUSTER_STATS_H

#include "proxy/config/route.h"
#include "proxy/stats/stats.h"

/* circuit_breakers.<priority>: 1 while the limit is reached */
struct breaker_stats {
	uint64_t cx_open, rq_pending_open, rq_open;
};

struct cluster_stats {
	struct breaker_stats breakers[ROUTE_N_PRIORITIES];
	uint64_t membership_change, membership_healthy, membership_total;
	uint64_t upstream_cx_active, upstream_cx_close_notify, upstream_cx_connect_fail;
	uint64_t upstream_cx_connect_timeout, upstream_cx_destroy, upstream_cx_destroy_local;
	uint64_t upstream_cx_destroy_local_with_active_rq, upstream_cx_destroy_remote;
	uint64_t upstream_cx_destroy_remote_with_active_rq, upstream_cx_destroy_with_active_rq;
	uint64_t upstream_cx_http1_total, upstream_cx_idle_timeout, upstream_cx_max_requests;
	uint64_t upstream_cx_none_healthy, upstream_cx_overflow, upstream_cx_protocol_error;
	uint64_t upstream_cx_rx_bytes_total, upstream_cx_total, upstream_cx_tx_bytes_total;
	uint64_t upstream_flow_control_paused_reading_total;
	uint64_t upstream_flow_control_resumed_reading_total;
	uint64_t upstream_rq_1xx, upstream_rq_2xx, upstream_rq_3xx, upstream_rq_4xx;
	uint64_t upstream_rq_5xx, upstream_rq_active, upstream_rq_cancelled, upstream_rq_completed;
	uint64_t upstream_rq_pending_active, upstream_rq_pending_failure_eject;
	uint64_t upstream_rq_pending_overflow, upstream_rq_pending_total, upstream_rq_retry;
	uint64_t upstream_rq_retry_success, upstream_rq_rx_reset;
	uint64_t upstream_rq_timeout, upstream_rq_total, upstream_rq_tx_reset;
	struct histogram upstream_cx_connect_ms, upstream_cx_length_ms, upstream_rq_time;
	struct status_codes upstream_rq_codes;
};

extern const struct stat_layout cluster_stats_layout;

#endif

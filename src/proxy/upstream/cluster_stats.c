/* cluster_stats.c - the names of cluster_stats. */
#include "proxy/upstream/cluster_stats.h"

#include <stddef.h>

#define COUNTER(member)                                                                            \
	{                                                                                          \
#member, STAT_COUNTER, offsetof(struct cluster_stats, member)                      \
	}
#define GAUGE(member)                                                                              \
	{                                                                                          \
#member, STAT_GAUGE, offsetof(struct cluster_stats, member)                        \
	}
#define TIME(member)                                                                               \
	{                                                                                          \
#member, STAT_TIME, offsetof(struct cluster_stats, member)                         \
	}

#define BREAKER(priority, priority_name, member)                                                   \
	{                                                                                          \
		"circuit_breakers." priority_name "." #member, STAT_GAUGE,                         \
			offsetof(struct cluster_stats, breakers[priority].member)                  \
	}

static const struct stat_field fields[] = {
	BREAKER(ROUTE_PRIORITY_DEFAULT, "default", cx_open),
	BREAKER(ROUTE_PRIORITY_DEFAULT, "default", rq_pending_open),
	BREAKER(ROUTE_PRIORITY_DEFAULT, "default", rq_open),
	BREAKER(ROUTE_PRIORITY_HIGH, "high", cx_open),
	BREAKER(ROUTE_PRIORITY_HIGH, "high", rq_pending_open),
	BREAKER(ROUTE_PRIORITY_HIGH, "high", rq_open),
	COUNTER(membership_change),
	GAUGE(membership_healthy),
	GAUGE(membership_total),
	GAUGE(upstream_cx_active),
	COUNTER(upstream_cx_close_notify),
	COUNTER(upstream_cx_connect_fail),
	COUNTER(upstream_cx_connect_timeout),
	COUNTER(upstream_cx_destroy),
	COUNTER(upstream_cx_destroy_local),
	COUNTER(upstream_cx_destroy_local_with_active_rq),
	COUNTER(upstream_cx_destroy_remote),
	COUNTER(upstream_cx_destroy_remote_with_active_rq),
	COUNTER(upstream_cx_destroy_with_active_rq),
	COUNTER(upstream_cx_http1_total),
	COUNTER(upstream_cx_idle_timeout),
	COUNTER(upstream_cx_max_requests),
	COUNTER(upstream_cx_none_healthy),
	COUNTER(upstream_cx_overflow),
	COUNTER(upstream_cx_protocol_error),
	COUNTER(upstream_cx_rx_bytes_total),
	COUNTER(upstream_cx_total),
	COUNTER(upstream_cx_tx_bytes_total),
	COUNTER(upstream_flow_control_paused_reading_total),
	COUNTER(upstream_flow_control_resumed_reading_total),
	COUNTER(upstream_rq_1xx),
	COUNTER(upstream_rq_2xx),
	COUNTER(upstream_rq_3xx),
	COUNTER(upstream_rq_4xx),
	COUNTER(upstream_rq_5xx),
	GAUGE(upstream_rq_active),
	COUNTER(upstream_rq_cancelled),
	COUNTER(upstream_rq_completed),
	GAUGE(upstream_rq_pending_active),
	COUNTER(upstream_rq_pending_failure_eject),
	COUNTER(upstream_rq_pending_overflow),
	COUNTER(upstream_rq_pending_total),
	COUNTER(upstream_rq_retry),
	COUNTER(upstream_rq_retry_success),
	COUNTER(upstream_rq_rx_reset),
	COUNTER(upstream_rq_timeout),
	COUNTER(upstream_rq_total),
	COUNTER(upstream_rq_tx_reset),
	TIME(upstream_cx_connect_ms),
	TIME(upstream_cx_length_ms),
	TIME(upstream_rq_time),
	{ "upstream_rq", STAT_STATUS_CODES, offsetof(struct cluster_stats, upstream_rq_codes) },
};

const struct stat_layout cluster_stats_layout = {
	.size = sizeof(struct cluster_stats),
	.fields = fields,
	.n_fields = count_of(fields),
};

/* hcm_stats.c - the names of hcm_stats. */
#include "proxy/filter/hcm_stats.h"

#include <stddef.h>

#define COUNTER(member)                                                                            \
	{                                                                                          \
#member, STAT_COUNTER, offsetof(struct hcm_stats, member)                          \
	}
#define GAUGE(member)                                                                              \
	{                                                                                          \
#member, STAT_GAUGE, offsetof(struct hcm_stats, member)                            \
	}
#define TIME(member)                                                                               \
	{                                                                                          \
#member, STAT_TIME, offsetof(struct hcm_stats, member)                             \
	}

static const struct stat_field fields[] = {
	GAUGE(downstream_cx_active),
	COUNTER(downstream_cx_destroy),
	COUNTER(downstream_cx_destroy_active_rq),
	COUNTER(downstream_cx_destroy_local),
	COUNTER(downstream_cx_destroy_local_active_rq),
	COUNTER(downstream_cx_destroy_remote),
	COUNTER(downstream_cx_destroy_remote_active_rq),
	COUNTER(downstream_cx_drain_close),
	GAUGE(downstream_cx_http1_active),
	COUNTER(downstream_cx_http1_total),
	COUNTER(downstream_cx_idle_timeout),
	COUNTER(downstream_cx_max_duration_reached),
	COUNTER(downstream_cx_max_requests_reached),
	COUNTER(downstream_cx_protocol_error),
	COUNTER(downstream_cx_rx_bytes_total),
	COUNTER(downstream_cx_total),
	COUNTER(downstream_cx_tx_bytes_total),
	COUNTER(downstream_flow_control_paused_reading_total),
	COUNTER(downstream_flow_control_resumed_reading_total),
	COUNTER(downstream_rq_1xx),
	COUNTER(downstream_rq_2xx),
	COUNTER(downstream_rq_3xx),
	COUNTER(downstream_rq_4xx),
	COUNTER(downstream_rq_5xx),
	GAUGE(downstream_rq_active),
	COUNTER(downstream_rq_completed),
	COUNTER(downstream_rq_header_timeout),
	COUNTER(downstream_rq_http1_total),
	COUNTER(downstream_rq_idle_timeout),
	COUNTER(downstream_rq_max_duration_reached),
	COUNTER(downstream_rq_non_relative_path),
	COUNTER(downstream_rq_response_before_rq_complete),
	COUNTER(downstream_rq_rx_reset),
	COUNTER(downstream_rq_timeout),
	COUNTER(downstream_rq_too_large),
	COUNTER(downstream_rq_total),
	COUNTER(downstream_rq_tx_reset),
	COUNTER(downstream_rq_ws_on_non_ws_route),
	COUNTER(no_cluster),
	COUNTER(no_route),
	COUNTER(rq_direct_response),
	COUNTER(rq_reset_after_downstream_response_started),
	COUNTER(rq_total),
	COUNTER(rs_too_large),
	TIME(downstream_cx_length_ms),
	TIME(downstream_rq_time),
};

const struct stat_layout hcm_stats_layout = {
	.size = sizeof(struct hcm_stats),
	.fields = fields,
	.n_fields = count_of(fields),
};

/* hcm_stats.h - what is counted per stat_prefix and worker, with Envoy's names. */
#ifndef CONVOY_PROXY_FILTER_HCM_STATS_H
#define CONVOY_PROXY_FILTER_HCM_STATS_H

#include "proxy/stats/stats.h"

struct hcm_stats {
	uint64_t downstream_cx_active;
	uint64_t downstream_cx_destroy, downstream_cx_destroy_active_rq;
	uint64_t downstream_cx_destroy_local, downstream_cx_destroy_local_active_rq;
	uint64_t downstream_cx_destroy_remote, downstream_cx_destroy_remote_active_rq;
	uint64_t downstream_cx_drain_close, downstream_cx_http1_active, downstream_cx_http1_total;
	uint64_t downstream_cx_idle_timeout, downstream_cx_max_duration_reached;
	uint64_t downstream_cx_max_requests_reached, downstream_cx_protocol_error;
	uint64_t downstream_cx_rx_bytes_total, downstream_cx_total, downstream_cx_tx_bytes_total;
	uint64_t downstream_flow_control_paused_reading_total;
	uint64_t downstream_flow_control_resumed_reading_total;
	uint64_t downstream_rq_1xx, downstream_rq_2xx, downstream_rq_3xx, downstream_rq_4xx;
	uint64_t downstream_rq_5xx, downstream_rq_active, downstream_rq_completed;
	uint64_t downstream_rq_header_timeout, downstream_rq_http1_total;
	uint64_t downstream_rq_idle_timeout, downstream_rq_max_duration_reached;
	uint64_t downstream_rq_non_relative_path, downstream_rq_response_before_rq_complete;
	uint64_t downstream_rq_rx_reset, downstream_rq_timeout, downstream_rq_too_large;
	uint64_t downstream_rq_total, downstream_rq_tx_reset, downstream_rq_ws_on_non_ws_route;
	uint64_t no_cluster, no_route, rq_direct_response,
		rq_reset_after_downstream_response_started;
	uint64_t rq_total, rs_too_large;
	struct histogram downstream_cx_length_ms, downstream_rq_time;
};

extern const struct stat_layout hcm_stats_layout;

#endif

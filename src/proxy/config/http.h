/*
 * http.h - envoy.extensions.filters.network.http_connection_manager.v3 and the protocol options
 * that it shares with clusters, with Envoy's defaults filled in.
 */
#ifndef CONVOY_PROXY_CONFIG_HTTP_H
#define CONVOY_PROXY_CONFIG_HTTP_H

#include "proxy/config/access_log.h"
#include "proxy/config/route.h"

enum underscores_action { UNDERSCORES_ALLOW, UNDERSCORES_REJECT_REQUEST, UNDERSCORES_DROP_HEADER };

/* envoy.config.core.v3.HttpProtocolOptions: what holds for every version of HTTP. */
struct http_options_config {
	uint64_t idle_timeout_ns; /* of a connection without requests; 0 is off; default 1 h */
	uint64_t max_connection_duration_ns;  /* CONFIG_UNSET_NS: off (default) */
	uint64_t max_stream_duration_ns;      /* CONFIG_UNSET_NS: off (default) */
	uint32_t max_headers_count;	      /* default 100 */
	uint32_t max_requests_per_connection; /* 0: unlimited (default) */
	uint8_t underscores;		      /* enum underscores_action; of requests */
};

/* envoy.config.core.v3.Http1ProtocolOptions */
struct http1_options_config {
	bool allow_absolute_url; /* default true */
	bool accept_http_10;
	const char *default_host_for_http_10; /* NULL: a 1.0 request without Host is refused */
	bool enable_trailers;		      /* otherwise trailers are consumed and dropped */
	bool allow_chunked_length;	      /* both lengths: drop Content-Length instead of 400 */
	bool proper_case_words;		      /* header_key_format; otherwise lower case */
};

enum server_header_transformation {
	SERVER_OVERWRITE,
	SERVER_APPEND_IF_ABSENT,
	SERVER_PASS_THROUGH
};

/* envoy.extensions.filters.http.router.v3.Router */
struct router_config {
	bool dynamic_stats; /* default true */
	bool suppress_envoy_headers;
};

enum http_filter_kind { HTTP_FILTER_ROUTER };

struct http_filter_config {
	const char *name;
	uint8_t kind; /* enum http_filter_kind; the router is always last, and only there */
	struct router_config router;
	const struct config_node *at;
};

enum http_codec_type { HTTP_CODEC_AUTO, HTTP_CODEC_HTTP1 };

struct hcm_config {
	uint8_t codec_type; /* enum http_codec_type */
	const char *stat_prefix;
	const struct route_table_config *route_table; /* never NULL */
	const struct http_filter_config *http_filters;
	uint32_t n_http_filters;
	const struct access_log_config *access_logs;
	uint32_t n_access_logs;

	struct http_options_config common;
	struct http1_options_config http1;

	uint32_t max_request_headers_kb;     /* default 60 */
	uint64_t stream_idle_timeout_ns;     /* 0 is off; default 5 min */
	uint64_t request_timeout_ns;	     /* the whole request must arrive; 0 is off (default) */
	uint64_t request_headers_timeout_ns; /* all headers must arrive; 0 is off (default) */
	uint64_t delayed_close_timeout_ns;   /* 0 closes at once; default 1 s */

	const char *server_name;	      /* default "envoy" */
	uint8_t server_header_transformation; /* enum server_header_transformation */
	const char *via;		      /* NULL: none */
	bool use_remote_address;
	uint32_t xff_num_trusted_hops;
	bool skip_xff_append;
	bool generate_request_id; /* default true */
	bool preserve_external_request_id;
	bool always_set_request_id_in_response;
	bool strip_matching_host_port;
	bool strip_any_host_port;
	const struct config_node *at;
};

#endif

/* hcm.c - the HTTP connection manager and its filters. */
#include "proxy/config/http.h"

#include "proxy/config/messages.h"

static const struct config_field router_fields[] = {
	{ "dynamic_stats", CONFIG_BOOL, .offset = offsetof(struct router_config, dynamic_stats) },
	{ "suppress_envoy_headers", CONFIG_BOOL,
	  .offset = offsetof(struct router_config, suppress_envoy_headers) },
	{ "start_child_span", CONFIG_ONLY, .only = "false", .feature = "tracing" },
	{ "upstream_log", CONFIG_MISSING, .feature = "upstream access logs" },
	{ "upstream_http_filters", CONFIG_MISSING, .feature = "upstream HTTP filters" },
	{ "respect_expected_rq_timeout", CONFIG_ONLY, .only = "false" },
	{ "suppress_grpc_request_failure_code_stats", CONFIG_ONLY, .only = "false" },
	{ "reject_connect_request_early_data", CONFIG_ONLY, .only = "false" },
};
static const struct router_config router_defaults = { .dynamic_stats = true };
static const struct config_message router_message = {
	.name = "Router",
	.size = sizeof(struct router_config),
	.defaults = &router_defaults,
	.fields = router_fields,
	.n_fields = count_of(router_fields),
	.known = "upstream_log_options strict_check_headers",
};

static const struct config_extension_kind http_filters[] = {
	{ "envoy.extensions.filters.http.router.v3.Router",
	  "envoy.filters.http.router envoy.router", HTTP_FILTER_ROUTER, &router_message },
};

static int finish_http_filter(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct http_filter_config *f = holder;
	struct config_extension e;
	int err = config_take_extension(d, n, http_filters, count_of(http_filters), &e);

	if (err)
		return err;
	f->kind = (uint8_t)e.kind->value;
	return config_decode(d, e.config, e.kind->message, &f->router);
}

static const struct config_field http_filter_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct http_filter_config, name),
	  .flags = CONFIG_REQUIRED },
	{ "typed_config", .type = CONFIG_BY_FINISH },
	{ "config", CONFIG_REPLACED, .feature = "typed_config" },
	{ "config_discovery", CONFIG_MISSING, .feature = "extension discovery (ECDS)" },
	{ "is_optional", CONFIG_ONLY, .only = "false", .feature = "optional HTTP filters" },
	{ "disabled", CONFIG_ONLY, .only = "false", .feature = "disabled HTTP filters" },
};
static const struct config_message http_filter_message = {
	.name = "HttpFilter",
	.size = sizeof(struct http_filter_config),
	.fields = http_filter_fields,
	.n_fields = count_of(http_filter_fields),
	.at_offset = offsetof(struct http_filter_config, at),
	.finish = finish_http_filter,
};

static const struct config_enum_value codecs[] = {
	{ "AUTO", HTTP_CODEC_AUTO, NULL },
	{ "HTTP1", HTTP_CODEC_HTTP1, NULL },
	{ "HTTP2", 0, "HTTP/2" },
	{ "HTTP3", 0, "HTTP/3" },
};
static const struct config_enum codec_enum = { codecs, count_of(codecs) };
static const struct config_enum_value server_headers[] = {
	{ "OVERWRITE", SERVER_OVERWRITE, NULL },
	{ "APPEND_IF_ABSENT", SERVER_APPEND_IF_ABSENT, NULL },
	{ "PASS_THROUGH", SERVER_PASS_THROUGH, NULL },
};
static const struct config_enum server_header_enum = { server_headers, count_of(server_headers) };

static int check_filters(struct config_decoder *d, const struct config_node *n,
			 const struct hcm_config *h)
{
	for (uint32_t i = 0; i + 1 < h->n_http_filters; i++)
		if (h->http_filters[i].kind == HTTP_FILTER_ROUTER)
			return config_fail(d->error, h->http_filters[i].at,
					   "the router must be the last HTTP filter");
	if (!h->n_http_filters)
		return config_fail(d->error, n, "\"http_filters\" needs a router at its end");
	return 0;
}

static int finish_hcm(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct hcm_config *h = holder;

	if (!h->route_table)
		return config_fail(d->error, n, "\"route_config\" is missing");
	return check_filters(d, n, h);
}

/* Between the two notices that HTTP/2 gives of its end; HTTP/1.1 has none. */
static int check_drain_timeout(struct config_decoder *d, const struct config_node *n,
			       void *holder unused_arg)
{
	uint64_t ns;

	return config_take_duration(d, n, &ns);
}

static const struct config_field hcm_fields[] = {
	{ "codec_type", CONFIG_ENUM, .offset = offsetof(struct hcm_config, codec_type),
	  .values = &codec_enum },
	{ "stat_prefix", CONFIG_STRING, .offset = offsetof(struct hcm_config, stat_prefix),
	  .flags = CONFIG_REQUIRED },
	{ "route_config", CONFIG_MESSAGE_NEW, .offset = offsetof(struct hcm_config, route_table),
	  .message = &route_table_message },
	{ "http_filters", CONFIG_MESSAGE_LIST, .offset = offsetof(struct hcm_config, http_filters),
	  .n_offset = offsetof(struct hcm_config, n_http_filters),
	  .message = &http_filter_message },
	{ "access_log", CONFIG_MESSAGE_LIST, .offset = offsetof(struct hcm_config, access_logs),
	  .n_offset = offsetof(struct hcm_config, n_access_logs), .message = &access_log_message },
	{ "common_http_protocol_options", CONFIG_MESSAGE,
	  .offset = offsetof(struct hcm_config, common), .message = &http_options_message },
	{ "http_protocol_options", CONFIG_MESSAGE, .offset = offsetof(struct hcm_config, http1),
	  .message = &http1_options_message },
	{ "max_request_headers_kb", CONFIG_U32,
	  .offset = offsetof(struct hcm_config, max_request_headers_kb), .min = 1, .max = 8192 },
	{ "stream_idle_timeout", CONFIG_DURATION,
	  .offset = offsetof(struct hcm_config, stream_idle_timeout_ns) },
	{ "request_timeout", CONFIG_DURATION,
	  .offset = offsetof(struct hcm_config, request_timeout_ns) },
	{ "request_headers_timeout", CONFIG_DURATION,
	  .offset = offsetof(struct hcm_config, request_headers_timeout_ns) },
	{ "drain_timeout", CONFIG_CUSTOM, .decode = check_drain_timeout },
	{ "delayed_close_timeout", CONFIG_DURATION,
	  .offset = offsetof(struct hcm_config, delayed_close_timeout_ns) },
	{ "server_name", CONFIG_STRING, .offset = offsetof(struct hcm_config, server_name) },
	{ "server_header_transformation", CONFIG_ENUM,
	  .offset = offsetof(struct hcm_config, server_header_transformation),
	  .values = &server_header_enum },
	{ "via", CONFIG_STRING, .offset = offsetof(struct hcm_config, via) },
	{ "use_remote_address", CONFIG_BOOL,
	  .offset = offsetof(struct hcm_config, use_remote_address) },
	{ "xff_num_trusted_hops", CONFIG_U32,
	  .offset = offsetof(struct hcm_config, xff_num_trusted_hops) },
	{ "skip_xff_append", CONFIG_BOOL, .offset = offsetof(struct hcm_config, skip_xff_append) },
	{ "generate_request_id", CONFIG_BOOL,
	  .offset = offsetof(struct hcm_config, generate_request_id) },
	{ "preserve_external_request_id", CONFIG_BOOL,
	  .offset = offsetof(struct hcm_config, preserve_external_request_id) },
	{ "always_set_request_id_in_response", CONFIG_BOOL,
	  .offset = offsetof(struct hcm_config, always_set_request_id_in_response) },
	{ "strip_matching_host_port", CONFIG_BOOL,
	  .offset = offsetof(struct hcm_config, strip_matching_host_port) },
	{ "strip_any_host_port", CONFIG_BOOL,
	  .offset = offsetof(struct hcm_config, strip_any_host_port) },
	{ "rds", CONFIG_MISSING, .feature = "route discovery (RDS)" },
	{ "scoped_routes", CONFIG_MISSING, .feature = "scoped routes" },
	{ "http2_protocol_options", CONFIG_MISSING, .feature = "HTTP/2" },
	{ "http3_protocol_options", CONFIG_MISSING, .feature = "HTTP/3" },
	{ "tracing", CONFIG_MISSING, .feature = "tracing" },
	{ "upgrade_configs", CONFIG_MISSING, .feature = "HTTP upgrades" },
	{ "local_reply_config", CONFIG_MISSING, .feature = "local reply mapping" },
	{ "normalize_path", CONFIG_ONLY, .only = "false", .feature = "path normalization" },
	{ "merge_slashes", CONFIG_ONLY, .only = "false", .feature = "path normalization" },
	{ "path_with_escaped_slashes_action", CONFIG_ONLY, .only = "KEEP_UNCHANGED",
	  .feature = "path normalization" },
	{ "forward_client_cert_details", CONFIG_ONLY, .only = "SANITIZE",
	  .feature = "client certificate details" },
	{ "set_current_client_cert_details", CONFIG_MISSING,
	  .feature = "client certificate details" },
	{ "stream_error_on_invalid_http_message", CONFIG_ONLY, .only = "false" },
	{ "append_x_forwarded_port", CONFIG_ONLY, .only = "false" },
	{ "strip_trailing_host_dot", CONFIG_ONLY, .only = "false" },
	{ "represent_ipv4_remote_address_as_ipv4_mapped_ipv6", CONFIG_ONLY, .only = "false" },
	{ "proxy_100_continue", CONFIG_ONLY, .only = "false" },
	{ "add_user_agent", CONFIG_ONLY, .only = "false" },
};
static const struct hcm_config hcm_defaults = {
	.common = HTTP_OPTIONS_DEFAULTS,
	.http1 = HTTP1_OPTIONS_DEFAULTS,
	.max_request_headers_kb = 60,
	.stream_idle_timeout_ns = 300ull * NS_PER_S,
	.delayed_close_timeout_ns = NS_PER_S,
	.server_name = "envoy",
	.generate_request_id = true,
};
const struct config_message hcm_message = {
	.name = "HttpConnectionManager",
	.size = sizeof(struct hcm_config),
	.defaults = &hcm_defaults,
	.fields = hcm_fields,
	.n_fields = count_of(hcm_fields),
	.known = "http1_safe_max_connection_duration scheme_header_transformation "
		 "stream_flush_timeout access_log_flush_interval "
		 "flush_access_log_on_new_request access_log_options "
		 "original_ip_detection_extensions early_header_mutation_extensions "
		 "internal_address_config forward_client_cert_matcher request_id_extension "
		 "path_normalization_options proxy_status_config "
		 "typed_header_validation_config append_local_overload "
		 "add_proxy_protocol_connection_state forward_proto_config",
	.at_offset = offsetof(struct hcm_config, at),
	.finish = finish_hcm,
};

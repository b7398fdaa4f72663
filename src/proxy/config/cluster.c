/* cluster.c - envoy.config.cluster.v3.Cluster. */
#include "proxy/config/cluster.h"

#include "proxy/config/messages.h"

struct explicit_http {
	uint8_t kind;
	struct http1_options_config http1;
};
enum { EXPLICIT_HTTP1 = 1 };

static const struct config_field explicit_fields[] = {
	{ "http_protocol_options", CONFIG_MESSAGE, .offset = offsetof(struct explicit_http, http1),
	  .message = &http1_options_message, .case_offset = offsetof(struct explicit_http, kind),
	  .case_is = EXPLICIT_HTTP1 },
	{ "http2_protocol_options", CONFIG_MISSING, .feature = "HTTP/2 to upstreams" },
	{ "http3_protocol_options", CONFIG_MISSING, .feature = "HTTP/3 to upstreams" },
};
static const struct config_message explicit_message = {
	.name = "ExplicitHttpConfig",
	.size = sizeof(struct explicit_http),
	.fields = explicit_fields,
	.n_fields = count_of(explicit_fields),
};

struct upstream_http {
	struct http_options_config common;
	struct explicit_http explicit;
	uint8_t which;
};

static const struct config_field upstream_http_fields[] = {
	{ "common_http_protocol_options", CONFIG_MESSAGE,
	  .offset = offsetof(struct upstream_http, common), .message = &http_options_message },
	{ "explicit_http_config", CONFIG_MESSAGE,
	  .offset = offsetof(struct upstream_http, explicit), .message = &explicit_message,
	  .case_offset = offsetof(struct upstream_http, which), .case_is = 1 },
	{ "use_downstream_protocol_config", CONFIG_MISSING,
	  .feature = "upstream protocol as downstream" },
	{ "auto_config", CONFIG_MISSING, .feature = "upstream protocol by ALPN" },
	{ "upstream_http_protocol_options", CONFIG_MISSING, .feature = "TLS to upstreams" },
	{ "http_filters", CONFIG_MISSING, .feature = "upstream HTTP filters" },
};
static const struct upstream_http upstream_http_defaults = {
	.common = HTTP_OPTIONS_DEFAULTS,
	.explicit = { .http1 = HTTP1_OPTIONS_DEFAULTS },
};
static const struct config_message upstream_http_message = {
	.name = "HttpProtocolOptions",
	.size = sizeof(struct upstream_http),
	.defaults = &upstream_http_defaults,
	.fields = upstream_http_fields,
	.n_fields = count_of(upstream_http_fields),
	.known = "header_validation_config outlier_detection request_mirror_policies hash_policy "
		 "retry_policy",
};

static const struct config_extension_kind protocol_options[] = {
	{ "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", NULL, 0,
	  &upstream_http_message },
};

int take_http_protocol_options(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct cluster_config *c = holder;
	struct upstream_http options;

	if (n->kind != CONFIG_MAP)
		return config_fail(d->error, n, "a map from extension names to options expected");
	for (const struct config_node *item = n->first; item; item = item->next) {
		struct config_extension e;
		int err =
			config_take_any(d, item, protocol_options, count_of(protocol_options), &e);

		if (!err)
			err = config_decode(d, e.config, e.kind->message, &options);
		if (!err && (!options.which || !options.explicit.kind))
			err = config_fail(d->error, item,
					  "\"explicit_http_config\" with its protocol is missing");
		if (err)
			return err;
		c->common = options.common;
		c->http1 = options.explicit.http1;
	}
	return 0;
}

struct thresholds {
	struct circuit_breaker_config breaker;
	uint8_t priority;
};

static const struct config_enum_value priorities[] = {
	{ "DEFAULT", ROUTE_PRIORITY_DEFAULT, NULL },
	{ "HIGH", ROUTE_PRIORITY_HIGH, NULL },
};
static const struct config_enum priority_enum = { priorities, count_of(priorities) };

static const struct config_field threshold_fields[] = {
	{ "priority", CONFIG_ENUM, .offset = offsetof(struct thresholds, priority),
	  .values = &priority_enum },
	{ "max_connections", CONFIG_U32,
	  .offset = offsetof(struct thresholds, breaker.max_connections) },
	{ "max_pending_requests", CONFIG_U32,
	  .offset = offsetof(struct thresholds, breaker.max_pending_requests) },
	{ "max_requests", CONFIG_U32, .offset = offsetof(struct thresholds, breaker.max_requests) },
	{ "max_retries", CONFIG_U32, .offset = offsetof(struct thresholds, breaker.max_retries) },
	{ "max_connection_pools", CONFIG_MISSING, .feature = "limits of connection pools" },
	{ "track_remaining", CONFIG_ONLY, .only = "false",
	  .feature = "remaining circuit breakers" },
	{ "retry_budget", CONFIG_MISSING, .feature = "retry budgets" },
};
#define BREAKER_DEFAULTS                                                                           \
	{                                                                                          \
		.max_connections = 1024, .max_pending_requests = 1024, .max_requests = 1024,       \
		.max_retries = 3                                                                   \
	}
static const struct thresholds threshold_defaults = { .breaker = BREAKER_DEFAULTS };
static const struct config_message threshold_message = {
	.name = "CircuitBreakers.Thresholds",
	.size = sizeof(struct thresholds),
	.defaults = &threshold_defaults,
	.fields = threshold_fields,
	.n_fields = count_of(threshold_fields),
};

struct breakers {
	const struct thresholds *thresholds;
	uint32_t n_thresholds;
};
static const struct config_field breakers_fields[] = {
	{ "thresholds", CONFIG_MESSAGE_LIST, .offset = offsetof(struct breakers, thresholds),
	  .n_offset = offsetof(struct breakers, n_thresholds), .message = &threshold_message },
	{ "per_host_thresholds", CONFIG_MISSING, .feature = "circuit breakers per host" },
};
static const struct config_message breakers_message = {
	.name = "CircuitBreakers",
	.size = sizeof(struct breakers),
	.fields = breakers_fields,
	.n_fields = count_of(breakers_fields),
};

static int take_breakers(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct cluster_config *c = holder;
	struct breakers b;
	int err = config_decode(d, n, &breakers_message, &b);

	for (uint32_t i = b.n_thresholds; !err && i--;) /* the first of a priority counts */
		c->breakers[b.thresholds[i].priority] = b.thresholds[i].breaker;
	return err;
}

static const struct config_enum_value types[] = {
	{ "STATIC", CLUSTER_STATIC, NULL },
	{ "STRICT_DNS", CLUSTER_STRICT_DNS, NULL },
	{ "LOGICAL_DNS", 0, "LOGICAL_DNS clusters" },
	{ "EDS", 0, "endpoint discovery (EDS)" },
	{ "ORIGINAL_DST", 0, "ORIGINAL_DST clusters" },
};
static const struct config_enum type_enum = { types, count_of(types) };
static const struct config_enum_value families[] = {
	{ "AUTO", DNS_AUTO, NULL },	  { "V4_ONLY", DNS_V4_ONLY, NULL },
	{ "V6_ONLY", DNS_V6_ONLY, NULL }, { "V4_PREFERRED", DNS_V4_PREFERRED, NULL },
	{ "ALL", DNS_ALL, NULL },
};
static const struct config_enum family_enum = { families, count_of(families) };

static const struct config_field common_lb_fields[] = {
	{ "locality_weighted_lb_config", CONFIG_MISSING,
	  .feature = "locality-weighted load balancing" },
	{ "zone_aware_lb_config", CONFIG_MISSING, .feature = "zone-aware load balancing" },
	{ "healthy_panic_threshold", CONFIG_MISSING, .feature = "panic threshold" },
};
static const struct config_message common_lb_message = {
	.name = "CommonLbConfig",
	.fields = common_lb_fields,
	.n_fields = count_of(common_lb_fields),
	.known = "update_merge_window ignore_new_hosts_until_first_hc "
		 "close_connections_on_host_set_change consistent_hashing_lb_config "
		 "override_host_status",
};

static int take_resolver(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_dns_resolver(d, n, &((struct cluster_config *)holder)->dns);
}

/* Of what both sides can say, upstream connections and streams have no such ends. */
static int check_http_options(struct config_decoder *d, const struct cluster_config *c)
{
	if (c->common.max_connection_duration_ns != CONFIG_UNSET_NS)
		return config_fail_missing(d, c->at, "max_connection_duration of upstreams");
	if (c->common.max_stream_duration_ns != CONFIG_UNSET_NS)
		return config_fail_missing(d, c->at, "max_stream_duration of upstreams");
	return 0;
}

static int finish_cluster(struct config_decoder *d, const struct config_node *n unused_arg,
			  void *holder)
{
	struct cluster_config *c = holder;
	const char *name = c->stat_name && *c->stat_name ? c->stat_name : c->name;
	char *copy = arena_text_or_null(d->arena, slice_of_text(name));

	if (!copy)
		return ERR_NOMEM;
	c->stat_name = copy;
	for (; *copy; copy++)
		if (*copy == ':')
			*copy = '_';
	if (!c->dns_failure_refresh_rate_ns)
		c->dns_failure_refresh_rate_ns = c->dns_refresh_rate_ns;
	return check_http_options(d, c);
}

struct refresh_rate {
	uint64_t base_ns, max_ns;
};
static const struct config_field refresh_fields[] = {
	{ "base_interval", CONFIG_DURATION, .offset = offsetof(struct refresh_rate, base_ns),
	  .min = NS_PER_MS, .flags = CONFIG_REQUIRED },
	{ "max_interval", CONFIG_DURATION, .offset = offsetof(struct refresh_rate, max_ns),
	  .min = NS_PER_MS },
};
static const struct config_message refresh_message = {
	.name = "RefreshRate",
	.size = sizeof(struct refresh_rate),
	.fields = refresh_fields,
	.n_fields = count_of(refresh_fields),
};

static int take_failure_refresh(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct cluster_config *c = holder;
	struct refresh_rate r;
	int err = config_decode(d, n, &refresh_message, &r);

	c->dns_failure_refresh_rate_ns = r.base_ns;
	c->dns_failure_refresh_max_ns = r.max_ns > r.base_ns ? r.max_ns : 10 * r.base_ns;
	return err;
}

static const struct config_field cluster_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct cluster_config, name),
	  .flags = CONFIG_REQUIRED },
	{ "alt_stat_name", CONFIG_STRING, .offset = offsetof(struct cluster_config, stat_name) },
	{ "type", CONFIG_ENUM, .offset = offsetof(struct cluster_config, type),
	  .values = &type_enum },
	{ "cluster_type", CONFIG_MISSING, .feature = "cluster types by extension" },
	{ "connect_timeout", CONFIG_DURATION,
	  .offset = offsetof(struct cluster_config, connect_timeout_ns), .min = 1 },
	{ "per_connection_buffer_limit_bytes", CONFIG_U32,
	  .offset = offsetof(struct cluster_config, per_connection_buffer_limit_bytes) },
	{ "lb_policy", CONFIG_ONLY, .only = "ROUND_ROBIN",
	  .feature = "load balancing other than ROUND_ROBIN" },
	{ "load_assignment", CONFIG_CUSTOM, .decode = take_load_assignment },
	{ "circuit_breakers", CONFIG_CUSTOM, .decode = take_breakers },
	{ "dns_refresh_rate", CONFIG_DURATION,
	  .offset = offsetof(struct cluster_config, dns_refresh_rate_ns), .min = NS_PER_MS },
	{ "dns_failure_refresh_rate", CONFIG_CUSTOM, .decode = take_failure_refresh },
	{ "respect_dns_ttl", CONFIG_BOOL,
	  .offset = offsetof(struct cluster_config, respect_dns_ttl) },
	{ "dns_lookup_family", CONFIG_ENUM, .offset = offsetof(struct cluster_config, dns_family),
	  .values = &family_enum },
	{ "typed_dns_resolver_config", CONFIG_CUSTOM, .decode = take_resolver },
	{ "typed_extension_protocol_options", CONFIG_CUSTOM, .decode = take_http_protocol_options },
	{ "common_http_protocol_options", CONFIG_MESSAGE,
	  .offset = offsetof(struct cluster_config, common), .message = &http_options_message },
	{ "http_protocol_options", CONFIG_MESSAGE, .offset = offsetof(struct cluster_config, http1),
	  .message = &http1_options_message },
	{ "max_requests_per_connection", CONFIG_U32,
	  .offset = offsetof(struct cluster_config, common.max_requests_per_connection) },
	{ "transport_socket", CONFIG_CUSTOM, .decode = take_transport_socket },
	{ "common_lb_config", CONFIG_MESSAGE, .message = &common_lb_message },
	{ "metadata", .type = CONFIG_NO_EFFECT },
	{ "wait_for_warm_on_init", CONFIG_ONLY, .only = "true",
	  .feature = "starting before clusters are warm" },
	{ "http2_protocol_options", CONFIG_MISSING, .feature = "HTTP/2 to upstreams" },
	{ "upstream_http_protocol_options", CONFIG_MISSING, .feature = "TLS to upstreams" },
	{ "protocol_selection", CONFIG_ONLY, .only = "USE_CONFIGURED_PROTOCOL",
	  .feature = "upstream protocol as downstream" },
	{ "eds_cluster_config", CONFIG_MISSING, .feature = "endpoint discovery (EDS)" },
	{ "health_checks", CONFIG_MISSING, .feature = "active health checking" },
	{ "outlier_detection", CONFIG_MISSING, .feature = "outlier detection" },
	{ "transport_socket_matches", CONFIG_MISSING, .feature = "transport socket matching" },
	{ "upstream_connection_options", CONFIG_MISSING, .feature = "TCP keepalive to upstreams" },
	{ "upstream_bind_config", CONFIG_MISSING, .feature = "binding of upstream connections" },
	{ "load_balancing_policy", CONFIG_MISSING, .feature = "load balancing policies" },
	{ "lb_subset_config", CONFIG_MISSING, .feature = "load balancing subsets" },
	{ "dns_resolvers", CONFIG_MISSING,
	  .feature = "dns_resolvers (use typed_dns_resolver_config)" },
	{ "use_tcp_for_dns_lookups", CONFIG_ONLY, .only = "false",
	  .feature = "use_tcp_for_dns_lookups (use typed_dns_resolver_config)" },
	{ "track_timeout_budgets", CONFIG_ONLY, .only = "false" },
	{ "close_connections_on_host_health_failure", CONFIG_ONLY, .only = "false",
	  .feature = "active health checking" },
	{ "ignore_health_on_host_removal", .type = CONFIG_NO_EFFECT }, /* no health is checked */
	{ "hosts", CONFIG_REPLACED, .feature = "load_assignment" },
	{ "tls_context", CONFIG_REPLACED, .feature = "transport_socket" },
	{ "extension_protocol_options", CONFIG_REPLACED,
	  .feature = "typed_extension_protocol_options" },
};
static const struct cluster_config cluster_defaults = {
	.connect_timeout_ns = 5ull * NS_PER_S,
	.per_connection_buffer_limit_bytes = 1 << 20,
	.breakers = { BREAKER_DEFAULTS, BREAKER_DEFAULTS },
	.dns_refresh_rate_ns = 5ull * NS_PER_S,
	.common = HTTP_OPTIONS_DEFAULTS,
	.http1 = HTTP1_OPTIONS_DEFAULTS,
};
const struct config_message cluster_message = {
	.name = "Cluster",
	.size = sizeof(struct cluster_config),
	.defaults = &cluster_defaults,
	.fields = cluster_fields,
	.n_fields = count_of(cluster_fields),
	.known = "transport_socket_matcher dns_jitter dns_resolution_config cleanup_interval "
		 "ring_hash_lb_config maglev_lb_config original_dst_lb_config "
		 "least_request_lb_config round_robin_lb_config filters lrs_server "
		 "lrs_report_endpoint_metrics upstream_config track_cluster_stats "
		 "preconnect_policy connection_pool_per_downstream_connection",
	.at_offset = offsetof(struct cluster_config, at),
	.finish = finish_cluster,
};

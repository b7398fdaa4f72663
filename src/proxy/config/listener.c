/* listener.c - envoy.config.listener.v3.Listener. */
#include "proxy/config/listener.h"

#include "proxy/config/messages.h"

static const struct config_extension_kind network_filters[] = {
	{ "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", NULL,
	  NETWORK_FILTER_HCM, &hcm_message },
};

static int finish_filter(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct network_filter_config *f = holder;
	struct config_extension e;
	struct hcm_config *hcm;
	int err = config_take_extension(d, n, network_filters, count_of(network_filters), &e);

	if (err)
		return err;
	hcm = arena_alloc_or_null(d->arena, sizeof(*hcm));
	if (!hcm)
		return ERR_NOMEM;
	f->kind = (uint8_t)e.kind->value;
	f->hcm = hcm;
	return config_decode(d, e.config, e.kind->message, hcm);
}

static const struct config_field filter_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct network_filter_config, name),
	  .flags = CONFIG_REQUIRED },
	{ "typed_config", .type = CONFIG_BY_FINISH },
	{ "config", CONFIG_REPLACED, .feature = "typed_config" },
	{ "config_discovery", CONFIG_MISSING, .feature = "extension discovery (ECDS)" },
};
static const struct config_message filter_message = {
	.name = "Filter",
	.size = sizeof(struct network_filter_config),
	.fields = filter_fields,
	.n_fields = count_of(filter_fields),
	.at_offset = offsetof(struct network_filter_config, at),
	.finish = finish_filter,
};

static int take_filter_chain_match(struct config_decoder *d, const struct config_node *n,
				   void *holder unused_arg)
{
	if (n->kind == CONFIG_MAP && !n->n_items)
		return 0;
	return config_fail_missing(d, n, "filter chain matching");
}

/* One table for both sides: bytes as they are, or a refusal by the name of what is asked for. */
static const struct config_message raw_buffer_message = { .name = "RawBuffer" };
static const struct config_extension_kind transport_sockets[] = {
	{ "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
	  "envoy.transport_sockets.raw_buffer raw_buffer", 0, &raw_buffer_message },
};

int take_transport_socket(struct config_decoder *d, const struct config_node *n,
			  void *holder unused_arg)
{
	struct config_extension e;
	int err = config_take_extension(d, n, transport_sockets, count_of(transport_sockets), &e);

	return err ? err : config_decode(d, e.config, e.kind->message, NULL);
}

static int finish_chain(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct filter_chain_config *c = holder;

	if (!c->n_filters)
		return config_fail(d->error, n, "\"filters\" is missing in FilterChain");
	if (c->n_filters > 1)
		return config_fail(d->error, c->filters[0].at,
				   "the HTTP connection manager must be the last network filter");
	return 0;
}

static const struct config_field chain_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct filter_chain_config, name) },
	{ "filters", CONFIG_MESSAGE_LIST, .offset = offsetof(struct filter_chain_config, filters),
	  .n_offset = offsetof(struct filter_chain_config, n_filters), .message = &filter_message },
	{ "filter_chain_match", CONFIG_CUSTOM, .decode = take_filter_chain_match },
	{ "transport_socket", CONFIG_CUSTOM, .decode = take_transport_socket },
	{ "tls_context", CONFIG_REPLACED, .feature = "transport_socket" },
	{ "use_proxy_proto", CONFIG_ONLY, .only = "false", .feature = "the PROXY protocol" },
	{ "metadata", .type = CONFIG_NO_EFFECT },
	{ "transport_socket_connect_timeout", CONFIG_MISSING, .feature = "TLS" },
};
static const struct filter_chain_config chain_defaults = { .name = "" };
static const struct config_message chain_message = {
	.name = "FilterChain",
	.size = sizeof(struct filter_chain_config),
	.defaults = &chain_defaults,
	.fields = chain_fields,
	.n_fields = count_of(chain_fields),
	.at_offset = offsetof(struct filter_chain_config, at),
	.finish = finish_chain,
};

static int take_listener_filters(struct config_decoder *d, const struct config_node *n,
				 void *holder unused_arg)
{
	struct config_extension e;
	const struct config_node *first = n->kind == CONFIG_LIST ? n->first : n;

	return config_take_extension(d, first, NULL, 0, &e);
}

static const struct config_enum_value directions[] = {
	{ "UNSPECIFIED", TRAFFIC_UNSPECIFIED, NULL },
	{ "INBOUND", TRAFFIC_INBOUND, NULL },
	{ "OUTBOUND", TRAFFIC_OUTBOUND, NULL },
};
static const struct config_enum direction_enum = { directions, count_of(directions) };

static int finish_listener(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct listener_config *l = holder;
	char text[256], *copy;

	if (l->n_filter_chains != 1)
		return l->n_filter_chains
			       ? config_fail_missing(d, config_member_or_null(n, "filter_chains"),
						     "several filter chains")
			       : config_fail(d->error, n,
					     "\"filter_chains\" is missing in Listener");
	address_config_text(&l->address, text, sizeof(text));
	copy = arena_text_or_null(d->arena, slice_of_text(text));
	if (!copy)
		return ERR_NOMEM;
	if (!l->name || !*l->name)
		l->name = copy;
	if (!l->stat_prefix || !*l->stat_prefix)
		l->stat_prefix = copy;
	return 0;
}

static const struct config_field listener_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct listener_config, name) },
	{ "address", CONFIG_MESSAGE, .offset = offsetof(struct listener_config, address),
	  .message = &address_message, .flags = CONFIG_REQUIRED },
	{ "stat_prefix", CONFIG_STRING, .offset = offsetof(struct listener_config, stat_prefix) },
	{ "filter_chains", CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct listener_config, filter_chains),
	  .n_offset = offsetof(struct listener_config, n_filter_chains),
	  .message = &chain_message },
	{ "per_connection_buffer_limit_bytes", CONFIG_U32,
	  .offset = offsetof(struct listener_config, per_connection_buffer_limit_bytes) },
	{ "tcp_backlog_size", CONFIG_U32,
	  .offset = offsetof(struct listener_config, tcp_backlog_size), .max = INT32_MAX },
	{ "traffic_direction", CONFIG_ENUM,
	  .offset = offsetof(struct listener_config, traffic_direction),
	  .values = &direction_enum },
	{ "additional_addresses", CONFIG_MISSING, .feature = "several addresses per listener" },
	{ "default_filter_chain", CONFIG_MISSING, .feature = "filter chain matching" },
	{ "filter_chain_matcher", CONFIG_MISSING, .feature = "filter chain matching" },
	{ "listener_filters", CONFIG_CUSTOM, .decode = take_listener_filters },
	{ "listener_filters_timeout", .type = CONFIG_NO_EFFECT }, /* there are none */
	{ "continue_on_listener_filters_timeout", .type = CONFIG_NO_EFFECT },
	{ "udp_listener_config", CONFIG_MISSING, .feature = "UDP listeners" },
	{ "use_original_dst", CONFIG_ONLY, .only = "false", .feature = "original destinations" },
	{ "transparent", CONFIG_ONLY, .only = "false", .feature = "transparent listeners" },
	{ "freebind", CONFIG_ONLY, .only = "false", .feature = "binding to foreign addresses" },
	{ "socket_options", CONFIG_MISSING, .feature = "socket options" },
	{ "drain_type", CONFIG_ONLY, .only = "DEFAULT", .feature = "drain types" },
	{ "reuse_port", CONFIG_ONLY, .only = "true", .feature = "listeners without SO_REUSEPORT" },
	{ "enable_reuse_port", CONFIG_ONLY, .only = "true",
	  .feature = "listeners without SO_REUSEPORT" },
	{ "connection_balance_config", CONFIG_MISSING, .feature = "connection balancing" },
	{ "bind_to_port", CONFIG_ONLY, .only = "true", .feature = "listeners that do not bind" },
	{ "deprecated_v1", CONFIG_MISSING, .feature = "listeners that do not bind" },
	{ "ignore_global_conn_limit", .type = CONFIG_NO_EFFECT }, /* there is no such limit */
	{ "bypass_overload_manager", .type = CONFIG_NO_EFFECT },  /* there is none */
	{ "access_log", CONFIG_MISSING, .feature = "access logs of listeners" },
	{ "metadata", .type = CONFIG_NO_EFFECT },
	{ "tcp_keepalive", CONFIG_MISSING, .feature = "TCP keepalive" },
	{ "enable_mptcp", CONFIG_ONLY, .only = "false", .feature = "MPTCP" },
	{ "api_listener", CONFIG_MISSING, .feature = "API listeners" },
	{ "internal_listener", CONFIG_MISSING, .feature = "internal listeners" },
	{ "tls_context", CONFIG_REPLACED, .feature = "transport_socket" },
};
static const struct listener_config listener_defaults = {
	.per_connection_buffer_limit_bytes = 1 << 20,
};
const struct config_message listener_message = {
	.name = "Listener",
	.size = sizeof(struct listener_config),
	.defaults = &listener_defaults,
	.fields = listener_fields,
	.n_fields = count_of(listener_fields),
	.known = "fcds_config tcp_fast_open_queue_length "
		 "max_connections_to_accept_per_socket_event",
	.at_offset = offsetof(struct listener_config, at),
	.finish = finish_listener,
};

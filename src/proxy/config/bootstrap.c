/* bootstrap.c - envoy.config.bootstrap.v3.Bootstrap: the root of the file. */
#include "proxy/config/bootstrap.h"

#include "proxy/config/messages.h"

static const struct config_field locality_fields[] = {
	{ "region", CONFIG_STRING, .offset = offsetof(struct node_config, region) },
	{ "zone", CONFIG_STRING, .offset = offsetof(struct node_config, zone) },
	{ "sub_zone", CONFIG_STRING, .offset = offsetof(struct node_config, sub_zone) },
};
static const struct node_config node_defaults = { "", "", "", "", "" };
static const struct config_message locality_message = {
	.name = "Locality",
	.size = sizeof(struct node_config),
	.defaults = &node_defaults,
	.fields = locality_fields,
	.n_fields = count_of(locality_fields),
};

static int take_locality(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct node_config *node = holder, locality;
	int err = config_decode(d, n, &locality_message, &locality);

	node->region = locality.region;
	node->zone = locality.zone;
	node->sub_zone = locality.sub_zone;
	return err;
}

/* What a control plane would be told about this node has no effect without one. */
static const struct config_field node_fields[] = {
	{ "id", CONFIG_STRING, .offset = offsetof(struct node_config, id) },
	{ "cluster", CONFIG_STRING, .offset = offsetof(struct node_config, cluster) },
	{ "locality", CONFIG_CUSTOM, .decode = take_locality },
	{ "metadata", .type = CONFIG_NO_EFFECT },
	{ "dynamic_parameters", .type = CONFIG_NO_EFFECT },
	{ "user_agent_name", .type = CONFIG_NO_EFFECT },
	{ "user_agent_version", .type = CONFIG_NO_EFFECT },
	{ "user_agent_build_version", .type = CONFIG_NO_EFFECT },
	{ "extensions", .type = CONFIG_NO_EFFECT },
	{ "client_features", .type = CONFIG_NO_EFFECT },
	{ "listening_addresses", .type = CONFIG_NO_EFFECT },
};
static const struct config_message node_message = {
	.name = "Node",
	.size = sizeof(struct node_config),
	.defaults = &node_defaults,
	.fields = node_fields,
	.n_fields = count_of(node_fields),
};

#define TEXT_CASE(of)                                                                              \
	.offset = offsetof(struct text_match_config, text),                                        \
	.case_offset = offsetof(struct text_match_config, kind), .case_is = of
static const struct config_field text_match_fields[] = {
	{ "exact", CONFIG_STRING, TEXT_CASE(TEXT_EXACT) },
	{ "prefix", CONFIG_STRING, TEXT_CASE(TEXT_PREFIX) },
	{ "suffix", CONFIG_STRING, TEXT_CASE(TEXT_SUFFIX) },
	{ "contains", CONFIG_STRING, TEXT_CASE(TEXT_CONTAINS) },
	{ "ignore_case", CONFIG_BOOL, .offset = offsetof(struct text_match_config, ignore_case) },
	{ "safe_regex", CONFIG_MISSING, .feature = "matching by regular expression" },
	{ "custom", CONFIG_MISSING, .feature = "custom matchers" },
};

static int finish_text_match(struct config_decoder *d, const struct config_node *n, void *holder)
{
	if (((struct text_match_config *)holder)->kind == TEXT_MATCH_NONE)
		return config_fail(d->error, n,
				   "\"exact\", \"prefix\", \"suffix\" or \"contains\" "
				   "is missing");
	return 0;
}

static const struct config_message text_match_message = {
	.name = "StringMatcher",
	.size = sizeof(struct text_match_config),
	.fields = text_match_fields,
	.n_fields = count_of(text_match_fields),
	.finish = finish_text_match,
};

/* admin.access_log_path is the older way to ask for a file log. */
static int take_access_log_path(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct admin_config *a = holder;
	struct access_log_config *log = arena_zalloc_or_null(d->arena, sizeof(*log));

	if (!log)
		return ERR_NOMEM;
	if (a->n_access_logs)
		return config_fail_key(d->error, n, "\"access_log\" is also given");
	log->kind = ACCESS_LOG_FILE;
	log->at = n;
	a->access_logs = log;
	a->n_access_logs = 1;
	return config_take_string(d, n, &log->path);
}

static int finish_admin(struct config_decoder *d, const struct config_node *n unused_arg,
			void *holder)
{
	struct admin_config *a = holder;

	a->enabled = a->address.kind != ADDRESS_UNSET;
	for (uint32_t i = 0; i < a->n_access_logs; i++)
		if (a->access_logs[i].format)
			return config_fail_missing(d, a->access_logs[i].at,
						   "formats of the admin access log");
	return 0;
}

static const struct config_field admin_fields[] = {
	{ "address", CONFIG_MESSAGE, .offset = offsetof(struct admin_config, address),
	  .message = &address_message },
	{ "access_log", CONFIG_MESSAGE_LIST, .offset = offsetof(struct admin_config, access_logs),
	  .n_offset = offsetof(struct admin_config, n_access_logs),
	  .message = &access_log_message },
	{ "access_log_path", CONFIG_CUSTOM, .decode = take_access_log_path },
	{ "allow_paths", CONFIG_MESSAGE_LIST, .offset = offsetof(struct admin_config, allow_paths),
	  .n_offset = offsetof(struct admin_config, n_allow_paths),
	  .message = &text_match_message },
	{ "profile_path", .type = CONFIG_NO_EFFECT },		  /* where a profiler would write */
	{ "ignore_global_conn_limit", .type = CONFIG_NO_EFFECT }, /* there is no such limit */
	{ "socket_options", CONFIG_MISSING, .feature = "socket options" },
};
static const struct config_message admin_message = {
	.name = "Admin",
	.size = sizeof(struct admin_config),
	.fields = admin_fields,
	.n_fields = count_of(admin_fields),
	.finish = finish_admin,
};

static const struct config_field static_fields[] = {
	{ "listeners", CONFIG_MESSAGE_LIST, .offset = offsetof(struct bootstrap_config, listeners),
	  .n_offset = offsetof(struct bootstrap_config, n_listeners),
	  .message = &listener_message },
	{ "clusters", CONFIG_MESSAGE_LIST, .offset = offsetof(struct bootstrap_config, clusters),
	  .n_offset = offsetof(struct bootstrap_config, n_clusters), .message = &cluster_message },
	{ "secrets", CONFIG_MISSING, .feature = "static secrets (TLS)" },
};
static const struct config_message static_message = {
	.name = "StaticResources",
	.size = sizeof(struct bootstrap_config),
	.fields = static_fields,
	.n_fields = count_of(static_fields),
};

static int take_static(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct bootstrap_config *b = holder, resources;
	int err = config_decode(d, n, &static_message, &resources);

	b->listeners = resources.listeners;
	b->n_listeners = resources.n_listeners;
	b->clusters = resources.clusters;
	b->n_clusters = resources.n_clusters;
	return err;
}

enum { EXTENSION_KERNEL, EXTENSION_CONVOY };

static const struct config_field kernel_fields[] = {
	{ "io_uring_options", CONFIG_MISSING, .feature = "io_uring" },
};
static const struct config_message kernel_message = {
	.name = "DefaultSocketInterface",
	.fields = kernel_fields,
	.n_fields = count_of(kernel_fields),
};
static const struct config_message vcl_message = {
	.name = "VclSocketInterface",
	.size = sizeof(struct convoy_interface_config),
};
static const struct config_field convoy_fields[] = {
	{ "control_socket", CONFIG_STRING,
	  .offset = offsetof(struct convoy_interface_config, control_socket),
	  .flags = CONFIG_NOT_EMPTY },
};
static const struct config_message convoy_message = {
	.name = "ConvoySocketInterface",
	.size = sizeof(struct convoy_interface_config),
	.fields = convoy_fields,
	.n_fields = count_of(convoy_fields),
};

static const struct config_extension_kind bootstrap_extensions[] = {
	{ "envoy.extensions.network.socket_interface.v3.DefaultSocketInterface",
	  "envoy.extensions.network.socket_interface.default_socket_interface", EXTENSION_KERNEL,
	  &kernel_message },
	{ "envoy.extensions.vcl.v3alpha.VclSocketInterface",
	  "envoy.extensions.vcl.vcl_socket_interface", EXTENSION_CONVOY, &vcl_message },
	{ "convoy.extensions.v1.ConvoySocketInterface", "convoy", EXTENSION_CONVOY,
	  &convoy_message },
};

static int take_extensions(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct bootstrap_config *b = holder;

	for (const struct config_node *item = n->kind == CONFIG_LIST ? n->first : n; item;
	     item = n->kind == CONFIG_LIST ? item->next : NULL) {
		struct convoy_interface_config convoy;
		struct config_extension e;
		int err = config_take_extension(d, item, bootstrap_extensions,
						count_of(bootstrap_extensions), &e);

		if (!err)
			err = config_decode(d, e.config, e.kind->message, &convoy);
		if (err)
			return err;
		if (e.kind->value == EXTENSION_CONVOY)
			b->convoy_interface = convoy;
	}
	return 0;
}

static int take_default_interface(struct config_decoder *d, const struct config_node *n,
				  void *holder)
{
	struct bootstrap_config *b = holder;
	const char *name;
	int err = config_take_string(d, n, &name);

	if (err)
		return err;
	for (unsigned i = 0; i < count_of(bootstrap_extensions); i++)
		if (!strcmp(name, bootstrap_extensions[i].names)) {
			b->default_socket_interface =
				bootstrap_extensions[i].value == EXTENSION_CONVOY
					? SOCKET_INTERFACE_CONVOY
					: SOCKET_INTERFACE_KERNEL;
			return 0;
		}
	return config_fail(d->error, n,
			   "no socket interface \"%.80s\"; there are \"convoy\", \"%s\" and \"%s\"",
			   name, bootstrap_extensions[0].names, bootstrap_extensions[1].names);
}

static int take_resolver(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_dns_resolver(d, n, &((struct bootstrap_config *)holder)->dns);
}

static int finish_bootstrap(struct config_decoder *d, const struct config_node *n unused_arg,
			    void *holder)
{
	return bootstrap_validate(d, holder);
}

#define XDS "dynamic resources (xDS)"
static const struct config_field bootstrap_fields[] = {
	{ "node", CONFIG_MESSAGE, .offset = offsetof(struct bootstrap_config, node),
	  .message = &node_message },
	{ "admin", CONFIG_MESSAGE, .offset = offsetof(struct bootstrap_config, admin),
	  .message = &admin_message },
	{ "static_resources", CONFIG_CUSTOM, .decode = take_static },
	{ "stats_flush_interval", CONFIG_DURATION,
	  .offset = offsetof(struct bootstrap_config, stats_flush_interval_ns), .min = NS_PER_MS,
	  .max = 300ull * NS_PER_S },
	{ "bootstrap_extensions", CONFIG_CUSTOM, .decode = take_extensions },
	{ "default_socket_interface", CONFIG_CUSTOM, .decode = take_default_interface },
	{ "typed_dns_resolver_config", CONFIG_CUSTOM, .decode = take_resolver },
	{ "dynamic_resources", CONFIG_MISSING, .feature = XDS },
	{ "resources", CONFIG_MISSING, .feature = XDS }, /* a DiscoveryResponse as a file */
	{ "version_info", CONFIG_MISSING, .feature = XDS },
	{ "config_sources", CONFIG_MISSING, .feature = XDS },
	{ "default_config_source", CONFIG_MISSING, .feature = XDS },
	{ "layered_runtime", CONFIG_MISSING, .feature = "runtime" },
	{ "runtime", CONFIG_REPLACED, .feature = "layered_runtime" },
	{ "overload_manager", CONFIG_MISSING, .feature = "overload manager" },
	{ "cluster_manager", CONFIG_MISSING, .feature = "cluster manager options" },
	{ "stats_config", CONFIG_MISSING, .feature = "stats tags, matchers and buckets" },
	{ "stats_sinks", CONFIG_MISSING, .feature = "stats sinks" },
	{ "stats_flush_on_admin", CONFIG_ONLY, .only = "false",
	  .feature = "flushing of stats by the admin page" },
	{ "enable_dispatcher_stats", CONFIG_ONLY, .only = "false", .feature = "dispatcher stats" },
	{ "tracing", CONFIG_MISSING, .feature = "tracing" },
	{ "watchdog", CONFIG_MISSING, .feature = "watchdogs" },
	{ "watchdogs", CONFIG_MISSING, .feature = "watchdogs" },
	{ "hds_config", CONFIG_MISSING, .feature = "health discovery (HDS)" },
	{ "fatal_actions", CONFIG_MISSING, .feature = "fatal actions" },
	{ "use_tcp_for_dns_lookups", CONFIG_ONLY, .only = "false",
	  .feature = "use_tcp_for_dns_lookups (use typed_dns_resolver_config)" },
	{ "dns_resolution_config", CONFIG_MISSING,
	  .feature = "dns_resolution_config (use typed_dns_resolver_config)" },
};
static const struct bootstrap_config bootstrap_defaults = {
	.node = { "", "", "", "", "" },
	.stats_flush_interval_ns = 5ull * NS_PER_S,
	.default_socket_interface = SOCKET_INTERFACE_KERNEL,
};
const struct config_message bootstrap_message = {
	.name = "Bootstrap",
	.size = sizeof(struct bootstrap_config),
	.defaults = &bootstrap_defaults,
	.fields = bootstrap_fields,
	.n_fields = count_of(bootstrap_fields),
	.known = "node_context_params flags_path deferred_stat_options stats_eviction_interval "
		 "header_prefix stats_server_version_override certificate_provider_instances "
		 "inline_headers perf_tracing_file_path default_regex_engine "
		 "xds_delegate_extension xds_config_tracker_extension listener_manager "
		 "application_log_config grpc_async_client_manager_config "
		 "memory_allocator_manager",
	.at_offset = offsetof(struct bootstrap_config, at),
	.finish = finish_bootstrap,
};

/* route.c - envoy.config.route.v3: tables of virtual hosts and routes. */
#include "proxy/config/route.h"

#include <ctype.h>
#include <stdlib.h>

#include "proxy/config/messages.h"

#define HEADER_CHANGES "changing of headers"

int take_no_filter_config(struct config_decoder *d, const struct config_node *n,
			  void *holder unused_arg)
{
	struct config_extension e;

	if (n->kind != CONFIG_MAP)
		return config_fail(d->error, n,
				   "a map from filter names to configurations expected");
	if (!n->n_items)
		return 0;
	return config_take_any(d, n->first, NULL, 0, &e);
}

static int finish_match(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct route_match_config *m = holder;

	if (m->kind == ROUTE_MATCH_NONE)
		return config_fail(d->error, n, "\"prefix\" or \"path\" is missing");
	return 0;
}

static const struct config_field match_fields[] = {
	{ "prefix", CONFIG_STRING, .offset = offsetof(struct route_match_config, text),
	  .case_offset = offsetof(struct route_match_config, kind), .case_is = ROUTE_MATCH_PREFIX },
	{ "path", CONFIG_STRING, .offset = offsetof(struct route_match_config, text),
	  .case_offset = offsetof(struct route_match_config, kind), .case_is = ROUTE_MATCH_PATH },
	{ "case_sensitive", CONFIG_BOOL,
	  .offset = offsetof(struct route_match_config, case_sensitive) },
	{ "safe_regex", CONFIG_MISSING, .feature = "route matching by regular expression" },
	{ "regex", CONFIG_REPLACED, .feature = "safe_regex" },
	{ "connect_matcher", CONFIG_MISSING, .feature = "CONNECT requests" },
	{ "path_separated_prefix", CONFIG_MISSING,
	  .feature = "route matching by path-separated prefix" },
	{ "path_match_policy", CONFIG_MISSING, .feature = "route matching by path template" },
	{ "runtime_fraction", CONFIG_MISSING, .feature = "route matching by runtime fraction" },
	{ "headers", CONFIG_MISSING, .feature = "route matching by header" },
	{ "query_parameters", CONFIG_MISSING, .feature = "route matching by query parameter" },
	{ "cookies", CONFIG_MISSING, .feature = "route matching by cookie" },
	{ "grpc", CONFIG_MISSING, .feature = "route matching by gRPC" },
	{ "tls_context", CONFIG_MISSING, .feature = "route matching by TLS" },
};
static const struct route_match_config match_defaults = { .case_sensitive = true };
static const struct config_message match_message = {
	.name = "RouteMatch",
	.size = sizeof(struct route_match_config),
	.defaults = &match_defaults,
	.fields = match_fields,
	.n_fields = count_of(match_fields),
	.known = "dynamic_metadata filter_state",
	.finish = finish_match,
};

static const struct config_enum_value priorities[] = {
	{ "DEFAULT", ROUTE_PRIORITY_DEFAULT, NULL },
	{ "HIGH", ROUTE_PRIORITY_HIGH, NULL },
};
static const struct config_enum priority_enum = { priorities, count_of(priorities) };

static int take_not_found_code(struct config_decoder *d, const struct config_node *n, void *holder)
{
	static const struct config_enum_value codes[] = {
		{ "SERVICE_UNAVAILABLE", 0, NULL },
		{ "NOT_FOUND", 1, NULL },
		{ "INTERNAL_SERVER_ERROR", 2, NULL },
	};
	static const struct config_enum code_enum = { codes, count_of(codes) };
	static const uint16_t statuses[] = { 503, 404, 500 };
	uint8_t code = 0;
	int err = config_take_enum(d, n, &code_enum, &code);

	((struct route_action_config *)holder)->cluster_not_found_status = statuses[code];
	return err;
}

static const struct config_field action_fields[] = {
	{ "cluster", CONFIG_STRING, .offset = offsetof(struct route_action_config, cluster),
	  .flags = CONFIG_NOT_EMPTY },
	{ "timeout", CONFIG_DURATION, .offset = offsetof(struct route_action_config, timeout_ns) },
	{ "idle_timeout", CONFIG_DURATION,
	  .offset = offsetof(struct route_action_config, idle_timeout_ns) },
	{ "priority", CONFIG_ENUM, .offset = offsetof(struct route_action_config, priority),
	  .values = &priority_enum },
	{ "cluster_not_found_response_code", CONFIG_CUSTOM, .decode = take_not_found_code },
	{ "cluster_header", CONFIG_MISSING, .feature = "choosing the cluster by header" },
	{ "weighted_clusters", CONFIG_MISSING, .feature = "weighted clusters" },
	{ "request_mirror_policies", CONFIG_MISSING, .feature = "request mirroring" },
	{ "request_mirror_policy", CONFIG_REPLACED, .feature = "request_mirror_policies" },
	{ "prefix_rewrite", CONFIG_MISSING, .feature = "path rewriting" },
	{ "regex_rewrite", CONFIG_MISSING, .feature = "path rewriting" },
	{ "path_rewrite_policy", CONFIG_MISSING, .feature = "path rewriting" },
	{ "path_rewrite", CONFIG_MISSING, .feature = "path rewriting" },
	{ "host_rewrite_literal", CONFIG_MISSING, .feature = "host rewriting" },
	{ "auto_host_rewrite", CONFIG_ONLY, .only = "false", .feature = "host rewriting" },
	{ "host_rewrite_header", CONFIG_MISSING, .feature = "host rewriting" },
	{ "host_rewrite_path_regex", CONFIG_MISSING, .feature = "host rewriting" },
	{ "host_rewrite", CONFIG_REPLACED, .feature = "host_rewrite_literal" },
	{ "upgrade_configs", CONFIG_MISSING, .feature = "HTTP upgrades" },
	{ "retry_policy", CONFIG_MISSING, .feature = "retries" },
	{ "hedge_policy", CONFIG_MISSING, .feature = "hedged requests" },
	{ "hash_policy", CONFIG_MISSING, .feature = "hash policies" },
	{ "rate_limits", CONFIG_MISSING, .feature = "rate limits" },
	{ "include_vh_rate_limits", CONFIG_ONLY, .only = "false", .feature = "rate limits" },
	{ "cors", CONFIG_MISSING, .feature = "CORS" },
	{ "max_stream_duration", CONFIG_MISSING, .feature = "max_stream_duration of a route" },
	{ "append_x_forwarded_host", CONFIG_ONLY, .only = "false",
	  .feature = "appending to X-Forwarded-Host" },
	{ "internal_redirect_policy", CONFIG_MISSING, .feature = "internal redirects" },
};
static const struct route_action_config action_defaults = {
	.cluster_idx = ROUTE_CLUSTER_UNKNOWN,
	.timeout_ns = 15ull * NS_PER_S,
	.idle_timeout_ns = CONFIG_UNSET_NS,
	.cluster_not_found_status = 503,
};

static int finish_action(struct config_decoder *d, const struct config_node *n, void *holder)
{
	if (!((struct route_action_config *)holder)->cluster)
		return config_fail(d->error, n, "\"cluster\" is missing");
	return 0;
}

static const struct config_message action_message = {
	.name = "RouteAction",
	.size = sizeof(struct route_action_config),
	.defaults = &action_defaults,
	.fields = action_fields,
	.n_fields = count_of(action_fields),
	.known = "cluster_specifier_plugin inline_cluster_specifier_plugin metadata_match "
		 "flush_timeout early_data_policy retry_policy_typed_config max_grpc_timeout "
		 "grpc_timeout_offset internal_redirect_action max_internal_redirects",
	.finish = finish_action,
};

static int take_body(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct direct_response_config *r = holder;
	struct data_source source;
	int err = data_source_take(d, n, &source);

	if (err)
		return err;
	r->body = source.bytes;
	r->body_len = (uint32_t)source.len;
	return 0;
}

static const struct config_field direct_fields[] = {
	{ "status", CONFIG_U32, .offset = offsetof(struct direct_response_config, status),
	  .flags = CONFIG_REQUIRED, .min = 200, .max = 599 },
	{ "body", CONFIG_CUSTOM, .decode = take_body },
	{ "body_format", CONFIG_MISSING, .feature = "formatted response bodies" },
};
static const struct direct_response_config direct_defaults = { .body = "" };
static const struct config_message direct_message = {
	.name = "DirectResponseAction",
	.size = sizeof(struct direct_response_config),
	.defaults = &direct_defaults,
	.fields = direct_fields,
	.n_fields = count_of(direct_fields),
};

static int finish_route(struct config_decoder *d, const struct config_node *n, void *holder)
{
	if (((struct route_config *)holder)->kind == ROUTE_NONE)
		return config_fail(d->error, n, "\"route\" or \"direct_response\" is missing");
	return 0;
}

static const struct config_field route_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct route_config, name) },
	{ "match", CONFIG_MESSAGE, .offset = offsetof(struct route_config, match),
	  .message = &match_message, .flags = CONFIG_REQUIRED },
	{ "route", CONFIG_MESSAGE, .offset = offsetof(struct route_config, forward),
	  .message = &action_message, .case_offset = offsetof(struct route_config, kind),
	  .case_is = ROUTE_FORWARD },
	{ "direct_response", CONFIG_MESSAGE,
	  .offset = offsetof(struct route_config, direct_response), .message = &direct_message,
	  .case_offset = offsetof(struct route_config, kind), .case_is = ROUTE_DIRECT_RESPONSE },
	{ "redirect", CONFIG_MISSING, .feature = "redirects" },
	{ "filter_action", CONFIG_MISSING, .feature = "filter actions" },
	{ "non_forwarding_action", CONFIG_MISSING, .feature = "non-forwarding routes" },
	{ "metadata", .type = CONFIG_NO_EFFECT },
	{ "decorator", CONFIG_MISSING, .feature = "tracing" },
	{ "tracing", CONFIG_MISSING, .feature = "tracing" },
	{ "typed_per_filter_config", CONFIG_CUSTOM, .decode = take_no_filter_config },
	{ "per_filter_config", CONFIG_REPLACED, .feature = "typed_per_filter_config" },
	{ "request_headers_to_add", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "request_headers_to_remove", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "response_headers_to_add", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "response_headers_to_remove", CONFIG_MISSING, .feature = HEADER_CHANGES },
};
static const struct route_config route_defaults = { .name = "" };
static const struct config_message route_message = {
	.name = "Route",
	.size = sizeof(struct route_config),
	.defaults = &route_defaults,
	.fields = route_fields,
	.n_fields = count_of(route_fields),
	.known = "per_request_buffer_limit_bytes stat_prefix request_body_buffer_limit",
	.at_offset = offsetof(struct route_config, at),
	.finish = finish_route,
};

/* A wildcard stands alone, or at one end; RFC 3986 §3.2.2 hosts do not depend on case. */
static int check_domain(struct config_decoder *d, const struct config_node *n, const char **domain)
{
	size_t len = strlen(*domain);
	const char *star = strchr(*domain, '*');
	char *lower;

	if (!len)
		return config_fail(d->error, n, "a domain must not be empty");
	if (star && (strchr(star + 1, '*') || (star != *domain && star[1])))
		return config_fail(d->error, n,
				   "\"%.80s\": a wildcard stands at one end of a domain", *domain);
	if ((*domain)[strcspn(*domain, " \t/?#@")])
		return config_fail(d->error, n, "\"%.80s\" is not a domain", *domain);
	lower = arena_text_or_null(d->arena, slice_of_text(*domain));
	if (!lower)
		return ERR_NOMEM;
	*domain = lower;
	for (; *lower; lower++)
		*lower = (char)tolower((unsigned char)*lower);
	return 0;
}

static int finish_virtual_host(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct virtual_host_config *v = holder;
	const struct config_node *list = config_member_or_null(n, "domains");
	const struct config_node *item = list->kind == CONFIG_LIST ? list->first : list;
	const char **domains = (const char **)v->domains; /* ours until the snapshot is done */

	for (uint32_t i = 0; i < v->n_domains; i++, item = item->next) {
		int err = check_domain(d, item, &domains[i]);

		if (err)
			return err;
	}
	return 0;
}

static const struct config_field virtual_host_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct virtual_host_config, name),
	  .flags = CONFIG_REQUIRED },
	{ "domains", CONFIG_STRING_LIST, .offset = offsetof(struct virtual_host_config, domains),
	  .n_offset = offsetof(struct virtual_host_config, n_domains), .flags = CONFIG_REQUIRED },
	{ "routes", CONFIG_MESSAGE_LIST, .offset = offsetof(struct virtual_host_config, routes),
	  .n_offset = offsetof(struct virtual_host_config, n_routes), .message = &route_message },
	{ "matcher", CONFIG_MISSING, .feature = "matching trees" },
	{ "require_tls", CONFIG_ONLY, .only = "NONE", .feature = "redirects to TLS" },
	{ "virtual_clusters", CONFIG_MISSING, .feature = "virtual clusters" },
	{ "rate_limits", CONFIG_MISSING, .feature = "rate limits" },
	{ "cors", CONFIG_MISSING, .feature = "CORS" },
	{ "retry_policy", CONFIG_MISSING, .feature = "retries" },
	{ "request_mirror_policies", CONFIG_MISSING, .feature = "request mirroring" },
	{ "typed_per_filter_config", CONFIG_CUSTOM, .decode = take_no_filter_config },
	{ "per_filter_config", CONFIG_REPLACED, .feature = "typed_per_filter_config" },
	{ "metadata", .type = CONFIG_NO_EFFECT },
	{ "request_headers_to_add", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "request_headers_to_remove", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "response_headers_to_add", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "response_headers_to_remove", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "include_request_attempt_count", CONFIG_ONLY, .only = "false" },
	{ "include_attempt_count_in_response", CONFIG_ONLY, .only = "false" },
};
static const struct config_message virtual_host_message = {
	.name = "VirtualHost",
	.size = sizeof(struct virtual_host_config),
	.fields = virtual_host_fields,
	.n_fields = count_of(virtual_host_fields),
	.known = "retry_policy_typed_config hedge_policy include_is_timeout_retry_header "
		 "per_request_buffer_limit_bytes request_body_buffer_limit",
	.at_offset = offsetof(struct virtual_host_config, at),
	.finish = finish_virtual_host,
};

struct domain_use {
	const char *domain;
	const struct virtual_host_config *host;
};

static int compare_domains(const void *a, const void *b)
{
	return strcmp(((const struct domain_use *)a)->domain,
		      ((const struct domain_use *)b)->domain);
}

/* Each domain of a table belongs to one virtual host. */
static int check_unique_domains(struct config_decoder *d, const struct route_table_config *t)
{
	size_t n = 0, i = 0;
	struct domain_use *uses;
	int err = 0;

	for (uint32_t v = 0; v < t->n_virtual_hosts; v++)
		n += t->virtual_hosts[v].n_domains;
	uses = malloc((n + 1) * sizeof(*uses));
	if (!uses)
		return ERR_NOMEM;
	for (uint32_t v = 0; v < t->n_virtual_hosts; v++)
		for (uint32_t k = 0; k < t->virtual_hosts[v].n_domains; k++)
			uses[i++] = (struct domain_use){ t->virtual_hosts[v].domains[k],
							 &t->virtual_hosts[v] };
	qsort(uses, n, sizeof(*uses), compare_domains);
	for (i = 1; i < n && !err; i++)
		if (!compare_domains(&uses[i - 1], &uses[i]))
			err = config_fail(d->error,
					  config_member_or_null(uses[i].host->at, "domains"),
					  "domain \"%.80s\" is given twice: a virtual host has it "
					  "already",
					  uses[i].domain);
	free(uses);
	return err;
}

static int check_bodies(struct config_decoder *d, const struct route_table_config *t,
			const struct virtual_host_config *v)
{
	for (uint32_t i = 0; i < v->n_routes; i++)
		if (v->routes[i].direct_response.body_len > t->max_direct_response_body_bytes)
			return config_fail(
				d->error, config_member_or_null(v->routes[i].at, "direct_response"),
				"the body has %u bytes, "
				"max_direct_response_body_size_bytes allows %u",
				v->routes[i].direct_response.body_len,
				t->max_direct_response_body_bytes);
	return 0;
}

static int finish_table(struct config_decoder *d, const struct config_node *n unused_arg,
			void *holder)
{
	const struct route_table_config *t = holder;
	int err = check_unique_domains(d, t);

	for (uint32_t v = 0; v < t->n_virtual_hosts && !err; v++)
		err = check_bodies(d, t, &t->virtual_hosts[v]);
	return err;
}

static const struct config_field table_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct route_table_config, name) },
	{ "virtual_hosts", CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct route_table_config, virtual_hosts),
	  .n_offset = offsetof(struct route_table_config, n_virtual_hosts),
	  .message = &virtual_host_message },
	{ "validate_clusters", CONFIG_BOOL,
	  .offset = offsetof(struct route_table_config, validate_clusters) },
	{ "ignore_port_in_host_matching", CONFIG_BOOL,
	  .offset = offsetof(struct route_table_config, ignore_port_in_host_matching) },
	{ "max_direct_response_body_size_bytes", CONFIG_U32,
	  .offset = offsetof(struct route_table_config, max_direct_response_body_bytes) },
	{ "vhds", CONFIG_MISSING, .feature = "virtual host discovery (VHDS)" },
	{ "metadata", .type = CONFIG_NO_EFFECT },
	{ "typed_per_filter_config", CONFIG_CUSTOM, .decode = take_no_filter_config },
	{ "request_headers_to_add", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "request_headers_to_remove", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "response_headers_to_add", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "response_headers_to_remove", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "internal_only_headers", CONFIG_MISSING, .feature = HEADER_CHANGES },
	{ "most_specific_header_mutations_wins", CONFIG_ONLY, .only = "false",
	  .feature = HEADER_CHANGES },
	{ "request_mirror_policies", CONFIG_MISSING, .feature = "request mirroring" },
};
static const struct route_table_config table_defaults = {
	.name = "",
	.validate_clusters = true,
	.max_direct_response_body_bytes = 4096,
};
const struct config_message route_table_message = {
	.name = "RouteConfiguration",
	.size = sizeof(struct route_table_config),
	.defaults = &table_defaults,
	.fields = table_fields,
	.n_fields = count_of(table_fields),
	.known = "cluster_specifier_plugins vhost_header "
		 "ignore_path_parameters_in_path_matching",
	.at_offset = offsetof(struct route_table_config, at),
	.finish = finish_table,
};

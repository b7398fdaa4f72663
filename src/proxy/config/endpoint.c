/* endpoint.c - envoy.config.endpoint.v3: the load_assignment, flattened into a list of endpoints.
 */
#include "proxy/config/cluster.h"

#include "proxy/config/messages.h"

static const struct config_field target_fields[] = {
	{ "address", CONFIG_MESSAGE, .offset = offsetof(struct endpoint_config, address),
	  .message = &address_message, .flags = CONFIG_REQUIRED },
	{ "hostname", CONFIG_STRING, .offset = offsetof(struct endpoint_config, hostname) },
	{ "health_check_config", CONFIG_MISSING, .feature = "active health checking" },
	{ "additional_addresses", CONFIG_MISSING, .feature = "several addresses per endpoint" },
};
static const struct endpoint_config endpoint_defaults = { .hostname = "", .weight = 1 };
static const struct config_message target_message = {
	.name = "Endpoint",
	.size = sizeof(struct endpoint_config),
	.defaults = &endpoint_defaults,
	.fields = target_fields,
	.n_fields = count_of(target_fields),
};

static int take_target(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct endpoint_config *e = holder, target;
	int err = config_decode(d, n, &target_message, &target);

	e->address = target.address;
	e->hostname = target.hostname;
	return err;
}

static const struct config_enum_value statuses[] = {
	{ "UNKNOWN", 0, NULL },
	{ "HEALTHY", 1, NULL },
	{ "UNHEALTHY", 2, "health status of endpoints" },
	{ "DRAINING", 3, "health status of endpoints" },
	{ "TIMEOUT", 4, "health status of endpoints" },
	{ "DEGRADED", 5, "health status of endpoints" },
};
static const struct config_enum status_enum = { statuses, count_of(statuses) };

static int take_status(struct config_decoder *d, const struct config_node *n,
		       void *holder unused_arg)
{
	uint8_t status; /* of the two that pass, neither changes anything */

	return config_take_enum(d, n, &status_enum, &status);
}

static int finish_endpoint(struct config_decoder *d, const struct config_node *n, void *holder)
{
	if (((struct endpoint_config *)holder)->address.kind == ADDRESS_UNSET)
		return config_fail(d->error, n, "\"endpoint\" is missing in LbEndpoint");
	return 0;
}

static const struct config_field endpoint_fields[] = {
	{ "endpoint", CONFIG_CUSTOM, .decode = take_target },
	{ "endpoint_name", CONFIG_MISSING, .feature = "named endpoints" },
	{ "health_status", CONFIG_CUSTOM, .decode = take_status },
	{ "load_balancing_weight", CONFIG_U32, .offset = offsetof(struct endpoint_config, weight),
	  .min = 1 },
	{ "metadata", .type = CONFIG_NO_EFFECT },
};
static const struct config_message endpoint_message = {
	.name = "LbEndpoint",
	.size = sizeof(struct endpoint_config),
	.defaults = &endpoint_defaults,
	.fields = endpoint_fields,
	.n_fields = count_of(endpoint_fields),
	.at_offset = offsetof(struct endpoint_config, at),
	.finish = finish_endpoint,
};

struct locality_endpoints {
	const struct endpoint_config *endpoints;
	uint32_t n_endpoints;
	uint32_t weight;
};

static const struct config_field locality_fields[] = {
	{ "lb_endpoints", CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct locality_endpoints, endpoints),
	  .n_offset = offsetof(struct locality_endpoints, n_endpoints),
	  .message = &endpoint_message },
	{ "locality", .type = CONFIG_NO_EFFECT }, /* without zone-aware balancing, a note */
	{ "load_balancing_weight", CONFIG_U32,
	  .offset = offsetof(struct locality_endpoints, weight), .min = 1 }, /* likewise */
	{ "priority", CONFIG_ONLY, .only = "0", .feature = "endpoint priorities" },
	{ "metadata", .type = CONFIG_NO_EFFECT },
};
static const struct config_message locality_message = {
	.name = "LocalityLbEndpoints",
	.size = sizeof(struct locality_endpoints),
	.fields = locality_fields,
	.n_fields = count_of(locality_fields),
	.known = "load_balancer_endpoints leds_cluster_locality_config proximity",
};

struct assignment {
	const char *cluster_name;
	const struct locality_endpoints *localities;
	uint32_t n_localities;
};

static const struct config_field assignment_fields[] = {
	{ "cluster_name", CONFIG_STRING, .offset = offsetof(struct assignment, cluster_name),
	  .flags = CONFIG_REQUIRED },
	{ "endpoints", CONFIG_MESSAGE_LIST, .offset = offsetof(struct assignment, localities),
	  .n_offset = offsetof(struct assignment, n_localities), .message = &locality_message },
	{ "named_endpoints", CONFIG_MISSING, .feature = "named endpoints" },
	{ "policy", CONFIG_MISSING, .feature = "load assignment policies" },
};
static const struct config_message assignment_message = {
	.name = "ClusterLoadAssignment",
	.size = sizeof(struct assignment),
	.fields = assignment_fields,
	.n_fields = count_of(assignment_fields),
};

int take_load_assignment(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct cluster_config *c = holder;
	struct endpoint_config *all;
	struct assignment a;
	uint32_t total = 0;
	int err = config_decode(d, n, &assignment_message, &a);

	if (err)
		return err;
	for (uint32_t i = 0; i < a.n_localities; i++)
		total += a.localities[i].n_endpoints;
	all = arena_alloc_or_null(d->arena, total * sizeof(*all));
	if (!all)
		return ERR_NOMEM;
	c->endpoints = all;
	c->n_endpoints = total;
	for (uint32_t i = 0; i < a.n_localities; i++)
		for (uint32_t k = 0; k < a.localities[i].n_endpoints; k++)
			*all++ = a.localities[i].endpoints[k];
	return 0;
}

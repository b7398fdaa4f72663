/* net_config_route.c - the table of net.yaml's routes. */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

/* --- next hops --- */

static int take_via_into(struct config_decoder *d, const struct config_node *n,
			 struct net_route_hop *hop)
{
	int err = net_take_addr(d, n, &hop->via);

	hop->has_via = err == 0;
	return err;
}

static int take_hop_via(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_via_into(d, n, holder);
}

static int finish_hop(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_route_hop *hop = holder;

	if (!hop->has_via && !hop->interface)
		return config_fail(d->error, n, "a next hop needs via and/or interface");
	return 0;
}

static const struct config_field hop_fields[] = {
	{ .name = "via", .type = CONFIG_CUSTOM, .decode = take_hop_via },
	{ .name = "interface",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_route_hop, interface),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "vrf",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_route_hop, vrf),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "weight",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_route_hop, weight),
	  .min = 1,
	  .max = LOAD_BALANCE_WEIGHT_MAX },
};

static const struct net_route_hop hop_defaults = { .weight = 1 };

static const struct config_message hop_message = {
	.name = "next hop",
	.size = sizeof(struct net_route_hop),
	.defaults = &hop_defaults,
	.fields = hop_fields,
	.n_fields = count_of(hop_fields),
	.at_offset = offsetof(struct net_route_hop, at),
	.finish = finish_hop,
};

/* --- routes --- */

static int take_to(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return net_take_prefix(d, n, &((struct net_route *)holder)->to);
}

static int take_via(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_via_into(d, n, &((struct net_route *)holder)->hop);
}

static int check_hop(struct config_decoder *d, const struct net_route *route,
		     const struct net_route_hop *hop, const struct config_node *at)
{
	if (hop->has_via && ip6_is_mapped(&hop->via) != ip_prefix_is_ip4(&route->to))
		return config_fail(d->error, at, "\"to\" and \"via\" are of different families");
	if (hop->has_via && ip6_is_link_local(&hop->via) && !hop->interface)
		return config_fail(d->error, at,
				   "a link-local \"via\" needs its link: add \"interface\"");
	return 0;
}

static int check_hops(struct config_decoder *d, const struct config_node *n,
		      const struct net_route *route)
{
	int err = check_hop(d, route, &route->hop, n);

	for (uint32_t i = 0; i < route->n_hops && err == 0; i++)
		err = check_hop(d, route, &route->hops[i], route->hops[i].at);
	if (err == 0 && route->n_hops > LOAD_BALANCE_PATHS)
		return config_fail(d->error, n, "more than %d next hops", LOAD_BALANCE_PATHS);
	if (err == 0 && route->resilient && route->n_hops < 2)
		return config_fail(d->error, n, "\"resilient\" is for several next_hops");
	return err;
}

static int finish(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_route *route = holder;
	unsigned n_ways = (route->hop.has_via || route->hop.interface) + (route->n_hops > 0) +
			  route->blackhole + route->prohibit + route->unreachable +
			  (route->lookup != NULL);

	if (!config_member_or_null(n, "to"))
		return config_fail(d->error, n, "a route needs \"to\", a prefix");
	if (n_ways != 1)
		return config_fail(d->error, n,
				   "a route needs one of: via and/or interface, next_hops, "
				   "blackhole: true, prohibit: true, unreachable: true, lookup");
	return check_hops(d, n, route);
}

static const struct config_field fields[] = {
	{ .name = "to", .type = CONFIG_CUSTOM, .decode = take_to },
	{ .name = "via", .type = CONFIG_CUSTOM, .decode = take_via },
	{ .name = "interface",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_route, hop.interface),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "next_hops",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_route, hops),
	  .n_offset = offsetof(struct net_route, n_hops),
	  .message = &hop_message },
	{ .name = "resilient",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_route, resilient) },
	{ .name = "vrf",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_route, vrf),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "lookup",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_route, lookup),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "blackhole",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_route, blackhole) },
	{ .name = "prohibit", .type = CONFIG_BOOL, .offset = offsetof(struct net_route, prohibit) },
	{ .name = "unreachable",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_route, unreachable) },
};

static const struct net_route defaults = { .hop = { .weight = 1 } };

const struct config_message net_route_message = {
	.name = "route",
	.size = sizeof(struct net_route),
	.defaults = &defaults,
	.fields = fields,
	.n_fields = count_of(fields),
	.at_offset = offsetof(struct net_route, at),
	.finish = finish,
};

/* --- what they name --- */

static int check_name(struct config_decoder *d, const struct net_config *c,
		      const struct net_route_hop *hop, const struct config_node *at)
{
	if (!hop->interface)
		return 0;
	for (uint32_t i = 0; i < c->n_interfaces; i++)
		if (strcmp(c->interfaces[i].name, hop->interface) == 0)
			return 0;
	return config_fail(d->error, config_member_or_null(at, "interface"),
			   "no interface is called \"%s\"", hop->interface);
}

int net_check_routes(struct config_decoder *d, const struct net_config *c)
{
	int err = 0;

	for (uint32_t i = 0; i < c->n_routes && err == 0; i++) {
		const struct net_route *r = &c->routes[i];

		err = check_name(d, c, &r->hop, r->at);
		for (uint32_t k = 0; k < r->n_hops && err == 0; k++)
			err = check_name(d, c, &r->hops[k], r->hops[k].at);
	}
	return err;
}

/* net_config_route.c - the table of net.yaml's routes. */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

static int take_to(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return net_take_prefix(d, n, &((struct net_route *)holder)->to);
}

static int take_via(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_route *route = holder;
	const char *text;
	int err = config_take_string(d, n, &text);

	if (err < 0)
		return err;
	if (ip_addr_from_text(text, &route->via) < 0)
		return config_fail(d->error, n,
				   "\"%.60s\" is no address; expected one like 10.0.0.1 or "
				   "2001:db8::1",
				   text);
	route->has_via = true;
	return 0;
}

static int finish(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_route *route = holder;
	unsigned n_ways = (route->has_via || route->interface) + route->blackhole +
			  route->prohibit + (route->lookup != NULL);

	if (!config_member_or_null(n, "to"))
		return config_fail(d->error, n, "a route needs \"to\", a prefix");
	if (n_ways != 1)
		return config_fail(d->error, n,
				   "a route needs one of: via and/or interface, blackhole: true, "
				   "prohibit: true, lookup");
	if (route->has_via && ip6_is_mapped(&route->via) != ip_prefix_is_ip4(&route->to))
		return config_fail(d->error, n, "\"to\" and \"via\" are of different families");
	if (route->has_via && ip6_is_link_local(&route->via) && !route->interface)
		return config_fail(d->error, n,
				   "a link-local \"via\" needs its link: add \"interface\"");
	return 0;
}

static const struct config_field fields[] = {
	{ .name = "to", .type = CONFIG_CUSTOM, .decode = take_to },
	{ .name = "via", .type = CONFIG_CUSTOM, .decode = take_via },
	{ .name = "interface",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_route, interface),
	  .flags = CONFIG_NOT_EMPTY },
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
};

const struct config_message net_route_message = {
	.name = "route",
	.size = sizeof(struct net_route),
	.fields = fields,
	.n_fields = count_of(fields),
	.at_offset = offsetof(struct net_route, at),
	.finish = finish,
};

/* routes.c - from net.yaml's routes to the forwarding table. */
#include "daemon/routes.h"

#include "base/err.h"
#include "daemon/convoyd.h"
#include "l3/ip4/route.h"

static int add(struct engine *e, const struct net_route *route)
{
	struct ip4_hop hop = { .addr = host32(route->via) };

	if (route->blackhole)
		return ip4_add_dead_route(e, VRF_DEFAULT, route->to, ADJACENCY_BLACKHOLE);
	if (route->prohibit)
		return ip4_add_dead_route(e, VRF_DEFAULT, route->to, ADJACENCY_PROHIBIT);
	if (route->interface) /* net_config.c has made sure that it exists */
		hop.if_index = interface_by_name_or_null(e, route->interface)->index;
	return ip4_add_route(e, VRF_DEFAULT, route->to, &hop, 1);
}

static const char *reason(int err)
{
	switch (err) {
	case ERR_INVAL:
		return "bits are set behind the prefix's length";
	case ERR_UNREACHABLE:
		return "the next hop is not on the link of any interface";
	default:
		return err_text(err);
	}
}

int routes_create(struct convoyd *d)
{
	for (uint32_t n = 0; n < d->config->n_routes; n++) {
		const struct net_route *route = &d->config->routes[n];
		int err = add(d->engine, route);

		if (err < 0) {
			config_fail(&d->error, route->at, "no such route: %s", reason(err));
			return err;
		}
	}
	return 0;
}

/* part_ip.c - start and stop IPv4 and IPv6, and lend their timers the daemon's clock. */
#include <event2/event.h>

#include "base/err.h"
#include "daemon/convoyd.h"
#include "daemon/parts.h"
#include "engine/engine.h"
#include "l3/cli/l3_cli.h"
#include "l3/icmp/icmp.h"
#include "l3/icmp/icmp6.h"
#include "l3/icmp/redirect.h"
#include "l3/ip6/address.h"
#include "l3/mld/mld.h"
#include "l3/neighbor/neighbor.h"
#include "l3/probe/probe.h"
#include "l3/reassembly/reassembly.h"
#include "l3/route/hop.h"
#include "l3/route/route.h"
#include "l3/rpf/rpf.h"
#include "l3/shortcut/shortcut.h"

static void on_tick(evutil_socket_t fd unused_arg, short what unused_arg, void *context)
{
	struct convoyd *d = context;

	neighbor_tick(d->engine, clock_now_ns(d->engine->clock));
	ip6_tick(d->engine, clock_now_ns(d->engine->clock));
	route_hops_tick(d->engine);
	probe_tick(d->engine, clock_now_ns(d->engine->clock));
	shortcut_tick(d->engine);
}

int part_ip_init(struct convoyd *d)
{
	const struct timeval period = { .tv_usec = NEIGHBOR_TICK_NS / NS_PER_US };
	int err = ip4_init(d->engine);

	if (err == 0)
		err = ip6_init(d->engine);
	if (err == 0)
		err = shortcut_init(d->engine);
	if (err == 0)
		err = neighbor_init(d->engine);
	if (err == 0)
		err = route_hops_init(d->engine);
	if (err == 0)
		err = routes_init(d->engine);
	if (err == 0)
		err = route_events_init(d->engine);
	if (err == 0)
		err = rpf_init(d->engine);
	if (err == 0)
		err = icmp4_init(d->engine);
	if (err == 0)
		err = icmp6_init(d->engine);
	if (err == 0)
		err = mld_init(d->engine);
	if (err == 0)
		err = redirect_init(d->engine);
	if (err == 0)
		err = reassembly_init(d->engine);
	if (err == 0)
		err = probe_init(d->engine);
	if (err == 0)
		err = address_cli_register(d->commands, d->engine);
	if (err == 0)
		err = route_cli_register(d->commands, d->engine);
	if (err == 0)
		err = load_cli_register(d->commands, d->engine);
	if (err == 0)
		err = vrf_cli_register(d->commands, d->engine);
	if (err == 0)
		err = rpf_cli_register(d->commands, d->engine);
	if (err == 0)
		err = neighbor_cli_register(d->commands, d->engine);
	if (err == 0)
		err = group_cli_register(d->commands, d->engine);
	if (err == 0)
		err = redirect_cli_register(d->commands, d->engine);
	if (err == 0)
		err = shortcut_cli_register(d->commands, d->engine);
	if (err == 0)
		err = path_mtu_cli_register(d->commands, d->engine);
	if (err == 0)
		err = router_cli_register(d->commands, d->engine);
	if (err == 0)
		err = waiting_cli_register(d->commands, d->engine);
	if (err == 0)
		err = ping_cli_register(d->commands, d->engine);
	if (err == 0)
		err = traceroute_cli_register(d->commands, d->engine);
	if (err < 0)
		goto fail;
	d->neighbors = event_new(d->base, -1, EV_PERSIST, on_tick, d);
	if (d->neighbors && event_add(d->neighbors, &period) == 0)
		return 0;
	err = ERR_NOMEM;
fail:
	part_ip_deinit(d);
	return err;
}

void part_ip_deinit(struct convoyd *d)
{
	if (d->neighbors)
		event_free(d->neighbors);
	d->neighbors = NULL;
	probe_deinit(d->engine);
	reassembly_deinit(d->engine);
	icmp6_deinit(d->engine);
	icmp4_deinit(d->engine);
	redirect_deinit(d->engine);
	mld_deinit(d->engine);
	ip6_links_deinit(ip6_stack_of(d->engine));
	rpf_deinit(d->engine);
	route_events_deinit(d->engine);
	routes_deinit(d->engine); /* hosts have forgotten their routers */
	route_hops_deinit(d->engine);
	neighbor_deinit(d->engine);
	shortcut_deinit(d->engine);
	ip6_deinit(d->engine);
	ip4_deinit(d->engine);
}

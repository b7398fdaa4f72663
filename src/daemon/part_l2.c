/* part_l2.c - start and stop what switches frames, and lend its ageing the daemon's clock. */
#include <event2/event.h>

#include "daemon/convoyd.h"
#include "daemon/parts.h"
#include "engine/engine.h"
#include "l2/bridge/bridge.h"
#include "l2/mac_filter/mac_filter.h"
#include "l2/vlan/vlan.h"
#include "l2/xconnect/xconnect.h"

static void on_tick(evutil_socket_t fd unused_arg, short what unused_arg, void *context)
{
	struct convoyd *d = context;

	bridge_tick(d->engine, clock_now_ns(d->engine->clock));
}

static int register_commands(struct convoyd *d)
{
	int err = vlan_cli_register(d->commands, d->engine);

	if (err == 0)
		err = xconnect_cli_register(d->commands, d->engine);
	if (err == 0)
		err = mac_filter_cli_register(d->commands, d->engine);
	return err < 0 ? err : bridge_cli_register(d->commands, d->engine);
}

int part_l2_init(struct convoyd *d)
{
	const struct timeval period = { .tv_usec = BRIDGE_TICK_NS / NS_PER_US };
	int err = vlan_init(d->engine);

	if (err == 0)
		err = xconnect_init(d->engine);
	if (err == 0)
		err = bridge_init(d->engine);
	if (err == 0)
		err = mac_filters_init(d->engine);
	if (err == 0)
		err = register_commands(d);
	if (err < 0)
		goto fail;
	d->bridges = event_new(d->base, -1, EV_PERSIST, on_tick, d);
	if (d->bridges && event_add(d->bridges, &period) == 0)
		return 0;
	err = ERR_NOMEM;
fail:
	part_l2_deinit(d);
	return err;
}

/* Subinterfaces go last: bridges and cross-connects have to know theirs. */
void part_l2_deinit(struct convoyd *d)
{
	if (d->bridges)
		event_free(d->bridges);
	d->bridges = NULL;
	mac_filters_deinit(d->engine);
	bridge_deinit(d->engine);
	xconnect_deinit(d->engine);
	vlan_deinit(d->engine);
}

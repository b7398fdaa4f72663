/* part_l2.c - start and stop what switches frames, with its commands. */
#include "daemon/convoyd.h"
#include "daemon/parts.h"
#include "l2/vlan/vlan.h"

int part_l2_init(struct convoyd *d)
{
	int err = vlan_init(d->engine);

	if (err == 0)
		err = vlan_cli_register(d->commands, d->engine);
	if (err < 0)
		part_l2_deinit(d);
	return err;
}

void part_l2_deinit(struct convoyd *d)
{
	vlan_deinit(d->engine);
}

/* interfaces.c - from net.yaml's interfaces to running ones. */
#include "daemon/interfaces.h"

#include "base/err.h"
#include "daemon/convoyd.h"
#include "drivers/loop/loop.h"
#include "engine/engine.h"

enum { WHY_MAX = 256 };

static int create(struct convoyd *d, const struct net_interface *config, struct interface **out)
{
	char why[WHY_MAX] = "";
	int err = ERR_UNSUPPORTED;

	switch ((enum net_interface_kind)config->kind) {
	case NET_TAP:
		err = tap_create(d->engine, &config->tap, out, why, sizeof(why));
		break;
	case NET_LOOP:
		err = loop_create(d->engine, config->name, config->has_mac ? config->mac.b : NULL,
				  config->mtu_bytes, out);
		break;
	case NET_NO_KIND: /* net_config.c lets none through */
		break;
	}
	if (err < 0)
		config_fail(&d->error, config->at, "interface \"%s\": %s", config->name,
			    why[0] ? why : err_text(err));
	return err;
}

static int bring_up(struct convoyd *d, const struct net_interface *config, struct interface *i)
{
	int err = config->down ? 0 : interface_set_up(i, true);

	if (err < 0)
		config_fail(&d->error, config->at, "interface \"%s\" cannot be brought up: %s",
			    config->name, err_text(err));
	return err;
}

int interfaces_create(struct convoyd *d)
{
	for (uint32_t n = 0; n < d->config->n_interfaces; n++) {
		const struct net_interface *config = &d->config->interfaces[n];
		struct interface *i;
		int err = create(d, config, &i);

		if (err == 0)
			err = bring_up(d, config, i);
		if (err < 0)
			return err;
	}
	return 0;
}

/* interfaces.c - from net.yaml's interfaces to running ones. */
#include "daemon/interfaces.h"

#include "base/err.h"
#include "daemon/convoyd.h"
#include "drivers/loop/loop.h"
#include "engine/engine.h"
#include "l3/ip4/address.h"

enum { WHY_MAX = 256 };

static int create(struct convoyd *d, const struct net_interface *config, struct interface **out)
{
	char why[WHY_MAX] = "";
	int err = ERR_UNSUPPORTED;

	switch ((enum net_interface_kind)config->kind) {
	case NET_TAP:
		err = tap_create(d->engine, &config->tap, out, why, sizeof(why));
		break;
	case NET_MEMIF:
		err = memif_create(d->engine, &config->memif, out, why, sizeof(why));
		break;
	case NET_AF_PACKET:
		err = af_packet_create(d->engine, &config->af_packet, out, why, sizeof(why));
		break;
	case NET_LOOP:
		err = loop_create(d->engine, config->name, config->has_mac ? config->mac.b : NULL,
				  config->mtu_bytes, out);
		break;
	case NET_GENERATOR:
		err = generator_create(d->engine, &config->generator, out, why, sizeof(why));
		break;
	case NET_SINK:
		err = sink_create(d->engine, config->name, config->has_mac ? config->mac.b : NULL,
				  config->mtu_bytes, out);
		break;
	case NET_VLAN:
		err = vlan_create(d->engine, &config->vlan, out, why, sizeof(why));
		break;
	case NET_NO_KIND: /* net_config.c lets none through */
		break;
	}
	if (err < 0)
		config_fail(&d->error, config->at, "interface \"%s\": %s", config->name,
			    why[0] ? why : err_text(err));
	return err;
}

static int fail_address(struct convoyd *d, const struct net_interface *config,
			const struct ip4_prefix *address, int err)
{
	char text[32] = "";
	struct writer w = writer_of(text, sizeof(text) - 1);

	ip4_print_prefix(&w, address);
	config_fail(&d->error, config->at, "interface \"%s\" cannot have the address %s: %s",
		    config->name, text,
		    err == ERR_INVAL   ? "it is no address of a host"
		    : err == ERR_EXIST ? "another interface has it"
		    : err == ERR_BUSY  ? "another interface is on this network"
				       : err_text(err));
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

static int add_addresses(struct convoyd *d, const struct net_interface *config,
			 const struct interface *i)
{
	for (uint32_t n = 0; n < config->n_addresses; n++) {
		const struct ip4_prefix *one = &config->addresses[n];
		int err = ip4_add_address(d->engine, i->index, *one);

		if (err < 0)
			return fail_address(d, config, one, err);
	}
	return 0;
}

static int create_one(struct convoyd *d, const struct net_interface *config)
{
	struct interface *i;
	int err = create(d, config, &i);

	if (err == 0)
		err = add_addresses(d, config, i);
	return err == 0 ? bring_up(d, config, i) : err;
}

/* Parents first: a subinterface may stand before its parent. */
int interfaces_create(struct convoyd *d)
{
	const struct net_interface *all = d->config->interfaces;
	int err = 0;

	for (uint32_t n = 0; n < d->config->n_interfaces && err == 0; n++)
		err = all[n].kind == NET_VLAN ? 0 : create_one(d, &all[n]);
	for (uint32_t n = 0; n < d->config->n_interfaces && err == 0; n++)
		err = all[n].kind == NET_VLAN ? create_one(d, &all[n]) : 0;
	return err;
}

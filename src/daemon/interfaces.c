/* interfaces.c - from net.yaml's interfaces to running ones, and back. */
#include "daemon/interfaces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "daemon/convoyd.h"
#include "daemon/interface_ip.h"
#include "drivers/loop/loop.h"
#include "engine/engine.h"
#include "functions/spread/spread.h"

enum { WHY_MAX = 256 };

static int create_device(struct convoyd *d, const struct net_interface *config,
			 struct interface **out, char why[WHY_MAX])
{
	int err = ERR_UNSUPPORTED;

	switch ((enum net_interface_kind)config->kind) {
	case NET_TAP:
		err = tap_create(d->engine, &config->tap, out, why, WHY_MAX);
		break;
	case NET_MEMIF:
		err = memif_create(d->engine, &config->memif, out, why, WHY_MAX);
		break;
	case NET_AF_PACKET:
		err = af_packet_create(d->engine, &config->af_packet, out, why, WHY_MAX);
		break;
	case NET_AF_XDP:
		err = af_xdp_create(d->engine, &config->af_xdp, out, why, WHY_MAX);
		break;
	case NET_DPDK:
		err = dpdk_create(d->engine, &config->dpdk, &d->config->dpdk, out, why, WHY_MAX);
		break;
	case NET_PCAP:
		err = pcap_interface_create(d->engine, &config->pcap, out, why, WHY_MAX);
		break;
	case NET_LOOP:
		err = loop_create(d->engine, config->name, config->has_mac ? config->mac.b : NULL,
				  config->mtu_bytes, out);
		break;
	case NET_GENERATOR:
		err = generator_create(d->engine, &config->generator, out, why, WHY_MAX);
		break;
	case NET_SINK:
		err = sink_create(d->engine, config->name, config->has_mac ? config->mac.b : NULL,
				  config->mtu_bytes, out);
		break;
	case NET_VLAN:
		err = vlan_create(d->engine, &config->vlan, out, why, WHY_MAX);
		break;
	case NET_BVI:
		err = bridge_create_bvi(bridge_by_name_or_null(d->engine, config->bvi.bridge),
					config->name, config->has_mac ? config->mac.b : NULL,
					config->mtu_bytes, out);
		break;
	case NET_NO_KIND: /* net_config.c lets none through */
		break;
	}
	return err;
}

/* Say where its queues go before it is made, and forget that after. */
static int create(struct convoyd *d, const struct net_interface *config, struct interface **out,
		  struct config_error *error)
{
	char why[WHY_MAX] = "";
	int err = interface_place(d->engine, config->name, config->workers, config->n_workers);

	if (err == ERR_RANGE)
		snprintf(why, sizeof(why),
			 "\"workers\" names one that is not there; convoyd has %u",
			 d->engine->n_workers);
	if (err == 0) {
		err = create_device(d, config, out, why);
		if (interface_place(d->engine, config->name, NULL, 0) < 0)
			log_error("interface.place", "name=%s", config->name);
	}
	if (err < 0)
		config_fail(error, config->at, "interface \"%s\": %s", config->name,
			    why[0] ? why : err_text(err));
	return err;
}

static struct interface_record *record_or_null(struct convoyd *d, struct net_file *file,
					       const struct net_interface *config)
{
	struct interface_record *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->file = net_file_get(file);
	r->config = config;
	list_push(&d->interfaces, &r->link);
	return r;
}

static void forget(struct interface_record *r)
{
	list_remove(&r->link);
	net_file_put(r->file);
	free(r);
}

int interfaces_record(struct convoyd *d, struct net_file *file, const struct net_interface *config,
		      uint32_t index)
{
	struct interface_record *r = record_or_null(d, file, config);

	if (!r)
		return ERR_NOMEM;
	r->index = index;
	return 0;
}

static int settle_state(struct interface *i, const struct net_interface *config,
			struct config_error *error)
{
	int err = interface_set_up(i, !config->down);

	if (err < 0)
		config_fail(error, config->at, "interface \"%s\" cannot be brought %s: %s",
			    config->name, config->down ? "down" : "up", err_text(err));
	return err;
}

int interfaces_create(struct convoyd *d, struct net_file *file, const struct net_interface *config,
		      struct config_error *error)
{
	struct interface_record *r = record_or_null(d, file, config);
	struct interface *i;
	int err = r ? create(d, config, &i, error) : ERR_NOMEM;

	if (err < 0)
		goto fail;
	r->index = i->index;
	r->usual_mtu_bytes = config->mtu_bytes ? 0 : i->mtu_bytes;
	err = config->spread ? spread_set(i, true) : 0;
	if (err == 0)
		err = interface_ip_place(i, config, error);
	if (err == 0)
		err = interface_ip_settle(i, config, error);
	if (err == 0)
		err = settle_state(i, config, error);
	if (err == 0)
		return 0;
	r->index = 0;
	interface_remove(i);
fail:
	if (r)
		forget(r);
	return err;
}

void interfaces_remove(struct convoyd *d, struct interface_record *r)
{
	struct interface *i = interface_get_or_null(d->engine, r->index);

	r->index = 0; /* not follow()'s business */
	if (i)
		interface_remove(i);
	forget(r);
}

uint32_t interfaces_usual_mtu(const struct interface_record *r)
{
	return r->usual_mtu_bytes ? r->usual_mtu_bytes : INTERFACES_USUAL_MTU;
}

static int settle_mtu(struct interface *i, const struct interface_record *r,
		      const struct net_interface *config, struct config_error *error)
{
	uint32_t mtu = config->mtu_bytes ? config->mtu_bytes : interfaces_usual_mtu(r);
	char why[WHY_MAX] = "";
	int err = vlan_of_or_null(i) && !config->mtu_bytes
			  ? vlan_follow_mtu(i, why, sizeof(why))
			  : interface_set_mtu(i, mtu, why, sizeof(why));

	if (err < 0)
		config_fail(error, config->at, "interface \"%s\" cannot have an MTU of %u: %s",
			    config->name, mtu, why[0] ? why : err_text(err));
	return err;
}

/* A change failed half way: back to what was. */
static void restore(struct interface *i, const struct interface_record *r)
{
	const struct net_interface *before = r->config;
	struct config_error ignored = { 0 };

	if (i && (spread_set(i, before->spread) < 0 || settle_mtu(i, r, before, &ignored) < 0 ||
		  interface_ip_place(i, before, &ignored) < 0 ||
		  interface_ip_settle(i, before, &ignored) < 0))
		log_error("interface.restore", "name=%s", before->name);
}

int interfaces_change(struct convoyd *d, struct interface_record *r, struct net_file *file,
		      const struct net_interface *config, struct config_error *error)
{
	struct interface *i = interface_get_or_null(d->engine, r->index);
	struct net_file *old = r->file;
	int err = i ? spread_set(i, config->spread) : ERR_NOENT;

	if (err == 0)
		err = settle_mtu(i, r, config, error);
	if (err == 0)
		err = interface_ip_place(i, config, error);
	if (err == 0)
		err = interface_ip_settle(i, config, error);
	if (err == 0)
		err = settle_state(i, config, error);
	if (err < 0) {
		restore(i, r);
		return err;
	}
	r->file = net_file_get(file);
	r->config = config;
	net_file_put(old);
	return 0;
}

struct interface_record *interfaces_find_or_null(struct convoyd *d, const char *name)
{
	list_for_each(link, &d->interfaces) {
		struct interface_record *r = container_of(link, struct interface_record, link);

		if (strcmp(r->config->name, name) == 0)
			return r;
	}
	return NULL;
}

static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct convoyd *d = container_of(l, struct convoyd, interface_listener);

	if (event != INTERFACE_REMOVED)
		return;
	list_for_each(link, &d->interfaces) {
		struct interface_record *r = container_of(link, struct interface_record, link);

		if (r->index == i->index) {
			forget(r);
			return;
		}
	}
}

void interfaces_follow(struct convoyd *d)
{
	d->interface_listener.changed = follow;
	interface_listen(d->engine, &d->interface_listener);
}

void interfaces_forget(struct convoyd *d)
{
	interface_unlisten(&d->interface_listener);
	while (!list_empty(&d->interfaces))
		forget(container_of(d->interfaces.next, struct interface_record, link));
}

/*
 * interface_adopt.c - subinterfaces and routed interfaces that commands have made count as if a
 * net.yaml had asked for them: for those without a record the piece of net.yaml is written that
 * would.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "daemon/convoyd.h"
#include "daemon/interfaces.h"
#include "engine/engine.h"
#include "l2/bridge/bridge.h"
#include "l2/l2_cli.h"

enum { TEXT_MAX = 32 };

/* As a file says it: a lone number is a number. */
static json_t *tags_json(const char *text)
{
	return text[strspn(text, "0123456789")] ? json_string(text) : json_integer(atoi(text));
}

static json_t *match_json(const struct vlan_match *m)
{
	char text[TEXT_MAX] = "";
	struct writer w = writer_of(text, sizeof(text) - 1);

	vlan_print_match(&w, m);
	return tags_json(text);
}

static json_t *inside_json(const struct vlan_inside *inside)
{
	char text[TEXT_MAX] = "";
	struct writer w = writer_of(text, sizeof(text) - 1);

	vlan_print_inside(&w, inside);
	return tags_json(text);
}

/* The file has to name what it stands on; nothing is made of that. */
static json_t *vlan_file(const struct interface *i, const struct vlan *v)
{
	const struct interface *parent = interface_get_or_null(i->engine, v->parent);
	json_t *vlan =
		json_pack("{s:s, s:o}", "parent", parent->name, "tags", match_json(&v->match));
	json_t *one;

	if (v->inside.n > 0)
		json_object_set_new(vlan, "inside", inside_json(&v->inside));
	one = json_pack("{s:s, s:o}", "name", i->name, "vlan", vlan);
	if (v->has_mtu)
		json_object_set_new(one, "mtu", json_integer(i->mtu_bytes));
	return json_pack("{s:[o, {s:s, s:{}}]}", "interfaces", one, "name", parent->name, "loop");
}

static json_t *bvi_file(const struct interface *i, const struct bridge *b)
{
	struct mac mac;

	memcpy(mac.b, i->mac, sizeof(mac.b));
	return json_pack("{s:[{s:s, s:o, s:i, s:{s:s}}], s:[{s:s}]}", "interfaces", "name", i->name,
			 "mac", l2_mac_json(&mac), "mtu", (int)i->mtu_bytes, "bvi", "bridge",
			 bridge_name(b), "bridges", "name", bridge_name(b));
}

static int adopt(struct convoyd *d, const struct interface *i, json_t *as_file)
{
	char *text = as_file ? json_dumps(as_file, 0) : NULL;
	struct config_error error = { "" };
	struct net_file *file = NULL;
	int err = text ? net_file_load_text("commands", slice_of_text(text), &error, &file)
		       : ERR_NOMEM;

	if (err == 0) {
		err = interfaces_record(d, file, &file->config->interfaces[0], i->index);
		net_file_put(file);
	}
	if (err < 0)
		log_error("interface.adopt", "name=%s error=\"%s\"", i->name,
			  error.text[0] ? error.text : err_text(err));
	free(text);
	json_decref(as_file);
	return err;
}

int interfaces_adopt(struct convoyd *d)
{
	int err = 0;

	for (uint32_t index = 1; index < INTERFACES_MAX && err == 0; index++) {
		const struct interface *i = interface_get_or_null(d->engine, index);
		const struct vlan *v = i ? vlan_of_or_null(i) : NULL;
		bool is_bvi = i && bridge_of_port_or_null(i) && !bridge_port_config_or_null(i);

		if ((!v && !is_bvi) || interfaces_find_or_null(d, i->name))
			continue;
		err = adopt(d, i, v ? vlan_file(i, v) : bvi_file(i, bridge_of_port_or_null(i)));
	}
	return err;
}

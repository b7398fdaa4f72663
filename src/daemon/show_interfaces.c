/* show_interfaces.c - `show interfaces`. */
#include "daemon/show_interfaces.h"

#include "control/command.h"
#include "control/table.h"
#include "daemon/convoyd.h"
#include "engine/engine.h"
#include "functions/spread/spread.h"
#include "l3/cli/ip_json.h"
#include "l3/ip6/address.h"
#include "l3/rpf/rpf.h"
#include "l3/vrf/vrf.h"
#include "wire/ethernet.h"

enum { DEVICE_TEXT_MAX = 1024 };

static json_t *counters_json(const struct interface *i)
{
	struct if_counters c = interface_counters(i);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "rx_packets", (json_int_t)c.rx_packets,
			 "rx_bytes", (json_int_t)c.rx_bytes, "rx_drops", (json_int_t)c.rx_drops,
			 "tx_packets", (json_int_t)c.tx_packets, "tx_bytes", (json_int_t)c.tx_bytes,
			 "tx_drops", (json_int_t)c.tx_drops);
}

static json_t *mac_json(const struct interface *i)
{
	struct mac mac;

	_Static_assert(sizeof(mac.b) == sizeof(i->mac), "one length");
	memcpy(mac.b, i->mac, sizeof(mac.b));
	return l2_mac_json(&mac);
}

static json_t *addresses_json(const struct interface *i)
{
	const struct ip6_link *l = ip6_stack_of(i->engine)->link[i->index];
	json_t *list = json_array();

	list_for_each(link, &ip4_stack_of(i->engine)->addresses[i->index])
		json_array_append_new(
			list,
			ip4_prefix_json(container_of(link, struct ip4_address, link)->prefix));
	if (!l)
		return list;
	list_for_each(link, &l->addresses)
		json_array_append_new(
			list,
			ip6_prefix_json(&container_of(link, struct ip6_address, link)->prefix));
	return list;
}

static json_t *device_json(const struct interface *i)
{
	char text[DEVICE_TEXT_MAX];
	struct writer out = writer_of(text, sizeof(text));

	if (i->driver->describe)
		i->driver->describe(i, &out);
	return json_stringn(text, writer_len(&out));
}

/* How it does IP, besides its addresses. */
static void add_ip(json_t *row, const struct interface *i)
{
	const struct interface *lender =
		interface_get_or_null(i->engine, ip4_lender(ip4_stack_of(i->engine), i->index));

	json_object_set_new(row, "vrf", json_string(vrf_of_interface(i->engine, i->index)->name));
	json_object_set_new(row, "rpf", json_string(rpf_mode_name(rpf_of(i->engine, i->index))));
	json_object_set_new(row, "unnumbered", lender ? json_string(lender->name) : json_null());
	json_object_set_new(row, "spread", json_boolean(spread_is_set(i)));
	json_object_set_new(row, "bridge",
			    bridge_port_config_or_null(i)
				    ? json_string(bridge_name(bridge_of_port_or_null(i)))
				    : json_null());
}

static json_t *interface_json(const struct interface *i)
{
	json_t *row = json_pack("{s:s, s:i, s:s, s:s, s:o, s:o, s:i, s:i, s:o, s:o}", "name",
				i->name, "index", (int)i->index, "driver", i->driver->name, "state",
				!i->up	   ? "down"
				: !i->link ? "no link"
					   : "up",
				"addresses", addresses_json(i), "mac", mac_json(i), "mtu_bytes",
				(int)i->mtu_bytes, "queues", (int)i->n_queues, "counters",
				counters_json(i), "device", device_json(i));

	add_ip(row, i);
	return row;
}

static int show_interfaces(struct command_call *call)
{
	const struct convoyd *d = call->context;
	const char *only = command_arg_text(call, "interface");
	json_t *list = json_array();

	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		const struct interface *i = interface_get_or_null(d->engine, index);

		if (i && (!only || strcmp(i->name, only) == 0))
			json_array_append_new(list, interface_json(i));
	}
	if (only && json_array_size(list) == 0) {
		json_decref(list);
		return command_fail(call, ERR_NOENT,
				    "no interface \"%.32s\"; see: convoy show interfaces", only);
	}
	return command_reply(call, list);
}

/* What the table has no room for. */
static void render_more(struct text *out, const json_t *interface)
{
	static const char *const names[] = { "mac", "vrf", "bridge", "unnumbered", "rpf" };

	text_add(out, "  mtu %lld\n",
		 (long long)json_integer_value(json_object_get(interface, "mtu_bytes")));
	for (unsigned i = 0; i < count_of(names); i++) {
		const char *value = json_string_value(json_object_get(interface, names[i]));

		if (value && strcmp(value, "off") != 0)
			text_add(out, "  %s %s\n", names[i], value);
	}
	if (json_is_true(json_object_get(interface, "spread")))
		text_add(out, "  spread yes\n");
}

/* The driver's own words, a line each; for one interface, since they are many. */
static void render_device(struct text *out, const json_t *interface)
{
	const char *line = json_string_value(json_object_get(interface, "device"));

	while (line && *line) {
		size_t len = strcspn(line, "\n");

		text_add(out, "  %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void render_interfaces(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "name", "interface", TABLE_TEXT },
		{ "driver", "driver", TABLE_TEXT },
		{ "state", "state", TABLE_TEXT },
		{ "addresses", "addresses", TABLE_TEXT },
		{ "counters.rx_packets", "rx", TABLE_NUMBER },
		{ "counters.rx_bytes", "bytes", TABLE_BYTES },
		{ "counters.rx_drops", "drop", TABLE_NUMBER },
		{ "counters.tx_packets", "tx", TABLE_NUMBER },
		{ "counters.tx_bytes", "bytes", TABLE_BYTES },
		{ "counters.tx_drops", "drop", TABLE_NUMBER },
	};

	table_render(out, list, columns, count_of(columns));
	if (json_array_size(list) == 1) {
		render_more(out, json_array_get(list, 0));
		render_device(out, json_array_get(list, 0));
	}
}

static const struct command commands[] = {
	{ .name = "show interfaces",
	  .help = "interfaces, their state, packets and bytes",
	  .args = { { "interface", COMMAND_TEXT, "only this one", .positional = true } },
	  .run = show_interfaces,
	  .render = render_interfaces },
};

int show_interfaces_register(struct command_table *table, struct convoyd *d)
{
	return command_table_add(table, commands, count_of(commands), d);
}

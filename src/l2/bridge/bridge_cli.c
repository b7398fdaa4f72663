/* bridge_cli.c - bridges and their ports from the command line. */
#include "control/table.h"
#include "l2/bridge/bridge_cli.h"
#include "l2/l2_cli.h"

/* --- show bridges --- */

static struct bridge_counters sum_counters(const struct bridge *b)
{
	const struct bridges *all = bridges_of(b->engine);
	struct bridge_counters sum = { 0 };

	for (uint32_t w = 0; w < b->engine->n_workers; w++) {
		const struct bridge_counters *c = &all->counters[w][b->index];

		sum.learned += c->learned;
		sum.moved += c->moved;
		sum.flapped += c->flapped;
		sum.limited += c->limited;
		sum.full += c->full;
		sum.flooded += c->flooded;
		sum.copied += c->copied;
		sum.answered += c->answered;
	}
	return sum;
}

static json_t *counters_json(const struct bridge *b)
{
	struct bridge_counters c = sum_counters(b);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "learned",
			 (json_int_t)c.learned, "moved", (json_int_t)c.moved, "flapped",
			 (json_int_t)c.flapped, "limited", (json_int_t)c.limited, "table_full",
			 (json_int_t)c.full, "flooded", (json_int_t)c.flooded, "copies",
			 (json_int_t)c.copied, "answered", (json_int_t)c.answered, "answers_full",
			 (json_int_t)b->n_answers_refused);
}

static json_t *port_json(const struct bridge_port *port)
{
	const struct engine *e = port->bridge->engine;
	uint64_t macs =
		__atomic_load_n(&bridges_of(e)->port_macs[port->if_index], __ATOMIC_RELAXED);

	return json_pack("{s:o, s:i, s:b, s:i, s:i}", "interface",
			 l2_interface_json(e, port->if_index), "split_horizon",
			 (int)port->config.split_horizon, "learn", !port->config.no_learn, "macs",
			 (int)(uint32_t)macs, "macs_limit", (int)port->config.macs_limit);
}

static json_t *bridge_json(const struct bridge *b)
{
	uint64_t macs =
		__atomic_load_n(&bridges_of(b->engine)->bridge_macs[b->index], __ATOMIC_RELAXED);
	const struct bridge_config *c = &b->config;
	json_t *ports = json_array();

	list_for_each(link, &b->ports) {
		const struct bridge_port *port = container_of(link, struct bridge_port, link);

		if (!port->is_bvi)
			json_array_append_new(ports, port_json(port));
	}
	return json_pack("{s:s, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:i, s:i, s:i, s:o}", "name",
			 b->name, "ports", ports, "bvi",
			 b->bvi ? l2_interface_json(b->engine, b->bvi) : json_null(), "learn",
			 !c->no_learn, "flood_unknown", !c->drop_unknown, "flood_broadcast",
			 !c->drop_broadcast, "flood_multicast", !c->drop_multicast, "answer",
			 c->answer, "age_seconds", (int)c->age_s, "macs", (int)(uint32_t)macs,
			 "macs_limit", (int)c->macs_limit, "counters", counters_json(b));
}

static int show_bridges(struct command_call *call)
{
	const struct bridges *all = bridges_of(call->context);
	struct bridge *only = NULL;
	json_t *list;
	int err = 0;

	if (command_arg_text(call, "bridge"))
		err = bridge_take(call, "bridge", &only);
	if (err != 0)
		return err;
	list = json_array();
	for (uint32_t n = 1; n < BRIDGES_MAX; n++)
		if (all->bridge[n] && (!only || all->bridge[n] == only))
			json_array_append_new(list, bridge_json(all->bridge[n]));
	return command_reply(call, list);
}

static json_t *port_names(const json_t *bridge)
{
	json_t *names = json_array(), *port;
	size_t i;

	json_array_foreach(json_object_get(bridge, "ports"), i, port)
		json_array_append(names, json_object_get(port, "interface"));
	return names;
}

/* Of one bridge: its settings, and its ports with theirs. */
static void render_bridge(struct text *out, const json_t *bridge)
{
	static const char *const switches[] = { "learn", "flood_unknown", "flood_broadcast",
						"flood_multicast", "answer" };
	static const struct table_column columns[] = {
		{ "interface", "port", TABLE_TEXT },
		{ "split_horizon", "split horizon", TABLE_NUMBER },
		{ "learn", "learn", TABLE_TEXT },
		{ "macs", "macs", TABLE_NUMBER },
		{ "macs_limit", "limit", TABLE_NUMBER },
	};

	for (unsigned i = 0; i < count_of(switches); i++)
		text_add(out, "  %s %s\n", switches[i],
			 json_is_true(json_object_get(bridge, switches[i])) ? "on" : "off");
	text_add(out, "  age %lld s\n  limit %lld\n\n",
		 (long long)json_integer_value(json_object_get(bridge, "age_seconds")),
		 (long long)json_integer_value(json_object_get(bridge, "macs_limit")));
	table_render(out, json_object_get(bridge, "ports"), columns, count_of(columns));
}

static void render_bridges(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "name", "bridge", TABLE_TEXT },
		{ "ports", "ports", TABLE_TEXT },
		{ "bvi", "bvi", TABLE_TEXT },
		{ "macs", "macs", TABLE_NUMBER },
		{ "counters.learned", "learned", TABLE_NUMBER },
		{ "counters.moved", "moved", TABLE_NUMBER },
		{ "counters.flooded", "flooded", TABLE_NUMBER },
	};
	json_t *rows = json_deep_copy(list), *row;
	size_t i;

	json_array_foreach(rows, i, row) json_object_set_new(row, "ports", port_names(row));
	table_render(out, rows, columns, count_of(columns));
	json_decref(rows);
	if (json_array_size(list) == 1)
		render_bridge(out, json_array_get(list, 0));
}

/* --- changes --- */

int bridge_take(struct command_call *call, const char *name, struct bridge **out)
{
	const char *text = command_arg_text(call, name);

	*out = bridge_by_name_or_null(call->context, text);
	if (*out)
		return 0;
	return command_fail(call, ERR_NOENT, "no bridge \"%.32s\"; see: convoy show bridges", text);
}

/* Switches that are given replace those of @c. */
static int take_switch(struct command_call *call, const char *name, bool *off)
{
	const char *text = command_arg_text(call, name);

	if (!text)
		return 0;
	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return command_fail(call, ERR_INVAL, "--%s is \"on\" or \"off\"", name);
	*off = strcmp(text, "off") == 0;
	return 0;
}

static int take_answer(struct command_call *call, bool *on)
{
	bool off = !*on;
	int err = take_switch(call, "answer", &off);

	*on = !off;
	return err;
}

static int take_config(struct command_call *call, struct bridge_config *c)
{
	int err = take_switch(call, "learn", &c->no_learn);

	if (err == 0)
		err = take_switch(call, "flood-unknown", &c->drop_unknown);
	if (err == 0)
		err = take_switch(call, "flood-broadcast", &c->drop_broadcast);
	if (err == 0)
		err = take_switch(call, "flood-multicast", &c->drop_multicast);
	if (err == 0)
		err = take_answer(call, &c->answer);
	c->age_s = (uint32_t)command_arg_number(call, "age", c->age_s);
	c->macs_limit = (uint32_t)command_arg_number(call, "limit", c->macs_limit);
	return err;
}

static int run_add(struct command_call *call)
{
	struct bridge_config config = { .age_s = BRIDGE_AGE_DEFAULT_S };
	int err = take_config(call, &config);
	struct bridge *b;

	if (err != 0)
		return err;
	err = bridge_create(call->context, command_arg_text(call, "name"), &config, &b);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_EXIST   ? "there is a bridge of this name"
			    : err == ERR_INVAL ? "the name is empty, too long or not printable"
					       : err_text(err));
}

static int run_change(struct command_call *call)
{
	struct bridge_config config;
	struct bridge *b;
	int err = bridge_take(call, "bridge", &b);

	if (err != 0)
		return err;
	config = b->config;
	err = take_config(call, &config);
	if (err == 0)
		err = bridge_change(b, &config);
	return err ? err : command_reply(call, json_object());
}

static int run_delete(struct command_call *call)
{
	struct bridge *b;
	int err = bridge_take(call, "bridge", &b);

	if (err != 0)
		return err;
	bridge_delete(b);
	return command_reply(call, json_object());
}

static int run_port_add(struct command_call *call)
{
	const struct bridge_port_config config = {
		.split_horizon = (uint16_t)command_arg_number(call, "split-horizon", 0),
		.no_learn = command_arg_flag(call, "no-learn"),
		.macs_limit = (uint32_t)command_arg_number(call, "limit", 0),
	};
	struct interface *i;
	struct bridge *b;
	int err = bridge_take(call, "bridge", &b);

	if (err == 0)
		err = l2_take_interface(call, "interface", &i);
	if (err != 0)
		return err;
	err = bridge_of_port_or_null(i) == b ? bridge_change_port(i, &config)
					     : bridge_add_port(b, i, &config);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_BUSY    ? "it is in another bridge or a cross-connect"
			    : err == ERR_INVAL ? "a bvi is a bridge's own and cannot be a port"
			    : err == ERR_NOENT ? "a bvi has nothing to choose"
			    : err == ERR_UNSUPPORTED ? INTERFACE_IP_ONLY_TEXT
						     : err_text(err));
}

static int run_port_delete(struct command_call *call)
{
	struct interface *i;
	int err = l2_take_interface(call, "interface", &i);

	if (err != 0)
		return err;
	err = bridge_remove_port(i);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_INVAL ? "this is a bvi; delete it with: convoy bvi delete"
					     : "it is in no bridge; see: convoy show bridges");
}

static int run_bvi_add(struct command_call *call)
{
	struct interface *i;
	struct bridge *b;
	struct mac mac;
	int err = bridge_take(call, "bridge", &b);
	bool has_mac = command_arg_text(call, "mac");

	if (err == 0 && has_mac)
		err = l2_take_mac(call, "mac", &mac);
	if (err != 0)
		return err;
	if (has_mac && (mac_is_group(&mac) || mac_is_zero(&mac)))
		return command_fail(call, ERR_INVAL, "this is no MAC address of a single station");
	err = bridge_create_bvi(b, command_arg_text(call, "name"), has_mac ? mac.b : NULL,
				(uint32_t)command_arg_number(call, "mtu", 0), &i);
	if (err == 0)
		err = interface_set_up(i, true);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_BUSY    ? "the bridge has a bvi already"
			    : err == ERR_EXIST ? "there is an interface of this name"
			    : err == ERR_INVAL ? "the name is empty, too long or not printable"
					       : err_text(err));
}

static int run_bvi_delete(struct command_call *call)
{
	struct interface *i;
	int err = l2_take_interface(call, "name", &i);

	if (err != 0)
		return err;
	if (i->driver != &bvi_driver)
		return command_fail(call, ERR_INVAL, "\"%s\" is no bvi; see: convoy show bridges",
				    i->name);
	interface_remove(i);
	return command_reply(call, json_object());
}

/* Arguments that two commands have in common. */
#define SWITCHES                                                                                   \
	{ "learn", COMMAND_TEXT, "learn source addresses", .choices = "on|off" },                  \
		{ "flood-unknown", COMMAND_TEXT, "frames to unknown stations",                     \
		  .choices = "on|off" },                                                           \
		{ "flood-broadcast", COMMAND_TEXT, "frames to everybody", .choices = "on|off" },   \
		{ "flood-multicast", COMMAND_TEXT, "frames to groups", .choices = "on|off" },      \
		{ "answer", COMMAND_TEXT, "answer ARP and ND from what is known",                  \
		  .choices = "on|off" },                                                           \
		{ "age", COMMAND_NUMBER, "seconds that a silent address is kept, 0: for good",     \
		  .max = BRIDGE_AGE_MAX_S },                                                       \
	{                                                                                          \
		"limit", COMMAND_NUMBER, "addresses learnt at most, 0: no limit", .max = MACS_MAX  \
	}

static const struct command commands[] = {
	{ .name = "show bridges",
	  .help = "bridges, their ports, addresses and counters",
	  .args = { { "bridge", COMMAND_TEXT, "only this one", .positional = true } },
	  .run = show_bridges,
	  .render = render_bridges },
	{ .name = "bridge add",
	  .help = "make a bridge",
	  .args = { { "name", COMMAND_TEXT, "of the new bridge", .required = true,
		      .positional = true },
		    SWITCHES },
	  .run = run_add,
	  .render = l2_render_nothing },
	{ .name = "bridge change",
	  .help = "change what a bridge learns and floods",
	  .args = { { "bridge", COMMAND_TEXT, "which one", .required = true, .positional = true },
		    SWITCHES },
	  .run = run_change,
	  .render = l2_render_nothing },
	{ .name = "bridge delete",
	  .help = "remove a bridge and its bvi; its ports route again",
	  .args = { { "bridge", COMMAND_TEXT, "which one", .required = true, .positional = true } },
	  .run = run_delete,
	  .render = l2_render_nothing },
	{ .name = "bridge port add",
	  .help = "make an interface a port of a bridge, or change that",
	  .more = "  convoy bridge port add office lan --split-horizon 1 --limit 10\n",
	  .args = { { "bridge", COMMAND_TEXT, "which one", .required = true, .positional = true },
		    { "interface", COMMAND_TEXT, "its port", .required = true, .positional = true },
		    { "split-horizon", COMMAND_NUMBER, "group of ports that do not hear each other",
		      .max = UINT16_MAX },
		    { "no-learn", COMMAND_FLAG, "learn no addresses behind it" },
		    { "limit", COMMAND_NUMBER, "addresses learnt behind it at most",
		      .max = MACS_MAX } },
	  .run = run_port_add,
	  .render = l2_render_nothing },
	{ .name = "bridge port delete",
	  .help = "take an interface out of its bridge",
	  .args = { { "interface", COMMAND_TEXT, "which one", .required = true,
		      .positional = true } },
	  .run = run_port_delete,
	  .render = l2_render_nothing },
	{ .name = "bvi add",
	  .help = "make the routed interface of a bridge",
	  .args = { { "name", COMMAND_TEXT, "of the new interface", .required = true,
		      .positional = true },
		    { "bridge", COMMAND_TEXT, "its bridge", .required = true, .positional = true },
		    { "mac", COMMAND_TEXT, "its address, random by default" },
		    { "mtu", COMMAND_NUMBER, "bytes, 1500 by default", .min = 68, .max = 65521 } },
	  .run = run_bvi_add,
	  .render = l2_render_nothing },
	{ .name = "bvi delete",
	  .help = "remove the routed interface of a bridge",
	  .args = { { "name", COMMAND_TEXT, "which one", .required = true, .positional = true } },
	  .run = run_bvi_delete,
	  .render = l2_render_nothing },
};

int bridge_cli_register(struct command_table *table, struct engine *e)
{
	int err = command_table_add(table, commands, count_of(commands), e);

	if (err == 0)
		err = bridge_mac_cli_register(table, e);
	return err < 0 ? err : bridge_answer_cli_register(table, e);
}

/* mac_cli.c - the addresses of bridges from the command line. */
#include "control/table.h"
#include "l2/bridge/bridge_cli.h"
#include "l2/l2_cli.h"

enum { SHOW_MAX = 1000 };

/* --- show macs --- */

struct listing {
	const struct bridges *all;
	const struct bridge *only; /* NULL: all */
	uint32_t only_port;	   /* 0: all */
	uint16_t stamp;
	json_t *list;
	unsigned left;
};

static const char *kind_of(const struct mac_value *v, bool is_bvi)
{
	if (is_bvi)
		return "bvi";
	if (v->flags & MAC_FILTER)
		return "filter";
	return v->flags & MAC_STATIC ? "static" : "learned";
}

static json_t *age_json(const struct listing *l, const struct mac_value *v)
{
	int16_t age = (int16_t)(uint16_t)(l->stamp - v->stamp);

	if (v->flags & MAC_STATIC)
		return json_null();
	return json_integer(age > 0 ? (json_int_t)(((uint64_t)age << MAC_STAMP_SHIFT) / NS_PER_S)
				    : 0);
}

static bool list_one(uint64_t key, uint64_t value, void *context)
{
	struct listing *l = context;
	struct mac_value v = mac_unpack(value);
	uint32_t index = (uint32_t)(key >> 48);
	const struct bridge *b = l->all->bridge[index];
	struct mac mac = mac_of_key(key);

	if (!b || (l->only && b != l->only) || (l->only_port && v.port != l->only_port) ||
	    !bridge_is_current(l->all, index, &v))
		return true;
	json_array_append_new(l->list,
			      json_pack("{s:s, s:o, s:o, s:s, s:o}", "bridge", b->name, "mac",
					l2_mac_json(&mac), "interface",
					v.port ? l2_interface_json(b->engine, v.port) : json_null(),
					"kind", kind_of(&v, v.port && v.port == b->bvi),
					"seen_seconds_ago", age_json(l, &v)));
	return --l->left > 0;
}

static int show_macs(struct command_call *call)
{
	const struct engine *e = call->context;
	struct listing l = { .all = bridges_of(e),
			     .stamp = mac_stamp_of(clock_now_ns(e->clock)),
			     .left = (unsigned)command_arg_number(call, "limit", SHOW_MAX) };
	struct bridge *only = NULL;
	struct interface *port = NULL;
	int err = 0;

	if (command_arg_text(call, "bridge"))
		err = bridge_take(call, "bridge", &only);
	if (err == 0 && command_arg_text(call, "interface"))
		err = l2_take_interface(call, "interface", &port);
	if (err != 0)
		return err;
	l.only = only;
	l.only_port = port ? port->index : 0;
	l.list = json_array();
	mac_walk(&l.all->macs, 0, MAC_BUCKETS, list_one, &l);
	table_sort(l.list, (const char *const[]){ "bridge", "mac" }, 2);
	return command_reply(call, l.list);
}

static void render_macs(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "bridge", "bridge", TABLE_TEXT },
		{ "mac", "mac", TABLE_TEXT },
		{ "interface", "interface", TABLE_TEXT },
		{ "kind", "kind", TABLE_TEXT },
		{ "seen_seconds_ago", "seconds", TABLE_NUMBER },
	};

	table_render(out, list, columns, count_of(columns));
	if (json_array_size(list) == SHOW_MAX)
		text_add(out, "stopped after %d; more with --limit N\n", SHOW_MAX);
}

/* --- mac add, delete, flush --- */

static int answer(struct command_call *call, int err)
{
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_INVAL   ? "this is no address of a single other station"
			    : err == ERR_NOENT ? "no such address; see: convoy show macs"
			    : err == ERR_FULL  ? "the MAC table has no place for it"
					       : err_text(err));
}

static int take_both(struct command_call *call, struct bridge **b, struct mac *mac)
{
	int err = bridge_take(call, "bridge", b);

	return err ? err : l2_take_mac(call, "mac", mac);
}

static int run_add(struct command_call *call)
{
	const char *port = command_arg_text(call, "interface");
	struct interface *i = NULL;
	struct bridge *b;
	struct mac mac;
	int err = take_both(call, &b, &mac);

	if (err != 0)
		return err;
	if (!port == !command_arg_flag(call, "filter"))
		return command_fail(call, ERR_INVAL,
				    "name the interface that it is behind, or give --filter");
	if (port)
		err = l2_take_interface(call, "interface", &i);
	if (err != 0)
		return err;
	if (i && bridge_of_port_or_null(i) != b)
		return command_fail(call, ERR_NOENT, "\"%s\" is no port of \"%s\"", i->name,
				    b->name);
	return answer(call, bridge_add_mac(b, &mac, i));
}

static int run_delete(struct command_call *call)
{
	struct bridge *b;
	struct mac mac;
	int err = take_both(call, &b, &mac);

	return err ? err : answer(call, bridge_delete_mac(b, &mac));
}

static int run_flush(struct command_call *call)
{
	const struct bridges *all = bridges_of(call->context);
	struct bridge *b = NULL;
	struct interface *i = NULL;
	int err = 0;

	if (command_arg_text(call, "bridge"))
		err = bridge_take(call, "bridge", &b);
	if (err == 0 && command_arg_text(call, "interface"))
		err = l2_take_interface(call, "interface", &i);
	if (err != 0)
		return err;
	if (i)
		bridge_flush_port(i);
	else if (b)
		bridge_flush(b);
	for (uint32_t n = 1; n < BRIDGES_MAX && !i && !b; n++)
		if (all->bridge[n])
			bridge_flush(all->bridge[n]);
	return command_reply(call, json_object());
}

static const struct command commands[] = {
	{ .name = "show macs",
	  .help = "addresses of bridges, learnt and fixed",
	  .args = { { "bridge", COMMAND_TEXT, "only of this bridge", .positional = true },
		    { "interface", COMMAND_TEXT, "only behind this port" },
		    { "limit", COMMAND_NUMBER, "so many at most, 1000 by default", .min = 1,
		      .max = MACS_MAX } },
	  .run = show_macs,
	  .render = render_macs },
	{ .name = "mac add",
	  .help = "fix an address behind a port, or drop its frames",
	  .args = { { "bridge", COMMAND_TEXT, "of which bridge", .required = true,
		      .positional = true },
		    { "mac", COMMAND_TEXT, "the address", .required = true, .positional = true },
		    { "interface", COMMAND_TEXT, "port that it is behind", .positional = true },
		    { "filter", COMMAND_FLAG, "drop frames from and to it" } },
	  .run = run_add,
	  .render = l2_render_nothing },
	{ .name = "mac delete",
	  .help = "forget an address, learnt or fixed",
	  .args = { { "bridge", COMMAND_TEXT, "of which bridge", .required = true,
		      .positional = true },
		    { "mac", COMMAND_TEXT, "the address", .required = true, .positional = true } },
	  .run = run_delete,
	  .render = l2_render_nothing },
	{ .name = "mac flush",
	  .help = "forget what a bridge has learnt, a port, or all of them",
	  .args = { { "bridge", COMMAND_TEXT, "only this bridge", .positional = true },
		    { "interface", COMMAND_TEXT, "only behind this port" } },
	  .run = run_flush,
	  .render = l2_render_nothing },
};

int bridge_mac_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

/* xconnect_cli.c - cross-connects from the command line. */
#include "control/table.h"
#include "l2/l2_cli.h"
#include "l2/xconnect/xconnect.h"

static int show_xconnects(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *list = json_array();

	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		const struct interface *i = interface_get_or_null(e, index);
		const struct interface *peer = i ? xconnect_peer_or_null(i) : NULL;

		if (peer && peer->index > index)
			json_array_append_new(list,
					      json_pack("{s:[s,s]}", "ports", i->name, peer->name));
	}
	return command_reply(call, list);
}

static void render_xconnects(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = { { "ports", "ports", TABLE_TEXT } };

	table_render(out, list, columns, count_of(columns));
}

static int xconnect_add(struct command_call *call)
{
	struct interface *a, *b;
	int err = l2_take_interface(call, "interface", &a);

	if (err == 0)
		err = l2_take_interface(call, "other", &b);
	if (err != 0)
		return err;
	err = xconnect_create(a, b);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_INVAL ? "a port cannot be joined to itself"
			    : err == ERR_BUSY
				    ? "one of them is in a bridge or a cross-connect already"
			    : err == ERR_UNSUPPORTED ? INTERFACE_IP_ONLY_TEXT
						     : err_text(err));
}

static int xconnect_remove(struct command_call *call)
{
	struct interface *i;
	int err = l2_take_interface(call, "interface", &i);

	if (err != 0)
		return err;
	err = xconnect_delete(i);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "\"%s\" is in no cross-connect; see: convoy show xconnects",
			    i->name);
}

static const struct command commands[] = {
	{ .name = "show xconnects",
	  .help = "pairs of interfaces that are joined like one wire",
	  .run = show_xconnects,
	  .render = render_xconnects },
	{ .name = "xconnect add",
	  .help = "join two interfaces: what one receives the other sends",
	  .args = { { "interface", COMMAND_TEXT, "one end", .required = true, .positional = true },
		    { "other", COMMAND_TEXT, "the other", .required = true, .positional = true } },
	  .run = xconnect_add,
	  .render = l2_render_nothing },
	{ .name = "xconnect delete",
	  .help = "take two joined interfaces apart",
	  .args = { { "interface", COMMAND_TEXT, "either end", .required = true,
		      .positional = true } },
	  .run = xconnect_remove,
	  .render = l2_render_nothing },
};

int xconnect_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

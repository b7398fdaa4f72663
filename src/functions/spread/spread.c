/* spread.c - switching it, and the commands: `spread`, `show placement`. */
#include "functions/spread/spread.h"

#include <string.h>

#include "control/command.h"
#include "control/table.h"
#include "engine/engine.h"

int spread_set(struct interface *i, bool on)
{
	return feature_enable(i->engine, ARC_DEVICE_INPUT, "spread", i->index, on);
}

bool spread_is_set(const struct interface *i)
{
	return feature_enabled(i->engine, ARC_DEVICE_INPUT, "spread", i->index);
}

/* --- commands --- */

static int run_spread(struct command_call *call)
{
	struct engine *e = call->context;
	const char *name = command_arg_text(call, "interface");
	const char *state = command_arg_text(call, "state");
	struct interface *i = interface_by_name_or_null(e, name);
	int err;

	if (!i)
		return command_fail(call, ERR_NOENT,
				    "no interface \"%s\"; `convoy show interfaces` lists them",
				    name);
	if (strcmp(state, "on") != 0 && strcmp(state, "off") != 0)
		return command_fail(call, ERR_INVAL, "\"%s\": say on or off", state);
	err = spread_set(i, strcmp(state, "on") == 0);
	return err < 0 ? err
		       : command_reply(call, json_pack("{s:s, s:b}", "interface", name, "spread",
						       spread_is_set(i)));
}

static void render_spread(struct text *out, const json_t *result)
{
	bool on = json_is_true(json_object_get(result, "spread"));

	text_add(out, "the flows of %s are %s\n",
		 json_string_value(json_object_get(result, "interface")),
		 on ? "shared among all workers" : "handled where its queues are served");
}

static int show_placement(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *list = json_array();

	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		const struct interface *i = interface_get_or_null(e, index);

		for (uint32_t q = 0; i && q < i->n_queues; q++)
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:i, s:i, s:b}", "interface", i->name,
						"driver", i->driver->name, "queue", (int)q,
						"worker", (int)interface_queue_worker(i, q),
						"spread", spread_is_set(i)));
	}
	return command_reply(call, list);
}

static void render_placement(struct text *out, const json_t *result)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT }, { "driver", "driver", TABLE_TEXT },
		{ "queue", "queue", TABLE_NUMBER },	  { "worker", "worker", TABLE_NUMBER },
		{ "spread", "spread", TABLE_TEXT },
	};

	table_render(out, result, columns, count_of(columns));
}

static const struct command commands[] = {
	{ .name = "spread",
	  .help = "share the flows of an interface among all workers",
	  .args = { { "interface", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "state", COMMAND_TEXT, "shared, or not", .required = true, .positional = true,
		      .choices = "on|off" } },
	  .run = run_spread,
	  .render = render_spread },
	{ .name = "show placement",
	  .help = "which worker serves which queue of the interfaces",
	  .run = show_placement,
	  .render = render_placement },
};

int spread_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

/* redirect_cli.c - who sends redirects, from the command line. */
#include <string.h>

#include "base/err.h"
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/icmp/redirect.h"

static int run_set(struct command_call *call)
{
	const char *text = command_arg_text(call, "mode");
	uint32_t if_index;
	int err = ip_take_interface(call, "interface", &if_index);

	if (err != 0)
		return err;
	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return command_fail(call, ERR_INVAL, "\"%.20s\" is neither on nor off", text);
	err = redirect_set(call->context, if_index, strcmp(text, "on") == 0);
	return err ? command_fail(call, err, "%s", err_text(err))
		   : command_reply(call, json_object());
}

static int run_show(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (interface_get_or_null(e, i))
			json_array_append_new(list, json_pack("{s:o, s:s}", "interface",
							      l2_interface_json(e, i), "mode",
							      redirect_is_on(e, i) ? "on" : "off"));
	return command_reply(call, list);
}

static void render_show(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "mode", "redirects", TABLE_TEXT },
	};

	table_render(out, list, columns, count_of(columns));
}

static const struct command commands[] = {
	{ .name = "redirect set",
	  .help = "tell neighbours of better first hops, or not",
	  .args = { { "interface", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "mode", COMMAND_TEXT, "tell them, or not", .required = true,
		      .positional = true, .choices = "on|off" } },
	  .run = run_set },
	{ .name = "show redirects",
	  .help = "which interfaces send ICMP redirects",
	  .run = run_show,
	  .render = render_show },
};

int redirect_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

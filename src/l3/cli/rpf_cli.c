/* rpf_cli.c - reverse path checks from the command line. */
#include <string.h>

#include "base/err.h"
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/rpf/rpf.h"

static int run_set(struct command_call *call)
{
	const char *text = command_arg_text(call, "mode");
	enum rpf_mode mode = RPF_OFF;
	uint32_t if_index;
	int err = ip_take_interface(call, "interface", &if_index);

	if (err != 0)
		return err;
	while (mode < N_RPF_MODES && strcmp(rpf_mode_name(mode), text) != 0)
		mode++;
	if (mode == N_RPF_MODES)
		return command_fail(call, ERR_INVAL, "\"%.20s\" is none of strict, loose and off",
				    text);
	err = rpf_set(call->context, if_index, mode);
	return err ? command_fail(call, err, "%s", err_text(err))
		   : command_reply(call, json_object());
}

static int run_show(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (interface_get_or_null(e, i) && rpf_of(e, i) != RPF_OFF)
			json_array_append_new(list, json_pack("{s:o, s:s}", "interface",
							      l2_interface_json(e, i), "mode",
							      rpf_mode_name(rpf_of(e, i))));
	return command_reply(call, list);
}

static void render_show(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "mode", "mode", TABLE_TEXT },
	};

	table_render(out, list, columns, count_of(columns));
}

static const struct command commands[] = {
	{ .name = "rpf set",
	  .help = "drop packets from where no path leads back",
	  .args = { { "interface", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "mode", COMMAND_TEXT, "strict: by this interface; loose: by any",
		      .required = true, .positional = true, .choices = "strict|loose|off" } },
	  .run = run_set },
	{ .name = "show rpf",
	  .help = "interfaces whose packets' sources are checked",
	  .run = run_show,
	  .render = render_show },
};

int rpf_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

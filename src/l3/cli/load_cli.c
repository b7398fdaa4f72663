/* load_cli.c - the command `route load`. */
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "control/command.h"
#include "control/text.h"
#include "engine/engine.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/route/load.h"

static void on_done(struct route_load *l, int err, void *context)
{
	struct command_call *call = context;

	if (err == 0)
		err = command_reply(call, json_pack("{s:I, s:f}", "routes",
						    (json_int_t)route_load_count(l), "seconds",
						    (double)route_load_ns(l) / NS_PER_S));
	else
		err = command_fail(call, err, "%s", route_load_why(l));
	command_finish(call, err);
}

static void on_cancel(struct command_call *call)
{
	route_load_abandon(call->state);
}

static int run_load(struct command_call *call)
{
	struct engine *e = call->context;
	struct route_load_config config = { .source = FIB_DYNAMIC,
					    .name = command_arg_text(call, "file"),
					    .done = on_done,
					    .context = call };
	struct route_load *l;
	int err = ip_take_vrf(call, "vrf", &config.vrf);

	if (err != 0)
		return err;
	config.fd = command_take_file(call);
	if (config.fd < 0)
		return command_fail(call, ERR_INVAL, "the client has handed over no file");
	err = route_load_start(e, &config, &l);
	if (err != 0) {
		close(config.fd);
		return command_fail(call, err, "%s", err_text(err));
	}
	call->state = l;
	call->on_cancel = on_cancel;
	return COMMAND_PENDING;
}

static void render(struct text *out, const json_t *result)
{
	text_add(out, "%lld routes in %.2f s\n",
		 (long long)json_integer_value(json_object_get(result, "routes")),
		 json_number_value(json_object_get(result, "seconds")));
}

static const struct command commands[] = {
	{ .name = "route load",
	  .help = "add or replace many routes, a line of a file each",
	  .more = "A line is like one of: 10.0.0.0/8 via 192.0.2.1, 10.1.0.0/16 via 192.0.2.1@lan "
		  "3 via\n"
		  "192.0.2.2 1 (with weights), 10.2.0.0/16 blackhole; or as `route add` has it, in "
		  "words.\n",
	  .args = { { "file", COMMAND_INPUT, "their file, or - for standard input",
		      .required = true, .positional = true },
		    { "vrf", COMMAND_TEXT, "in this VRF" } },
	  .run = run_load,
	  .render = render },
};

int load_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

/* capture_cli.c - the command `capture`. */
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "functions/capture/capture.h"

/* A capture that a client waits for. */
struct session {
	struct command_call *call;
	struct capture *capture;
};

static void finish(struct session *s)
{
	struct command_call *call = s->call;
	struct capture_stats stats;
	int err;

	capture_stop(s->capture, &stats);
	free(s);
	if (stats.write_errno) {
		err = command_fail(call, ERR_IO, "the output takes no more: %s",
				   strerror(stats.write_errno));
	} else {
		err = command_reply(call,
				    json_pack("{s:I, s:I}", "packets", (json_int_t)stats.n_written,
					      "lost", (json_int_t)stats.n_lost));
	}
	command_finish(call, err);
}

static void on_ended(void *context)
{
	finish(context);
}

static void on_cancel(struct command_call *call)
{
	struct session *s = call->state;
	struct capture_stats stats;

	capture_stop(s->capture, &stats);
	free(s);
}

/* Where to look: an interface, or a node. */
static int take_place(struct command_call *call, struct capture_config *config)
{
	struct engine *e = call->context;
	const char *name = command_arg_text(call, "interface");
	const char *node = command_arg_text(call, "node");

	if (!name == !node)
		return command_fail(call, ERR_INVAL, "say what to capture: an interface or --node");
	if (name) {
		config->interface = interface_by_name_or_null(e, name);
		return config->interface ? 0
					 : command_fail(call, ERR_NOENT,
							"no interface \"%s\"; `convoy show "
							"interfaces` lists "
							"them",
							name);
	}
	if (config->in || config->out)
		return command_fail(call, ERR_INVAL, "--in and --out are for interfaces");
	config->node = graph_node_id(&e->graph, node);
	return config->node != NODE_NONE
		       ? 0
		       : command_fail(call, ERR_NOENT,
				      "no node \"%.48s\"; see: convoy show runtime --all", node);
}

static int run_capture(struct command_call *call)
{
	struct engine *e = call->context;
	struct capture_config config = {
		.node = NODE_NONE,
		.in = command_arg_flag(call, "in"),
		.out = command_arg_flag(call, "out"),
		.snap_bytes = (uint32_t)command_arg_number(call, "bytes", 0),
		.n_packets = (uint64_t)command_arg_number(call, "count", 0),
		.filter = command_arg_text(call, "filter"),
		.ended = on_ended,
	};
	struct session *s;
	char why[256];
	int err;

	err = take_place(call, &config);
	if (err < 0)
		return err;
	config.fd = command_take_file(call);
	if (config.fd < 0)
		return command_fail(call, ERR_INVAL, "say where to with --output FILE, - for here");
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(config.fd);
		return ERR_NOMEM;
	}
	s->call = call;
	config.context = s;
	err = capture_start(e, &config, &s->capture, why, sizeof(why));
	if (err) {
		close(config.fd);
		free(s);
		return command_fail(call, err == ERR_FORMAT ? ERR_INVAL : err, "%s", why);
	}
	call->state = s;
	call->on_cancel = on_cancel;
	return COMMAND_PENDING;
}

static void render_capture(struct text *out, const json_t *result)
{
	text_add(out, "%lld packets captured, %lld lost because the file was too slow\n",
		 (long long)json_integer_value(json_object_get(result, "packets")),
		 (long long)json_integer_value(json_object_get(result, "lost")));
}

static const struct command commands[] = {
	{ .name = "capture",
	  .help = "packets of an interface or a node as a pcapng file",
	  .more = "  convoy capture lan --output lan.pcapng --filter 'tcp port 80'\n"
		  "  convoy capture --node drop --output - | tcpdump -nr -\n",
	  .args = { { "interface", COMMAND_TEXT, "whose packets", .positional = true },
		    { "node", COMMAND_TEXT, "or: what enters this node of the graph" },
		    { "output", COMMAND_OUTPUT, "the file to write; - is standard output",
		      .required = true },
		    { "in", COMMAND_FLAG, "only what is received" },
		    { "out", COMMAND_FLAG, "only what is sent" },
		    { "count", COMMAND_NUMBER, "stop after so many packets" },
		    { "bytes", COMMAND_NUMBER, "of each packet, at most", .max = CAPTURE_SNAP_MAX },
		    { "filter", COMMAND_TEXT, "which packets, in tcpdump's language" } },
	  .run = run_capture,
	  .render = render_capture },
};

int capture_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

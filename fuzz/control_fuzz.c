/* control_fuzz.c - any bytes on the control dialog, cut anywhere, with commands of every kind
 * behind it. */
#include <stdlib.h>

#include "base/err.h"
#include "control/dialog.h"

static struct command_call *pending;

static void forget(struct command_call *call)
{
	if (call == pending)
		pending = NULL;
}

static int run_echo(struct command_call *call)
{
	const char *text = command_arg_text(call, "text");

	if (command_arg_flag(call, "fail"))
		return command_fail(call, ERR_INVAL, "refused: %s", text);
	return command_reply(call, json_pack("{s:s, s:I}", "text", text ? text : "", "n",
					     (json_int_t)command_arg_number(call, "n", 0)));
}

static int run_watch(struct command_call *call)
{
	pending = call;
	call->on_cancel = forget;
	return COMMAND_PENDING;
}

static const struct command commands[] = {
	{ .name = "echo",
	  .help = "echoes",
	  .args = { { "text", COMMAND_TEXT, "text" },
		    { "n", COMMAND_NUMBER, "number", .max = 10 },
		    { "fail", COMMAND_FLAG, "fail" } },
	  .run = run_echo },
	{ .name = "watch", .help = "streams", .run = run_watch },
};

static int discard(void *context unused_arg, struct slice line, bool may_drop unused_arg)
{
	invariant(line.len > 0 && line.at[line.len - 1] == '\n');
	return 0;
}

/* The first byte says how long the pieces are in which the rest arrives. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dialog dialog;
	struct command_table *table = command_table_new();
	size_t piece = size ? data[0] + 1u : 1;

	if (!table || command_table_add(table, commands, count_of(commands), NULL) < 0)
		abort();
	dialog_init(&dialog, table, discard, NULL);
	for (struct slice in = slice_from(slice_of(data, size), 1); in.len > 0;
	     in = slice_from(in, piece)) {
		if (dialog_input(&dialog, slice_first(in, piece)) < 0)
			break;
		if (pending && data[0] & 1) {
			struct command_call *call = pending;

			pending = NULL;
			(void)command_item(call, json_true());
			command_finish(call, ERR_TIMEOUT);
		}
	}
	dialog_deinit(&dialog);
	command_table_free(table);
	return 0;
}

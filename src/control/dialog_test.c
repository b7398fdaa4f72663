/* dialog_test.c - conversations with the control dialog: what goes in, what comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "control/dialog.h"

static struct {
	struct command_table *table;
	struct dialog dialog;
	char sent[128 * 1024];
	size_t n_sent;
	struct command_call *pending; /* the last that is pending */
	unsigned n_cancelled;
	bool full;
} t;

static int run_add(struct command_call *call)
{
	int64_t a = command_arg_number(call, "a", 1), b = command_arg_number(call, "b", 1);

	if (command_arg_flag(call, "fail"))
		return command_fail(call, ERR_NOENT, "no interface \"tap9\"; see `convoy show`");
	if (command_arg_text(call, "name"))
		return command_reply(call,
				     json_pack("{s:s}", "name", command_arg_text(call, "name")));
	return command_reply(call, json_pack("{s:I}", "sum", (json_int_t)(a + b)));
}

static void render_add(struct text *out, const json_t *result)
{
	text_add(out, "sum %lld\n", (long long)json_integer_value(json_object_get(result, "sum")));
}

static void on_cancel(struct command_call *call)
{
	assert_string_equal(call->command->name, "watch");
	t.n_cancelled++;
}

static int run_watch(struct command_call *call)
{
	t.pending = call;
	call->on_cancel = on_cancel;
	return COMMAND_PENDING;
}

static void render_tick(struct text *out, const json_t *item)
{
	text_add(out, "tick %lld\n", (long long)json_integer_value(json_object_get(item, "n")));
}

static int run_dump(struct command_call *call)
{
	int fd = command_take_file(call);

	assert_int_equal(write(fd, "dumped", 6), 6);
	close(fd);
	return command_reply(call, json_true());
}

static int run_load(struct command_call *call)
{
	int fd = command_take_file(call);
	char got[8] = "";

	assert_int_equal(read(fd, got, sizeof(got) - 1), 5);
	close(fd);
	return command_reply(call, json_string(got));
}

static const struct command commands[] = {
	{ .name = "add",
	  .help = "adds",
	  .args = { { "a", COMMAND_NUMBER, "one number", .required = true, .max = 100 },
		    { "b", COMMAND_NUMBER, "another" },
		    { "fail", COMMAND_FLAG, "fails" },
		    { "name", COMMAND_TEXT, "a name" } },
	  .run = run_add,
	  .render = render_add },
	{ .name = "watch", .help = "ticks", .run = run_watch, .render_item = render_tick },
	{ .name = "dump",
	  .help = "writes",
	  .args = { { "to", COMMAND_OUTPUT, "file", .required = true } },
	  .run = run_dump },
	{ .name = "load",
	  .help = "reads",
	  .args = { { "from", COMMAND_INPUT, "file", .required = true } },
	  .run = run_load },
};

static int record(void *context unused_arg, struct slice line, bool may_drop)
{
	if (may_drop && t.full)
		return ERR_FULL;
	assert_true(t.n_sent + line.len < sizeof(t.sent));
	memcpy(t.sent + t.n_sent, line.at, line.len);
	t.n_sent += line.len;
	t.sent[t.n_sent] = '\0';
	return 0;
}

static int setup(void **state unused_arg)
{
	memset(&t, 0, sizeof(t));
	t.table = command_table_new();
	if (command_table_add(t.table, commands, count_of(commands), NULL) < 0)
		return -1;
	dialog_init(&t.dialog, t.table, record, NULL);
	return 0;
}

static int teardown(void **state unused_arg)
{
	dialog_deinit(&t.dialog);
	command_table_free(t.table);
	return 0;
}

static int say(const char *text)
{
	t.n_sent = 0;
	t.sent[0] = '\0';
	return dialog_input(&t.dialog, slice_of_text(text));
}

/* clang-format off */
static const struct {
	const char *request, *answer;
} conversations[] = {
	/* served */
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":{\"a\":2,\"b\":40}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"sum\":42}}\n" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"add\",\"params\":{\"a\":2,\"format\":\"text\"}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"text\":\"sum 3\\n\"}}\n" },
	{ "\n\n", "" },
	/* the command failed */
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":{\"a\":2,\"fail\":true}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32007,"
	  "\"message\":\"no interface \\\"tap9\\\"; see `convoy show`\"}}\n" },
	/* parameters */
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\"}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
	  "\"message\":\"\\\"add\\\" needs the argument \\\"a\\\": one number\"}}\n" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":{\"a\":101}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
	  "\"message\":\"a must be within 0 to 100\"}}\n" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":{\"a\":\"2\"}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
	  "\"message\":\"a must be a whole number\"}}\n" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":{\"a\":2,\"c\":1}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
	  "\"message\":\"\\\"add\\\" has no argument \\\"c\\\"\"}}\n" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":{\"a\":2,\"fail\":1}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
	  "\"message\":\"fail must be true or false\"}}\n" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":{\"a\":2,\"format\":\"xml\"}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
	  "\"message\":\"format must be \\\"json\\\" or \\\"text\\\"\"}}\n" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"dump\",\"params\":{\"to\":\"/etc/shadow\"}}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
	  "\"message\":\"to: no descriptor came with the request\"}}\n" },
	/* not requests */
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fly\"}\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no command \\\"fly\\\"\"}}\n" },
	{ "[]\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"a request is one "
	  "object with jsonrpc \\\"2.0\\\", an id (number or text), a method and, if any, params as "
	  "an object\"}}\n" },
	{ "show\n",
	  "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
	  "\"message\":\"not JSON: '[' or '{' expected near 'show'\"}}\n" },
};
/* clang-format on */

static void test_conversations(void **state unused_arg)
{
	for (unsigned i = 0; i < count_of(conversations); i++) {
		assert_int_equal(say(conversations[i].request), 0);
		assert_string_equal(t.sent, conversations[i].answer);
	}
}

static void test_input_in_single_bytes(void **state unused_arg)
{
	const char *request = conversations[0].request;

	for (const char *c = request; *c; c++)
		assert_int_equal(dialog_input(&t.dialog, slice_of(c, 1)), 0);
	assert_string_equal(t.sent, conversations[0].answer);
}

static void test_long_line_ends_the_conversation(void **state unused_arg)
{
	static char spaces[DIALOG_LINE_MAX];

	memset(spaces, ' ', sizeof(spaces));
	assert_int_equal(dialog_input(&t.dialog, slice_of(spaces, sizeof(spaces))), 0);
	assert_int_equal(dialog_input(&t.dialog, slice_of(spaces, 1)), ERR_RANGE);
	assert_non_null(strstr(t.sent, "longer than 65536 bytes"));
}

static void test_hostile_bytes_get_an_answer(void **state unused_arg)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\u0000\"}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"add\"}\n",
		"\xff\xfe\xfd\n",
		"{\"a\xc3\n",
		"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"add\"}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999,\"method\":\"add\"}\n",
	};

	for (unsigned i = 0; i < count_of(lines); i++) {
		assert_int_equal(say(lines[i]), 0);
		assert_non_null(strstr(t.sent, "\"error\""));
	}
}

/* A method of many bytes is quoted cut off inside a UTF-8 character; the error still goes out. */
static void test_quoted_text_stays_utf8(void **state unused_arg)
{
	assert_int_equal(say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x"
			     "ääääääääääääääääääääääääääääääääääääääääää\"}\n"),
			 0);
	assert_non_null(strstr(t.sent, "no command"));
}

static void test_streamed_items_come_before_the_answer(void **state unused_arg)
{
	assert_int_equal(say("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"watch\"}\n"), 0);
	assert_string_equal(t.sent, "");
	assert_int_equal(command_item(t.pending, json_pack("{s:i}", "n", 1)), 0);
	t.full = true;
	assert_int_equal(command_item(t.pending, json_pack("{s:i}", "n", 2)), ERR_FULL);
	assert_int_equal(command_reply(t.pending, json_object()), 0);
	command_finish(t.pending, 0);
	assert_string_equal(t.sent, "{\"jsonrpc\":\"2.0\",\"method\":\"item\",\"params\":"
				    "{\"item\":{\"n\":1},\"id\":7}}\n"
				    "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n");
}

static void test_streamed_items_as_text(void **state unused_arg)
{
	assert_int_equal(say("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"watch\","
			     "\"params\":{\"format\":\"text\"}}\n"),
			 0);
	assert_int_equal(command_item(t.pending, json_pack("{s:i}", "n", 1)), 0);
	assert_string_equal(t.sent, "{\"jsonrpc\":\"2.0\",\"method\":\"item\",\"params\":"
				    "{\"text\":\"tick 1\\n\",\"id\":7}}\n");
}

static void test_leaving_client_cancels(void **state unused_arg)
{
	assert_int_equal(say("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"watch\"}\n"), 0);
	dialog_deinit(&t.dialog);
	assert_int_equal(t.n_cancelled, 1);
	assert_int_equal(t.dialog.n_pending, 0);
}

static void test_pending_requests_are_bounded(void **state unused_arg)
{
	for (unsigned i = 0; i < DIALOG_PENDING_MAX; i++)
		assert_int_equal(say("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"watch\"}\n"), 0);
	assert_string_equal(t.sent, "");
	assert_int_equal(say("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"watch\"}\n"), 0);
	assert_non_null(strstr(t.sent, "\"code\":-32004"));
	dialog_deinit(&t.dialog);
	assert_int_equal(t.n_cancelled, DIALOG_PENDING_MAX);
}

static void test_output_goes_to_the_clients_descriptor(void **state unused_arg)
{
	int ends[2];
	char got[8] = "";

	assert_int_equal(pipe(ends), 0);
	dialog_take_fd(&t.dialog, ends[1]);
	assert_int_equal(say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"dump\","
			     "\"params\":{\"to\":\"x\"}}\n"),
			 0);
	assert_int_equal(read(ends[0], got, sizeof(got)), 6);
	assert_string_equal(got, "dumped");
	assert_int_equal(read(ends[0], got, sizeof(got)), 0); /* no other holder of the write end */
	close(ends[0]);
}

static const char load[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"load\","
			   "\"params\":{\"from\":\"x\"}}\n";

static void test_input_comes_from_the_clients_descriptor(void **state unused_arg)
{
	int fd = memfd_create("input", 0);

	assert_int_equal(write(fd, "words", 5), 5);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	dialog_take_fd(&t.dialog, fd);
	assert_int_equal(say(load), 0);
	assert_non_null(strstr(t.sent, "\"result\":\"words\""));
}

/* Main would wait for the writer of a pipe. */
static void test_an_input_that_could_block_is_refused(void **state unused_arg)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	dialog_take_fd(&t.dialog, ends[0]);
	assert_int_equal(say(load), 0);
	assert_non_null(strstr(t.sent, "from: the descriptor is of no regular file"));
	assert_int_equal(fcntl(ends[0], F_GETFD), -1); /* and is closed */
	close(ends[1]);
}

static void test_unclaimed_descriptors_are_closed(void **state unused_arg)
{
	int ends[2];
	char got;

	assert_int_equal(pipe(ends), 0);
	for (unsigned i = 0; i < DIALOG_FILES_MAX + 3; i++)
		dialog_take_fd(&t.dialog, dup(ends[1]));
	close(ends[1]);
	dialog_deinit(&t.dialog);
	assert_int_equal(read(ends[0], &got, 1), 0);
	close(ends[0]);
}

static void test_commands_describe_themselves(void **state unused_arg)
{
	assert_int_equal(say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"commands\"}\n"), 0);
	assert_non_null(strstr(t.sent,
			       "{\"name\":\"a\",\"kind\":\"number\",\"help\":\"one number\","
			       "\"required\":true,\"positional\":false}"));
	assert_non_null(strstr(t.sent, "\"name\":\"watch\",\"help\":\"ticks\",\"args\":[]"));
}

int main(void)
{
#define conversation(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		conversation(test_conversations),
		conversation(test_input_in_single_bytes),
		conversation(test_long_line_ends_the_conversation),
		conversation(test_hostile_bytes_get_an_answer),
		conversation(test_quoted_text_stays_utf8),
		conversation(test_streamed_items_come_before_the_answer),
		conversation(test_streamed_items_as_text),
		conversation(test_leaving_client_cancels),
		conversation(test_pending_requests_are_bounded),
		conversation(test_output_goes_to_the_clients_descriptor),
		conversation(test_input_comes_from_the_clients_descriptor),
		conversation(test_an_input_that_could_block_is_refused),
		conversation(test_unclaimed_descriptors_are_closed),
		conversation(test_commands_describe_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

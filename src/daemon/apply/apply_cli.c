/* apply_cli.c - `convoy apply`, `convoy save`. */
#include "daemon/apply/apply_cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "control/command.h"
#include "control/config_yaml.h"
#include "daemon/apply/apply.h"
#include "daemon/apply/kind.h"
#include "daemon/apply/save.h"
#include "daemon/convoyd.h"

/* --- what an apply did or would do --- */

static json_t *describe(const struct apply_difference *d)
{
	const struct apply_item *item = d->to ? d->to : d->from;
	json_t *row = json_pack("{s:s, s:s, s:s}", "action", plan_action_name(d->action), "kind",
				item->kind->name, "name", item->name);

	if (d->from)
		json_object_set(row, "from", d->from->value);
	if (d->to)
		json_object_set(row, "to", d->to->value);
	return row;
}

static json_t *report(const struct plan *p, bool dry_run, bool with_values)
{
	json_t *changes = json_array();

	for (unsigned i = 0; i < p->n_differences; i++)
		if (p->differences[i].action != APPLY_SAME)
			json_array_append_new(changes, describe(&p->differences[i]));
	return json_pack("{s:b, s:b, s:i, s:o}", "dry_run", dry_run, "diff", with_values, "same",
			 (int)p->n_same, "changes", changes);
}

static void render_value(struct text *out, char mark, const char *key, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	text_add(out, "    %c %s: %s\n", mark, key, text ? text : "");
	free(text);
}

/* The members that one side has and the other has not, or not so. */
static void render_members(struct text *out, char mark, json_t *side, const json_t *other)
{
	const char *key;
	json_t *value;

	json_object_foreach(side, key, value) if (!json_equal(value, json_object_get(other, key)))
		render_value(out, mark, key, value);
}

static char mark_of(const char *action)
{
	return strcmp(action, "add") == 0 ? '+' : strcmp(action, "delete") == 0 ? '-' : '~';
}

static void render_change(struct text *out, json_t *row, bool with_values)
{
	const char *action = json_string_value(json_object_get(row, "action"));
	json_t *from = json_object_get(row, "from"), *to = json_object_get(row, "to");

	text_add(out, "%c %-10s %s%s\n", mark_of(action),
		 json_string_value(json_object_get(row, "kind")),
		 json_string_value(json_object_get(row, "name")),
		 strcmp(action, "replace") == 0 ? "  (made anew)"
		 : strcmp(action, "redo") == 0	? "  (its interface is made anew)"
						: "");
	if (!with_values)
		return;
	render_members(out, '-', from, to);
	render_members(out, '+', to, from);
}

void apply_render(struct text *out, const json_t *result)
{
	json_t *changes = json_object_get(result, "changes"), *row;
	bool dry_run = json_is_true(json_object_get(result, "dry_run"));
	int same = (int)json_integer_value(json_object_get(result, "same"));
	size_t i, n = json_array_size(changes);

	json_array_foreach(changes, i, row)
		render_change(out, row, json_is_true(json_object_get(result, "diff")));
	if (n == 0)
		text_add(out, "nothing to do: %d objects are as wanted\n", same);
	else if (dry_run)
		text_add(out, "dry run: %zu change%s to make, %d objects are as wanted\n", n,
			 n == 1 ? "" : "s", same);
	else
		text_add(out, "%zu change%s made, %d objects were as wanted\n", n,
			 n == 1 ? "" : "s", same);
}

/* --- apply --- */

static int run_apply(struct command_call *call);

/* A whole file; reading what was truncated meanwhile just ends early. */
static char *read_all_or_null(int fd, size_t *len)
{
	char *text = malloc(CONFIG_MAX_BYTES + 1);

	*len = 0;
	while (text && *len <= CONFIG_MAX_BYTES) {
		ssize_t n = pread(fd, text + *len, CONFIG_MAX_BYTES + 1 - *len, (off_t)*len);

		if (n < 0 && errno != EINTR)
			break;
		if (n == 0)
			return text;
		*len += n > 0 ? (size_t)n : 0;
	}
	free(text);
	return NULL;
}

static int load(struct command_call *call, struct config_error *error, struct net_file **out)
{
	const char *name = command_arg_text(call, "file");
	int fd = command_take_file(call), err;
	size_t len;
	char *text = read_all_or_null(fd, &len);

	close(fd);
	if (!text)
		return command_fail(call, ERR_IO, "%s cannot be read, or is larger than %d MiB",
				    name, CONFIG_MAX_BYTES >> 20);
	err = net_file_load_text(strcmp(name, "-") == 0 ? "standard input" : name,
				 slice_of(text, len), error, out);
	free(text);
	if (err < 0)
		return command_fail(call, ERR_FORMAT, "%s",
				    error->text[0] ? error->text : err_text(err));
	return 0;
}

/* Nobody has typed the configuration that a command makes: no place in it is worth telling. */
static const char *reason(const struct config_error *error, int err)
{
	static const char made[] = APPLY_COMMAND ":";
	const char *colon = strstr(error->text, ": ");

	if (!error->text[0])
		return err_text(err);
	return strncmp(error->text, made, sizeof(made) - 1) == 0 && colon ? colon + 2 : error->text;
}

static int fail(struct command_call *call, const struct apply *a)
{
	const char *why = reason(&a->error, a->err);

	if (a->n_lost > 0)
		return command_fail(call, a->err,
				    "%s; %u steps before it could not be undone, see the log", why,
				    a->n_lost);
	return command_fail(call, a->err, "%s; nothing has changed", why);
}

/* The diff of a small change is the change. */
static bool wants_diff(const struct command_call *call)
{
	return call->command->run != run_apply || command_arg_flag(call, "diff");
}

static void applied(struct apply *a)
{
	struct command_call *call = a->context;
	int err = a->err;

	if (call) {
		if (err == 0)
			err = command_reply(call, report(&a->plan, false, wants_diff(call)));
		else
			err = fail(call, a);
	}
	apply_free(a);
	if (call)
		command_finish(call, err);
}

/* Whoever asked has gone; what has begun is carried to its end. */
static void forget(struct command_call *call)
{
	struct apply *a = call->state;

	a->context = NULL;
}

static int start(struct command_call *call, struct apply *a)
{
	a->done = applied;
	a->context = call;
	call->state = a;
	call->on_cancel = forget;
	apply_start(a);
	return COMMAND_PENDING;
}

/* The reference to @file goes. */
static int prepare(struct command_call *call, struct net_file *file, struct apply **out)
{
	struct config_error error = { "" };
	int err = apply_prepare(call->context, file, &error, out);

	net_file_put(file);
	return err ? command_fail(call, err, "%s", reason(&error, err)) : 0;
}

static int run_apply(struct command_call *call)
{
	struct config_error error = { "" };
	struct net_file *file;
	struct apply *a;
	int err = load(call, &error, &file);

	if (err == 0)
		err = prepare(call, file, &a);
	if (err < 0)
		return err;
	if (!command_arg_flag(call, "dry-run"))
		return start(call, a);
	err = command_reply(call, report(&a->plan, true, command_arg_flag(call, "diff")));
	apply_free(a);
	return err;
}

int apply_text(struct command_call *call, const char *text)
{
	struct config_error error = { "" };
	struct net_file *file;
	struct apply *a;
	int err = net_file_load_text(APPLY_COMMAND, slice_of_text(text), &error, &file);

	if (err < 0)
		return command_fail(call, err, "%s", reason(&error, err));
	err = prepare(call, file, &a);
	return err ? err : start(call, a);
}

/* --- save --- */

static int run_save(struct command_call *call)
{
	return command_reply(call, save_running(call->context));
}

static const struct command commands[] = {
	{ .name = "apply",
	  .help = "make the running stack what a net.yaml says",
	  .more = "All of it or nothing: what has been done is undone if a later step fails. "
		  "--diff alone\n"
		  "changes the stack too; with --dry-run nothing happens.\n"
		  "  convoy apply net.yaml --dry-run --diff\n",
	  .args = { { "file", COMMAND_INPUT, "the net.yaml; - is standard input", .required = true,
		      .positional = true },
		    { "dry-run", COMMAND_FLAG, "only say what would change" },
		    { "diff", COMMAND_FLAG, "say how each object differs" } },
	  .run = run_apply,
	  .render = apply_render },
	{ .name = "save",
	  .help = "the running configuration as a net.yaml",
	  .more = "  convoy save > running.yaml\n",
	  .run = run_save,
	  .render = config_print_yaml },
};

int apply_cli_register(struct convoyd *d)
{
	return command_table_add(d->commands, commands, count_of(commands), d);
}

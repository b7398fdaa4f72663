/* command.c - the table of commands and what a command may do with its call. */
#include "control/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct entry {
	const struct command *command;
	void *context;
};

struct command_table {
	struct entry *entries;
	unsigned n, room;
};

static const char *const kind_names[] = {
	[COMMAND_TEXT] = "text",     [COMMAND_NUMBER] = "number", [COMMAND_FLAG] = "flag",
	[COMMAND_OUTPUT] = "output", [COMMAND_INPUT] = "input",	  [COMMAND_WORDS] = "words",
};

static json_t *describe_args(const struct command *command)
{
	json_t *args = json_array();

	for (unsigned i = 0; i < COMMAND_ARGS_MAX && command->args[i].name; i++) {
		const struct command_arg *arg = &command->args[i];

		json_array_append_new(args,
				      json_pack("{s:s, s:s, s:s, s:b, s:b, s:s*}", "name",
						arg->name, "kind", kind_names[arg->kind], "help",
						arg->help, "required", arg->required, "positional",
						arg->positional, "choices", arg->choices));
	}
	return args;
}

json_t *command_describe(const struct command *command)
{
	return json_pack("{s:s, s:s, s:s*, s:o}", "name", command->name, "help", command->help,
			 "more", command->more, "args", describe_args(command));
}

/* The one built-in command: what the others are, so that a client needs no copy of them. */
static int run_commands(struct command_call *call)
{
	const struct command_table *table = call->context;
	json_t *list = json_array();

	for (unsigned i = 0; i < table->n; i++)
		json_array_append_new(list, command_describe(table->entries[i].command));
	return command_reply(call, list);
}

static void render_commands(struct text *out, const json_t *result)
{
	const json_t *row;
	size_t i;

	json_array_foreach(result, i, row)
	{
		text_add(out, "%s", json_string_value(json_object_get(row, "name")));
		text_pad(out, 24);
		text_add(out, "  %s\n", json_string_value(json_object_get(row, "help")));
	}
}

static const struct command builtin = {
	.name = "commands",
	.help = "all commands and their arguments",
	.run = run_commands,
	.render = render_commands,
};

struct command_table *command_table_new(void)
{
	struct command_table *table = calloc(1, sizeof(*table));

	if (table && command_table_add(table, &builtin, 1, table) < 0) {
		free(table);
		return NULL;
	}
	return table;
}

void command_table_free(struct command_table *table)
{
	if (!table)
		return;
	free(table->entries);
	free(table);
}

int command_table_add(struct command_table *table, const struct command *commands, unsigned n,
		      void *context)
{
	if (table->n + n > table->room) {
		unsigned room = 2 * (table->n + n);
		struct entry *entries = realloc(table->entries, room * sizeof(*entries));

		if (!entries)
			return ERR_NOMEM;
		table->entries = entries;
		table->room = room;
	}
	for (unsigned i = 0; i < n; i++) {
		invariant(!command_find_or_null(table, commands[i].name, NULL));
		table->entries[table->n++] = (struct entry){ &commands[i], context };
	}
	return 0;
}

const struct command *command_find_or_null(const struct command_table *table, const char *name,
					   void **context)
{
	for (unsigned i = 0; i < table->n; i++) {
		if (strcmp(table->entries[i].command->name, name) == 0) {
			if (context)
				*context = table->entries[i].context;
			return table->entries[i].command;
		}
	}
	return NULL;
}

static const struct command_arg *find_arg_or_null(const struct command *command, const char *name)
{
	for (unsigned i = 0; i < COMMAND_ARGS_MAX && command->args[i].name; i++)
		if (strcmp(command->args[i].name, name) == 0)
			return &command->args[i];
	return NULL;
}

static int check_number(const struct command_arg *arg, const json_t *value, char *why, size_t room)
{
	int64_t max = arg->min == 0 && arg->max == 0 ? INT64_MAX : arg->max;

	if (!json_is_integer(value)) {
		snprintf(why, room, "%s must be a whole number", arg->name);
		return ERR_INVAL;
	}
	if (json_integer_value(value) < arg->min || json_integer_value(value) > max) {
		snprintf(why, room, "%s must be within %lld to %lld", arg->name,
			 (long long)arg->min, (long long)max);
		return ERR_INVAL;
	}
	return 0;
}

static int check_value(const struct command_arg *arg, const json_t *value, char *why, size_t room)
{
	switch (arg->kind) {
	case COMMAND_NUMBER:
		return check_number(arg, value, why, room);
	case COMMAND_FLAG:
		if (json_is_boolean(value))
			return 0;
		snprintf(why, room, "%s must be true or false", arg->name);
		return ERR_INVAL;
	case COMMAND_TEXT:
	case COMMAND_WORDS:
	case COMMAND_OUTPUT:
	case COMMAND_INPUT:
		if (json_is_string(value))
			return 0;
		snprintf(why, room, "%s must be text", arg->name);
		return ERR_INVAL;
	}
	return ERR_INVAL;
}

int command_check_params(const struct command *command, const json_t *params, char *why,
			 size_t room)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)params, key, value)
	{
		const struct command_arg *arg = find_arg_or_null(command, key);
		int err;

		if (!arg) {
			snprintf(why, room, "\"%s\" has no argument \"%.64s\"", command->name, key);
			return ERR_INVAL;
		}
		err = check_value(arg, value, why, room);
		if (err < 0)
			return err;
	}
	for (unsigned i = 0; i < COMMAND_ARGS_MAX && command->args[i].name; i++) {
		const struct command_arg *arg = &command->args[i];

		if (arg->required && !json_object_get(params, arg->name)) {
			snprintf(why, room, "\"%s\" needs the argument \"%s\": %s", command->name,
				 arg->name, arg->help);
			return ERR_INVAL;
		}
	}
	return 0;
}

const char *command_arg_text(const struct command_call *call, const char *name)
{
	invariant(find_arg_or_null(call->command, name));
	return json_string_value(json_object_get(call->params, name));
}

int64_t command_arg_number(const struct command_call *call, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(call->params, name);

	invariant(find_arg_or_null(call->command, name));
	return value ? json_integer_value(value) : otherwise;
}

bool command_arg_flag(const struct command_call *call, const char *name)
{
	invariant(find_arg_or_null(call->command, name));
	return json_is_true(json_object_get(call->params, name));
}

int command_take_file(struct command_call *call)
{
	int fd = call->file_fd;

	call->file_fd = -1;
	return fd;
}

int command_reply(struct command_call *call, json_t *result)
{
	if (!result)
		return command_fail(call, ERR_NOMEM, "out of memory for the answer");
	json_decref(call->result);
	call->result = result;
	return 0;
}

int command_fail(struct command_call *call, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(call->why, sizeof(call->why), format, args);
	va_end(args);
	return err;
}

int command_item(struct command_call *call, json_t *item)
{
	int err = item ? call->sink->item(call, item) : ERR_NOMEM;

	json_decref(item);
	return err;
}

void command_finish(struct command_call *call, int err)
{
	invariant(err <= 0);
	call->sink->finished(call, err);
}

/* help.c - usage and the descriptions that convoyd gives of its commands. */
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

#include "control/server.h"
#include "control/text.h"

enum {
	NAME_WIDTH = 16, /* of an option without its dashes */
	LINE_WIDTH = 80,
	USAGE_INDENT = 13, /* of further lines: under what follows "usage: convoy" */
};

void help_print_usage(FILE *out)
{
	fprintf(out, "usage: convoy [--socket PATH] [--json] COMMAND [ARGUMENT...]\n"
		     "       convoy exec [-v] [--] PROGRAM [ARGUMENT...]\n"
		     "       convoy help [COMMAND]\n"
		     "\n"
		     "Asks a running convoyd, or runs a program on it.\n"
		     "\n"
		     "  --socket PATH   where convoyd listens; also CONVOY_SOCKET\n"
		     "                  (default " CONTROL_SOCKET_DEFAULT ")\n"
		     "  --json          the answer as JSON\n"
		     "  --version       print the version\n"
		     "  --help          print this; after a command, what it takes\n"
		     "\n"
		     "Words of a command may be shortened: convoy sh int. In bash, Tab completes\n"
		     "them after: source <(convoy completion bash)\n"
		     "\n"
		     "Exit status: 0 fine, 1 it failed, 2 bad usage.\n");
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

void help_print_commands(FILE *out, const json_t *commands)
{
	const json_t *command;
	size_t i;

	json_array_foreach(commands, i, command)
		fprintf(out, "  %-22s %s\n", member(command, "name"), member(command, "help"));
}

/* An argument's name as that of a value: "split-horizon" is SPLIT-HORIZON. */
static void add_upper(struct text *out, const char *name)
{
	for (; *name; name++)
		text_add(out, "%c", toupper((unsigned char)*name));
}

/* What stands in the place of a value: its choices, or a word for it. */
static void add_value(struct text *out, const json_t *arg)
{
	const char *kind = member(arg, "kind"), *choices = member(arg, "choices");

	if (*choices)
		text_add(out, "%s", choices);
	else if (strcmp(kind, "input") == 0 || strcmp(kind, "output") == 0)
		text_add(out, "FILE");
	else
		add_upper(out, strcmp(kind, "number") == 0 ? "N" : kind);
}

static void add_usage(struct text *out, const json_t *arg)
{
	bool required = json_is_true(json_object_get(arg, "required"));
	bool words = strcmp(member(arg, "kind"), "words") == 0;

	text_add(out, "%s", required ? "" : "[");
	if (!json_is_true(json_object_get(arg, "positional"))) {
		text_add(out, "--%s", member(arg, "name"));
		if (strcmp(member(arg, "kind"), "flag") != 0) {
			text_add(out, " ");
			add_value(out, arg);
		}
	} else if (*member(arg, "choices") && !words) {
		add_value(out, arg);
	} else {
		add_upper(out, member(arg, "name"));
	}
	text_add(out, "%s%s", words ? "..." : "", required ? "" : "]");
}

/* Print @part behind what is on the line, or on a new one if it would not fit. */
static void print_part(FILE *out, size_t *column, const char *part)
{
	size_t len = strlen(part);

	if (*column + 1 + len > LINE_WIDTH) {
		fprintf(out, "\n%*s", USAGE_INDENT, "");
		*column = USAGE_INDENT;
	}
	fprintf(out, " %s", part);
	*column += 1 + len;
}

static void print_usage(FILE *out, const json_t *command)
{
	const json_t *args = json_object_get(command, "args"), *arg;
	size_t i, column = USAGE_INDENT + 1 + strlen(member(command, "name"));

	fprintf(out, "usage: convoy %s", member(command, "name"));
	json_array_foreach(args, i, arg)
	{
		struct text part = { 0 };

		add_usage(&part, arg);
		print_part(out, &column, part.at);
		text_deinit(&part);
	}
	if (!json_object_get(command, "no_json"))
		print_part(out, &column, "[--json]");
	putc('\n', out);
}

static void print_argument(FILE *out, const json_t *arg)
{
	const char *name = member(arg, "name");
	int blanks = NAME_WIDTH - (int)strlen(name);

	fputs("  ", out);
	if (json_is_true(json_object_get(arg, "positional"))) {
		for (; *name; name++)
			putc(toupper((unsigned char)*name), out);
		blanks += 2;
	} else {
		fprintf(out, "--%s", name);
	}
	fprintf(out, "%*s %s\n", blanks > 0 ? blanks : 0, "", member(arg, "help"));
}

void help_print_command(FILE *out, const json_t *command)
{
	const json_t *args = json_object_get(command, "args"), *arg;
	size_t i;

	print_usage(out, command);
	fprintf(out, "%s\n", member(command, "help"));
	if (json_array_size(args) > 0)
		fprintf(out, "\n");
	json_array_foreach(args, i, arg) print_argument(out, arg);
	if (*member(command, "more"))
		fprintf(out, "\n%s", member(command, "more"));
}

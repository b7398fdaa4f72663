/* help.c - usage and the descriptions that convoyd gives of its commands. */
#include "cli/help.h"

#include <string.h>

#include "control/server.h"

void help_print_usage(FILE *out)
{
	fprintf(out, "usage: convoy [--socket PATH] [--json] COMMAND [ARGUMENT...]\n"
		     "       convoy exec [-v] [--] PROGRAM [ARGUMENT...]\n"
		     "       convoy top | graph [ARGUMENT...]\n"
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
		     "Words of a command may be shortened: convoy sh int.\n"
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

static void print_usage_of(FILE *out, const json_t *arg)
{
	bool required = json_is_true(json_object_get(arg, "required"));
	const char *open = required ? "" : "[", *close = required ? "" : "]";

	if (strcmp(member(arg, "kind"), "words") == 0)
		fprintf(out, " %s%s...%s", open, member(arg, "name"), close);
	else if (json_is_true(json_object_get(arg, "positional")))
		fprintf(out, " %s%s%s", open, member(arg, "name"), close);
	else if (strcmp(member(arg, "kind"), "flag") == 0)
		fprintf(out, " %s--%s%s", open, member(arg, "name"), close);
	else
		fprintf(out, " %s--%s %s%s", open, member(arg, "name"), member(arg, "kind"), close);
}

void help_print_command(FILE *out, const json_t *command)
{
	const json_t *args = json_object_get(command, "args"), *arg;
	size_t i;

	fprintf(out, "usage: convoy %s", member(command, "name"));
	json_array_foreach(args, i, arg) print_usage_of(out, arg);
	fprintf(out, " [--json]\n%s\n", member(command, "help"));
	if (json_array_size(args) > 0)
		fprintf(out, "\n");
	json_array_foreach(args, i, arg)
		fprintf(out, "  --%-16s %s\n", member(arg, "name"), member(arg, "help"));
}

/* own.c - the commands of this program among those of convoyd. */
#include "cli/own.h"

#include <string.h>

#include "cli/completion.h"
#include "cli/exec.h"
#include "cli/graph.h"
#include "cli/help.h"
#include "cli/status.h"
#include "cli/top.h"
#include "control/table.h"

static int run_exec(const char *socket_path, char **words, bool json unused_arg)
{
	return exec_main(socket_path, words);
}

static const struct own {
	const struct command *command;
	int (*run)(const char *socket_path, char **words, bool json);
	bool no_json; /* what it prints is not ours, or not for programs */
} own_commands[] = {
	{ &top_command, top_main },
	{ &graph_command, graph_main },
	{ &exec_command, run_exec, true },
	{ &completion_command, completion_main, true },
};

static const struct own *find_or_null(char *const *words)
{
	for (unsigned i = 0; words[0] && i < count_of(own_commands); i++)
		if (strcmp(words[0], own_commands[i].command->name) == 0)
			return &own_commands[i];
	return NULL;
}

static json_t *describe(const struct own *own)
{
	json_t *described = command_describe(own->command);

	if (own->no_json)
		json_object_set_new(described, "no_json", json_true());
	return described;
}

bool own_run(const char *socket_path, char **words, bool json, int *status)
{
	const struct own *own = find_or_null(words);

	if (own)
		*status = own->run(socket_path, words + 1, json);
	return own != NULL;
}

bool own_print_help(char *const *words)
{
	const struct own *own = find_or_null(words);
	json_t *described;

	if (!own)
		return false;
	described = describe(own);
	help_print_command(stdout, described);
	json_decref(described);
	return true;
}

void own_add(json_t *commands)
{
	for (unsigned i = 0; i < count_of(own_commands); i++)
		json_array_append_new(commands, describe(&own_commands[i]));
	table_sort(commands, (const char *const[]){ "name" }, 1);
}

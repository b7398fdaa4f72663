/* own.c - the commands of this program among those of convoyd. */
#include "cli/own.h"

#include <stdlib.h>
#include <string.h>

#include "cli/completion.h"
#include "cli/exec.h"
#include "cli/graph.h"
#include "cli/help.h"
#include "cli/status.h"
#include "cli/top.h"

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

static int compare(const void *a, const void *b)
{
	const json_t *left = *(json_t *const *)a, *right = *(json_t *const *)b;
	const char *x = json_string_value(json_object_get(left, "name"));
	const char *y = json_string_value(json_object_get(right, "name"));

	return strcmp(x ? x : "", y ? y : "");
}

void own_add(json_t *commands)
{
	json_t **sorted;
	size_t n;

	for (unsigned i = 0; i < count_of(own_commands); i++)
		json_array_append_new(commands, describe(&own_commands[i]));
	n = json_array_size(commands);
	sorted = calloc(n, sizeof(json_t *));
	if (!sorted)
		return; /* unsorted is as true */
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_incref(json_array_get(commands, i));
	qsort(sorted, n, sizeof(json_t *), compare);
	for (size_t i = 0; i < n; i++)
		json_array_set_new(commands, i, sorted[i]);
	free(sorted);
}

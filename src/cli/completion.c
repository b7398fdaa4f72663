/* completion.c - `convoy completion`: asks convoyd what there is, so that the shell can offer it.
 */
#include "cli/completion.h"

#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/complete.h"
#include "cli/own.h"
#include "cli/status.h"
#include "cli/watch.h"

const struct command completion_command = {
	.name = "completion",
	.help = "let Tab complete commands, options and names in bash",
	.more = "  source <(convoy completion bash)\n",
	.args = { { "shell", COMMAND_TEXT, "which one", .required = true, .positional = true,
		    .choices = "bash" } },
};

/* COMP_WORDS is cut at colons too, which addresses have: the line is cut at blanks instead. */
static const char bash[] =
	"_convoy() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} words\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line == *[[:space:]] ]] && words+=('')\n"
	"\tlocal IFS=$'\\n' typed=${words[-1]}\n"
	"\tCOMPREPLY=($(\"${words[0]}\" completion words \"${words[@]:1}\" 2>/dev/null))\n"
	"\tcase ${COMPREPLY[0]} in\n"
	"\t'<files>') compopt -o filenames; COMPREPLY=($(compgen -f -- \"$typed\")) ;;\n"
	"\t'<programs>') COMPREPLY=($(compgen -c -- \"$typed\")) ;;\n"
	"\tesac\n"
	"}\n"
	"complete -F _convoy convoy\n";

/* Names in the answer to @c->ask that begin with @typed. */
static void print_names(const struct completion *c, struct client *client, const char *typed)
{
	json_t *answer = watch_ask_or_null(client, c->ask, c->list != NULL);
	const json_t *rows = c->list ? json_object_get(answer, c->list) : answer, *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, c->name));

		if (name && strncmp(name, typed, strlen(typed)) == 0)
			puts(name);
	}
	json_decref(answer);
}

static int print_words(const char *socket_path, char *const *words, unsigned n_words)
{
	json_t *commands = NULL, *word;
	struct completion c;
	struct client client;
	size_t i;

	if (client_open(&client, socket_path) < 0 ||
	    client_call(&client, "commands", json_object(), -1, NULL, &commands) < 0)
		commands = json_array();
	own_add(commands);
	complete(commands, words, n_words, &c);
	json_array_foreach(c.words, i, word) puts(json_string_value(word));
	if (c.files)
		puts("<files>");
	if (c.ask)
		print_names(&c, &client, words[n_words - 1]);
	json_decref(c.words);
	json_decref(commands);
	client_close(&client);
	return STATUS_OK;
}

/* Options for all commands may stand anywhere: they are no part of what is completed. */
static unsigned drop_common_options(char **words, const char **socket_path)
{
	unsigned n = 0;

	for (unsigned i = 0; words[i]; i++) {
		if (!words[i + 1])
			words[n++] = words[i];
		else if (strcmp(words[i], "--socket") == 0 && words[i + 2])
			*socket_path = words[++i];
		else if (strncmp(words[i], "--socket=", 9) == 0)
			*socket_path = words[i] + 9;
		else if (strcmp(words[i], "--json") != 0)
			words[n++] = words[i];
	}
	return n;
}

int completion_main(const char *socket_path, char **words, bool json unused_arg)
{
	unsigned n;

	if (words[0] && strcmp(words[0], "bash") == 0 && !words[1]) {
		fputs(bash, stdout);
		return STATUS_OK;
	}
	if (!words[0] || strcmp(words[0], "words") != 0) {
		fprintf(stderr, "convoy: say for which shell: convoy completion bash\n");
		return STATUS_USAGE;
	}
	n = drop_common_options(words + 1, &socket_path);
	if (n > 1 && strcmp(words[1], "exec") == 0) {
		puts(n == 2 ? "<programs>" : "<files>");
		return STATUS_OK;
	}
	return n ? print_words(socket_path, words + 1, n) : STATUS_OK;
}

/* completion.h - `convoy completion bash`: the shell's side of completion, and what it asks. */
#ifndef CONVOY_CLI_COMPLETION_H
#define CONVOY_CLI_COMPLETION_H

#include "control/command.h"

/*
 * completion_main - `convoy completion bash` prints a function for that shell, which calls
 * `convoy completion words WORD...`: the words that the last one may become, one a line, or
 * "<files>" or "<programs>" for what the shell knows better. Without a convoyd: our own commands.
 */
must_check
int completion_main(const char *socket_path, char **words, bool json);

/* What it takes; of a description no more than that is used. */
extern const struct command completion_command;

#endif

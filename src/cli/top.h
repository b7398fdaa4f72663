/* top.h - `convoy top`: what a running convoyd is doing, again and again. */
#ifndef CONVOY_CLI_TOP_H
#define CONVOY_CLI_TOP_H

#include "control/command.h"

/*
 * top_main - `convoy top [--once] [--interval SECONDS]`.
 * @words: what follows "top", NULL-terminated. @json: one difference as JSON, then the end
 * Returns the exit status: 0, 1 or 2.
 */
must_check
int top_main(const char *socket_path, char **words, bool json);

/* What it takes; of a description no more than that is used. */
extern const struct command top_command;

#endif

/* exec.h - `convoy exec`: run a program on the stack. */
#ifndef CONVOY_CLI_EXEC_H
#define CONVOY_CLI_EXEC_H

#include "control/command.h"

/*
 * exec_main - `convoy exec [-v] [--] PROGRAM ARG...`; does not return when it succeeds.
 * @socket_path: of convoyd
 * @argv: the words after "exec", NULL-terminated
 * Returns the exit status: 1 or 2.
 */
must_check
int exec_main(const char *socket_path, char **argv);

/* What it takes; of a description no more than that is used. */
extern const struct command exec_command;

#endif

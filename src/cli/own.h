/*
 * own.h - the commands that this program carries out by itself, asking convoyd as often as they
 * need: top, graph, exec, completion.
 */
#ifndef CONVOY_CLI_OWN_H
#define CONVOY_CLI_OWN_H

#include <jansson.h>

#include "base/compiler.h"

/* own_run - carry out the one that @words name; false if they name none. @status: of the exit. */
bool own_run(const char *socket_path, char **words, bool json, int *status);

/* own_print_help - usage of the one that @words name; false if they name none. */
bool own_print_help(char *const *words);

/* own_add - put descriptions of them among those of convoyd; the whole is sorted by name then. */
void own_add(json_t *commands);

#endif

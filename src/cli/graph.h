/* graph.h - `convoy graph`: the packet graph of a running convoyd with rates on its edges. */
#ifndef CONVOY_CLI_GRAPH_H
#define CONVOY_CLI_GRAPH_H

#include "control/command.h"

/* graph_main - as top_main(): `convoy graph [--format text|dot|svg] [--interval SECONDS] [--all]`.
 */
must_check
int graph_main(const char *socket_path, char **words, bool json);

/* What it takes; of a description no more than that is used. */
extern const struct command graph_command;

#endif

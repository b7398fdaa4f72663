/* graph.h - `convoy graph`: the packet graph of a running convoyd with rates on its edges. */
#ifndef CONVOY_CLI_GRAPH_H
#define CONVOY_CLI_GRAPH_H

#include "base/compiler.h"

/* graph_main - as top_main(): `convoy graph [--format text|dot|svg] [--interval SECONDS] [--all]`.
 */
must_check
int graph_main(const char *socket_path, char **words, bool json);
void graph_print_help(void);

#endif

/* engine_cli.h - commands about the graph, its packets and its memory. */
#ifndef CONVOY_ENGINE_ENGINE_CLI_H
#define CONVOY_ENGINE_ENGINE_CLI_H

#include "base/compiler.h"

struct command_table;
struct engine;

/* engine_cli_register - `show errors`, `clear errors`, `show buffers`, and what follows. ERR_NOMEM.
 */
must_check
int engine_cli_register(struct command_table *table, struct engine *e);

/* runtime_cli_register - `show runtime`, `show turns`, `show graph`, `clear runtime`. ERR_NOMEM. */
must_check
int runtime_cli_register(struct command_table *table, struct engine *e);

/* trace_cli_register - `trace`, `trace add`, `trace clear`. ERR_NOMEM. */
must_check
int trace_cli_register(struct command_table *table, struct engine *e);

#endif

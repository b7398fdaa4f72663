/* tcp_cli.h - `show tcp`. */
#ifndef CONVOY_TRANSPORT_TCP_CLI_H
#define CONVOY_TRANSPORT_TCP_CLI_H

#include "base/compiler.h"

struct command_table;
struct engine;

/* tcp_cli_register - add the command; ERR_NOMEM. */
must_check
int tcp_cli_register(struct command_table *table, struct engine *e);

#endif

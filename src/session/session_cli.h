/* session_cli.h - `show sessions` and `show apps`. */
#ifndef CONVOY_SESSION_SESSION_CLI_H
#define CONVOY_SESSION_SESSION_CLI_H

#include "control/command.h"

struct session_layer;

/* session_cli_register - add the commands; @layer stays borrowed. ERR_NOMEM. */
must_check
int session_cli_register(struct command_table *table, struct session_layer *layer);

#endif

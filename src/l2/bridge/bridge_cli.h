/* bridge_cli.h - between the files of a bridge's commands. */
#ifndef CONVOY_L2_BRIDGE_CLI_H
#define CONVOY_L2_BRIDGE_CLI_H

#include "control/command.h"
#include "l2/bridge/bridge_private.h"

/* bridge_take - read an argument that names a bridge. Returns 0, or what command_fail() returned.
 */
int bridge_take(struct command_call *call, const char *name, struct bridge **out);

must_check
int bridge_mac_cli_register(struct command_table *table, struct engine *e);
must_check
int bridge_answer_cli_register(struct command_table *table, struct engine *e);

#endif

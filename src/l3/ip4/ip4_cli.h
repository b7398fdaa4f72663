/* ip4_cli.h - the commands of IPv4. */
#ifndef CONVOY_L3_IP4_CLI_H
#define CONVOY_L3_IP4_CLI_H

#include "base/compiler.h"

struct command_table;
struct engine;

/*
 * ip4_cli_register - `show routes`, `route add`, `route delete`, `show addresses`, `address add`,
 * `address delete`. ERR_NOMEM.
 */
must_check
int ip4_cli_register(struct command_table *table, struct engine *e);

/* neighbor_cli_register - `show neighbors`, `neighbor add`, `neighbor delete`. ERR_NOMEM. */
must_check
int neighbor_cli_register(struct command_table *table, struct engine *e);

#endif

/* l3_cli.h - the commands of l3, for both families. */
#ifndef CONVOY_L3_CLI_H
#define CONVOY_L3_CLI_H

#include "base/compiler.h"

struct command_table;
struct engine;

/* route_cli_register - `show routes`, `route add`, `route delete`. ERR_NOMEM. */
must_check
int route_cli_register(struct command_table *table, struct engine *e);

/* load_cli_register - `route load`. ERR_NOMEM. */
must_check
int load_cli_register(struct command_table *table, struct engine *e);

/* rpf_cli_register - `rpf set`, `show rpf`. ERR_NOMEM. */
must_check
int rpf_cli_register(struct command_table *table, struct engine *e);

/* vrf_cli_register - `show vrfs`, `vrf add`, `vrf delete`, `vrf move`. ERR_NOMEM. */
must_check
int vrf_cli_register(struct command_table *table, struct engine *e);

/* address_cli_register - `show addresses`, `address add`, `address delete`. ERR_NOMEM. */
must_check
int address_cli_register(struct command_table *table, struct engine *e);

/*
 * neighbor_cli_register - `show neighbors`, `neighbor add`, `neighbor delete`, `show proxies`,
 * `proxy add`, `proxy delete`. ERR_NOMEM.
 */
must_check
int neighbor_cli_register(struct command_table *table, struct engine *e);

/* group_cli_register - `show groups`. ERR_NOMEM. */
must_check
int group_cli_register(struct command_table *table, struct engine *e);

/* path_mtu_cli_register - `show path-mtus`. ERR_NOMEM. */
must_check
int path_mtu_cli_register(struct command_table *table, struct engine *e);

/* redirect_cli_register - `redirect set`, `show redirects`. ERR_NOMEM. */
must_check
int redirect_cli_register(struct command_table *table, struct engine *e);

/* router_cli_register - `show routers`, `show advertisements`. ERR_NOMEM. */
must_check
int router_cli_register(struct command_table *table, struct engine *e);

/* shortcut_cli_register - `show shortcuts`, `shortcuts clear`. ERR_NOMEM. */
must_check
int shortcut_cli_register(struct command_table *table, struct engine *e);

/* waiting_cli_register - `show waiting`. ERR_NOMEM. */
must_check
int waiting_cli_register(struct command_table *table, struct engine *e);

/* ping_cli_register - `ping`. ERR_NOMEM. */
must_check
int ping_cli_register(struct command_table *table, struct engine *e);

/* traceroute_cli_register - `traceroute`. ERR_NOMEM. */
must_check
int traceroute_cli_register(struct command_table *table, struct engine *e);

/* route_events_init - changes of routes become events (engine/event.h); after ip4_init(). */
must_check
int route_events_init(struct engine *e);
void route_events_deinit(struct engine *e);

#endif

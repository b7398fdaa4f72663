/*
 * spread.h - share the flows of an interface among all workers, when its device has fewer queues
 * than there are workers.
 */
#ifndef CONVOY_FUNCTIONS_SPREAD_H
#define CONVOY_FUNCTIONS_SPREAD_H

#include "base/slice.h"
#include "engine/interface.h"

struct command_table;

/*
 * spread_hash - a number for the flow of the Ethernet frame @frame: the same in both directions,
 * the same for all fragments of a datagram. Up to two VLAN tags are skipped; TCP and UDP count with
 * their ports, other IP by addresses and protocol, everything else by its MAC addresses.
 */
uint32_t spread_hash(struct slice frame);

/* spread_set - main: begin or end to spread. ERR_NOENT without the node in the graph. */
must_check
int spread_set(struct interface *i, bool on);

/* spread_is_set - main. */
bool spread_is_set(const struct interface *i);

/* spread_cli_register - the commands `spread` and `show placement`; ERR_NOMEM. */
must_check
int spread_cli_register(struct command_table *commands, struct engine *e);

extern const struct node_type spread_node;

#endif

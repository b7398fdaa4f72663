/*
 * xconnect.h - two ports as one wire: what one receives the other sends, unseen.
 *
 *   device-input ──> [l2-input] ──> xconnect ──> [l2-output] ──> [interface-output] ──> transmit
 *
 * Ports are interfaces of any kind, subinterfaces too. Nothing is learnt and nothing filtered:
 * frames of link protocols (IEEE 802.1Q §8.6.3) pass as well.
 */
#ifndef CONVOY_L2_XCONNECT_H
#define CONVOY_L2_XCONNECT_H

#include "engine/engine.h"

struct command_table;

/* xconnect_init - main, before the workers start; ERR_NOMEM, ERR_NOENT without the node. */
must_check
int xconnect_init(struct engine *e);
/* xconnect_deinit - after the workers have stopped. */
void xconnect_deinit(struct engine *e);

/*
 * xconnect_create - main: join two ports. The removal of either ends it.
 * On failure nothing has changed: ERR_INVAL (one port), ERR_BUSY (one is a port of l2 already),
 * ERR_UNSUPPORTED (one is ip_only), ERR_NOENT (the offload feature is missing).
 */
must_check
int xconnect_create(struct interface *a, struct interface *b);

/* xconnect_delete - main: take them apart; both are interfaces of l3 again. ERR_NOENT. */
must_check
int xconnect_delete(struct interface *either);

/* xconnect_peer_or_null - main: the other end. */
struct interface *xconnect_peer_or_null(const struct interface *i);

/* xconnect_cli_register - `xconnect add`, `xconnect delete`, `show xconnects`. ERR_NOMEM. */
must_check
int xconnect_cli_register(struct command_table *table, struct engine *e);

/* For daemon/modules.c. */
extern const struct node_type xconnect_node;

#endif

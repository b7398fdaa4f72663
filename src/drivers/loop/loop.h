/*
 * loop.h - an interface without a device: what it transmits it receives.
 *
 * It gives the stack an address that no link can take down, and tests a wire of no length.
 */
#ifndef CONVOY_DRIVERS_LOOP_H
#define CONVOY_DRIVERS_LOOP_H

#include "engine/engine.h"

/*
 * loop_create - main: a loop interface, administratively down.
 * @mac: NULL for a random one. @mtu_bytes: 0 for INTERFACE_MTU_MAX
 * Errors are those of interface_add(). It goes by interface_remove().
 */
must_check
int loop_create(struct engine *e, const char *name, const uint8_t *mac, uint32_t mtu_bytes,
		struct interface **out);

/* For daemon/modules.c. */
extern const struct node_type loop_tx_node;

#endif

/*
 * offload.h - what network cards do for TCP, in software, as features of an interface.
 *
 * "offload" on the interface-output arc cuts super-segments and fills checksums in before a device
 * that cannot; "gro" on the device-input arc joins the segments of a burst before the stack sees
 * them. interface_add() enables both where the device lacks the capability. "wire-input" undoes
 * what the other side left to us, so that received packets are those of a wire; impairments enable
 * it.
 */
#ifndef CONVOY_FUNCTIONS_OFFLOAD_H
#define CONVOY_FUNCTIONS_OFFLOAD_H

#include "engine/engine.h"

/* For daemon/modules.c. */
extern const struct node_type offload_node;
extern const struct node_type gro_node;
extern const struct node_type wire_input_node;

#endif

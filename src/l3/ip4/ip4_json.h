/* ip4_json.h - addresses and interfaces in commands: read from arguments, written as JSON. */
#ifndef CONVOY_L3_IP4_JSON_H
#define CONVOY_L3_IP4_JSON_H

#include "control/command.h"
#include "engine/engine.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"

/* New references. */
json_t *ip4_addr_json(uint32_t addr);
json_t *ip4_prefix_json(struct ip4_prefix prefix);
json_t *ip4_mac_json(const struct mac *mac);
json_t *ip4_interface_json(const struct engine *e, uint32_t if_index);

/* Each reads one argument. Returns 0, or what command_fail() returned. */
int ip4_take_prefix(struct command_call *call, const char *name, struct ip4_prefix *out);
int ip4_take_addr(struct command_call *call, const char *name, uint32_t *out);
int ip4_take_interface(struct command_call *call, const char *name, uint32_t *out);

#endif

/* ip_json.h - IP addresses in commands: read from arguments, written as JSON; the rest is l2's. */
#ifndef CONVOY_L3_CLI_IP_JSON_H
#define CONVOY_L3_CLI_IP_JSON_H

#include "control/command.h"
#include "engine/engine.h"
#include "l2/l2_cli.h"
#include "wire/ip_prefix.h"

/* New references. @addr of ip_addr_json(): either family, IPv4 in the mapped form. */
json_t *ip_addr_json(const struct ip6_addr *addr);
json_t *ip4_addr_json(uint32_t addr);
json_t *ip4_prefix_json(struct ip4_prefix prefix);
json_t *ip6_prefix_json(const struct ip6_prefix *prefix);

/* ip_left_json - seconds until @until_ns; null for ever (UINT64_MAX). */
json_t *ip_left_json(const struct engine *e, uint64_t until_ns);

/* Each reads one argument. Returns 0, or what command_fail() returned. */
int ip_take_prefix(struct command_call *call, const char *name, struct ip_prefix *out);
int ip_take_addr(struct command_call *call, const char *name, struct ip6_addr *out);
int ip_take_interface(struct command_call *call, const char *name, uint32_t *out);

/* ip_take_vrf - the index of a VRF; the default one if the argument is not given. */
int ip_take_vrf(struct command_call *call, const char *name, uint32_t *out);

#endif

/* l2_cli.h - what the commands of l2 share: interfaces and addresses as arguments and as JSON. */
#ifndef CONVOY_L2_L2_CLI_H
#define CONVOY_L2_L2_CLI_H

#include "control/command.h"
#include "engine/engine.h"
#include "wire/ethernet.h"

/* Each reads one argument. Returns 0, or what command_fail() returned. */
int l2_take_interface(struct command_call *call, const char *name, struct interface **out);
int l2_take_mac(struct command_call *call, const char *name, struct mac *out);

/* New references. */
json_t *l2_mac_json(const struct mac *mac);
json_t *l2_interface_json(const struct engine *e, uint32_t if_index);

/* l2_render_nothing - for commands that have nothing to show. */
void l2_render_nothing(struct text *out, const json_t *result);

#endif

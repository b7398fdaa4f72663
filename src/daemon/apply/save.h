/* save.h - the running configuration in the form of net.yaml. */
#ifndef CONVOY_DAEMON_APPLY_SAVE_H
#define CONVOY_DAEMON_APPLY_SAVE_H

#include <jansson.h>

#include "base/compiler.h"

struct convoyd;

/*
 * save_running - settings, interfaces and their addresses, bridges, routes: a configuration that
 * applied to an empty stack gives the present one. A new reference, NULL without memory.
 */
json_t *save_running(struct convoyd *d);

/* save_l2 - put the running bridges and cross-connects into @all. ERR_NOMEM. */
must_check
int save_l2(struct convoyd *d, json_t *all);

#endif

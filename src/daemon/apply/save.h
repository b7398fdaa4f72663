/* save.h - the running configuration in the form of net.yaml. */
#ifndef CONVOY_DAEMON_APPLY_SAVE_H
#define CONVOY_DAEMON_APPLY_SAVE_H

#include <jansson.h>

struct convoyd;

/*
 * save_running - settings, interfaces and their addresses, routes: a configuration that applied to
 * an empty stack gives the present one. A new reference, NULL without memory.
 */
json_t *save_running(struct convoyd *d);

#endif

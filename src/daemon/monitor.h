/* monitor.h - `convoy monitor`: what happens, as it happens. */
#ifndef CONVOY_DAEMON_MONITOR_H
#define CONVOY_DAEMON_MONITOR_H

#include "base/compiler.h"

struct convoyd;

/* monitor_register - add the command; ERR_NOMEM. */
must_check
int monitor_register(struct convoyd *d);

#endif

/* modules.h - the parts of convoyd and their order. */
#ifndef CONVOY_DAEMON_MODULES_H
#define CONVOY_DAEMON_MODULES_H

#include "base/compiler.h"

struct convoyd;

/* modules_init - start every module in order; on failure those started are stopped again. */
must_check
int modules_init(struct convoyd *d);
void modules_deinit(struct convoyd *d);

#endif

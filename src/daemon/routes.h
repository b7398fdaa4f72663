/* routes.h - adds the routes that the configuration asks for. */
#ifndef CONVOY_DAEMON_ROUTES_H
#define CONVOY_DAEMON_ROUTES_H

#include "base/compiler.h"

struct convoyd;

/* routes_create - after the interfaces are there. On failure d->error has the line. */
must_check
int routes_create(struct convoyd *d);

#endif

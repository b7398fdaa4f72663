/* interfaces.h - makes the interfaces that the configuration asks for. */
#ifndef CONVOY_DAEMON_INTERFACES_H
#define CONVOY_DAEMON_INTERFACES_H

#include "base/compiler.h"

struct convoyd;

/* interfaces_create - make every configured interface and bring it up. On failure d->error has the
 * line; those made so far go with the engine. */
must_check
int interfaces_create(struct convoyd *d);

#endif

/*
 * relay.h - a transport without packets: the stack copies bytes between two sessions of its own
 * programs. A cut-through session becomes such a pair when another process goes on with one end of
 * it (split.h), since it could not write into memory of the first.
 */
#ifndef CONVOY_SESSION_RELAY_H
#define CONVOY_SESSION_RELAY_H

#include "session/session.h"

extern const struct transport relay_transport;

enum { RELAY_ALONE = UINT32_MAX }; /* a connection without another end any more */

/* relay_join - @a and @b are the ends of one connection. */
void relay_join(struct session *a, struct session *b);

#endif

/*
 * relay.h - a transport without packets: the stack copies bytes between two sessions of its own
 * programs. A cut-through session becomes such a pair when another process goes on with one end of
 * it (split.h), since it could not write into memory of the first; and a connect begins so when one
 * of the programs does not help to make a channel: it has been told that it is connected, while it
 * waited in the backlog, or is busy elsewhere (pair.c).
 */
#ifndef CONVOY_SESSION_RELAY_H
#define CONVOY_SESSION_RELAY_H

#include "session/session.h"

struct app_link;
struct session_worker;

extern const struct transport relay_transport;

enum { RELAY_ALONE = UINT32_MAX }; /* a connection without another end any more */

/* relay_join - @a and @b are the ends of one connection. */
void relay_join(struct session *a, struct session *b);

/*
 * relay_connect - @s, a connect, goes through the stack to the application of @to, whose interest
 * has @cookie. Takes @s: it may be over when this returns.
 */
void relay_connect(struct session_worker *sw, struct session *s, struct app_link *to,
		   uint32_t cookie);

#endif

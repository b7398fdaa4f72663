/*
 * move.h - cut-through connections whose server has not accepted them, and has died, or closed its
 * listener, or lets another program have them: they are offered again, to another acceptor.
 *
 *        the server has hung up, or its half says RESET, ERR_AGAIN
 *   OPEN ────────────────────────────────────────────────────> HELD
 *    ^                                                          │ the stack knows that it is dead
 *    │                                                          v
 *    ├─── CONNECTED: what was written goes along <──────────── ASKED <── QUEUED: nobody accepts
 * yet; │                                                          │        it stays in that slot
 *    └─── commit ── ANSWERED <── CONNECTED, but a reservation is open ──┘
 *
 * Meanwhile the socket looks like one whose peer is silent: it can be written to and closed. When
 * nobody accepts there any more, it is reset. The home's lock is held for every call.
 */
#ifndef CONVOY_COMMS_MOVE_H
#define CONVOY_COMMS_MOVE_H

#include "comms/src/sock.h"

enum { MOVE_NONE, MOVE_HELD, MOVE_ASKED, MOVE_ANSWERED };

/* move_from_dead - the server at the other end of @s is dead: hold @s, if it can move. */
bool move_from_dead(struct sock *s);

/* move_if_returned - after fifo_poll(): the server gives @s back. True if it moves. */
bool move_if_returned(struct sock *s);

/* move_on - take the next step, if nothing stands against it any more. */
void move_on(struct sock *s);

/* move_answer - what convoyd says to that: a session on @to, or failure (NULL). */
void move_answer(struct sock *s, struct link *to, const struct shm_event *e);

#endif

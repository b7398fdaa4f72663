/*
 * move.h - cut-through connections whose server has not accepted them, and has died, or closed its
 * listener, or lets another program have them: they are offered again, to another acceptor.
 *
 *        GONE of the channel, or the server's half says RESET, ERR_AGAIN
 *   OPEN ────────────────────────────────────────────────────> HELD ── no reservation is open ─┐
 *     ^                                                                                       v
 *     └── CONNECTED: what was written goes along <── ASKED: SHM_EV_CONNECT, SHM_CONNECT_AGAIN ┘
 *
 * Meanwhile the socket looks like one whose peer is silent and whose window is shut. When nobody
 * else accepts there, it is reset. The home's lock is held for every call.
 */
#ifndef CONVOY_COMMS_MOVE_H
#define CONVOY_COMMS_MOVE_H

#include "comms/src/sock.h"

enum { MOVE_NONE, MOVE_HELD, MOVE_ASKED };

/* move_from_dead - the server at the other end of @s is dead: hold @s, if it can move. */
bool move_from_dead(struct sock *s);

/* move_if_returned - after fifo_poll(): the server gives @s back. True if it moves. */
bool move_if_returned(struct sock *s);

/* move_on - ask for another acceptor, if @s is held and nothing stands against it any more. */
void move_on(struct sock *s);

/* move_answer - what convoyd says to that: a session on @to, or failure (NULL). */
void move_answer(struct sock *s, struct link *to, const struct shm_event *e);

#endif

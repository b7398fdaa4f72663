/*
 * adopt.h - connections that several processes have, after a fork or over exec.
 *
 *   parent  OPEN ─────────fork────────> OPEN, shared ── MOVED ──> INHERITED, lost
 *                           │                                        │ next read or write
 *   child                   └─> INHERITED ── first use: ADOPT ──> OPEN <──┘
 *
 * A connection lies in the channel of one process at a time: of whoever has used it last. What the
 * others call it at the stack is where it lay when they had it, or when they were forked. One who
 * lost it gets it back by reading or writing; if it waits meanwhile, in its turn: when the process
 * that took it has read something, leaves it lying, closes it or dies (session/await.h); and at
 * once from one who took it only to write.
 */
#ifndef CONVOY_COMMS_ADOPT_H
#define CONVOY_COMMS_ADOPT_H

#include "comms/src/sock.h"

/* adopt_name - note what the OPEN session of @s is called at the stack. Its link still exists. */
void adopt_name(struct sock *s);

/*
 * adopt_fetch - before a call that uses @cd: bring its connection here, and wait for it. No lock is
 * held. Its state tells whether that worked: FAILED when the connection is gone.
 */
void adopt_fetch(int cd, bool to_write);

/* adopt_is_elsewhere - @s is to be fetched before it can be used. */
static inline bool adopt_is_elsewhere(const struct sock *s)
{
	return s->state == SOCK_INHERITED || s->adopting;
}

/* adopt_look - is a shared @s still here? Reads what the stack has said. Its lock is held. */
void adopt_look(struct sock *s);

/*
 * adopt_may_change - after something was published with a full fence: did the stack perhaps not
 * see it, because another process takes this end or the other one at this moment?
 */
static inline bool adopt_may_change(const struct sock *s)
{
	return s->shared || fifo_is_splitting(&s->fifo);
}

/*
 * adopt_hear_out - then: wait until the stack has said what has become of @s. It may live elsewhere
 * afterwards, or be INHERITED. The lock is held.
 */
void adopt_hear_out(struct sock *s);

/*
 * adopt_undo_read - so after reading @n bytes: returns how many of them are ours alone, from the
 * first; who took it has the others. The lock is held.
 */
ssize_t adopt_undo_read(struct sock *s, ssize_t n);

/*
 * adopt_bring_back - adopt_fetch() for a locked @s, unless it is here. Returns it, looked up again
 * by
 * @cd; NULL, and no lock, if it was closed.
 */
struct sock *adopt_bring_back(struct sock *s, int cd, bool to_write);

/*
 * adopt_redo_write - so after writing: brings @s back if it was taken before the bytes were seen,
 * and sends them. Returns as adopt_bring_back().
 */
struct sock *adopt_redo_write(struct sock *s, int cd);

/* adopt_start - ask for the connection; its home's lock, which is that of @w, is held. */
void adopt_start(struct sock *s, struct worker *w, enum shm_adopt intent);

/*
 * adopt_yield - after a read of a `wanted` @s: another process waits to do that, too, and gets the
 * connection. A read that sleeps then waits for its turn (`yielded`).
 */
void adopt_yield(struct sock *s);

/* adopt_leave - the last reference to an INHERITED socket is gone. Its home's lock is held. */
void adopt_leave(struct sock *s);

/* adopt_release - as the last word to the peer: others may go on with the connection. */
void adopt_release(struct sock *s, bool abort);

/* adopt_fail - it cannot be had any more; calls report @error. */
void adopt_fail(struct sock *s, int error);

/* adopt_awaited - somebody polls or waits for an INHERITED @s: take it back if that is due. */
void adopt_awaited(struct sock *s, bool to_write);

/* adopt_retry - @s was refused for the moment. */
void adopt_retry(struct sock *s);

/* --- what the stack says; the lock of the link's worker is held --- */

void adopt_answered(struct sock *s, struct link *l, const struct shm_event *e);
void adopt_moved(struct sock *s, const struct shm_event *e);
void adopt_freed(struct worker *w, const struct shm_event *e);
void adopt_wanted(struct sock *s);

#endif

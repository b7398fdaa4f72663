/*
 * adopt.h - connections that several processes have, after a fork or over exec.
 *
 *   parent  OPEN ─────────fork────────> OPEN, shared ── MOVED ──> INHERITED, lost
 *                           │                                        │ next read or write
 *   child                   └─> INHERITED ── first use: ADOPT ──> OPEN <──┘
 *
 * A connection lies in the channel of one process at a time: of whoever has used it last. What the
 * others call it at the stack is where it lay when they had it, or when they were forked. One who
 * lost it gets it back by reading or writing, or, if somebody waits for it, when the process that
 * took it closes it or dies; and at once from one who took it only to write.
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
 * adopt_undo_read - @n bytes have just been read from a shared @s. If another process took it at
 * that moment, brings it back; returns how many of the bytes are ours alone, from the first. The
 * lock is held, and released if *@s, looked up again by @cd, is NULL.
 */
ssize_t adopt_undo_read(struct sock **s, int cd, ssize_t n);

/*
 * adopt_redo_write - bytes have just been written to a shared @s. If another process took it at
 * that moment, brings it back and sends them. The lock is held, and released if *@s is NULL.
 */
void adopt_redo_write(struct sock **s, int cd);

/* adopt_start - ask for the connection; its home's lock, which is that of @w, is held. */
void adopt_start(struct sock *s, struct worker *w, bool to_write);

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

#endif

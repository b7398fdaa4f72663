/*
 * join.h - a cut-through connection whose other end another process goes on with, after a fork: it
 * continues through the stack. What is under way is taken along, both ways, so that the program
 * notices nothing.
 */
#ifndef CONVOY_COMMS_JOIN_H
#define CONVOY_COMMS_JOIN_H

#include "comms/src/sock.h"

/*
 * join_look - has the stack something to say about the cut-through connection @s? Then hears it: a
 * program that only writes would never look. The lock is held; @s may live elsewhere afterwards.
 */
static inline void join_look(struct sock *s)
{
	const struct link *stack = s->link ? s->link->broker : NULL;

	if (stack && unlikely(channel_pending(&stack->channel)))
		worker_drain(stack->worker);
}

/* join_relayed - SHM_EV_RELAYED has come on @stack. Its worker's lock is held. */
void join_relayed(struct link *stack, const struct shm_event *e);

/* join_on - nothing is lent or reserved any more: do what was put off. The lock is held. */
void join_on(struct sock *s);

#endif

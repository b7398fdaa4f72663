/*
 * join.h - a cut-through connection whose other end another process goes on with, after a fork: it
 * continues through the stack. What is under way is taken along, both ways, so that the program
 * notices nothing.
 */
#ifndef CONVOY_COMMS_JOIN_H
#define CONVOY_COMMS_JOIN_H

#include "comms/src/sock.h"

/* join_relayed - SHM_EV_RELAYED has come on @stack. Its worker's lock is held. */
void join_relayed(struct link *stack, const struct shm_event *e);

/* join_on - nothing is lent or reserved any more: do what was put off. The lock is held. */
void join_on(struct sock *s);

#endif

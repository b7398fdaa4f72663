/*
 * attach.h - this process and convoyd: the unix socket, its requests, and its end.
 *
 * Each successful attachment has an epoch number. Workers and listeners remember the epoch in which
 * they were made; one that differs from attach_epoch() belongs to a convoyd that is gone.
 */
#ifndef CONVOY_COMMS_ATTACH_H
#define CONVOY_COMMS_ATTACH_H

#include "shm/rpc.h"

/*
 * attach_ensure - attach unless attached.
 * Returns 0, -ENETDOWN when convoyd does not answer, -EPROTONOSUPPORT when versions differ,
 * -EACCES when it refuses us. Says so once on stderr.
 */
must_check
int attach_ensure(void);

/* attach_epoch - of the present attachment; 0 when there is none. */
uint32_t attach_epoch(void);

/* attach_lost - convoyd has gone, seen by somebody who was attached in @epoch. */
void attach_lost(uint32_t epoch);

/* attach_was_lost - attached before, not now: worth trying again in the background. */
bool attach_was_lost(void);

uint32_t attach_n_stack_workers(void);

/* Descriptors that came with a reply; the caller's. */
struct rpc_fds {
	int fd[RPC_MAX_FDS];
	unsigned n;
};

/*
 * attach_call - one request and its reply, waiting for it.
 * @q: type and what belongs to it; the rest zero
 * @fds: NULL if none are expected; else exactly @n_expected must come, or they are closed
 * Returns 0, the enum err in the reply, ERR_CLOSED without convoyd, ERR_PROTOCOL.
 */
must_check
int attach_call(struct rpc_request *q, struct rpc_reply *r, struct rpc_fds *fds,
		unsigned n_expected);

/* attach_inherit - in a program that was execed: @fd is its connection, made by the one before. */
void attach_inherit(int fd, uint32_t n_stack_workers);

/* Around fork(2): the lock is held from prepare to parent or child. */
void attach_fork_prepare(void);
void attach_fork_parent(void);
void attach_fork_child(void);

/* attach_verbose - $CONVOY_VERBOSE is set: say on stderr where each address went. */
bool attach_verbose(void);

#endif

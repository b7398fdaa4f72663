/*
 * listener.h - a listening socket and, for each worker that wants its connections, an acceptor: the
 * queue of sessions that convoyd has offered to that worker.
 *
 * convoyd offers only to workers that have declared interest: the listener is in an epoll set of
 * the worker, a thread waits in accept or poll there, or did so last and no other process shares
 * the listener (`kept`). What is still queued when the interest ends goes back.
 *
 * Listeners live at `unhomed`, acceptors at their worker. After convoyd was restarted the address
 * is taken again when an acceptor is renewed, shared with the other processes that had it.
 */
#ifndef CONVOY_COMMS_LISTENER_H
#define CONVOY_COMMS_LISTENER_H

#include "comms/src/sock.h"

struct listener {
	struct lock lock; /* of id and epoch; taken last, but before attach.c's */
	uint32_t id;	  /* at the stack */
	uint32_t epoch;	  /* attachment in which it is known there */
	uint32_t flags;	  /* enum rpc_flags */
	uint32_t backlog;
	struct shm_address address;
	bool shared; /* another process has it too: since a fork */
	bool listening;
	struct list acceptors;
};

struct acceptor {
	struct source source;
	struct sock *sock;	 /* the listening socket */
	struct list of_listener; /* guarded by unhomed */
	struct list of_worker;	 /* guarded by the worker */
	struct list offered;	 /* struct sock */
	struct acceptor *heir;	 /* that gets what is offered here; their workers share a lock */
	uint32_t cookie, stack_id;
	unsigned n_watches, n_waiting; /* who is interested */
	bool kept;
	bool announced; /* convoyd knows of the interest */
};

/* acceptor_get_or_null - of @s at @w; both locks are held (unhomed first). */
struct acceptor *acceptor_get_or_null(struct sock *s, struct worker *w);
struct acceptor *acceptor_of_cookie_or_null(struct worker *w, uint32_t cookie);

/* --- the worker's lock is held --- */

/* acceptor_update - declare the interest, or note that it is gone, as the counts say. 0 or -errno.
 */
int acceptor_update(struct acceptor *a);

/*
 * acceptor_inherit - what was offered to @from, whose worker no thread may look after any more, and
 * what still will be, goes to @to, which is in an epoll set. Their workers share a lock.
 */
void acceptor_inherit(struct acceptor *to, struct acceptor *from);

/* acceptors_settle - withdraw what is still gone when the worker comes to look for work. */
void acceptors_settle(struct worker *w);

/* acceptors_renew - after a new attachment: listen again. 0 or a negative errno: try later. */
int acceptors_renew(struct worker *w);

void acceptor_offer(struct acceptor *a, struct sock *s);
void acceptor_return(struct sock *s);
uint32_t acceptor_ready(const struct acceptor *a);

/*
 * accept_poll_begin - a thread polls the listening socket @s: declare interest where that thread
 * waits. unhomed is held. NULL without memory or convoyd. accept_poll_end - it has stopped. What
 * has been offered meanwhile stays for accept. Unlocked.
 */
struct acceptor *accept_poll_begin(struct sock *s);
void accept_poll_end(struct acceptor *a, uint32_t cookie);

/* --- by convoy_close(); unhomed is held --- */
void listener_close(struct sock *s);

/* listeners_fork_child - the acceptors of @s are the parent's. */
void listeners_fork_child(struct sock *s);

#endif

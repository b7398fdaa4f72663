/*
 * wait.h - threads asleep in blocking calls and poll.
 *
 * Of the threads that wait at one worker, one leads: it sleeps on the wake pipes, drains the rings
 * and kicks those whose sources have become ready. The others sleep on an eventfd of their own. A
 * leader that leaves kicks a successor.
 */
#ifndef CONVOY_COMMS_WAIT_H
#define CONVOY_COMMS_WAIT_H

#include <poll.h>
#include <signal.h>
#include <time.h>

#include "comms/src/source.h"

/* One thread's part in sleeping; in thread-local memory. */
struct sleeper {
	_Atomic uint32_t kicked; /* KICK_* in wait.c */
	int kick_fd;		 /* eventfd; -1 until first used */
	uint32_t generation;	 /* of the process, for forks */
};

struct waiter {
	struct list in_source, in_worker;
	struct source *source; /* NULL once the source has ended */
	struct worker *worker; /* whose lists it is in; NULL: in none */
	struct sleeper *sleeper;
	uint32_t events; /* EPOLL* bits wanted */
	bool leads;
	int patience_ms; /* if it leads: worker_patience_ms() */
};

/* sleeper_kick - make its thread look again. */
void sleeper_kick(struct sleeper *s);

/*
 * wait_for - sleep until one of @waiters' sources may be ready, or a kernel descriptor is.
 * @waiters: source and events filled in by the caller; no lock is held
 * @fds:     kernel descriptors to poll as well; revents are set. Room for @n_waiters + 1 more
 *           entries must follow.
 * @timeout: NULL for ever
 * Returns 1 when something may be ready (look again), 0 on timeout, -errno (EINTR).
 */
must_check
int wait_for(struct waiter *waiters, unsigned n_waiters, struct pollfd *fds, unsigned n_fds,
	     const struct timespec *timeout, const sigset_t *mask);

/*
 * wait_for_source - sleep until @s may have one of @events (EPOLL* bits). No lock is held.
 * @deadline_ns: monotonic; 0 for ever
 * Returns 0 (look again), -EINTR, -EAGAIN after the deadline.
 */
must_check
int wait_for_source(struct source *s, uint32_t events, uint64_t deadline_ns);

/* wait_deadline - now plus @timeout_ns; 0 (for ever) for 0. */
uint64_t wait_deadline(uint64_t timeout_ns);

/* wait_fork_child - the kick descriptors of before are the parent's. */
void wait_fork_child(void);

#endif

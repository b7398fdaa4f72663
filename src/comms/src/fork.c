/*
 * fork.c - what happens to the library when the process forks or ends.
 *
 * Before a fork every lock is taken, so that the child finds whole data, and convoyd prepares the
 * child's attachment, which shares the parent's listeners and connections. The child gives up the
 * parent's channels: rings have one writer. Its first call makes workers and channels of its own,
 * and the first use of a connection brings it there (adopt.h).
 */
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "comms/convoy.h"
#include "comms/src/attach.h"
#include "comms/src/connect.h"
#include "comms/src/fds.h"
#include "comms/src/fork.h"
#include "comms/src/listener.h"
#include "comms/src/set.h"
#include "comms/src/socket.h"
#include "comms/src/wait.h"

enum { LAST_WAIT_MS = 1000 }; /* at the end of the process, for servers that do not accept */

static void prepare(void)
{
	workers_fork_prepare();
	socks_fork_prepare();
	attach_fork_prepare();
}

/* After a fork the parent shares what it has. */
static void share_sockets(void)
{
	struct sock *s;

	for (uint32_t i = 0; (s = sock_at_or_null(i)); i++) {
		if (s->state != SOCK_FREE && s->listener)
			s->listener->shared = true;
		if (s->state == SOCK_OPEN)
			s->shared = true;
	}
}

static void parent(void)
{
	share_sockets();
	attach_fork_parent();
	socks_fork_parent();
	workers_fork_parent();
}

static void child(void)
{
	fds_close_kept();
	attach_fork_child();
	sets_fork_child();
	socks_fork_child();
	workers_fork_child();
	wait_fork_child();
	connect_fork_child();
	socket_fork_child();
}

void fork_watch(void)
{
	static bool watching;

	if (!watching && pthread_atfork(prepare, parent, child) == 0)
		watching = true;
}

/* --- the end --- */

/* Sessions end in order, unless the kernel would have reset them. */
static void close_sessions(struct worker *w)
{
	worker_take_lock(w);
	worker_drain(w);
	for (unsigned i = 0; i < w->n_links; i++) {
		struct link *l = w->links[i];

		for (uint32_t slot = 0;
		     l->ready && slot < l->channel.mine.n_slots && l->n_socks > 0; slot++) {
			struct sock *s = l->by_slot[slot];

			if (s && s->state == SOCK_OPEN && s->refs > 0) {
				sock_unname(s);
				s->n_lent = s->lent_bytes = 0;
				sock_close_session(s, false);
			}
		}
	}
	worker_flush(w);
	worker_give_lock(w);
}

/* Is something written that no server has taken over? It would end with our memory. */
static bool bytes_wait(void)
{
	struct sock *s;

	for (uint32_t i = 0; (s = sock_at_or_null(i)); i++)
		if (s->state == SOCK_LINGERING && s->moving && s->fifo.tail > 0)
			return true;
	return false;
}

static void go_on(struct worker *w)
{
	worker_take_lock(w);
	worker_drain(w);
	worker_flush(w);
	worker_give_lock(w);
}

void convoy_exit(void)
{
	workers_each(close_sessions);
	for (unsigned ms = 0; ms < LAST_WAIT_MS && bytes_wait(); ms++) {
		nanosleep(&(struct timespec){ .tv_nsec = NS_PER_MS }, NULL);
		workers_each(go_on);
	}
}

/* With a priority, so that it comes after those of the preload library. */
__attribute__((destructor(200))) static void end_in_order(void)
{
	convoy_exit();
}

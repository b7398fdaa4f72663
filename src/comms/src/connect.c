/* connect.c - active opens. */
#include "comms/src/connect.h"

#include <errno.h>
#include <sys/epoll.h>

#include "comms/convoy.h"
#include "comms/src/api.h"
#include "comms/src/attach.h"
#include "comms/src/listener.h"
#include "comms/src/wait.h"

/* DEFERRED sockets by thread; entries of other threads stay until those call again. */
static _Thread_local struct list deferred_here;
static _Thread_local unsigned n_deferred;

/* --- at a worker --- */

/* Ask the stack. The home's lock is held. */
static int post_connect(struct sock *s, struct worker *w)
{
	struct shm_event e = {
		.type = SHM_EV_CONNECT, .cookie = s->cookie, .local = s->local, .remote = s->remote
	};
	int err = worker_connect(w);
	struct link *l;

	if (err)
		return err;
	s->state = SOCK_CONNECTING;
	l = worker_stack_link(w);
	link_post(l, &e);
	link_wake(l);
	return 0;
}

void connect_deferred(struct sock *s, struct worker *w)
{
	int err;

	connect_forget(s);
	sock_move(s, w);
	err = post_connect(s, w);
	if (!err)
		return;
	s->state = SOCK_FAILED;
	s->error = -err;
	source_notify(&s->source, EPOLLIN | EPOLLOUT);
}

/* --- deferred ones --- */

static void defer(struct sock *s)
{
	if (!deferred_here.next)
		list_init(&deferred_here);
	s->state = SOCK_DEFERRED;
	list_push(&deferred_here, &s->in_deferred);
	n_deferred++;
}

void connect_forget(struct sock *s)
{
	list_remove(&s->in_deferred);
}

static void start_deferred(struct sock *s)
{
	struct worker *w = worker_of_thread();

	if (!w)
		w = worker_for_process();
	if (!w || s->state != SOCK_DEFERRED)
		return;
	worker_take_lock(w);
	connect_deferred(s, w);
	worker_give_lock(w);
}

void connect_deferred_of_thread(void)
{
	struct list *link;

	if (likely(n_deferred == 0))
		return;
	lock_take(&unhomed.own_lock);
	n_deferred = 0;
	while ((link = list_pop_or_null(&deferred_here)))
		start_deferred(container_of(link, struct sock, in_deferred));
	lock_give(&unhomed.own_lock);
}

void connect_deferred_by_cd(int cd)
{
	struct sock *s = sock_lock(cd);
	struct worker *home;

	if (!s)
		return;
	home = source_home(&s->source);
	if (s->state == SOCK_DEFERRED && home == &unhomed)
		start_deferred(s);
	worker_give_lock(home);
}

void connect_fork_child(void)
{
	list_init(&deferred_here);
	n_deferred = 0;
}

/* --- convoy_connect --- */

/* What connect() says in each state but NEW and BOUND. */
static int connect_again(struct sock *s)
{
	int err;

	switch ((enum sock_state)s->state) {
	case SOCK_DEFERRED:
	case SOCK_CONNECTING:
		worker_drain(source_home(&s->source));
		return s->state == SOCK_OPEN ? 0 : -EALREADY;
	case SOCK_OPEN:
	case SOCK_INHERITED:
		return -EISCONN;
	case SOCK_FAILED:
		err = s->error;
		s->error = 0;
		return err ? -err : -ECONNABORTED;
	default:
		return -EINVAL;
	}
}

/* The address that bind() reserved serves as the local one; the reservation itself is not kept. */
static void drop_binding(struct sock *s)
{
	s->local = s->listener->address;
	listener_close(s);
}

/* unhomed is held; the socket is NEW or BOUND and lives there. */
static int start_connect(struct sock *s, const struct shm_address *remote)
{
	struct worker *w = worker_of_thread();
	int err = attach_ensure();

	if (err)
		return err;
	if (s->listener)
		drop_binding(s);
	s->remote = *remote;
	s->error = 0;
	if (!w && s->nonblocking && list_empty(&s->source.watches)) {
		defer(s);
		return -EINPROGRESS;
	}
	if (!w)
		w = worker_for_process();
	if (!w)
		return -ENOMEM;
	worker_take_lock(w);
	sock_move(s, w);
	err = post_connect(s, w);
	if (err)
		sock_move(s, &unhomed);
	worker_give_lock(w);
	return err ? err : -EINPROGRESS;
}

/* Wait for the answer, without a lock on entry and on return. */
static int finish_connect(struct sock *s, int cd)
{
	uint64_t deadline_ns = wait_deadline(s->options.send_timeout_ns);
	int err;

	for (;;) {
		err = wait_for_source(&s->source, EPOLLOUT, deadline_ns);
		s = sock_lock(cd);
		if (!s)
			return -EBADF;
		if (s->state != SOCK_CONNECTING) {
			err = s->state == SOCK_OPEN ? 0 : -s->error;
			s->error = 0;
			sock_unlock(s);
			return err;
		}
		sock_unlock(s);
		if (err)
			return err == -EAGAIN ? -EINPROGRESS : err;
	}
}

int convoy_connect(int cd, const struct sockaddr *address, socklen_t len)
{
	struct shm_address remote;
	int err = address_of_sockaddr(&remote, address, len);
	struct sock *s = sock_lock(cd);
	struct worker *home;
	bool nonblocking;

	if (!s)
		return api_fail(-EBADF);
	home = source_home(&s->source);
	nonblocking = s->nonblocking;
	if (!err && s->state != SOCK_NEW && s->state != SOCK_BOUND) {
		err = connect_again(s);
		if (err == -EALREADY && !nonblocking)
			err = -EINPROGRESS;
	} else if (!err && home == &unhomed) {
		err = start_connect(s, &remote);
	} else if (!err) {
		/* It was put into an epoll set before. */
		s->remote = remote;
		err = post_connect(s, home);
		if (!err)
			err = -EINPROGRESS;
	}
	worker_give_lock(home);
	if (err == -EINPROGRESS && !nonblocking)
		err = finish_connect(s, cd);
	return api_result(err);
}

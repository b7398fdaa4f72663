/* accept.c - take sessions that convoyd has offered. */
#include <errno.h>
#include <sys/epoll.h>

#include "comms/convoy.h"
#include "comms/src/api.h"
#include "comms/src/listener.h"
#include "comms/src/option.h"
#include "comms/src/wait.h"

/* The worker at which the calling thread waits. */
static struct worker *own_worker_or_null(void)
{
	struct worker *w = worker_of_thread();

	return w ? w : worker_for_process();
}

static struct sock *pop_offer(struct acceptor *a)
{
	struct list *link;

	if (list_empty(&a->offered))
		worker_drain(source_home(&a->source));
	link = list_pop_or_null(&a->offered);
	return link ? container_of(link, struct sock, link_offered) : NULL;
}

/* The session is the program's now. The home's lock is held. */
static int take_offer(struct sock *s, const struct sock *listening, int flags,
		      struct sockaddr *peer, socklen_t *len)
{
	s->state = SOCK_OPEN;
	s->nonblocking = flags & SOCK_NONBLOCK;
	s->options = listening->options;
	atomic_store_explicit(&s->fifo.mine->taken, 1, memory_order_release);
	option_replay(s);
	sockaddr_of_address(&s->remote, peer, len);
	return sock_name(s);
}

/* From the queue of this thread's worker first, then from the others'. unhomed is held. */
static int accept_now(struct sock *s, int flags, struct sockaddr *peer, socklen_t *len)
{
	struct worker *own = worker_of_thread();

	for (unsigned pass = own ? 0 : 1; pass < 2; pass++) {
		list_for_each(link, &s->listener->acceptors) {
			struct acceptor *a = container_of(link, struct acceptor, of_listener);
			struct worker *w = source_home(&a->source);
			struct sock *offered;
			int cd = -EAGAIN;

			if (pass == 0 && w != own)
				continue;
			worker_take_lock(w);
			offered = pop_offer(a);
			if (offered)
				cd = take_offer(offered, s, flags, peer, len);
			if (s->listener->shared && a->kept) {
				a->kept = false;
				acceptor_update(a);
			}
			worker_give_lock(w);
			if (cd >= 0)
				return cd;
		}
	}
	return -EAGAIN;
}

/* Declare interest before waiting, or for good (@change 0). Returns 0 or a negative errno. */
static int change_waiting(struct sock *s, struct worker *w, int change, struct acceptor **out)
{
	struct acceptor *a;
	int err;

	worker_take_lock(w);
	a = acceptor_get_or_null(s, w);
	if (a) {
		a->n_waiting += change;
		if (change <= 0)
			a->kept = !s->listener->shared;
	}
	err = a ? acceptor_update(a) : -ENOMEM;
	if (err && a)
		a->n_waiting -= change;
	worker_give_lock(w);
	*out = a;
	return err;
}

/* unhomed is held on entry and on return. */
static int wait_for_offer(struct sock *s, int cd, struct worker *w, uint64_t deadline_ns)
{
	struct acceptor *a;
	int err = change_waiting(s, w, 1, &a);

	if (err)
		return err;
	sock_unlock(s);
	err = wait_for_source(&a->source, EPOLLIN, deadline_ns);
	if (!sock_lock(cd)) {
		lock_take(&unhomed.own_lock);
		return -EBADF;
	}
	return err;
}

static int accept_locked(struct sock *s, int cd, int flags, struct sockaddr *peer, socklen_t *len)
{
	uint64_t deadline_ns = wait_deadline(s->options.receive_timeout_ns);
	struct worker *w = own_worker_or_null();
	struct acceptor *a;
	int err = 0, got;

	if (!w)
		return -ENOMEM;
	for (;;) {
		got = accept_now(s, flags, peer, len);
		if (got != -EAGAIN || err)
			return got != -EAGAIN ? got : err;
		if (s->nonblocking) {
			/* Somebody who tries without ever polling must be offered something. */
			if (list_empty(&s->listener->acceptors))
				err = change_waiting(s, w, 0, &a);
			return err ? err : -EAGAIN;
		}
		err = wait_for_offer(s, cd, w, deadline_ns);
		if (err == -EBADF)
			return err;
		got = accept_now(s, flags, peer, len);
		if (change_waiting(s, w, -1, &a) < 0 && !err)
			err = -ENETDOWN;
		if (got >= 0)
			return got;
	}
}

struct acceptor *accept_poll_begin(struct sock *s)
{
	struct worker *w = own_worker_or_null();
	struct acceptor *a = NULL;

	return w && change_waiting(s, w, 1, &a) == 0 ? a : NULL;
}

void accept_poll_end(struct acceptor *a, uint32_t cookie)
{
	struct worker *w = source_lock(&a->source);

	/* The listener may have been closed meanwhile, and the acceptor recycled. */
	if (a->cookie == cookie && a->n_waiting > 0) {
		a->n_waiting--;
		a->kept = !a->sock->listener->shared || !list_empty(&a->offered);
		/* Without convoyd there is nothing to withdraw. */
		if (acceptor_update(a))
			a->announced = false;
	}
	worker_give_lock(w);
}

int convoy_accept4(int cd, struct sockaddr *peer, socklen_t *len, int flags)
{
	struct sock *s;
	int got;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return api_fail(-EINVAL);
	s = sock_lock(cd);
	if (!s)
		return api_fail(-EBADF);
	if (s->state != SOCK_LISTENING) {
		sock_unlock(s);
		return api_fail(-EINVAL);
	}
	got = accept_locked(s, cd, flags, peer, len);
	lock_give(&unhomed.own_lock); /* where listeners live */
	return api_result(got);
}

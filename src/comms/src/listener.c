/* listener.c - bind, listen and interest. */
#include "comms/src/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "comms/convoy.h"
#include "comms/src/api.h"
#include "comms/src/attach.h"
#include "comms/src/set.h"

enum { MAX_BACKLOG = 4096 };

/* --- addresses at the stack --- */

static int errno_of_bind(int err)
{
	switch (err) {
	case ERR_BUSY:
	case ERR_EXIST:
	case ERR_FULL:
		return EADDRINUSE;
	case ERR_NOENT:
	case ERR_UNREACHABLE:
		return EADDRNOTAVAIL;
	case ERR_PERM:
		return EACCES;
	case ERR_CLOSED:
		return ENETDOWN;
	default:
		return errno_of_err(err);
	}
}

static int call_bind(struct listener *l)
{
	struct rpc_request q = { .type = RPC_BIND, .flags = l->flags, .address = l->address };
	struct rpc_reply r;
	int err = attach_call(&q, &r, NULL, 0);

	if (err)
		return -errno_of_bind(err);
	l->id = r.id;
	l->address = r.address;
	l->epoch = attach_epoch();
	return 0;
}

static int call_listen(struct listener *l)
{
	struct rpc_request q = { .type = RPC_LISTEN, .listener = l->id, .backlog = l->backlog };
	struct rpc_reply r;
	int err = attach_call(&q, &r, NULL, 0);

	return err ? -errno_of_bind(err) : 0;
}

/* Make sure that the present convoyd knows the listener. */
static int renew_listener(struct listener *l)
{
	int err = 0;

	lock_take(&l->lock);
	if (l->epoch != attach_epoch()) {
		/* Every process that had it asks for it again. */
		l->flags |= RPC_REUSE_PORT;
		err = call_bind(l);
		if (!err && l->listening)
			err = call_listen(l);
	}
	lock_give(&l->lock);
	return err;
}

static struct listener *new_listener_or_null(const struct sock *s,
					     const struct shm_address *address)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->flags = (s->options.reuse_address ? RPC_REUSE_ADDRESS : 0u) |
		   (s->options.reuse_port ? RPC_REUSE_PORT : 0u);
	l->address = *address;
	list_init(&l->acceptors);
	return l;
}

static int bind_sock(struct sock *s, const struct shm_address *address)
{
	struct listener *l;
	int err;

	if (s->state != SOCK_NEW)
		return -EINVAL;
	err = attach_ensure();
	if (err)
		return err;
	l = new_listener_or_null(s, address);
	if (!l)
		return -ENOMEM;
	err = call_bind(l);
	if (err) {
		free(l);
		return err;
	}
	s->listener = l;
	s->local = l->address;
	s->state = SOCK_BOUND;
	return 0;
}

int convoy_bind(int cd, const struct sockaddr *address, socklen_t len)
{
	struct shm_address a;
	int err = address_of_sockaddr(&a, address, len);
	struct sock *s = sock_lock(cd);

	if (!s)
		return api_fail(-EBADF);
	if (!err)
		err = bind_sock(s, &a);
	sock_unlock(s);
	return api_result(err);
}

/* --- listening --- */

/* Watches that were put on the socket before it listened move to acceptors. */
static void move_watches(struct sock *s)
{
	struct list moving;

	list_init(&moving);
	list_splice(&moving, &s->source.watches);
	for (struct list *link; (link = list_pop_or_null(&moving));) {
		struct watch *w = container_of(link, struct watch, in_source);
		struct acceptor *a = acceptor_get_or_null(s, w->set->worker);

		invariant(a);
		w->source = &a->source;
		list_push(&a->source.watches, &w->in_source);
		a->n_watches++;
		acceptor_update(a);
	}
}

static int listen_sock(struct sock *s, int backlog)
{
	struct shm_address any = { .family = 4 };
	int err;

	if (s->state == SOCK_NEW) {
		err = bind_sock(s, &any);
		if (err)
			return err;
	}
	if (s->state != SOCK_BOUND && s->state != SOCK_LISTENING)
		return -EINVAL;
	if (backlog < 0 || backlog > MAX_BACKLOG)
		backlog = MAX_BACKLOG;
	s->listener->backlog = backlog ? (uint32_t)backlog : 1;
	if (s->state == SOCK_LISTENING)
		return 0;
	err = renew_listener(s->listener);
	if (!err)
		err = call_listen(s->listener);
	if (err)
		return err;
	s->listener->listening = true;
	s->state = SOCK_LISTENING;
	return 0;
}

int convoy_listen(int cd, int backlog)
{
	struct sock *s;
	struct worker *home;
	int err;

	lock_take(&unhomed.own_lock);
	/* unhomed comes first in the order of locks, so look without locking, then lock both. */
	s = sock_at_or_null((uint32_t)cd & ((1u << SOCK_INDEX_BITS) - 1));
	home = s ? source_home(&s->source) : &unhomed;
	if (home != &unhomed)
		worker_take_lock(home);
	if (!s || s->cd != cd || s->refs == 0 || source_home(&s->source) != home) {
		err = -EBADF;
	} else {
		err = listen_sock(s, backlog);
		if (!err && home != &unhomed)
			move_watches(s);
		if (!err)
			sock_move(s, &unhomed);
	}
	if (home != &unhomed)
		worker_give_lock(home);
	lock_give(&unhomed.own_lock);
	return api_result(err);
}

/* --- acceptors --- */

/* Acceptors are recycled, never freed: a thread may be about to wait for one that ends. */
static struct acceptor *free_acceptors[256];
static unsigned n_free_acceptors;

static struct acceptor *new_acceptor_or_null(void)
{
	if (n_free_acceptors > 0)
		return free_acceptors[--n_free_acceptors];
	return calloc(1, sizeof(struct acceptor));
}

static void free_acceptor(struct acceptor *a)
{
	a->announced = a->kept = false;
	a->heir = NULL;
	a->cookie = a->stack_id = 0;
	if (n_free_acceptors < count_of(free_acceptors))
		free_acceptors[n_free_acceptors++] = a;
}

struct acceptor *acceptor_get_or_null(struct sock *s, struct worker *w)
{
	struct acceptor *a;

	list_for_each(link, &s->listener->acceptors) {
		a = container_of(link, struct acceptor, of_listener);
		if (source_home(&a->source) == w)
			return a;
	}
	a = new_acceptor_or_null();
	if (!a)
		return NULL;
	source_init(&a->source, SOURCE_ACCEPTOR, w);
	a->sock = s;
	a->cookie = s->cookie;
	list_init(&a->offered);
	list_init(&a->of_listener);
	list_init(&a->of_worker);
	list_push(&s->listener->acceptors, &a->of_listener);
	list_push(&w->acceptors, &a->of_worker);
	return a;
}

struct acceptor *acceptor_of_cookie_or_null(struct worker *w, uint32_t cookie)
{
	list_for_each(link, &w->acceptors) {
		struct acceptor *a = container_of(link, struct acceptor, of_worker);

		if (a->cookie == cookie)
			return a;
	}
	return NULL;
}

static void say_interest(struct acceptor *a, bool wanted)
{
	struct worker *w = source_home(&a->source);
	struct shm_event e = { .type = SHM_EV_INTEREST,
			       .flags = wanted,
			       .cookie = a->cookie,
			       .channel = a->stack_id };

	a->announced = wanted;
	for (unsigned i = 0; i < w->n_links; i++) {
		struct link *l = w->links[i];

		if (!l->to_stack || l->dead)
			continue;
		link_post(l, &e);
		link_wake(l);
	}
}

/*
 * Sessions through the stack go to another worker. Cut-through ones can, too, but it takes their
 * client's help: they wait here, since programs lose interest for a moment only (nginx leaves and
 * re-enters its epoll set every few connections) or close.
 */
static void return_offers(struct acceptor *a)
{
	list_for_each(link, &a->offered) {
		struct sock *s = container_of(link, struct sock, link_offered);

		if (!s->link->to_stack)
			continue;
		list_remove(link);
		acceptor_return(s);
	}
}

static void drop_offers(struct acceptor *a)
{
	for (struct list *link; (link = list_pop_or_null(&a->offered));)
		acceptor_return(container_of(link, struct sock, link_offered));
}

int acceptor_update(struct acceptor *a)
{
	struct worker *w = source_home(&a->source);
	bool wanted = a->n_watches > 0 || a->n_waiting > 0 || a->kept;
	int err = 0;

	if (wanted && !a->announced) {
		err = worker_connect(w);
		if (!err)
			err = renew_listener(a->sock->listener);
		if (err)
			return err;
		a->stack_id = a->sock->listener->id;
		say_interest(a, true);
	} else if (!wanted && a->announced) {
		/* Programs take a listener out of a set and put it back; see what stays. */
		w->interest_fades = true;
	}
	return err;
}

static void withdraw(struct acceptor *a)
{
	if (!a->announced || a->n_watches > 0 || a->n_waiting > 0 || a->kept)
		return;
	say_interest(a, false);
	return_offers(a);
}

void acceptors_settle(struct worker *w)
{
	w->interest_fades = false;
	list_for_each(link, &w->acceptors)
		withdraw(container_of(link, struct acceptor, of_worker));
}

int acceptors_renew(struct worker *w)
{
	int first = 0;

	list_for_each(link, &w->acceptors) {
		struct acceptor *a = container_of(link, struct acceptor, of_worker);
		int err;

		if (a->announced && a->sock->listener->epoch == attach_epoch())
			continue;
		a->announced = false;
		err = acceptor_update(a);
		if (!first)
			first = err;
	}
	return first;
}

void acceptor_offer(struct acceptor *a, struct sock *s)
{
	if (!a->announced && s->link->to_stack) {
		acceptor_return(s);
		return;
	}
	if (a->heir)
		a = a->heir;
	list_push(&a->offered, &s->link_offered);
	source_notify(&a->source, EPOLLIN);
}

void acceptor_inherit(struct acceptor *to, struct acceptor *from)
{
	from->heir = to;
	from->kept = false;
	list_splice(&to->offered, &from->offered);
	if (!list_empty(&to->offered))
		source_notify(&to->source, EPOLLIN);
	/* Fails only without convoyd, where there is no interest to withdraw. */
	if (acceptor_update(from))
		from->announced = false;
}

void acceptor_return(struct sock *s)
{
	if (!s->link->to_stack) {
		sock_give_back(s);
		return;
	}
	/* Its half says nothing: a state of ours would close the connection that goes elsewhere. */
	sock_post(s, SHM_EV_RETURN);
	link_wake(s->link);
	sock_free(s);
}

uint32_t acceptor_ready(const struct acceptor *a)
{
	return list_empty(&a->offered) ? 0 : EPOLLIN | EPOLLRDNORM;
}

/* --- the end --- */

static void close_acceptor(struct acceptor *a)
{
	struct worker *w = source_home(&a->source);

	worker_take_lock(w);
	list_for_each(link, &a->sock->listener->acceptors) {
		struct acceptor *b = container_of(link, struct acceptor, of_listener);

		if (b->heir == a)
			b->heir = NULL;
	}
	a->kept = false;
	source_forsake(&a->source);
	a->n_watches = a->n_waiting = 0;
	withdraw(a);
	drop_offers(a);
	list_remove(&a->of_worker);
	worker_give_lock(w);
	list_remove(&a->of_listener);
	free_acceptor(a);
}

void listener_close(struct sock *s)
{
	struct listener *l = s->listener;
	struct rpc_request q = { .type = RPC_UNBIND, .listener = l->id };
	struct rpc_reply r;

	while (!list_empty(&l->acceptors))
		close_acceptor(container_of(l->acceptors.next, struct acceptor, of_listener));
	/* If that fails convoyd has gone, and the address with it. */
	if (l->epoch == attach_epoch() && attach_call(&q, &r, NULL, 0))
		l->epoch = 0;
	free(l);
	s->listener = NULL;
}

void listeners_fork_child(struct sock *s)
{
	struct listener *l = s->listener;

	l->lock = (struct lock){ LOCK_FREE };
	l->shared = true;
	for (struct list *link; (link = list_pop_or_null(&l->acceptors));)
		free_acceptor(container_of(link, struct acceptor, of_listener));
}

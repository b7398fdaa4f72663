/* set.c - epoll sets: making, changing and closing. Waiting is in set_wait.c. */
#include "comms/src/set.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "comms/convoy.h"
#include "comms/src/adopt.h"
#include "comms/src/api.h"
#include "comms/src/connect.h"
#include "comms/src/fds.h"
#include "comms/src/listener.h"
#include "comms/src/os.h"
#include "comms/src/set_table.h"

static struct lock activation;

/* --- watches --- */

void set_kick(struct set *set)
{
	uint64_t one = 1;

	if (os_write(set->kick_fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

void set_push(struct watch *w)
{
	struct set *set = w->set;

	if (w->spent)
		return;
	w->leveled = false;
	if (!list_linked(&w->in_ready))
		list_push(&set->ready, &w->in_ready);
	if (unlikely(set->n_sleeping > 0))
		set_kick(set);
}

void watch_drop(struct watch *w)
{
	list_remove(&w->in_ready);
	list_remove(&w->in_source);
	list_remove(&w->in_set);
	free(w);
}

static struct watch *find_watch_or_null(struct set *set, struct source *s)
{
	list_for_each(link, &s->watches) {
		struct watch *w = container_of(link, struct watch, in_source);

		if (w->set == set)
			return w;
	}
	return NULL;
}

static void fill_watch(struct watch *w, const struct epoll_event *e)
{
	w->events = e->events;
	w->data = e->data.u64;
	w->spent = false;
	/* Readiness may be older than the watch. */
	set_push(w);
}

static int add_watch(struct set *set, struct source *s, int cd, const struct epoll_event *e)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->set = set;
	w->source = s;
	w->cd = cd;
	list_init(&w->in_ready);
	list_init(&w->in_source);
	list_init(&w->in_set);
	list_push(&s->watches, &w->in_source);
	list_push(&set->watches, &w->in_set);
	fill_watch(w, e);
	return 0;
}

/* The lock of source and set is held. */
static int change_watch(struct set *set, struct source *s, int op, int cd,
			const struct epoll_event *e)
{
	struct watch *w = find_watch_or_null(set, s);

	if (op == EPOLL_CTL_ADD)
		return w ? -EEXIST : add_watch(set, s, cd, e);
	if (!w)
		return -ENOENT;
	if (op == EPOLL_CTL_MOD)
		fill_watch(w, e);
	else
		watch_drop(w);
	return 0;
}

/* --- listeners --- */

static bool has_worker(const struct set *set, const struct worker *w)
{
	if (set->worker == w)
		return true;
	for (unsigned i = 0; i < set->n_others; i++)
		if (set->others[i] == w)
			return true;
	return false;
}

/* The set sleeps on @w's wake pipes as well from now on. The lock is held. */
static int add_worker(struct set *set, struct worker *w)
{
	struct worker **others = realloc(set->others, (set->n_others + 1) * sizeof(*others));
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = SET_PIPE_EVENT };

	if (!others)
		return -ENOMEM;
	set->others = others;
	worker_open_wait_fd(w);
	if (os_epoll_ctl(set->epfd, EPOLL_CTL_ADD, w->wait_fd, &e) < 0)
		return -errno;
	set->others[set->n_others++] = w;
	return 0;
}

/*
 * A program that has called accept or poll before it made the set has acceptors where no thread
 * looks from now on. unhomed is held.
 */
static int inherit_offers(struct set *set, struct acceptor *to)
{
	list_for_each(link, &to->sock->listener->acceptors) {
		struct acceptor *from = container_of(link, struct acceptor, of_listener);
		struct worker *w = source_home(&from->source);
		int err;

		if (from == to || w->set || (!from->kept && list_empty(&from->offered)))
			continue;
		worker_merge(set->worker, w);
		worker_take_lock(w);
		err = has_worker(set, w) ? 0 : add_worker(set, w);
		if (!err)
			acceptor_inherit(to, from);
		worker_give_lock(w);
		if (err)
			return err;
	}
	return 0;
}

/* unhomed is held. */
static int change_listener(struct set *set, struct sock *s, int op, const struct epoll_event *e)
{
	struct acceptor *a;
	int err = -ENOMEM;

	worker_take_lock(set->worker);
	a = acceptor_get_or_null(s, set->worker);
	if (a)
		err = change_watch(set, &a->source, op, s->cd, e);
	if (!err) {
		a->n_watches += op == EPOLL_CTL_ADD ? 1 : op == EPOLL_CTL_DEL ? -1u : 0u;
		err = acceptor_update(a);
	}
	worker_give_lock(set->worker);
	return err || op != EPOLL_CTL_ADD ? err : inherit_offers(set, a);
}

/* --- sockets --- */

/* A socket without a home finds it here; its connect starts if it has waited. unhomed is held. */
static int adopt(struct set *set, struct sock *s, int op, const struct epoll_event *e)
{
	int err;

	if (op != EPOLL_CTL_ADD)
		return -ENOENT;
	worker_take_lock(set->worker);
	if (s->state == SOCK_DEFERRED)
		connect_deferred(s, set->worker);
	else
		sock_move(s, set->worker);
	if (s->state == SOCK_INHERITED)
		adopt_start(s, set->worker, SHM_ADOPT_AT_ONCE);
	err = change_watch(set, &s->source, op, s->cd, e);
	worker_give_lock(set->worker);
	return err;
}

static int change_sock(struct set *set, int op, int cd, const struct epoll_event *e)
{
	struct sock *s = sock_lock(cd);
	struct worker *home;
	int err;

	if (!s)
		return -EBADF;
	home = source_home(&s->source);
	if (s->state == SOCK_LISTENING)
		err = change_listener(set, s, op, e);
	else if (home == &unhomed)
		err = adopt(set, s, op, e);
	else if (has_worker(set, home))
		err = change_watch(set, &s->source, op, cd, e);
	else
		err = op == EPOLL_CTL_ADD ? -EXDEV : -ENOENT;
	worker_give_lock(home);
	if (err != -EXDEV)
		return err;
	/* A foreign socket: one lock for both workers, then once more. */
	worker_merge(set->worker, home);
	worker_take_lock(home);
	err = has_worker(set, home) ? 0 : add_worker(set, home);
	worker_give_lock(home);
	return err ? err : change_sock(set, op, cd, e);
}

/* --- the calls --- */

/* A worker of its own comes with the set's first socket of ours. */
static int activate(struct set *set)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = SET_KICK_EVENT };
	struct worker *w;

	set->kick_fd = fd_keep(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	w = set->kick_fd < 0 ? NULL : worker_for_set(set);
	if (!w || os_epoll_ctl(set->epfd, EPOLL_CTL_ADD, set->kick_fd, &e) < 0) {
		if (w)
			worker_release(w);
		fd_drop(&set->kick_fd);
		return -ENOMEM;
	}
	worker_join_set(w);
	atomic_store_explicit(&set->worker, w, memory_order_release);
	set_kick(set); /* threads that sleep in it as the kernel's */
	return 0;
}

/* @n_kernel: kernel's descriptors that it may hold already */
static struct set *remember_set_or_null(int epfd, unsigned n_kernel)
{
	struct set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->epfd = epfd;
	set->kick_fd = -1;
	set->n_kernel = n_kernel;
	list_init(&set->ready);
	list_init(&set->watches);
	if (set_remember(set, epfd))
		return set;
	free(set);
	return NULL;
}

/* The set of @epfd, ready for sockets of ours. NULL with errno. */
static struct set *set_for_sockets(int epfd)
{
	struct set *set = set_of_fd_or_null(epfd);

	if (likely(set && set->worker))
		return set;
	lock_take(&activation);
	set = set_of_fd_or_null(epfd);
	if (!set)
		set = remember_set_or_null(epfd, 1);
	if (set && !set->worker && activate(set))
		set = NULL;
	lock_give(&activation);
	if (!set)
		errno = ENOMEM;
	return set;
}

int convoy_epoll_create1(int flags)
{
	int epfd = (int)syscall(SYS_epoll_create1, flags);

	/* Without memory for it the set is made when it is needed. */
	if (epfd >= 0 && !remember_set_or_null(epfd, 0))
		return epfd;
	return epfd;
}

int convoy_epoll_dup(int epfd, int copy)
{
	struct set *set = set_of_fd_or_null(epfd);

	if (!set || epfd == copy || set_of_fd_or_null(copy) == set)
		return 0;
	return set_remember(set, copy) ? 0 : api_fail(-ENOMEM);
}

bool convoy_epoll_active(int epfd)
{
	struct set *set = set_of_fd_or_null(epfd);

	return set && set->worker;
}

int convoy_epoll_ctl(int epfd, int op, int cd_or_fd, struct epoll_event *event)
{
	struct set *set;
	int err;

	if (!(cd_or_fd & CONVOY_CD_BIT) || cd_or_fd < 0) {
		err = os_epoll_ctl(epfd, op, cd_or_fd, event);
		set = set_of_fd_or_null(epfd);
		if (!err && set)
			set->n_kernel += op == EPOLL_CTL_ADD;
		return err;
	}
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
		return api_fail(-EINVAL);
	if (op != EPOLL_CTL_DEL && !event)
		return api_fail(-EFAULT);
	set = op == EPOLL_CTL_ADD ? set_for_sockets(epfd) : set_of_fd_or_null(epfd);
	if (!set || !set->worker)
		return op == EPOLL_CTL_ADD ? -1 : api_fail(-ENOENT);
	worker_set_of_thread(set->worker);
	err = change_sock(set, op, cd_or_fd, event);
	return api_result(err);
}

int convoy_epoll_adopt(int epfd)
{
	struct set *set = set_for_sockets(epfd);
	int err;

	if (!set)
		return -1;
	set->adopted = true;
	worker_set_of_thread(set->worker);
	worker_take_lock(set->worker);
	set->worker->holds_wakes = true;
	err = worker_connect(set->worker);
	worker_give_lock(set->worker);
	return api_result(err);
}

bool set_close(int epfd)
{
	struct set *set = set_forget(epfd);
	struct worker *w;

	if (!set)
		return false;
	w = set->worker;
	if (!w) {
		free(set);
		return true;
	}
	lock_take(&unhomed.own_lock);
	worker_take_lock(w);
	while (!list_empty(&set->watches)) {
		struct watch *watch = container_of(set->watches.next, struct watch, in_set);
		struct source *s = watch->source;

		watch_drop(watch);
		if (s->kind == SOURCE_ACCEPTOR) {
			struct acceptor *a = container_of(s, struct acceptor, source);

			a->n_watches--;
			/* Fails only without convoyd, where there is no interest to withdraw. */
			if (acceptor_update(a))
				a->announced = false;
		}
	}
	fd_drop(&set->kick_fd);
	free(set->others);
	worker_release(w);
	worker_give_lock(w);
	lock_give(&unhomed.own_lock);
	free(set);
	return true;
}

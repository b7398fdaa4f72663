/* worker.c - workers, their locks, naps and the loss of peers. */
#include "comms/src/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/err.h"
#include "comms/src/attach.h"
#include "comms/src/deliver.h"
#include "comms/src/fds.h"
#include "comms/src/link.h"
#include "comms/src/listener.h"
#include "comms/src/move.h"
#include "comms/src/set.h"
#include "comms/src/sock.h"
#include "comms/src/os.h"

enum {
	MAX_WORKERS = 1024,
	NAPS_PER_PIPE_DRAIN = 512, /* at most one byte per nap, and a pipe may hold only 4096 */
	RETRY_MS = 100,		   /* for convoyd to come back */
	STARVED_MS = 5,		   /* for chunks to come back */
	RING_FULL_MS = 1,	   /* for the peer to take events */
};

struct worker unhomed = {
	.lock = &unhomed.own_lock,
	.acceptors = { &unhomed.acceptors, &unhomed.acceptors },
	.waiters = { &unhomed.waiters, &unhomed.waiters },
	.starved = { &unhomed.starved, &unhomed.starved },
	.corked = { &unhomed.corked, &unhomed.corked },
	.wait_fd = -1,
	.retry_fd = -1,
};

static struct {
	struct lock lock;
	struct worker *workers[MAX_WORKERS];
	unsigned n;
	_Atomic(struct worker *) of_process;
} registry;

static _Thread_local struct worker *thread_worker;

static void init_worker(struct worker *w)
{
	*w = (struct worker){ .wait_fd = -1, .retry_fd = -1 };
	atomic_store_explicit(&w->lock, &w->own_lock, memory_order_release);
	list_init(&w->acceptors);
	list_init(&w->waiters);
	list_init(&w->starved);
	list_init(&w->corked);
}

static struct worker *new_worker_or_null(void)
{
	struct worker *w = registry.n < MAX_WORKERS ? malloc(sizeof(*w)) : NULL;

	if (!w)
		return NULL;
	init_worker(w);
	registry.workers[registry.n++] = w;
	return w;
}

struct worker *worker_for_process(void)
{
	struct worker *w = atomic_load_explicit(&registry.of_process, memory_order_acquire);

	if (likely(w))
		return w;
	lock_take(&registry.lock);
	w = atomic_load_explicit(&registry.of_process, memory_order_relaxed);
	if (!w) {
		w = new_worker_or_null();
		atomic_store_explicit(&registry.of_process, w, memory_order_release);
	}
	lock_give(&registry.lock);
	return w;
}

struct worker *worker_for_set(struct set *set)
{
	struct worker *found = NULL;

	lock_take(&registry.lock);
	for (unsigned i = 0; i < registry.n && !found; i++)
		if (!registry.workers[i]->set && registry.workers[i] != registry.of_process)
			found = registry.workers[i];
	if (!found)
		found = new_worker_or_null();
	if (found)
		found->set = set;
	lock_give(&registry.lock);
	return found;
}

void worker_join_set(struct worker *w)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = SET_PIPE_EVENT };

	worker_take_lock(w);
	for (unsigned i = 0; i < w->n_links; i++)
		if (w->links[i]->ready && !w->links[i]->dead)
			os_epoll_ctl(w->set->epfd, EPOLL_CTL_ADD, w->links[i]->wait_fd, &e);
	worker_give_lock(w);
}

void worker_release(struct worker *w)
{
	lock_take(&registry.lock);
	w->set = NULL;
	w->holds_wakes = false;
	lock_give(&registry.lock);
}

void worker_merge(struct worker *a, struct worker *b)
{
	struct lock *first, *second;

	lock_take(&registry.lock);
	first = atomic_load(&a->lock);
	second = atomic_load(&b->lock);
	lock_give(&registry.lock);
	if (first == second)
		return;
	/* Ascending addresses, so that two merges cannot block each other. */
	if (first > second) {
		struct lock *swap = first;

		first = second;
		second = swap;
	}
	lock_take(first);
	lock_take(second);
	lock_take(&registry.lock);
	for (unsigned i = 0; i < registry.n; i++)
		if (atomic_load(&registry.workers[i]->lock) == second)
			atomic_store(&registry.workers[i]->lock, first);
	lock_give(&registry.lock);
	lock_give(second);
	lock_give(first);
}

struct worker *worker_of_thread(void)
{
	return thread_worker && thread_worker->set ? thread_worker : NULL;
}

void worker_set_of_thread(struct worker *w)
{
	thread_worker = w;
}

/* --- links --- */

int worker_connect(struct worker *w)
{
	struct rpc_request q = { .type = RPC_WORKER };
	struct rpc_reply r;
	uint32_t epoch;
	int err = attach_ensure();

	if (err)
		return err;
	epoch = attach_epoch();
	if (likely(w->epoch == epoch && epoch != 0))
		return 0;
	if (w->epoch != 0)
		worker_lose_stack(w);
	err = attach_call(&q, &r, NULL, 0);
	w->id = r.id;
	w->epoch = epoch;
	for (uint32_t i = 0; !err && i < attach_n_stack_workers(); i++)
		err = link_open_stack(w, i);
	if (err) {
		worker_lose_stack(w);
		return err == ERR_CLOSED ? -ENETDOWN : -errno_of_err(err);
	}
	return 0;
}

struct link *worker_stack_link(struct worker *w)
{
	unsigned turn = w->next_stack_link++ % w->n_stack_links;

	for (unsigned i = 0;; i++)
		if (w->links[i]->to_stack && !w->links[i]->dead && turn-- == 0)
			return w->links[i];
}

/* A link that hung up still gets sessions until convoyd has noticed, too. */
static bool may_be_used(const struct link *l)
{
	return !l->dead ||
	       (!l->to_stack && !l->gone && !l->channel.broken && l->broker && !l->broker->dead);
}

struct link *worker_peer_link_or_null(struct worker *w, uint32_t channel_id)
{
	for (unsigned i = 0; i < w->n_links; i++)
		if (!w->links[i]->to_stack && w->links[i]->id == channel_id &&
		    may_be_used(w->links[i]))
			return w->links[i];
	return NULL;
}

/* Bytes of a session that was closed in order are still there to be read. */
static bool has_last_words(struct sock *s)
{
	if (s->state != SOCK_OPEN)
		return false;
	fifo_poll(&s->fifo);
	return s->fifo.peer_state == SHM_CLOSED && fifo_readable(&s->fifo) > 0;
}

/*
 * The kernel closes what a dead program leaves: in order if that had read all that we wrote, else
 * by a reset. Only where the stack is there to say that the other program is dead.
 */
static void close_for_dead(struct sock *s)
{
	if (s->state != SOCK_OPEN || s->fifo.broken || s->link->to_stack)
		return;
	fifo_poll(&s->fifo);
	fifo_room(&s->fifo);
	if (!s->fifo.broken && s->fifo.peer_state < SHM_CLOSED && fifo_unread(&s->fifo) == 0)
		s->fifo.peer_state = SHM_CLOSED;
}

void worker_lose_link(struct link *l)
{
	if (l->dead)
		return;
	l->dead = true;
	l->worker->n_dead++;
	if (l->to_stack)
		l->worker->n_stack_links--;
	l->n_waiting = 0;
	for (unsigned i = 0; l->to_stack && i < l->worker->n_links; i++)
		if (l->worker->links[i]->broker == l)
			l->worker->links[i]->channel.broker = NULL; /* it splits nothing any more */
	if (!l->ready)
		return;
	for (uint32_t slot = 0; slot < l->channel.mine.n_slots && l->n_socks > 0; slot++) {
		struct sock *s = l->by_slot[slot];

		if (!s || (s->moving && !l->to_stack && l->worker->epoch != 0) ||
		    (l->worker->epoch != 0 && !l->channel.broken && move_from_dead(s)))
			continue;
		if (l->worker->epoch != 0 && !l->channel.broken)
			close_for_dead(s);
		if (has_last_words(s))
			source_notify(&s->source, EPOLLIN);
		else
			sock_lose(s, ECONNRESET);
	}
}

void worker_link_gone(struct link *l)
{
	worker_lose_link(l);
	l->gone = true;
	for (uint32_t slot = 0; l->ready && slot < l->channel.mine.n_slots && l->n_socks > 0;
	     slot++)
		if (l->by_slot[slot])
			move_on(l->by_slot[slot]);
}

static void reap_dead_links(struct worker *w)
{
	for (unsigned i = w->n_links; i-- > 0;) {
		if (w->links[i]->n_socks > 0 || may_be_used(w->links[i]))
			continue;
		link_close(w->links[i]);
		w->n_dead--;
	}
}

/* Wake up every 100 ms, whatever the program waits for, to look for convoyd. */
static void start_retrying(struct worker *w)
{
	struct itimerspec often = { { 0, RETRY_MS * 1000000 }, { 0, RETRY_MS * 1000000 } };
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = SET_RETRY_EVENT };

	if (w->retry_fd >= 0 || list_empty(&w->acceptors))
		return;
	w->retry_fd = fd_keep(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	timerfd_settime(w->retry_fd, 0, &often, NULL);
	if (w->set)
		os_epoll_ctl(w->set->epfd, EPOLL_CTL_ADD, w->retry_fd, &e);
	if (w->wait_fd >= 0)
		os_epoll_ctl(w->wait_fd, EPOLL_CTL_ADD, w->retry_fd, &e);
}

void worker_lose_stack(struct worker *w)
{
	uint32_t epoch = w->epoch;

	w->epoch = 0;
	attach_lost(epoch);
	for (unsigned i = 0; i < w->n_links; i++)
		worker_lose_link(w->links[i]);
	deliver_lose_connecting(w);
	start_retrying(w);
}

static void retry(struct worker *w)
{
	uint64_t ticks;

	if (os_read(w->retry_fd, &ticks, sizeof(ticks)) < 0)
		return;
	if (worker_connect(w) == 0 && acceptors_renew(w) == 0)
		fd_drop(&w->retry_fd);
}

void worker_check_pipes(struct worker *w)
{
	for (unsigned i = 0; i < w->n_links; i++) {
		struct link *l = w->links[i];
		struct pollfd p = { .fd = l->wait_fd, .events = POLLIN };

		if (l->dead || l->wait_fd < 0 ||
		    os_ppoll(&p, 1, &(struct timespec){ 0 }, NULL) <= 0 || !(p.revents & POLLHUP))
			continue;
		if (l->to_stack) {
			worker_lose_stack(w);
			break;
		}
		/* The stack says what becomes of its sessions, if it still can. */
		if (!l->broker || l->broker->dead)
			worker_lose_link(l);
	}
	if (w->retry_fd >= 0)
		retry(w);
}

/* --- work and sleep --- */

bool worker_work_waits(const struct worker *w)
{
	for (unsigned i = 0; i < w->n_links; i++)
		if (w->links[i]->ready && channel_pending(&w->links[i]->channel))
			return true;
	return false;
}

void worker_drain(struct worker *w)
{
	if (unlikely(w->n_dead > 0))
		reap_dead_links(w);
	if (unlikely(w->interest_fades))
		acceptors_settle(w);
	for (unsigned i = 0; i < w->n_links; i++) {
		struct link *l = w->links[i];

		if (!l->ready || l->dead)
			continue;
		if (unlikely(l->n_waiting > 0)) {
			link_flush(l);
			link_wake(l);
		}
		if (channel_pending(&l->channel))
			deliver_events(l);
		if (unlikely(l->channel.broken && l->to_stack))
			worker_lose_stack(w); /* a convoyd that makes no sense is none */
		else if (unlikely(l->channel.broken))
			worker_lose_link(l);
	}
	if (unlikely(w->n_starved > 0))
		sock_feed_starved(w);
	if (unlikely(!list_empty(&w->corked)))
		sock_release_held(w);
}

/* A new odd number for each sleeper, so that it gets a wake-up of its own. */
static void announce_nap(struct worker *w)
{
	for (unsigned i = 0; i < w->n_links; i++) {
		struct link *l = w->links[i];

		if (!l->ready)
			continue;
		channel_unnap(&l->channel);
		channel_nap(&l->channel);
	}
	nap_fence();
}

static void drain_pipes(struct worker *w)
{
	char bytes[4096];

	for (unsigned i = 0; i < w->n_links; i++)
		if (w->links[i]->wait_fd >= 0 && w->links[i]->ready &&
		    os_read(w->links[i]->wait_fd, bytes, sizeof(bytes)) < 0)
			continue;
}

void worker_nap(struct worker *w)
{
	w->n_napping++;
	if (++w->n_naps % NAPS_PER_PIPE_DRAIN == 0)
		drain_pipes(w);
	worker_flush(w);
	announce_nap(w);
	worker_drain(w);
}

void worker_unnap(struct worker *w)
{
	w->n_napping--;
	for (unsigned i = 0; i < w->n_links; i++)
		if (w->links[i]->ready)
			channel_unnap(&w->links[i]->channel);
	worker_drain(w);
	if (w->n_napping > 0) {
		announce_nap(w);
		worker_drain(w);
	}
}

int worker_patience_ms(const struct worker *w)
{
	for (unsigned i = 0; i < w->n_links; i++)
		if (w->links[i]->n_waiting > 0)
			return RING_FULL_MS;
	return w->n_starved > 0 ? STARVED_MS : sock_held_ms(w);
}

void worker_open_wait_fd(struct worker *w)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = SET_PIPE_EVENT };

	if (w->wait_fd >= 0)
		return;
	w->wait_fd = fd_keep((int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC));
	for (unsigned i = 0; i < w->n_links; i++)
		if (w->links[i]->ready && !w->links[i]->dead)
			os_epoll_ctl(w->wait_fd, EPOLL_CTL_ADD, w->links[i]->wait_fd, &e);
	if (w->retry_fd >= 0) {
		e = (struct epoll_event){ .events = EPOLLIN, .data.u64 = SET_RETRY_EVENT };
		os_epoll_ctl(w->wait_fd, EPOLL_CTL_ADD, w->retry_fd, &e);
	}
}

void worker_flush(struct worker *w)
{
	for (unsigned i = 0; i < w->n_links; i++) {
		struct link *l = w->links[i];

		if (!l->wake_due || !l->ready)
			continue;
		l->wake_due = false;
		channel_wake(&l->channel);
	}
}

/* --- fork --- */

void workers_each(void (*fn)(struct worker *w))
{
	unsigned n;

	lock_take(&registry.lock);
	n = registry.n;
	lock_give(&registry.lock);
	for (unsigned i = 0; i < n; i++)
		fn(registry.workers[i]);
}

/* Workers that share a lock take it once; no lock is merged meanwhile. */
static bool first_with_its_lock(unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (registry.workers[k]->lock == registry.workers[i]->lock)
			return false;
	return true;
}

void workers_fork_prepare(void)
{
	lock_take(&unhomed.own_lock);
	for (unsigned i = 0; i < registry.n; i++)
		if (first_with_its_lock(i))
			worker_take_lock(registry.workers[i]);
	lock_take(&registry.lock);
}

void workers_fork_parent(void)
{
	lock_give(&registry.lock);
	for (unsigned i = 0; i < registry.n; i++)
		if (first_with_its_lock(i))
			worker_give_lock(registry.workers[i]);
	lock_give(&unhomed.own_lock);
}

/* The parent's channels are not mapped here; workers start afresh. */
void workers_fork_child(void)
{
	registry.lock = (struct lock){ LOCK_FREE };
	unhomed.own_lock = (struct lock){ LOCK_FREE };
	for (unsigned i = 0; i < registry.n; i++) {
		struct worker *w = registry.workers[i];

		for (unsigned k = 0; k < w->n_links; k++) {
			free(w->links[k]->by_slot);
			free(w->links[k]->waiting);
			free(w->links[k]);
		}
		free(w->links);
		init_worker(w);
	}
	thread_worker = NULL;
}

/* wait.c - see wait.h. */
#include "comms/src/wait.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "comms/src/connect.h"
#include "comms/src/fds.h"
#include "comms/src/set.h"
#include "comms/src/os.h"

enum { KICK_NONE, KICK_BY_SELF, KICK_BY_OTHER };

static _Thread_local struct sleeper self = { .kick_fd = -1 };
static uint32_t generation;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void end_of_thread(void *kick_fd unused_arg)
{
	if (self.generation == generation)
		fd_drop(&self.kick_fd);
}

static void make_key(void)
{
	pthread_key_create(&at_thread_end, end_of_thread);
}

static struct sleeper *this_thread_or_null(void)
{
	if (likely(self.kick_fd >= 0 && self.generation == generation))
		return &self;
	self.kick_fd = fd_keep(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	self.generation = generation;
	pthread_once(&once, make_key);
	pthread_setspecific(at_thread_end, &self);
	return self.kick_fd >= 0 ? &self : NULL;
}

void wait_fork_child(void)
{
	self.kick_fd = -1;
	generation++;
}

void sleeper_kick(struct sleeper *s)
{
	uint32_t none = KICK_NONE;
	uint64_t one = 1;

	if (s == &self) {
		atomic_compare_exchange_strong(&s->kicked, &none, KICK_BY_SELF);
		return;
	}
	if (atomic_exchange(&s->kicked, KICK_BY_OTHER) == KICK_BY_OTHER)
		return;
	if (os_write(s->kick_fd, &one, sizeof(one)) < 0)
		return; /* only when it is readable anyway */
}

static void end_kicks(struct sleeper *s)
{
	uint64_t n;

	if (atomic_exchange(&s->kicked, KICK_NONE) == KICK_BY_OTHER &&
	    os_read(s->kick_fd, &n, sizeof(n)) < 0)
		return; /* the write is still to come: one vain wake-up later */
}

/* Join those who wait for the source; true if it is ready already. */
static bool enlist(struct waiter *waiter, struct sleeper *me)
{
	struct worker *w = source_lock(waiter->source);
	uint32_t events = waiter->events | EPOLLERR | EPOLLHUP;
	bool ready = source_ready(waiter->source, waiter->events) & events;

	waiter->worker = NULL;
	waiter->leads = false;
	if (!ready) {
		waiter->worker = w;
		waiter->sleeper = me;
		list_init(&waiter->in_source);
		list_init(&waiter->in_worker);
		list_push(&waiter->source->waiters, &waiter->in_source);
		list_push(&w->waiters, &waiter->in_worker);
		if (!w->leader && w != &unhomed) {
			w->leader = me;
			waiter->leads = true;
			worker_open_wait_fd(w);
			worker_nap(w);
			waiter->patience_ms = worker_patience_ms(w);
		}
	}
	worker_give_lock(w);
	return ready;
}

static void delist(struct waiter *waiter)
{
	struct worker *w = waiter->worker;

	if (!w)
		return;
	worker_take_lock(w);
	list_remove(&waiter->in_source);
	list_remove(&waiter->in_worker);
	if (waiter->leads) {
		w->leader = NULL;
		worker_unnap(w);
	}
	/* Whoever leaves looks for a successor: the one that was kicked for it may be leaving, too.
	 */
	if (!w->leader && !list_empty(&w->waiters))
		sleeper_kick(container_of(w->waiters.next, struct waiter, in_worker)->sleeper);
	worker_give_lock(w);
}

/* Take reports off the worker's epoll descriptor, so that it is quiet until the next one. */
static void harvest(struct worker *w)
{
	struct epoll_event events[16];
	int n = os_epoll_wait(w->wait_fd, events, (int)count_of(events), &(struct timespec){ 0 },
			      NULL);

	for (int i = 0; i < n; i++) {
		if (events[i].events == EPOLLIN && events[i].data.u64 == SET_PIPE_EVENT)
			continue;
		worker_take_lock(w);
		worker_check_pipes(w);
		worker_give_lock(w);
		return;
	}
}

static uint64_t ns_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

/* Sleep in the kernel. Returns what wait_for() returns. */
static int sleep_in_kernel(struct sleeper *me, struct waiter *waiters, unsigned n_waiters,
			   struct pollfd *fds, unsigned n_fds, const struct timespec *timeout,
			   const sigset_t *mask)
{
	unsigned n = n_fds;
	int patience_ms = -1;
	struct timespec limit;
	bool shortened = false;
	int got;

	fds[n++] = (struct pollfd){ .fd = me->kick_fd, .events = POLLIN };
	for (unsigned i = 0; i < n_waiters; i++) {
		int ms;

		if (!waiters[i].worker || !waiters[i].leads)
			continue;
		ms = waiters[i].patience_ms;
		if (ms >= 0 && (patience_ms < 0 || ms < patience_ms))
			patience_ms = ms;
		fds[n++] = (struct pollfd){ .fd = waiters[i].worker->wait_fd, .events = POLLIN };
	}
	if (patience_ms >= 0 && (!timeout || ns_of(timeout) > (uint64_t)patience_ms * NS_PER_MS)) {
		limit = timespec_of((uint64_t)patience_ms * NS_PER_MS);
		timeout = &limit;
		shortened = true;
	}
	got = os_ppoll(fds, n, timeout, mask);
	if (got < 0)
		return -errno;
	for (unsigned i = 0, at = n_fds + 1; i < n_waiters; i++)
		if (waiters[i].worker && waiters[i].leads && fds[at++].revents)
			harvest(waiters[i].worker);
	return got > 0 || shortened;
}

int wait_for(struct waiter *waiters, unsigned n_waiters, struct pollfd *fds, unsigned n_fds,
	     const struct timespec *timeout, const sigset_t *mask)
{
	struct sleeper *me = this_thread_or_null();
	bool ready = false;
	int got = 1;

	if (!me)
		return -ENOMEM;
	connect_deferred_of_thread();
	atomic_store(&me->kicked, KICK_NONE);
	for (unsigned i = 0; i < n_waiters; i++)
		ready |= enlist(&waiters[i], me);
	if (!ready && atomic_load(&me->kicked) == KICK_NONE)
		got = sleep_in_kernel(me, waiters, n_waiters, fds, n_fds, timeout, mask);
	for (unsigned i = 0; i < n_waiters; i++)
		delist(&waiters[i]);
	end_kicks(me);
	return got;
}

/*
 * May a call that a signal has interrupted go on? It may if every handler of the process was
 * installed with SA_RESTART; which of them ran cannot be known.
 */
static bool handlers_restart(void)
{
	/* Those of a thread's own faults interrupt no sleep. */
	static const uint64_t faults = 1ull << SIGSEGV | 1ull << SIGBUS | 1ull << SIGFPE |
				       1ull << SIGILL | 1ull << SIGTRAP | 1ull << SIGSYS |
				       1ull << SIGABRT;

	for (int number = 1; number < 64; number++) {
		struct sigaction a;

		if (faults >> number & 1 || sigaction(number, NULL, &a) < 0 ||
		    a.sa_handler == SIG_DFL || a.sa_handler == SIG_IGN)
			continue;
		if (!(a.sa_flags & SA_RESTART))
			return false;
	}
	return true;
}

uint64_t wait_deadline(uint64_t timeout_ns)
{
	return timeout_ns ? clock_now_ns(&clock_monotonic) + timeout_ns : 0;
}

int wait_for_source(struct source *s, uint32_t events, uint64_t deadline_ns)
{
	struct waiter waiter = { .source = s, .events = events };
	struct pollfd fds[2];
	struct timespec left;
	int got;

	if (deadline_ns) {
		uint64_t now = clock_now_ns(&clock_monotonic);

		if (now >= deadline_ns)
			return -EAGAIN;
		left = timespec_of(deadline_ns - now);
	}
	got = wait_for(&waiter, 1, fds, 0, deadline_ns ? &left : NULL, NULL);
	if (got == -EINTR && !deadline_ns && handlers_restart())
		return 0;
	return got < 0 ? got : 0;
}

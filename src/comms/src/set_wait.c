/* set_wait.c - epoll_wait over both kinds, and the calls for owners of another loop. */
#include <errno.h>

#include "base/clock.h"
#include "comms/convoy.h"
#include "comms/src/api.h"
#include "comms/src/connect.h"
#include "comms/src/os.h"
#include "comms/src/set.h"
#include "comms/src/set_table.h"

enum {
	LOOK_CALLS = 16,	   /* the kernel is looked at after so many calls without */
	LOOK_CYCLES = 100000,	   /* or so much time: 100 µs at 1 GHz, less at more */
	LOOK_CALLS_IF_EMPTY = 512, /* without kernel descriptors: only to see that convoyd died */
	MAX_EVENTS = INT32_MAX / (int)sizeof(struct epoll_event),
};

/* --- all workers of a set; the lock is held --- */

static void drain_all(struct set *set)
{
	worker_drain(set->worker);
	for (unsigned i = 0; i < set->n_others; i++)
		worker_drain(set->others[i]);
}

/* Returns the number of foreign workers that nap with it: more may join while the thread sleeps. */
static unsigned nap_all(struct set *set)
{
	worker_nap(set->worker);
	for (unsigned i = 0; i < set->n_others; i++)
		worker_nap(set->others[i]);
	return set->n_others;
}

static void unnap_all(struct set *set, unsigned n_others)
{
	worker_unnap(set->worker);
	for (unsigned i = 0; i < n_others; i++)
		worker_unnap(set->others[i]);
}

static void check_all_pipes(struct set *set)
{
	worker_check_pipes(set->worker);
	for (unsigned i = 0; i < set->n_others; i++)
		worker_check_pipes(set->others[i]);
}

static int patience_of_all(struct set *set)
{
	int least = worker_patience_ms(set->worker);

	for (unsigned i = 0; i < set->n_others; i++) {
		int ms = worker_patience_ms(set->others[i]);

		if (ms >= 0 && (least < 0 || ms < least))
			least = ms;
	}
	return least;
}

/* --- events --- */

/* Report what is ready, up to @max. Level-triggered watches stay on the list to be looked at again.
 */
static int collect(struct set *set, struct epoll_event *out, int max)
{
	struct list todo, *link;
	int n = 0;

	list_init(&todo);
	list_splice(&todo, &set->ready);
	while (n < max && (link = list_pop_or_null(&todo))) {
		struct watch *w = container_of(link, struct watch, in_ready);
		uint32_t mask = w->events | EPOLLERR | EPOLLHUP;
		uint32_t ready = source_ready(w->source, w->events) & mask;

		if (!ready)
			continue;
		out[n].events = ready;
		out[n++].data.u64 = w->data;
		if (w->events & EPOLLONESHOT)
			w->spent = true;
		else if (!(w->events & EPOLLET))
			list_push(&set->ready, &w->in_ready);
	}
	list_splice(&todo, &set->ready);
	list_splice(&set->ready, &todo);
	if (unlikely(set->n_sleeping > 0 && !list_empty(&set->ready)))
		set_kick(set);
	return n;
}

/* Take our own descriptors out of what the kernel reported. Returns what is left. */
static int without_own(struct set *set, struct epoll_event *events, int n)
{
	bool check = false;
	int kept = 0;

	for (int i = 0; i < n; i++) {
		switch (events[i].data.u64) {
		case SET_PIPE_EVENT:
			check |= events[i].events != EPOLLIN;
			break;
		case SET_RETRY_EVENT:
			check = true;
			break;
		case SET_KICK_EVENT:
			break;
		default:
			events[kept++] = events[i];
		}
	}
	if (unlikely(check)) {
		worker_take_lock(set->worker);
		check_all_pipes(set);
		worker_give_lock(set->worker);
	}
	return kept;
}

static int look_at_kernel(struct set *set, struct epoll_event *events, int max)
{
	struct timespec now = { 0 };
	int n;

	set->woken = false;
	set->calls_since_look = 0;
	set->last_look = cpu_cycles();
	if (max <= 0)
		return 0;
	n = os_epoll_wait(set->epfd, events, max, &now, NULL);
	return n <= 0 ? 0 : without_own(set, events, n);
}

static bool look_is_due(struct set *set)
{
	if (set->n_kernel == 0)
		return ++set->calls_since_look >= LOOK_CALLS_IF_EMPTY;
	return ++set->calls_since_look >= LOOK_CALLS ||
	       cpu_cycles() - set->last_look >= LOOK_CYCLES;
}

/* --- waiting --- */

static uint64_t ns_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

/* One thread's sleep in a set: what holds for as long as it lasts. */
struct nap {
	unsigned n_others; /* foreign workers that nap with it */
	int patience_ms;   /* the longest sleep allowed; -1 for ever */
};

/* What is ready now; 0 with the nap announced and the lock released. */
static int ready_or_nap(struct set *set, struct epoll_event *events, int max, struct nap *nap)
{
	int n;

	worker_take_lock(set->worker);
	drain_all(set);
	n = collect(set, events, max);
	if (n == 0) {
		nap->n_others = nap_all(set);
		nap->patience_ms = patience_of_all(set);
		n = collect(set, events, max);
		if (n == 0)
			set->n_sleeping++;
		else
			unnap_all(set, nap->n_others);
	}
	worker_give_lock(set->worker);
	return n;
}

static int after_nap(struct set *set, struct epoll_event *events, int max, int n,
		     unsigned n_napping)
{
	n = n <= 0 ? 0 : without_own(set, events, n);
	worker_take_lock(set->worker);
	set->n_sleeping--;
	unnap_all(set, n_napping);
	n += collect(set, events + n, max - n);
	worker_give_lock(set->worker);
	return n;
}

/*
 * One sleep, until @deadline_ns (UINT64_MAX: for ever) or sooner. Returns the number of events; 0
 * when there are none, with *@late if the deadline has passed; -EINTR.
 */
static int sleep_once(struct set *set, struct epoll_event *events, int max, uint64_t deadline_ns,
		      bool *late, const sigset_t *mask, const struct nap *nap)
{
	uint64_t limit_ns = UINT64_MAX;
	struct timespec limit;
	int n, err;

	if (deadline_ns != UINT64_MAX) {
		uint64_t now = clock_now_ns(&clock_monotonic);

		limit_ns = deadline_ns > now ? deadline_ns - now : 0;
	}
	*late = true;
	if (nap->patience_ms >= 0 && (uint64_t)nap->patience_ms * NS_PER_MS < limit_ns) {
		limit_ns = (uint64_t)nap->patience_ms * NS_PER_MS;
		*late = false;
	}
	limit = timespec_of(limit_ns);
	n = os_epoll_wait(set->epfd, events, max, limit_ns == UINT64_MAX ? NULL : &limit, mask);
	err = n < 0 ? -errno : 0;
	*late = *late && n == 0;
	n = after_nap(set, events, max, n, nap->n_others);
	return n > 0 ? n : err;
}

static int wait_for_events(struct set *set, struct epoll_event *events, int max,
			   const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t deadline_ns = UINT64_MAX;
	struct nap nap = { 0 };
	bool late;
	int n;

	if (timeout)
		deadline_ns = clock_now_ns(&clock_monotonic) + ns_of(timeout);
	for (;;) {
		n = ready_or_nap(set, events, max, &nap);
		if (n > 0)
			return n;
		n = sleep_once(set, events, max, deadline_ns, &late, mask, &nap);
		if (n != 0 || late)
			return n;
	}
}

static int wait_in_set(struct set *set, struct epoll_event *events, int max,
		       const struct timespec *timeout, const sigset_t *mask)
{
	int n;

	worker_set_of_thread(set->worker);
	connect_deferred_of_thread();
	worker_take_lock(set->worker);
	drain_all(set);
	n = collect(set, events, max);
	worker_give_lock(set->worker);
	if (n > 0 && likely(!look_is_due(set)))
		return n;
	if (n > 0 || (timeout && ns_of(timeout) == 0))
		return n + look_at_kernel(set, events + n, max - n);
	return wait_for_events(set, events, max, timeout, mask);
}

/*
 * A set without sockets of ours is the kernel's alone. The first one may be added while we sleep
 * there; it kicks. Returns the events; 0 with *@goes_on if it is to be waited in as a set of ours
 * from now on.
 */
static int wait_in_kernel(int epfd, struct epoll_event *events, int max,
			  const struct timespec *timeout, const sigset_t *mask, bool *goes_on)
{
	int n = os_epoll_wait(epfd, events, max, timeout, mask);
	struct set *set = set_of_fd_or_null(epfd);

	*goes_on = false;
	if (n <= 0 || !set || !set->worker)
		return n < 0 ? -errno : n;
	n = without_own(set, events, n);
	*goes_on = n == 0;
	return n;
}

static int wait_in_any(int epfd, struct epoll_event *events, int max,
		       const struct timespec *timeout, const sigset_t *mask)
{
	struct set *set = set_of_fd_or_null(epfd);
	uint64_t start_ns;
	struct timespec left;
	bool goes_on;
	int n;

	if (likely(set && set->worker))
		return wait_in_set(set, events, max, timeout, mask);
	start_ns = timeout ? clock_now_ns(&clock_monotonic) : 0;
	n = wait_in_kernel(epfd, events, max, timeout, mask, &goes_on);
	if (!goes_on)
		return n;
	if (timeout) {
		uint64_t past = clock_now_ns(&clock_monotonic) - start_ns;

		left = timespec_of(past < ns_of(timeout) ? ns_of(timeout) - past : 0);
		timeout = &left;
	}
	return wait_in_set(set_of_fd_or_null(epfd), events, max, timeout, mask);
}

int convoy_epoll_pwait2(int epfd, struct epoll_event *events, int max,
			const struct timespec *timeout, const sigset_t *mask)
{
	if (max <= 0 || max > MAX_EVENTS ||
	    (timeout &&
	     (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= NS_PER_S)))
		return api_fail(-EINVAL);
	return api_result(wait_in_any(epfd, events, max, timeout, mask));
}

int convoy_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	struct timespec t = timespec_of((uint64_t)timeout_ms * NS_PER_MS);

	return convoy_epoll_pwait2(epfd, events, max, timeout_ms < 0 ? NULL : &t, NULL);
}

/* --- for owners of another loop --- */

int convoy_epoll_drain(int epfd, struct epoll_event *events, int max)
{
	struct set *set = set_of_fd_or_null(epfd);
	bool was_armed;
	int n;

	if (!set || !set->worker || max <= 0)
		return api_fail(-EINVAL);
	worker_take_lock(set->worker);
	was_armed = set->armed;
	set->woken |= was_armed;
	set->armed = false;
	worker_flush(set->worker);
	if (was_armed)
		unnap_all(set, set->n_armed);
	else
		drain_all(set);
	n = collect(set, events, max);
	worker_give_lock(set->worker);
	/* A wake-up, even one that brought events, may also have been the end of a pipe. */
	if (n == 0 && set->woken)
		look_at_kernel(set, events, max);
	return n;
}

bool convoy_epoll_arm(int epfd)
{
	struct set *set = set_of_fd_or_null(epfd);
	bool idle;

	if (!set || !set->worker)
		return true;
	worker_take_lock(set->worker);
	if (!set->armed)
		set->n_armed = nap_all(set);
	idle = list_empty(&set->ready);
	if (!idle)
		unnap_all(set, set->n_armed);
	set->armed = idle;
	worker_give_lock(set->worker);
	return idle;
}

void convoy_epoll_flush(int epfd)
{
	struct set *set = set_of_fd_or_null(epfd);

	if (!set || !set->worker)
		return;
	worker_take_lock(set->worker);
	worker_flush(set->worker);
	worker_give_lock(set->worker);
}

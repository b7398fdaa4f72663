/*
 * dispatcher.c - turns of an event loop.
 *
 * libevent waits and tells which descriptors are ready. The rest is ours, so that it costs little
 * per request: one wheel holds all timers, and libevent knows only about the earliest moment at
 * which the wheel may have work; tasks and deletions are intrusive lists.
 *
 * Nothing is activated inside libevent from a callback: 2.1.12 would run it in the same turn, and
 * an object that keeps activating itself would starve all others. What is to happen "next turn"
 * waits in a list of ours and makes the next wait a zero one.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "proxy/net/buffer.h"
#include "proxy/net/dispatcher.h"
#include "proxy/net/fd_event.h"

enum {
	TURN_END_ROUNDS = 8,
	NAME_MAX_BYTES = 32,
	/* While tasks keep the loop going, the kernel is asked for events only now and then. */
	LOOK_AFTER_TURNS = 8,
	LOOK_AFTER_NS = 50 * NS_PER_US,
};

struct dispatcher {
	struct event_base *base;
	const struct clock *clock;
	uint64_t now_ns;
	bool now_is_fresh;   /* read since the last wait */
	uint64_t looked_ns;  /* when libevent was last asked for events */
	unsigned n_unlooked; /* turns since */

	struct wheel wheel;
	uint64_t wheel_due_ns; /* nothing in the wheel fires before it */
	uint64_t alarm_ns;     /* what libevent's timer is set to; UINT64_MAX: not set */
	struct event alarm;

	struct list next_turn;
	struct list turn_end;
	struct list deleted;

	_Atomic(struct post *) posts; /* newest first */
	atomic_bool stopping;
	int wake_fd;
	struct fd_event wake;

	void *slots[DISPATCHER_N_SLOTS];
	struct buffer_memory memory;
	uint64_t trimmed_ns;
	struct dispatcher_stats stats;
	char name[NAME_MAX_BYTES];
};

struct signal_event {
	struct event event;
	void (*fn)(void *context, int signal_number);
	void *context;
};

static void wake(struct dispatcher *d)
{
	uint64_t one = 1;

	/* Can only fail because it was woken 2^64 times without looking. */
	if (write(d->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void run_posts(struct dispatcher *d)
{
	struct post *p = atomic_exchange_explicit(&d->posts, NULL, memory_order_acquire);
	struct post *in_order = NULL;

	while (p) {
		struct post *next = p->next;

		p->next = in_order;
		in_order = p;
		p = next;
	}
	while (in_order) {
		struct post *next = in_order->next;

		d->stats.n_posts++;
		in_order->run(in_order);
		in_order = next;
	}
}

static void woken(void *context, unsigned ready unused_arg)
{
	struct dispatcher *d = context;
	uint64_t count;

	if (read(d->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("dispatcher.wake", "name=%s errno=%d", d->name, errno);
	run_posts(d);
}

/* Only ends the wait; the turn looks at the wheel itself. */
static void alarm_rang(evutil_socket_t fd unused_arg, short what unused_arg, void *context)
{
	struct dispatcher *d = context;

	d->alarm_ns = UINT64_MAX;
}

static struct event_base *new_base_or_null(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (!config)
		return NULL;
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
	    event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct dispatcher *dispatcher_new_or_null(const char *name, const struct clock *clock)
{
	struct dispatcher *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	strncpy(d->name, name, sizeof(d->name) - 1);
	d->clock = clock;
	d->now_ns = clock_now_ns(clock);
	wheel_init(&d->wheel, d->now_ns);
	d->wheel_due_ns = d->alarm_ns = UINT64_MAX;
	list_init(&d->next_turn);
	list_init(&d->turn_end);
	list_init(&d->deleted);
	buffer_memory_init(&d->memory);
	d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->wake_fd < 0)
		goto no_wake_fd;
	d->base = new_base_or_null();
	if (!d->base)
		goto no_base;
	if (fd_event_open(&d->wake, d, d->wake_fd, FD_READ, false, woken, d))
		goto no_wake;
	evtimer_assign(&d->alarm, d->base, alarm_rang, d);
	return d;
no_wake:
	event_base_free(d->base);
no_base:
	close(d->wake_fd);
no_wake_fd:
	free(d);
	return NULL;
}

static void run_deletions(struct dispatcher *d)
{
	struct list *link;

	while ((link = list_pop_or_null(&d->deleted))) {
		struct deferred *x = container_of(link, struct deferred, link);

		x->free(x);
	}
}

void dispatcher_free(struct dispatcher *d)
{
	run_posts(d);
	run_deletions(d);
	evtimer_del(&d->alarm);
	fd_event_close(&d->wake);
	event_base_free(d->base);
	close(d->wake_fd);
	buffer_memory_deinit(&d->memory);
	free(d);
}

const char *dispatcher_name(const struct dispatcher *d)
{
	return d->name;
}

uint64_t dispatcher_now_ns(struct dispatcher *d)
{
	if (!d->now_is_fresh) {
		d->now_ns = clock_now_ns(d->clock);
		d->now_is_fresh = true;
	}
	return d->now_ns;
}

/* Make sure that the wait ends when the wheel may have work; an alarm that is early does no harm.
 */
static void set_alarm(struct dispatcher *d)
{
	uint64_t now, delay;
	struct timeval tv;

	if (likely(d->wheel_due_ns >= d->alarm_ns))
		return;
	now = clock_now_ns(d->clock);
	delay = d->wheel_due_ns > now ? d->wheel_due_ns - now : 0;
	tv.tv_sec = (time_t)(delay / NS_PER_S);
	tv.tv_usec = (suseconds_t)((delay % NS_PER_S + NS_PER_US - 1) / NS_PER_US);
	if (evtimer_add(&d->alarm, &tv) == 0)
		d->alarm_ns = d->wheel_due_ns;
}

static void run_timers(struct dispatcher *d)
{
	uint64_t now = dispatcher_now_ns(d);

	if (now < d->wheel_due_ns)
		return;
	d->stats.n_timers += wheel_advance(&d->wheel, now);
	d->wheel_due_ns = wheel_next_ns(&d->wheel);
}

static void run_tasks(struct list *tasks)
{
	struct list *link;

	while ((link = list_pop_or_null(tasks))) {
		struct task *t = container_of(link, struct task, link);

		t->run(t);
	}
}

static void run_turn_end(struct dispatcher *d)
{
	for (unsigned i = 0; i < TURN_END_ROUNDS && !list_empty(&d->turn_end); i++) {
		struct list now;

		list_init(&now);
		list_splice(&now, &d->turn_end);
		run_tasks(&now);
	}
}

static void trim_memory(struct dispatcher *d)
{
	uint64_t now = dispatcher_now_ns(d);

	if (now - d->trimmed_ns < NS_PER_S)
		return;
	d->trimmed_ns = now;
	buffer_memory_trim(&d->memory);
}

/* Is it time to look again? A turn of tasks costs less than the system call. */
static bool must_look(struct dispatcher *d)
{
	if (++d->n_unlooked >= LOOK_AFTER_TURNS)
		return true;
	d->now_is_fresh = false;
	return dispatcher_now_ns(d) - d->looked_ns >= LOOK_AFTER_NS;
}

static void look(struct dispatcher *d, bool wait)
{
	set_alarm(d);
	d->now_is_fresh = false;
	event_base_loop(d->base, EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK));
	d->looked_ns = dispatcher_now_ns(d);
	d->n_unlooked = 0;
}

static void turn(struct dispatcher *d, bool may_wait)
{
	bool idle = list_empty(&d->next_turn) && list_empty(&d->turn_end);
	struct list tasks;

	list_init(&tasks);
	list_splice(&tasks, &d->next_turn);
	if (idle || !may_wait || must_look(d))
		look(d, may_wait && idle);
	run_timers(d);
	run_tasks(&tasks);
	run_turn_end(d);
	run_deletions(d);
	trim_memory(d);
	d->stats.n_turns++;
}

void dispatcher_run(struct dispatcher *d)
{
	while (!atomic_load_explicit(&d->stopping, memory_order_relaxed))
		turn(d, true);
	atomic_store(&d->stopping, false);
}

void dispatcher_run_once(struct dispatcher *d)
{
	turn(d, false);
}

void dispatcher_stop(struct dispatcher *d)
{
	atomic_store(&d->stopping, true);
	wake(d);
}

void dispatcher_post(struct dispatcher *d, struct post *p)
{
	struct post *first = atomic_load_explicit(&d->posts, memory_order_relaxed);

	do
		p->next = first;
	while (!atomic_compare_exchange_weak_explicit(&d->posts, &first, p, memory_order_release,
						      memory_order_relaxed));
	if (!first)
		wake(d);
}

void dispatcher_timer_set(struct dispatcher *d, struct timer *t, uint64_t delay_ns)
{
	uint64_t deadline = dispatcher_now_ns(d) + delay_ns;

	if (unlikely(deadline < delay_ns))
		deadline = UINT64_MAX - WHEEL_TICK_NS;
	timer_set(&d->wheel, t, deadline);
	deadline = t->deadline_tick * WHEEL_TICK_NS;
	if (deadline < d->wheel_due_ns)
		d->wheel_due_ns = deadline;
}

void dispatcher_timer_cancel(struct dispatcher *d, struct timer *t)
{
	timer_cancel(&d->wheel, t);
}

void dispatcher_next_turn(struct dispatcher *d, struct task *t)
{
	if (!task_is_queued(t))
		list_push(&d->next_turn, &t->link);
}

void dispatcher_turn_end(struct dispatcher *d, struct task *t)
{
	if (!task_is_queued(t))
		list_push(&d->turn_end, &t->link);
}

void dispatcher_delete(struct dispatcher *d, struct deferred *x, void (*free_fn)(struct deferred *))
{
	x->free = free_fn;
	list_push(&d->deleted, &x->link);
}

struct buffer_memory *dispatcher_memory(struct dispatcher *d)
{
	return &d->memory;
}

void *dispatcher_slot(const struct dispatcher *d, enum dispatcher_slot slot)
{
	return d->slots[slot];
}

void dispatcher_set_slot(struct dispatcher *d, enum dispatcher_slot slot, void *value)
{
	d->slots[slot] = value;
}

const struct dispatcher_stats *dispatcher_stats(const struct dispatcher *d)
{
	return &d->stats;
}

static void fd_ready(evutil_socket_t fd unused_arg, short what, void *context)
{
	struct fd_event *e = context;
	struct dispatcher *d = e->dispatcher;

	d->stats.n_events++;
	e->fn(e->context, (what & EV_READ ? FD_READ : 0u) | (what & EV_WRITE ? FD_WRITE : 0u) |
				  (what & EV_CLOSED ? FD_CLOSED : 0u));
	/* Now, while the bytes are warm: with all events first, bulk data falls out of the cache.
	 */
	run_turn_end(d);
}

static struct event *impl_of(struct fd_event *e)
{
	return (struct event *)e->impl;
}

int fd_event_open(struct fd_event *e, struct dispatcher *d, int fd, unsigned mask, bool edge,
		  void (*fn)(void *context, unsigned ready), void *context)
{
	int what = EV_PERSIST | (edge ? EV_ET : 0) | (mask & FD_READ ? EV_READ : 0) |
		   (mask & FD_WRITE ? EV_WRITE : 0) | (mask & FD_CLOSED ? EV_CLOSED : 0);

	_Static_assert(sizeof(struct event) <= sizeof(e->impl), "libevent's event fits");
	e->fn = fn;
	e->context = context;
	e->dispatcher = d;
	if (event_assign(impl_of(e), d->base, fd, (short)what, fd_ready, e) != 0 ||
	    event_add(impl_of(e), NULL) != 0)
		return ERR_IO;
	return 0;
}

void fd_event_close(struct fd_event *e)
{
	event_del(impl_of(e));
}

static void signal_came(evutil_socket_t number, short what unused_arg, void *context)
{
	struct signal_event *s = context;

	s->fn(s->context, (int)number);
}

struct signal_event *signal_event_new_or_null(struct dispatcher *d, int signal_number,
					      void (*fn)(void *context, int signal_number),
					      void *context)
{
	struct signal_event *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fn = fn;
	s->context = context;
	if (evsignal_assign(&s->event, d->base, signal_number, signal_came, s) == 0 &&
	    evsignal_add(&s->event, NULL) == 0)
		return s;
	free(s);
	return NULL;
}

void signal_event_free(struct signal_event *s)
{
	evsignal_del(&s->event);
	free(s);
}

/*
 * dispatcher.h - the event loop of one thread, over a libevent base.
 *
 * One turn: wait (not at all if tasks are pending; then the kernel is only asked now and then) ·
 * run the ready file events, the turn-end tasks after each · run due timers and tasks of the last
 * turn, and their turn-end tasks · free what was deleted.
 *
 * Everything here but dispatcher_post() and dispatcher_stop() is for the loop's own thread, or for
 * any thread while it does not run.
 */
#ifndef CONVOY_PROXY_NET_DISPATCHER_H
#define CONVOY_PROXY_NET_DISPATCHER_H

#include "base/clock.h"
#include "base/compiler.h"
#include "base/list.h"
#include "base/wheel.h"

struct buffer_memory;
struct dispatcher;

/* A callback that waits in one of the dispatcher's lists; embed it in its owner. */
struct task {
	struct list link;
	void (*run)(struct task *t);
};

static inline void task_init(struct task *t, void (*run)(struct task *))
{
	list_init(&t->link);
	t->run = run;
}

static inline bool task_is_queued(const struct task *t)
{
	return list_linked(&t->link);
}

/* task_cancel - take it off whichever list it is on; harmless if it is on none. */
static inline void task_cancel(struct task *t)
{
	list_remove(&t->link);
}

/* What is freed at the end of the turn; embed it in its owner. */
struct deferred {
	struct list link;
	void (*free)(struct deferred *d);
};

/* A task from another thread; the sender owns it until @run is called in the loop's thread. */
struct post {
	struct post *next;
	void (*run)(struct post *p);
};

/*
 * dispatcher_new_or_null - a loop that does not run yet.
 * @name:  for the log, copied ("main_thread", "worker_0")
 * @clock: usually &clock_monotonic; a test may own time
 * NULL when libevent or the wake descriptor cannot be made.
 */
struct dispatcher *dispatcher_new_or_null(const char *name, const struct clock *clock);

/* dispatcher_free - runs what was posted or deferred, then frees. Timers are forgotten. */
void dispatcher_free(struct dispatcher *d);

const char *dispatcher_name(const struct dispatcher *d);

/* dispatcher_run - turns until dispatcher_stop(). */
void dispatcher_run(struct dispatcher *d);

/* dispatcher_run_once - one turn that does not wait; for tests and for shutting down. */
void dispatcher_run_once(struct dispatcher *d);

/* dispatcher_stop - end dispatcher_run() after the current turn. From any thread or a signal event.
 */
void dispatcher_stop(struct dispatcher *d);

/* dispatcher_post - run @p in the loop's thread, soon. From any thread; wakes the loop. */
void dispatcher_post(struct dispatcher *d, struct post *p);

/* dispatcher_now_ns - the clock, read once per turn after waiting. */
uint64_t dispatcher_now_ns(struct dispatcher *d);

/*
 * dispatcher_timer_set - fire @t at @delay_ns from now or within the tick (1 ms) after it.
 * Replaces an earlier setting. A list operation: cheap enough for every request.
 */
void dispatcher_timer_set(struct dispatcher *d, struct timer *t, uint64_t delay_ns);
void dispatcher_timer_cancel(struct dispatcher *d, struct timer *t);

/* dispatcher_next_turn - run @t in the next turn, which will not wait. Queued twice is once. */
void dispatcher_next_turn(struct dispatcher *d, struct task *t);

/*
 * dispatcher_turn_end - run @t as soon as the file event under way has been dealt with, or else at
 * the end of the turn. Queued twice is once.
 */
void dispatcher_turn_end(struct dispatcher *d, struct task *t);

/* dispatcher_delete - call @free(@x) at the end of the turn, after the turn-end tasks. */
void dispatcher_delete(struct dispatcher *d, struct deferred *x, void (*free)(struct deferred *));

/* dispatcher_memory - the buffer memory of this thread; lives as long as the dispatcher. */
struct buffer_memory *dispatcher_memory(struct dispatcher *d);

/*
 * What other parts keep per worker. The pointer is theirs; the dispatcher only holds it, so that
 * an object made from shared configuration finds its worker's half.
 */
enum dispatcher_slot {
	DISPATCHER_SLOT_SOCKETS,  /* proxy/net: state of each socket interface */
	DISPATCHER_SLOT_CLUSTERS, /* upstream: pools and hosts of this worker */
	DISPATCHER_SLOT_STATS,	  /* counters of this worker */
	DISPATCHER_SLOT_CONFIG,	  /* this worker's reference on the configuration snapshot */
	DISPATCHER_SLOT_HTTP,	  /* free lists of streams, cached date header */
	DISPATCHER_N_SLOTS,
};
void *dispatcher_slot(const struct dispatcher *d, enum dispatcher_slot slot);
void dispatcher_set_slot(struct dispatcher *d, enum dispatcher_slot slot, void *value);

/* A unix signal taken by a loop; one process has one loop per signal (the main thread's). */
struct signal_event;
struct signal_event *signal_event_new_or_null(struct dispatcher *d, int signal_number,
					      void (*fn)(void *context, int signal_number),
					      void *context);
void signal_event_free(struct signal_event *s);

/* Figures for the stats page; counted by the loop. */
struct dispatcher_stats {
	uint64_t n_turns, n_events, n_timers, n_posts;
};
const struct dispatcher_stats *dispatcher_stats(const struct dispatcher *d);

#endif

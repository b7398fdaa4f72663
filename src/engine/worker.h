/*
 * worker.h - a data thread: its loop, its inputs, its sleep.
 *
 * One turn:
 *
 *   clock ─> calls and hand-offs ─> inputs ─> dispatch until nothing is pending ─> timers
 *         ─> end-of-turn hooks ─> (dispatch what those sent) ─> quiescent state ─> sleep?
 *
 * A turn that did no work is followed by an attempt to sleep: the worker sets `sleeping`, a full
 * fence, asks everyone who could have work (mailbox, hand-off rings, each input's before_sleep),
 * and only if all say no does it go offline for RCU and wait in epoll until a descriptor fires or
 * the next timer is due. Who gives it work publishes that first and then calls worker_wake(),
 * which is the other half: full fence, test `sleeping`, write the eventfd.
 *
 * Everything in struct worker belongs to its own thread unless it says otherwise. Other threads use
 * worker_call(), worker_post(), worker_wake() and handoff_send().
 */
#ifndef CONVOY_ENGINE_WORKER_H
#define CONVOY_ENGINE_WORKER_H

#include <pthread.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/random.h"
#include "base/wheel.h"
#include "engine/graph.h"
#include "engine/mailbox.h"
#include "engine/module.h"
#include "engine/turns.h"

struct engine;
struct feature_table;
struct handoff;
struct trace;

enum {
	WORKERS_MAX = 64,
	INTERFACES_MAX = 4096,	 /* indices; 0 is none */
	WORKER_EVENTS = 64,	 /* descriptors looked at in one epoll_wait */
	WORKER_EPOLL_TURNS = 16, /* a busy worker asks epoll every so many turns */
};

/* Packets and bytes of one interface on one worker. */
struct if_counters {
	uint64_t rx_packets, rx_bytes, rx_drops;
	uint64_t tx_packets, tx_bytes, tx_drops;
	uint64_t spare[2];
};

/* A descriptor that wakes the worker. */
struct watch {
	int fd;
	/*
	 * Called on the worker with the events that epoll reported, between turns. It may remove
	 * any watch, this one included.
	 */
	void (*fired)(struct worker *w, struct watch *watch, uint32_t events);
};

enum input_kind {
	INPUT_POLLED, /* run every turn: memory that can be looked at for free */
	/*
	 * Run while its descriptor is believed readable: from the event until the node calls
	 * input_drained(). No system call is spent on a queue that has nothing.
	 */
	INPUT_FD,
};

/* A source of packets or events: one receive queue, one event ring. Embedded in its owner. */
struct input {
	enum input_kind kind;
	uint16_t node; /* whose run function is called, with frame.input = this */
	int fd;	       /* INPUT_FD: read from it. INPUT_POLLED: wakes only; -1 for none */
	/*
	 * Called when the worker has announced that it will sleep, after the full fence: arm the
	 * producer's notification, then look once more. True if there is work after all. NULL when
	 * the descriptor says everything.
	 */
	bool (*before_sleep)(struct worker *w, struct input *in);
	/* Called on the way out of a sleep, or of the attempt: disarm. May be NULL. */
	void (*after_sleep)(struct worker *w, struct input *in);
	void *context; /* the owner's */
	/* the engine's */
	bool ready;
	bool rang; /* INPUT_POLLED: its descriptor has fired; the owner takes that back */
	struct watch watch;
	struct list link;
};

/* Work at the end of each turn: flush what was gathered. Embedded in its owner. */
struct turn_hook {
	/* Returns true if there is more to do, so that the worker does not sleep. */
	bool (*run)(struct worker *w, struct turn_hook *hook);
	void *context;
	struct list link;
};

struct worker {
	uint32_t index;
	bool started;
	struct engine *engine;
	uint64_t now_ns; /* read once per turn */
	struct graph_runtime graph;
	struct feature_table *features;
	struct buf_cache bufs;
	struct wheel wheel;
	struct random random;
	struct if_counters *if_counters; /* [INTERFACES_MAX] */
	struct trace *trace;		 /* published by main; NULL while nothing is traced */
	struct handoff *handoff;	 /* rings to this worker */
	void *module[N_MODULE_SLOTS];	 /* see module.h */

	struct list inputs;
	struct list hooks;
	int epoll_fd;
	bool is_reader; /* registered with RCU */
	unsigned turns_since_epoll;
	unsigned n_handed_over;	     /* packets to other workers in this turn */
	uint64_t epoll_ns;	     /* when epoll was last asked */
	unsigned n_events, event_at; /* the batch that is being handled, see worker_unwatch() */
	struct epoll_event events[WORKER_EVENTS];
	uint64_t idle_since_ns; /* 0 while busy */
	uint64_t n_turns, n_sleeps, n_busy_turns;
	struct turns turns;

	struct mailbox mailbox; /* written by any thread */
	struct watch wake_watch;
	bool stop;
	pthread_t thread;
};

/* worker_init - build it in zeroed memory; on failure worker_deinit() cleans up. For engine_new().
 */
must_check
int worker_init(struct worker *w, struct engine *e, uint32_t index, uint64_t seed);
void worker_deinit(struct worker *w);

/* worker_can_sleep - before its thread is made: ERR_UNSUPPORTED on a kernel that is too old. */
must_check
int worker_can_sleep(struct worker *w);

/* worker_main - the thread's function: turns and sleeps until w->stop. */
void *worker_main(void *worker);

/*
 * worker_turn - one turn without sleeping; returns the amount of work done, 0 when idle.
 * For the loop and for tests, which own the clock and call it by themselves.
 */
unsigned worker_turn(struct worker *w);

/*
 * worker_idle - what follows a turn without work: arm, re-check, sleep. Returns when there may be
 * work, at the latest when the next timer is due.
 */
void worker_idle(struct worker *w);

/* --- on the worker, or before it starts --- */

/* worker_add_input - begin to run @in; its fd is watched edge-triggered. ERR_IO. */
must_check
int worker_add_input(struct worker *w, struct input *in);
/* worker_remove_input - never run @in again; the owner may then close its fd. */
void worker_remove_input(struct worker *w, struct input *in);

/* input_drained - an INPUT_FD's node has seen EAGAIN: wait for its descriptor. */
static inline void input_drained(struct input *in)
{
	in->ready = false;
}

/* worker_watch - have @watch->fired called for @events (EPOLLIN, EPOLLET …). ERR_IO. */
must_check
int worker_watch(struct worker *w, struct watch *watch, uint32_t events);
void worker_unwatch(struct worker *w, struct watch *watch);

void worker_add_hook(struct worker *w, struct turn_hook *hook);
void worker_remove_hook(struct worker *w, struct turn_hook *hook);

/* --- from any thread --- */

/*
 * worker_call - run fn(w, arg) on the worker at the start of a turn, in the order of the calls of
 * one thread. Allocates; ERR_NOMEM. For control, not for the data path.
 */
must_check
int worker_call(struct worker *w, void (*fn)(struct worker *w, void *arg), void *arg);

/* worker_post - the same with a message that the caller embeds; no allocation, cannot fail. */
void worker_post(struct worker *w, struct mail *mail);

/* worker_wake - after publishing work for @w in memory: wake it if it sleeps. */
static inline void worker_wake(struct worker *w)
{
	mailbox_wake(&w->mailbox);
}

#endif

/*
 * engine.h - one packet engine: pool, graph, interfaces, workers. No globals, so that several can
 * live in a process (tests do) and a program other than convoyd can run one.
 *
 *   engine_new() → modules' init → interfaces → engine_start() → … → engine_stop() → engine_free()
 */
#ifndef CONVOY_ENGINE_ENGINE_H
#define CONVOY_ENGINE_ENGINE_H

#include "engine/feature.h"
#include "engine/graph.h"
#include "engine/interface.h"
#include "engine/worker.h"

enum { MAIN_EVENTS = 16 /* looked at in one go */ };

struct engine_options {
	const struct node_type *const *nodes; /* daemon/modules.c */
	unsigned n_nodes;
	const struct feature_arc *const *arcs;
	unsigned n_arcs;
	unsigned n_workers;	   /* 1..WORKERS_MAX; 0 means 1 */
	uint32_t n_buffers;	   /* 0 means 16384 */
	const struct clock *clock; /* NULL means clock_monotonic */
	uint64_t seed;		   /* of the workers' generators; 0 takes one from the kernel */
	uint32_t spin_us;    /* an idle worker polls on for so long before it sleeps; 0 for none */
	bool shared_buffers; /* buf_pool_init_shared(): for drivers whose peers map the pool */
};

/* A descriptor that main looks after for a driver: a listening socket, a timer. */
struct main_watch {
	int fd;
	/* Called on main with what epoll reported. It may remove any watch, this one included. */
	void (*fired)(struct engine *e, struct main_watch *watch, uint32_t events);
};

struct engine {
	const struct clock *clock;
	uint32_t n_workers;
	uint32_t spin_us;
	bool running;
	struct worker *worker[WORKERS_MAX];
	struct buf_pool bufs;
	struct graph graph;
	struct feature_table features;
	struct interface_table interfaces;
	struct list event_listeners;  /* main's: event.h */
	uint32_t n_relieved;	      /* atomic: times that an interface stopped being busy */
	struct shortcuts *shortcuts;  /* published; NULL: no device takes any: shortcut.h */
	void *module[N_MODULE_SLOTS]; /* shared state, see module.h */
	struct list delays;	      /* main's: delay.h */
	struct main_watch delay_timer;
	struct mailbox main; /* messages to main */
	struct main_watch main_bell;
	int main_epoll_fd; /* the mailbox and the watches of main */
	unsigned n_main_events, main_event_at;
	struct epoll_event main_events[MAIN_EVENTS];
	struct trace_control *trace;   /* trace.c */
	struct runtime *runtime;       /* runtime.c */
	uint64_t made_ns, made_cycles; /* when it was made, by both clocks */
	uint16_t handoff;	       /* id of the node that holds hand-off's counters */
};

/* engine_new - build it, nothing runs yet. ERR_* with a line in the log, *@out untouched. */
must_check
int engine_new(const struct engine_options *options, struct engine **out);
/* engine_free - stop it if it runs; interfaces still there are closed. */
void engine_free(struct engine *e);

/* engine_start - one thread for each worker. ERR_NOMEM when threads cannot be made,
 * ERR_UNSUPPORTED. */
must_check
int engine_start(struct engine *e);
/*
 * engine_stop - let every worker that runs finish its turn, and join it. Messages to workers and to
 * main that were not delivered yet are, also of an engine that was never started.
 */
void engine_stop(struct engine *e);

/* engine_call_main - from any thread: run fn(arg) on main; ERR_NOMEM. */
must_check
int engine_call_main(struct engine *e, void (*fn)(struct engine *e, void *arg), void *arg);

/* engine_post_main - the same with a message that the caller embeds; cannot fail. */
void engine_post_main(struct engine *e, struct mail *mail);

/* engine_watch_main - main: have @watch->fired called for @events (EPOLLIN …). ERR_IO. */
must_check
int engine_watch_main(struct engine *e, struct main_watch *watch, uint32_t events);
void engine_unwatch_main(struct engine *e, struct main_watch *watch);

/*
 * engine_main_fd - readable when messages wait for main or one of its watches has fired. Its loop
 * watches it, level-triggered, and calls engine_turn_main(), which returns how many it handled.
 * What messages cause waits for the next turn, so that long work in steps lets others in between.
 */
int engine_main_fd(const struct engine *e);
unsigned engine_turn_main(struct engine *e);

/* engine_run_main - the same until there are none: for tests, and for parts that end. */
unsigned engine_run_main(struct engine *e);

/*
 * engine_on_each - main: run fn(w, arg) on every worker, then done(e, arg) on main when all have.
 * With workers not started, everything happens before it returns. ERR_NOMEM and nothing is called.
 */
must_check
int engine_on_each(struct engine *e, void (*fn)(struct worker *w, void *arg),
		   void (*done)(struct engine *e, void *arg), void *arg);

/*
 * The same with its memory at hand, so that it cannot fail: for what has to be undone.
 * engine_errand_run() may be called again once @done was, also from there.
 */
struct engine_errand;
struct engine_errand *engine_errand_new_or_null(struct engine *e);
void engine_errand_free(struct engine_errand *errand);
void engine_errand_run(struct engine_errand *errand, void (*fn)(struct worker *w, void *arg),
		       void (*done)(struct engine *e, void *arg), void *arg);

/* Nodes that the engine brings along; modules.c lists them with the rest. */
extern const struct node_type drop_node;
extern const struct node_type handoff_node;
extern const struct node_type interface_output_node;

#endif

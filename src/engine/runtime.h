/*
 * runtime.h - what main knows of the workers' counters: as they are, and since they were cleared.
 *
 * Counters belong to the worker that writes them, so that nothing on the way is atomic and nobody
 * else may set them to zero. Clearing remembers what they were; everything here is what came after.
 * Each number is exact; numbers of one moment may be a turn apart. Main thread.
 */
#ifndef CONVOY_ENGINE_RUNTIME_H
#define CONVOY_ENGINE_RUNTIME_H

#include "engine/engine.h"

enum { RUNTIME_ALL = 0xffffffff /* workers: the sum over them */ };

struct node_counts {
	uint64_t calls, vectors, clocks;
};

struct worker_counts {
	uint64_t turns, busy_turns, sleeps;
	uint64_t packets; /* that inputs brought in */
	uint64_t clocks;  /* spent in nodes */
};

/* runtime_n_nodes - nodes of the graph at this moment, removed instances included. */
uint32_t runtime_n_nodes(const struct engine *e);

struct node_counts runtime_node(const struct engine *e, uint32_t worker, uint32_t node);
struct worker_counts runtime_worker(const struct engine *e, uint32_t worker);

/* runtime_reason - how often @reason of @node was counted; index n_reasons: without a reason. */
uint64_t runtime_reason(const struct engine *e, uint32_t node, unsigned reason);

/* runtime_edge - packets that @from has sent to @to. */
uint64_t runtime_edge(const struct engine *e, uint32_t from, uint32_t to);

/*
 * runtime_turns - the histogram of @worker's turns into @all, and into @own that of those in which
 * it was not preempted; the same where that is not known.
 */
void runtime_turns(const struct engine *e, uint32_t worker, uint64_t all[TURNS_BUCKETS],
		   uint64_t own[TURNS_BUCKETS]);

/* runtime_seconds - how long ago the counters were cleared, or the engine was made. */
double runtime_seconds(const struct engine *e);

/* runtime_clock_hz - clocks of the time stamp counter in a second. */
double runtime_clock_hz(const struct engine *e);

/* runtime_clear - count nodes, workers, edges and turns anew from here; ERR_NOMEM. */
must_check
int runtime_clear(struct engine *e);

/* runtime_clear_reasons - count reasons anew from here; ERR_NOMEM. */
must_check
int runtime_clear_reasons(struct engine *e);

/* runtime_deinit - engine_free(). */
void runtime_deinit(struct engine *e);

#endif

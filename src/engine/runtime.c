/* runtime.c - sums over the workers' counters, less what they were when they were cleared. */
#include "engine/runtime.h"

#include <stdlib.h>

/* One edge when the counters were cleared. */
struct edge_base {
	uint32_t from, to;
	uint64_t n;
};

/* One worker then. */
struct worker_base {
	uint64_t turns, busy_turns, sleeps;
	uint64_t bucket[TURNS_BUCKETS], own[TURNS_BUCKETS];
	struct node_counts node[GRAPH_NODES_MAX];
};

/* What counters were when they were cleared last; all zero before. */
struct runtime {
	uint64_t since_ns;
	struct worker_base *worker[WORKERS_MAX];
	struct edge_base *edge;
	uint32_t n_edges;
	uint64_t *reasons[GRAPH_NODES_MAX];
};

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* An instance that was removed starts from zero again: then nothing is taken off. */
static uint64_t since(uint64_t now, uint64_t base)
{
	return now >= base ? now - base : now;
}

uint32_t runtime_n_nodes(const struct engine *e)
{
	return __atomic_load_n(&e->graph.n_nodes, __ATOMIC_ACQUIRE);
}

static struct node_counts counts_now(const struct engine *e, uint32_t worker, uint32_t id)
{
	const struct node *node = &e->worker[worker]->graph.node[id];

	return (struct node_counts){ load(&node->n_calls), load(&node->n_vectors),
				     load(&node->n_cycles) };
}

static const struct worker_base *base_or_null(const struct engine *e, uint32_t worker)
{
	return e->runtime ? e->runtime->worker[worker] : NULL;
}

static struct node_counts node_of(const struct engine *e, uint32_t worker, uint32_t id)
{
	const struct worker_base *base = base_or_null(e, worker);
	struct node_counts n = counts_now(e, worker, id);

	if (!base)
		return n;
	return (struct node_counts){ since(n.calls, base->node[id].calls),
				     since(n.vectors, base->node[id].vectors),
				     since(n.clocks, base->node[id].clocks) };
}

struct node_counts runtime_node(const struct engine *e, uint32_t worker, uint32_t id)
{
	struct node_counts sum = { 0 };

	for (uint32_t w = 0; w < e->n_workers; w++) {
		struct node_counts n;

		if (worker != RUNTIME_ALL && worker != w)
			continue;
		n = node_of(e, w, id);
		sum.calls += n.calls;
		sum.vectors += n.vectors;
		sum.clocks += n.clocks;
	}
	return sum;
}

struct worker_counts runtime_worker(const struct engine *e, uint32_t worker)
{
	const struct worker_base *base = base_or_null(e, worker);
	const struct worker *w = e->worker[worker];
	struct worker_counts c = { load(&w->n_turns), load(&w->n_busy_turns), load(&w->n_sleeps), 0,
				   0 };

	if (base) {
		c.turns -= base->turns;
		c.busy_turns -= base->busy_turns;
		c.sleeps -= base->sleeps;
	}
	for (uint32_t id = 0; id < runtime_n_nodes(e); id++) {
		struct node_counts n = node_of(e, worker, id);

		c.clocks += n.clocks;
		if (e->graph.entry[id].type->kind == NODE_INPUT)
			c.packets += n.vectors;
	}
	return c;
}

static uint64_t reason_now(const struct engine *e, uint32_t id, unsigned reason)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < e->n_workers; w++) {
		const uint64_t *reasons = e->worker[w]->graph.node[id].reasons;

		n += reasons ? load(&reasons[reason]) : 0; /* none once an instance was removed */
	}
	return n;
}

uint64_t runtime_reason(const struct engine *e, uint32_t id, unsigned reason)
{
	const uint64_t *base = e->runtime ? e->runtime->reasons[id] : NULL;

	return since(reason_now(e, id, reason), base ? base[reason] : 0);
}

static uint64_t edge_now(const struct engine *e, uint32_t from, uint32_t to)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < e->n_workers; w++)
		n += load(graph_edge(&e->worker[w]->graph, from, to));
	return n;
}

uint64_t runtime_edge(const struct engine *e, uint32_t from, uint32_t to)
{
	uint64_t now = edge_now(e, from, to);

	for (uint32_t i = 0; now && e->runtime && i < e->runtime->n_edges; i++) {
		const struct edge_base *base = &e->runtime->edge[i];

		if (base->from == from && base->to == to)
			return since(now, base->n);
	}
	return now;
}

void runtime_turns(const struct engine *e, uint32_t worker, uint64_t all[TURNS_BUCKETS],
		   uint64_t own[TURNS_BUCKETS])
{
	const struct worker_base *base = base_or_null(e, worker);
	const struct turns *t = &e->worker[worker]->turns;

	for (unsigned i = 0; i < TURNS_BUCKETS; i++) {
		all[i] = load(&t->bucket[i]) - (base ? base->bucket[i] : 0);
		own[i] = load(&t->own[i]) - (base ? base->own[i] : 0);
	}
}

double runtime_seconds(const struct engine *e)
{
	uint64_t from = e->runtime && e->runtime->since_ns ? e->runtime->since_ns : e->made_ns;

	return (double)(clock_now_ns(e->clock) - from) / NS_PER_S;
}

double runtime_clock_hz(const struct engine *e)
{
	double seconds = (double)(clock_now_ns(e->clock) - e->made_ns) / NS_PER_S;

	return seconds > 0 ? (double)(cpu_cycles() - e->made_cycles) / seconds : 0;
}

static struct runtime *runtime_or_null(struct engine *e)
{
	if (!e->runtime)
		e->runtime = calloc(1, sizeof(*e->runtime));
	return e->runtime;
}

static void clear_worker(struct engine *e, uint32_t worker, struct worker_base *base)
{
	const struct worker *w = e->worker[worker];

	base->turns = load(&w->n_turns);
	base->busy_turns = load(&w->n_busy_turns);
	base->sleeps = load(&w->n_sleeps);
	for (unsigned i = 0; i < TURNS_BUCKETS; i++) {
		base->bucket[i] = load(&w->turns.bucket[i]);
		base->own[i] = load(&w->turns.own[i]);
	}
	for (uint32_t id = 0; id < runtime_n_nodes(e); id++)
		base->node[id] = counts_now(e, worker, id);
}

static int note_edge(struct runtime *r, struct edge_base edge)
{
	struct edge_base *more = r->edge;

	if ((r->n_edges & (r->n_edges - 1)) == 0) {
		more = realloc(r->edge, (r->n_edges ? r->n_edges * 2 : 1) * sizeof(*more));
		if (!more)
			return ERR_NOMEM;
		r->edge = more;
	}
	r->edge[r->n_edges++] = edge;
	return 0;
}

static int clear_edges(struct engine *e, struct runtime *r)
{
	uint32_t n_nodes = runtime_n_nodes(e);

	r->n_edges = 0;
	for (uint32_t from = 0; from < n_nodes; from++) {
		if (!runtime_node(e, RUNTIME_ALL, from).vectors)
			continue;
		for (uint32_t to = 0; to < n_nodes; to++) {
			uint64_t n = edge_now(e, from, to);

			if (n && note_edge(r, (struct edge_base){ from, to, n }) < 0)
				return ERR_NOMEM;
		}
	}
	return 0;
}

int runtime_clear(struct engine *e)
{
	struct runtime *r = runtime_or_null(e);

	if (!r)
		return ERR_NOMEM;
	for (uint32_t w = 0; w < e->n_workers; w++)
		if (!r->worker[w] && !(r->worker[w] = calloc(1, sizeof(*r->worker[w]))))
			return ERR_NOMEM;
	if (clear_edges(e, r) < 0)
		return ERR_NOMEM;
	for (uint32_t w = 0; w < e->n_workers; w++)
		clear_worker(e, w, r->worker[w]);
	r->since_ns = clock_now_ns(e->clock);
	return 0;
}

int runtime_clear_reasons(struct engine *e)
{
	struct runtime *r = runtime_or_null(e);

	for (uint32_t id = 0; r && id < runtime_n_nodes(e); id++) {
		unsigned n = e->graph.entry[id].type->n_reasons + 1u;

		if (!r->reasons[id])
			r->reasons[id] = calloc(n, sizeof(uint64_t));
		if (!r->reasons[id])
			return ERR_NOMEM;
		for (unsigned i = 0; i < n; i++)
			r->reasons[id][i] = reason_now(e, id, i);
	}
	return r ? 0 : ERR_NOMEM;
}

void runtime_deinit(struct engine *e)
{
	if (!e->runtime)
		return;
	for (uint32_t w = 0; w < WORKERS_MAX; w++)
		free(e->runtime->worker[w]);
	for (uint32_t id = 0; id < GRAPH_NODES_MAX; id++)
		free(e->runtime->reasons[id]);
	free(e->runtime->edge);
	free(e->runtime);
	e->runtime = NULL;
}

/*
 * forward_bench.c - what a packet costs in each node of a path from generator to sink, on one core.
 *
 *   forward-bench list                    names of what there is to measure, one a line
 *   forward-bench NAME [ROUNDS]           one JSON object: clocks by node in the best round, rate
 *   forward-bench NAME count TURNS        run forward_bench_turns() that often and nothing else
 *                                         that matters: for callgrind
 *
 * The stack is convoyd's own, built from a net.yaml; its only worker is run by this program,
 * several run by themselves and are looked at. A round is short, so that among many some are not
 * disturbed by other programs; the best is reported, with the median beside it. Clocks are of the
 * time stamp counter.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/modules.h"
#include "engine/engine.h"
#include "engine/runtime.h"
#include "forward_graph.h"

enum { TURNS = 128, ROUNDS = 300, WARM_TURNS = 8192, COUNT_WARM_TURNS = 40, NAME_BYTES = 64, PERIOD_US = 5000 };

/* One round; per node as it was counted. */
struct round {
	uint64_t n_packets;
	uint64_t clocks; /* of everything */
	uint64_t path;	 /* of the path: without generator, interface-output and what follows */
	uint64_t ns;
};

struct node_cost {
	uint64_t calls, vectors, clocks;
};

static struct convoyd d;
static char folder[] = "/tmp/convoy-forward-XXXXXX";
static uint64_t fake_now_ns = NS_PER_S;

static uint64_t fake_now(void *context)
{
	(void)context;
	return fake_now_ns += NS_PER_US;
}
static const struct clock fake_clock = { fake_now, NULL };

static no_return void fail(const char *what)
{
	fprintf(stderr, "forward-bench: %s\n", what);
	exit(1);
}

static void open_stack(const struct forward_graph *g, unsigned size)
{
	char yaml[4096], path[512];

	if (!mkdtemp(folder))
		fail("no temporary folder");
	if (g->prepare)
		g->prepare(folder, size);
	snprintf(yaml, sizeof(yaml), g->format, folder);
	log_set_level(LOG_LEVEL_ERROR);
	d.base = event_base_new();
	list_init(&d.interfaces);
	if (net_file_load_text(g->name, slice_of_text(yaml), &d.error, &d.file) < 0)
		fail(d.error.text);
	d.config = d.file->config;
	if (modules_init_before(&d, "sessions") < 0)
		fail(d.error.text);
	snprintf(path, sizeof(path), "%s/destinations", folder);
	unlink(path);
	rmdir(folder);
	if (g->fill)
		g->fill(&d, size);
}

/* Own and exported, so that callgrind can be told to count what happens inside. */
no_inline void forward_bench_turns(struct worker *w, unsigned n);
no_inline void forward_bench_turns(struct worker *w, unsigned n)
{
	while (n--)
		worker_turn(w);
}

static bool is_outside(const struct engine *e, uint32_t id)
{
	const struct graph_entry *entry = &e->graph.entry[id];

	return entry->type->kind == NODE_INPUT || entry->type == &interface_output_node ||
	       entry->type == &sink_tx_node || entry->type == &drop_node;
}

static void note(const struct engine *e, struct node_cost *cost)
{
	for (uint32_t id = 0; id < e->graph.n_nodes; id++) {
		struct node_counts n = runtime_node(e, RUNTIME_ALL, id);

		cost[id] = (struct node_cost){ n.calls, n.vectors, n.clocks };
	}
}

static void advance(struct engine *e, unsigned turns)
{
	if (e->n_workers == 1)
		forward_bench_turns(e->worker[0], turns);
	else
		usleep(PERIOD_US * turns / TURNS);
}

static struct round run_round(struct engine *e, struct node_cost *cost)
{
	static struct node_cost before[GRAPH_NODES_MAX];
	struct round r = { 0 };
	uint64_t began, began_ns;

	note(e, before);
	began_ns = clock_now_ns(&clock_monotonic);
	began = cpu_cycles();
	advance(e, TURNS);
	r.clocks = (cpu_cycles() - began) * e->n_workers;
	r.ns = clock_now_ns(&clock_monotonic) - began_ns;
	note(e, cost);
	for (uint32_t id = 0; id < e->graph.n_nodes; id++) {
		cost[id].calls -= before[id].calls;
		cost[id].vectors -= before[id].vectors;
		cost[id].clocks -= before[id].clocks;
		if (e->graph.entry[id].type == &generator_input_node)
			r.n_packets += cost[id].vectors;
		if (!is_outside(e, id))
			r.path += cost[id].clocks;
	}
	return r;
}

static double per_packet(uint64_t clocks, const struct round *r)
{
	return r->n_packets ? (double)clocks / (double)r->n_packets : 1e30;
}

static int by_path(const void *a, const void *b)
{
	double x = per_packet(((const struct round *)a)->path, a);
	double y = per_packet(((const struct round *)b)->path, b);

	return x < y ? -1 : x > y;
}

static void print(const char *name, const struct engine *e, const struct node_cost *cost,
		  const struct round *all, unsigned n)
{
	const struct round *best = &all[0], *median = &all[n / 2];
	const char *comma = "";
	double mpps = 0;

	for (unsigned i = 0; i < n; i++)
		if ((double)all[i].n_packets * 1e3 / (double)all[i].ns > mpps)
			mpps = (double)all[i].n_packets * 1e3 / (double)all[i].ns;

	printf("{\"name\": \"%s\", \"clocks\": %.2f, \"median_clocks\": %.2f, \"all_clocks\": "
	       "%.2f, "
	       "\"mpps\": %.3f, \"mhz\": %.0f, \"rounds\": %u, \"nodes\": {",
	       name, per_packet(best->path, best), per_packet(median->path, median),
	       per_packet(best->clocks, best), mpps,
	       (double)best->clocks * 1e3 / (double)best->ns / e->n_workers, n);
	for (uint32_t id = 0; id < e->graph.n_nodes; id++) {
		if (cost[id].vectors == 0)
			continue;
		printf("%s\"%s\": {\"clocks\": %.2f, \"packets\": %.3f}", comma,
		       e->graph.entry[id].name, per_packet(cost[id].clocks, best),
		       per_packet(cost[id].vectors, best));
		comma = ", ";
	}
	printf("}}\n");
}

/* Everything that was made has arrived: nobody measures the dropping of packets. */
static void check(const struct engine *e)
{
	struct interface *sink = interface_by_name_or_null(e, "sink0");
	struct if_counters in = interface_counters(interface_by_name_or_null(e, "gen0"));
	struct if_counters out = interface_counters(sink);

	if (in.rx_packets == 0 || out.tx_packets < in.rx_packets)
		fail("packets were lost on the way: the graph does not do what it should");
}

static void measure(const char *name, unsigned n_rounds)
{
	static struct node_cost cost[GRAPH_NODES_MAX], best[GRAPH_NODES_MAX];
	struct round *rounds = calloc(n_rounds, sizeof(*rounds));
	double least = 1e30;

	invariant(rounds);
	if (d.engine->n_workers > 1 && engine_start(d.engine) < 0)
		fail("workers cannot start");
	advance(d.engine, WARM_TURNS);
	for (unsigned i = 0; i < n_rounds; i++) {
		rounds[i] = run_round(d.engine, cost);
		if (per_packet(rounds[i].path, &rounds[i]) < least) {
			least = per_packet(rounds[i].path, &rounds[i]);
			memcpy(best, cost, sizeof(best));
		}
	}
	engine_stop(d.engine);
	check(d.engine);
	qsort(rounds, n_rounds, sizeof(*rounds), by_path);
	print(name, d.engine, best, rounds, n_rounds);
	free(rounds);
}

/* Repeatable to the instruction: the clock is not the machine's, and nothing is measured. */
static void count(unsigned turns)
{
	const struct interface *gen = interface_by_name_or_null(d.engine, "gen0");
	struct worker *w = d.engine->worker[0];
	uint64_t before;

	d.engine->clock = &fake_clock;
	for (unsigned n = 0; n < COUNT_WARM_TURNS; n++)
		worker_turn(w); /* what happens once does not count */
	before = interface_counters(gen).rx_packets;
	forward_bench_turns(w, turns);
	check(d.engine);
	printf("%llu packets\n", (unsigned long long)(interface_counters(gen).rx_packets - before));
}

/* The graph that "ip4.1000" names, and the size. */
static const struct forward_graph *find_or_null(const char *name, unsigned *size)
{
	for (unsigned i = 0; i < forward_n_graphs; i++) {
		const struct forward_graph *g = &forward_graphs[i];
		size_t len = strlen(g->name);

		*size = 0;
		if (!g->sizes && strcmp(name, g->name) == 0)
			return g;
		if (!g->sizes || strncmp(name, g->name, len) != 0 || name[len] != '.')
			continue;
		*size = (unsigned)strtoul(name + len + 1, NULL, 10);
		return *size ? g : NULL;
	}
	return NULL;
}

static void list(void)
{
	for (unsigned i = 0; i < forward_n_graphs; i++) {
		const struct forward_graph *g = &forward_graphs[i];

		if (!g->sizes)
			printf("%s\n", g->name);
		for (unsigned k = 0; g->sizes && g->sizes[k]; k++)
			printf("%s.%s\n", g->name, g->sizes[k]);
	}
}

int main(int argc, char **argv)
{
	const struct forward_graph *g;
	unsigned size;

	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		list();
		return 0;
	}
	g = argc > 1 ? find_or_null(argv[1], &size) : NULL;
	if (!g) {
		fprintf(stderr, "usage: forward-bench list | NAME [ROUNDS] | NAME count TURNS\n");
		return 2;
	}
	open_stack(g, size);
	if (argc == 4 && strcmp(argv[2], "count") == 0)
		count((unsigned)atoi(argv[3]));
	else
		measure(argv[1], argc > 2 ? (unsigned)atoi(argv[2]) : ROUNDS);
	modules_deinit(&d);
	event_base_free(d.base);
	net_file_put(d.file);
	return 0;
}

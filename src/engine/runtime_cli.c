/* runtime_cli.c - `show runtime`, `show turns`, `show graph`, `clear runtime`. */
#include "control/command.h"
#include "control/table.h"
#include "engine/engine_cli.h"
#include "engine/runtime.h"

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

static double per_second(const struct engine *e, uint64_t n)
{
	double seconds = runtime_seconds(e);

	return seconds > 0 ? (double)n / seconds : 0;
}

/* The argument "worker"; RUNTIME_ALL without it. ERR_NOENT and the call has failed. */
static int take_worker(struct command_call *call, uint32_t *out)
{
	const struct engine *e = call->context;
	int64_t n = command_arg_number(call, "worker", RUNTIME_ALL);

	*out = (uint32_t)n;
	if (*out == RUNTIME_ALL || *out < e->n_workers)
		return 0;
	return command_fail(call, ERR_NOENT, "no worker %lld; the last is %u", (long long)n,
			    e->n_workers - 1);
}

/* --- show runtime --- */

static json_t *worker_json(const struct engine *e, uint32_t index)
{
	struct worker_counts c = runtime_worker(e, index);

	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "worker", (int)index, "turns",
			 (json_int_t)c.turns, "busy_turns", (json_int_t)c.busy_turns, "sleeps",
			 (json_int_t)c.sleeps, "packets", (json_int_t)c.packets, "clocks",
			 (json_int_t)c.clocks, "packets_per_s", per_second(e, c.packets),
			 "load_percent", 100 * per_second(e, c.clocks) / (runtime_clock_hz(e) + 1));
}

static json_t *workers_json(const struct engine *e, uint32_t only)
{
	json_t *workers = json_array();

	for (uint32_t i = 0; i < e->n_workers; i++)
		if (only == RUNTIME_ALL || only == i)
			json_array_append_new(workers, worker_json(e, i));
	return workers;
}

static json_t *node_json(const struct engine *e, uint32_t worker, uint32_t id)
{
	struct node_counts n = runtime_node(e, worker, id);

	return json_pack("{s:s, s:I, s:I, s:f, s:I, s:f, s:f}", "node", e->graph.entry[id].name,
			 "calls", (json_int_t)n.calls, "vectors", (json_int_t)n.vectors,
			 "vectors_per_call", ratio(n.vectors, n.calls), "clocks",
			 (json_int_t)n.clocks, "clocks_per_vector", ratio(n.clocks, n.vectors),
			 "vectors_per_s", per_second(e, n.vectors));
}

static void add_nodes(json_t *list, const struct engine *e, uint32_t worker, bool all, bool each)
{
	for (uint32_t id = 0; id < runtime_n_nodes(e); id++) {
		json_t *row;

		if (!e->graph.entry[id].name[0] || (!all && runtime_node(e, worker, id).calls == 0))
			continue;
		row = node_json(e, worker, id);
		if (each)
			json_object_set_new(row, "worker", json_integer(worker));
		json_array_append_new(list, row);
	}
}

static int show_runtime(struct command_call *call)
{
	const struct engine *e = call->context;
	bool all = command_arg_flag(call, "all"), each = command_arg_flag(call, "each");
	json_t *nodes = json_array();
	uint32_t worker;
	int err = take_worker(call, &worker);

	if (err < 0) {
		json_decref(nodes);
		return err;
	}
	if (!each)
		add_nodes(nodes, e, worker, all, false);
	for (uint32_t w = 0; each && w < e->n_workers; w++)
		if (worker == RUNTIME_ALL || worker == w)
			add_nodes(nodes, e, w, all, true);
	return command_reply(call, json_pack("{s:f, s:f, s:o, s:o}", "seconds", runtime_seconds(e),
					     "clock_hz", runtime_clock_hz(e), "workers",
					     workers_json(e, worker), "nodes", nodes));
}

static void render_runtime(struct text *out, const json_t *result)
{
	static const struct table_column workers[] = {
		{ "worker", "worker", TABLE_NUMBER },
		{ "turns", "turns", TABLE_NUMBER },
		{ "busy_turns", "busy", TABLE_NUMBER },
		{ "sleeps", "sleeps", TABLE_NUMBER },
		{ "packets", "packets", TABLE_NUMBER },
		{ "packets_per_s", "packets/s", TABLE_NUMBER },
		{ "load_percent", "load %", TABLE_NUMBER },
	};
	static const struct table_column nodes[] = {
		{ "worker", "w", TABLE_NUMBER },
		{ "node", "node", TABLE_TEXT },
		{ "calls", "calls", TABLE_NUMBER },
		{ "vectors", "packets", TABLE_NUMBER },
		{ "vectors_per_call", "per call", TABLE_NUMBER },
		{ "clocks_per_vector", "clocks", TABLE_NUMBER },
		{ "vectors_per_s", "packets/s", TABLE_NUMBER },
	};
	const json_t *rows = json_object_get(result, "nodes");
	unsigned each = json_object_get(json_array_get(rows, 0), "worker") ? 0 : 1;

	text_add(out, "%.1f seconds, %.0f MHz clock\n\n",
		 json_number_value(json_object_get(result, "seconds")),
		 json_number_value(json_object_get(result, "clock_hz")) / 1e6);
	table_render(out, json_object_get(result, "workers"), workers, count_of(workers));
	text_add(out, "\n");
	table_render(out, rows, nodes + each, count_of(nodes) - each);
}

/* --- show turns --- */

static double microseconds(double hz, uint64_t clocks)
{
	return hz > 0 ? (double)clocks * 1e6 / hz : 0;
}

static json_t *percentile_json(double hz, const uint64_t bucket[TURNS_BUCKETS], double p)
{
	return json_real(microseconds(hz, turns_percentile(bucket, p)));
}

static void put_percentiles(json_t *out, const uint64_t bucket[TURNS_BUCKETS], double hz)
{
	static const struct {
		const char *name;
		double share;
	} row[] = {
		{ "p50_us", 0.5 },	{ "p99_us", 0.99 }, { "p999_us", 0.999 },
		{ "p9999_us", 0.9999 }, { "max_us", 1 },
	};

	for (unsigned i = 0; i < count_of(row); i++)
		json_object_set_new(out, row[i].name, percentile_json(hz, bucket, row[i].share));
}

/* The turns without preemption; null where nobody says which they are. */
static json_t *own_json(const uint64_t own[TURNS_BUCKETS], double hz)
{
	json_t *out;

	if (!switch_mark_known())
		return json_null();
	out = json_pack("{s:I}", "turns", (json_int_t)turns_total(own));
	put_percentiles(out, own, hz);
	return out;
}

static json_t *turns_json(const struct engine *e, uint32_t worker, double hz)
{
	uint64_t all[TURNS_BUCKETS], own[TURNS_BUCKETS];
	json_t *buckets = json_array(), *out;

	runtime_turns(e, worker, all, own);
	for (unsigned i = 0; i < TURNS_BUCKETS; i++)
		if (all[i])
			json_array_append_new(buckets, json_pack("{s:f, s:I, s:I}", "below_us",
								 microseconds(hz, turns_limit(i)),
								 "turns", (json_int_t)all[i], "own",
								 (json_int_t)own[i]));
	out = json_pack("{s:i, s:I}", "worker", (int)worker, "turns", (json_int_t)turns_total(all));
	put_percentiles(out, all, hz);
	json_object_set_new(out, "own", own_json(own, hz));
	json_object_set_new(out, "buckets", buckets);
	return out;
}

static int show_turns(struct command_call *call)
{
	const struct engine *e = call->context;
	double hz = runtime_clock_hz(e);
	json_t *list = json_array();

	for (uint32_t w = 0; w < e->n_workers; w++)
		json_array_append_new(list, turns_json(e, w, hz));
	return command_reply(call, list);
}

static void render_own(struct text *out, const json_t *own)
{
	if (json_is_object(own))
		text_add(out,
			 "%lld not preempted: p50 %.1f us, p99.9 %.1f, p99.99 %.1f, longest %.1f\n",
			 (long long)json_integer_value(json_object_get(own, "turns")),
			 json_number_value(json_object_get(own, "p50_us")),
			 json_number_value(json_object_get(own, "p999_us")),
			 json_number_value(json_object_get(own, "p9999_us")),
			 json_number_value(json_object_get(own, "max_us")));
}

/* A line for each power of two; half a column for each percent. */
static void render_buckets(struct text *out, const json_t *worker)
{
	json_int_t total = json_integer_value(json_object_get(worker, "turns")), n = 0;
	const json_t *buckets = json_object_get(worker, "buckets"), *b;
	double limit = 0;
	size_t i;

	json_array_foreach(buckets, i, b)
	{
		const json_t *next = json_array_get(buckets, i + 1);
		double below = json_number_value(json_object_get(b, "below_us"));

		n += json_integer_value(json_object_get(b, "turns"));
		for (limit = limit > 0 ? limit : 0.125; limit < below; limit *= 2)
			;
		if (next && json_number_value(json_object_get(next, "below_us")) <= limit)
			continue;
		text_add(out, "  < %12.3f us %12lld ", limit, (long long)n);
		for (json_int_t bar = n * 50 / total; bar > 0; bar--)
			text_add(out, "#");
		text_add(out, "\n");
		n = 0;
	}
}

static void render_turns(struct text *out, const json_t *result)
{
	static const struct table_column columns[] = {
		{ "worker", "worker", TABLE_NUMBER },  { "turns", "turns", TABLE_NUMBER },
		{ "p50_us", "p50 us", TABLE_NUMBER },  { "p99_us", "p99", TABLE_NUMBER },
		{ "p999_us", "p99.9", TABLE_NUMBER },  { "p9999_us", "p99.99", TABLE_NUMBER },
		{ "max_us", "longest", TABLE_NUMBER },
	};
	const json_t *worker;
	size_t i;

	table_render(out, result, columns, count_of(columns));
	json_array_foreach(result, i, worker)
	{
		text_add(out, "\nworker %zu\n", i);
		render_own(out, json_object_get(worker, "own"));
		render_buckets(out, worker);
	}
}

/* --- show graph --- */

static json_t *edge_json(const struct engine *e, uint32_t from, uint32_t to, uint64_t n)
{
	return json_pack("{s:s, s:s, s:I, s:f}", "from", e->graph.entry[from].name, "to",
			 e->graph.entry[to].name, "packets", (json_int_t)n, "packets_per_s",
			 per_second(e, n));
}

static bool may_send(const struct graph_entry *from, uint32_t to)
{
	for (unsigned i = 0; i < from->type->n_next; i++)
		if (from->next[i] == to)
			return true;
	return false;
}

static json_t *edges_json(const struct engine *e, bool all)
{
	uint32_t n_nodes = runtime_n_nodes(e);
	json_t *edges = json_array();

	for (uint32_t from = 0; from < n_nodes; from++) {
		const struct graph_entry *entry = &e->graph.entry[from];

		if (!entry->name[0] || (!all && !runtime_node(e, RUNTIME_ALL, from).calls))
			continue;
		for (uint32_t to = 0; to < n_nodes; to++) {
			uint64_t n = e->graph.entry[to].name[0] ? runtime_edge(e, from, to) : 0;

			if (n || (all && may_send(entry, to)))
				json_array_append_new(edges, edge_json(e, from, to, n));
		}
	}
	return edges;
}

static int show_graph(struct command_call *call)
{
	const struct engine *e = call->context;
	bool all = command_arg_flag(call, "all");
	json_t *nodes = json_array();

	add_nodes(nodes, e, RUNTIME_ALL, all, false);
	return command_reply(call, json_pack("{s:f, s:o, s:o}", "seconds", runtime_seconds(e),
					     "nodes", nodes, "edges", edges_json(e, all)));
}

static void render_graph(struct text *out, const json_t *result)
{
	static const struct table_column columns[] = {
		{ "from", "from", TABLE_TEXT },
		{ "to", "to", TABLE_TEXT },
		{ "packets", "packets", TABLE_NUMBER },
		{ "packets_per_s", "packets/s", TABLE_NUMBER },
	};

	table_render(out, json_object_get(result, "edges"), columns, count_of(columns));
}

/* --- clear runtime --- */

static int clear_runtime(struct command_call *call)
{
	int err = runtime_clear(call->context);

	if (err < 0)
		return command_fail(call, err, "cannot clear: %s", err_text(err));
	return command_reply(call, json_object());
}

static void render_cleared(struct text *out, const json_t *result unused_arg)
{
	text_add(out, "counters of nodes, edges and turns begin at zero\n");
}

static const struct command commands[] = {
	{ .name = "show runtime",
	  .help = "work of each worker and graph node since it was cleared",
	  .args = { { "all", COMMAND_FLAG, "nodes that have not run as well" },
		    { "each", COMMAND_FLAG, "nodes of each worker by itself" },
		    { "worker", COMMAND_NUMBER, "only this worker", .max = WORKERS_MAX } },
	  .run = show_runtime,
	  .render = render_runtime },
	{ .name = "show turns",
	  .help = "how long the turns of the workers took",
	  .run = show_turns,
	  .render = render_turns },
	{ .name = "show graph",
	  .help = "what went from node to node; drawn by: convoy graph",
	  .args = { { "all", COMMAND_FLAG, "what has not been used as well" } },
	  .run = show_graph,
	  .render = render_graph },
	{ .name = "clear runtime",
	  .help = "count nodes, edges and turns anew",
	  .run = clear_runtime,
	  .render = render_cleared },
};

int runtime_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

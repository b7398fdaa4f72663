/*
 * engine_cli.c - `show runtime`, `show errors`, `show buffers`: sums over the workers' counters,
 * read while they run. Each counter is exact; counters of one moment may be a turn apart.
 */
#include "engine/engine_cli.h"

#include "control/command.h"
#include "control/table.h"
#include "engine/engine.h"

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static uint32_t n_nodes(const struct engine *e)
{
	return __atomic_load_n(&e->graph.n_nodes, __ATOMIC_ACQUIRE);
}

/* --- show runtime --- */

struct node_sum {
	uint64_t calls, vectors, cycles;
};

static struct node_sum sum_node(const struct engine *e, uint32_t id)
{
	struct node_sum sum = { 0 };

	for (uint32_t i = 0; i < e->n_workers; i++) {
		const struct node *node = &e->worker[i]->graph.node[id];

		sum.calls += load(&node->n_calls);
		sum.vectors += load(&node->n_vectors);
		sum.cycles += load(&node->n_cycles);
	}
	return sum;
}

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

static json_t *workers_json(const struct engine *e)
{
	json_t *workers = json_array();

	for (uint32_t i = 0; i < e->n_workers; i++) {
		const struct worker *w = e->worker[i];

		json_array_append_new(workers,
				      json_pack("{s:i, s:I, s:I, s:I}", "worker", (int)i, "turns",
						(json_int_t)load(&w->n_turns), "busy_turns",
						(json_int_t)load(&w->n_busy_turns), "sleeps",
						(json_int_t)load(&w->n_sleeps)));
	}
	return workers;
}

static int show_runtime(struct command_call *call)
{
	const struct engine *e = call->context;
	bool all = command_arg_flag(call, "all");
	json_t *nodes = json_array();

	for (uint32_t id = 0; id < n_nodes(e); id++) {
		struct node_sum sum = sum_node(e, id);

		if (sum.calls == 0 && !all)
			continue;
		json_array_append_new(nodes, json_pack("{s:s, s:I, s:I, s:f, s:I, s:f}", "node",
						       e->graph.entry[id].name, "calls",
						       (json_int_t)sum.calls, "vectors",
						       (json_int_t)sum.vectors, "vectors_per_call",
						       ratio(sum.vectors, sum.calls), "clocks",
						       (json_int_t)sum.cycles, "clocks_per_vector",
						       ratio(sum.cycles, sum.vectors)));
	}
	return command_reply(call,
			     json_pack("{s:o, s:o}", "workers", workers_json(e), "nodes", nodes));
}

static void render_runtime(struct text *out, const json_t *result)
{
	static const struct table_column workers[] = {
		{ "worker", "worker", TABLE_NUMBER },
		{ "turns", "turns", TABLE_NUMBER },
		{ "busy_turns", "busy", TABLE_NUMBER },
		{ "sleeps", "sleeps", TABLE_NUMBER },
	};
	static const struct table_column nodes[] = {
		{ "node", "node", TABLE_TEXT },
		{ "calls", "calls", TABLE_NUMBER },
		{ "vectors", "packets", TABLE_NUMBER },
		{ "vectors_per_call", "packets/call", TABLE_NUMBER },
		{ "clocks_per_vector", "clocks/packet", TABLE_NUMBER },
	};

	table_render(out, json_object_get(result, "workers"), workers, count_of(workers));
	text_add(out, "\n");
	table_render(out, json_object_get(result, "nodes"), nodes, count_of(nodes));
}

/* --- show errors --- */

static void add_reason(json_t *list, const struct engine *e, uint32_t id, unsigned reason, bool all)
{
	const struct node_type *type = e->graph.entry[id].type;
	bool named = reason < type->n_reasons;
	uint64_t n = 0;

	for (uint32_t i = 0; i < e->n_workers; i++) {
		const uint64_t *reasons = e->worker[i]->graph.node[id].reasons;

		n += reasons ? load(&reasons[reason]) : 0; /* none once an instance was removed */
	}
	if (n == 0 && !(all && named))
		return;
	json_array_append_new(
		list,
		json_pack("{s:s, s:s, s:I, s:s}", "node", e->graph.entry[id].name, "reason",
			  named ? type->reasons[reason].name : "unnamed", "count", (json_int_t)n,
			  "text", named ? type->reasons[reason].text : "dropped without a reason"));
}

static int show_errors(struct command_call *call)
{
	const struct engine *e = call->context;
	bool all = command_arg_flag(call, "all");
	json_t *list = json_array();

	for (uint32_t id = 0; id < n_nodes(e); id++)
		for (unsigned reason = 0; reason <= e->graph.entry[id].type->n_reasons; reason++)
			add_reason(list, e, id, reason, all);
	return command_reply(call, list);
}

static void render_errors(struct text *out, const json_t *result)
{
	static const struct table_column columns[] = {
		{ "count", "count", TABLE_NUMBER },
		{ "node", "node", TABLE_TEXT },
		{ "reason", "reason", TABLE_TEXT },
		{ "text", "meaning", TABLE_TEXT },
	};

	table_render(out, result, columns, count_of(columns));
}

/* --- show buffers --- */

static int show_buffers(struct command_call *call)
{
	const struct engine *e = call->context;
	uint64_t taken = 0, given = 0, failed = 0;

	for (uint32_t i = 0; i < e->n_workers; i++) {
		const struct buf_cache *cache = &e->worker[i]->bufs;

		taken += load(&cache->n_taken);
		given += load(&cache->n_given);
		failed += load(&cache->n_failed);
	}
	return command_reply(call,
			     json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I}", "buffers",
				       (json_int_t)e->bufs.n_buffers, "in_use",
				       (json_int_t)(taken > given ? taken - given : 0),
				       "bytes_each", (json_int_t)sizeof(struct buf), "pool_bytes",
				       (json_int_t)e->bufs.map_bytes, "huge_pages", e->bufs.huge,
				       "allocated", (json_int_t)taken, "freed", (json_int_t)given,
				       "asked_in_vain", (json_int_t)failed));
}

static void render_buffers(struct text *out, const json_t *b)
{
	text_add(out, "%lld buffers of %lld bytes in ",
		 (long long)json_integer_value(json_object_get(b, "buffers")),
		 (long long)json_integer_value(json_object_get(b, "bytes_each")));
	text_add_bytes(out,
		       (unsigned long long)json_integer_value(json_object_get(b, "pool_bytes")));
	text_add(out, " of %s pages\n%lld in use, %lld allocated so far, %lld asked for in vain\n",
		 json_is_true(json_object_get(b, "huge_pages")) ? "huge" : "ordinary",
		 (long long)json_integer_value(json_object_get(b, "in_use")),
		 (long long)json_integer_value(json_object_get(b, "allocated")),
		 (long long)json_integer_value(json_object_get(b, "asked_in_vain")));
}

static const struct command commands[] = {
	{ .name = "show runtime",
	  .help = "work of each worker and each graph node",
	  .args = { { "all", COMMAND_FLAG, "nodes that have not run as well" } },
	  .run = show_runtime,
	  .render = render_runtime },
	{ .name = "show errors",
	  .help = "dropped packets and other counted events, by reason",
	  .args = { { "all", COMMAND_FLAG, "reasons that have not occurred as well" } },
	  .run = show_errors,
	  .render = render_errors },
	{ .name = "show buffers",
	  .help = "packet buffers: how many, in use, asked for in vain",
	  .run = show_buffers,
	  .render = render_buffers },
};

int engine_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

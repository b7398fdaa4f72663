/*
 * engine_cli.c - `show errors`, `clear errors`, `show buffers`: sums over the workers' counters,
 * read while they run. Each counter is exact; counters of one moment may be a turn apart.
 */
#include "engine/engine_cli.h"

#include "control/command.h"
#include "control/table.h"
#include "engine/engine.h"
#include "engine/runtime.h"

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* --- show errors --- */

static void add_reason(json_t *list, const struct engine *e, uint32_t id, unsigned reason, bool all)
{
	const struct node_type *type = e->graph.entry[id].type;
	bool named = reason < type->n_reasons;
	uint64_t n = runtime_reason(e, id, reason);

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

	for (uint32_t id = 0; id < runtime_n_nodes(e); id++)
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

static int clear_errors(struct command_call *call)
{
	int err = runtime_clear_reasons(call->context);

	if (err < 0)
		return command_fail(call, err, "cannot clear: %s", err_text(err));
	return command_reply(call, json_object());
}

static void render_errors_cleared(struct text *out, const json_t *result unused_arg)
{
	text_add(out, "counters of drops and events begin at zero\n");
}

/* --- show buffers --- */

static int show_buffers(struct command_call *call)
{
	const struct engine *e = call->context;
	uint64_t taken = 0, given = 0, failed = 0;
	int64_t in_use = (int64_t)e->bufs.n_buffers - buf_pool_free_count(&e->bufs);

	for (uint32_t i = 0; i < e->n_workers; i++) {
		const struct buf_cache *cache = &e->worker[i]->bufs;

		taken += load(&cache->n_taken);
		given += load(&cache->n_given);
		failed += load(&cache->n_failed);
		in_use -= __atomic_load_n(&cache->n, __ATOMIC_RELAXED);
	}
	return command_reply(
		call, json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I}", "buffers",
				(json_int_t)e->bufs.n_buffers, "in_use",
				(json_int_t)(in_use > 0 ? in_use : 0), "bytes_each",
				(json_int_t)BUF_STRIDE, "pool_bytes", (json_int_t)e->bufs.map_bytes,
				"huge_pages", e->bufs.huge, "allocated", (json_int_t)taken, "freed",
				(json_int_t)given, "asked_in_vain", (json_int_t)failed));
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
	{ .name = "show errors",
	  .help = "dropped packets and other counted events, by reason",
	  .args = { { "all", COMMAND_FLAG, "reasons that have not occurred as well" } },
	  .run = show_errors,
	  .render = render_errors },
	{ .name = "clear errors",
	  .help = "count drops and other events anew",
	  .run = clear_errors,
	  .render = render_errors_cleared },
	{ .name = "show buffers",
	  .help = "packet buffers: how many, in use, asked for in vain",
	  .run = show_buffers,
	  .render = render_buffers },
};

int engine_cli_register(struct command_table *table, struct engine *e)
{
	int err = command_table_add(table, commands, count_of(commands), e);

	return err < 0 ? err : runtime_cli_register(table, e);
}

/* generator_cli.c - `generator start`, `generator stop`, `show generators`. */
#include "control/command.h"
#include "control/table.h"
#include "drivers/generator/generator_private.h"

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static json_t *stream_json(const struct generator *g, uint32_t index)
{
	const struct stream_config *c = &g->config[index];
	uint64_t n_made = 0, n_bytes = 0;

	for (uint32_t q = 0; q < g->n_queues; q++) {
		n_made += load(&g->queue[q].stream[index].n_made);
		n_bytes += load(&g->queue[q].stream[index].n_bytes);
	}
	return json_pack("{s:s, s:i, s:s, s:I, s:I, s:I, s:I}", "interface", g->interface->name,
			 "stream", (int)index + 1, "name", c->name, "packets", (json_int_t)n_made,
			 "bytes", (json_int_t)n_bytes, "rate_pps", (json_int_t)c->rate_pps, "count",
			 (json_int_t)c->count);
}

static const char *state_of(const struct generator *g)
{
	bool over = true;

	if (!g->running)
		return "stopped";
	if (!g->interface->up)
		return "down";
	for (uint32_t q = 0; q < g->n_queues; q++)
		over = over && __atomic_load_n(&g->queue[q].over, __ATOMIC_ACQUIRE) == g->n_starts;
	return over ? "over" : "running";
}

static json_t *generator_json(const struct generator *g)
{
	json_t *streams = json_array();

	for (uint32_t i = 0; i < g->n_streams; i++)
		json_array_append_new(streams, stream_json(g, i));
	return json_pack("{s:s, s:s, s:i, s:o}", "interface", g->interface->name, "state",
			 state_of(g), "queues", (int)g->n_queues, "streams", streams);
}

static int show_generators(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *list = json_array();

	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		const struct interface *i = interface_get_or_null(e, index);
		const struct generator *g = i ? generator_of_or_null(i) : NULL;

		if (g)
			json_array_append_new(list, generator_json(g));
	}
	return command_reply(call, list);
}

static void render_generators(struct text *out, const json_t *result)
{
	static const struct table_column generators[] = {
		{ "interface", "generator", TABLE_TEXT },
		{ "state", "state", TABLE_TEXT },
		{ "queues", "queues", TABLE_NUMBER },
	};
	static const struct table_column streams[] = {
		{ "interface", "generator", TABLE_TEXT }, { "stream", "stream", TABLE_NUMBER },
		{ "name", "name", TABLE_TEXT },		  { "rate_pps", "packets/s", TABLE_NUMBER },
		{ "count", "of", TABLE_NUMBER },	  { "packets", "made", TABLE_NUMBER },
		{ "bytes", "bytes", TABLE_BYTES },
	};
	json_t *rows = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(result, i, one) json_array_extend(rows, json_object_get(one, "streams"));
	table_render(out, result, generators, count_of(generators));
	if (json_array_size(rows) > 0) {
		text_add(out, "\n");
		table_render(out, rows, streams, count_of(streams));
	}
	json_decref(rows);
}

static int change(struct command_call *call, int (*act)(struct interface *i))
{
	const char *name = command_arg_text(call, "interface");
	struct interface *i = interface_by_name_or_null(call->context, name);
	int err;

	if (!i || !generator_of_or_null(i))
		return command_fail(call, ERR_NOENT,
				    "no generator \"%.40s\"; `convoy show generators` lists them",
				    name);
	err = act(i);
	if (err < 0)
		return command_fail(call, err, "%s", err_text(err));
	return command_reply(call, generator_json(generator_of_or_null(i)));
}

static int start(struct command_call *call)
{
	return change(call, generator_start);
}

static int stop(struct command_call *call)
{
	return change(call, generator_stop);
}

static void render_changed(struct text *out, const json_t *result)
{
	text_add(out, "%s is %s\n", json_string_value(json_object_get(result, "interface")),
		 json_string_value(json_object_get(result, "state")));
}

static const struct command commands[] = {
	{ .name = "show generators",
	  .help = "packet generators: their streams, what they have made",
	  .run = show_generators,
	  .render = render_generators },
	{ .name = "generator start",
	  .help = "begin every stream of a generator from its first packet",
	  .args = { { "interface", COMMAND_TEXT, "name of the generator", .required = true,
		      .positional = true } },
	  .run = start,
	  .render = render_changed },
	{ .name = "generator stop",
	  .help = "have a generator make no more packets",
	  .args = { { "interface", COMMAND_TEXT, "name of the generator", .required = true,
		      .positional = true } },
	  .run = stop,
	  .render = render_changed },
};

int generator_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

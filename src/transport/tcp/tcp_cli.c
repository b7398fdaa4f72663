/*
 * tcp_cli.c - `show tcp`: what the workers have counted, in the order in which somebody asks who
 * wonders why TCP is slow or refuses. The same numbers as in `show errors`, where drops stand too.
 */
#include "transport/tcp/tcp_cli.h"

#include "control/command.h"
#include "control/table.h"
#include "engine/runtime.h"
#include "transport/tcp/icmp.h"
#include "transport/tcp/worker.h"

enum side { IN, OUT, ERROR, N_SIDES };

static const struct {
	const char *group;
	enum side side;
	unsigned reason;
} counters[] = {
	{ "connections", IN, TCP_IN_ACCEPTED },
	{ "connections", IN, TCP_IN_CONNECTED },
	{ "connections", IN, TCP_IN_RESET },
	{ "connections", OUT, TCP_OUT_RESET },
	{ "connections", OUT, TCP_OUT_GIVEN_UP },
	{ "listening", IN, TCP_IN_SYN },
	{ "listening", IN, TCP_IN_NO_LISTENER },
	{ "listening", IN, TCP_IN_BACKLOG_FULL },
	{ "listening", IN, TCP_IN_HALF_OPEN_EVICTED },
	{ "listening", OUT, TCP_OUT_COOKIE },
	{ "listening", IN, TCP_IN_COOKIE },
	{ "listening", IN, TCP_IN_COOKIE_BAD },
	{ "listening", OUT, TCP_OUT_SYN_RETRANSMIT },
	{ "segments", IN, TCP_IN_SEGMENTS },
	{ "segments", IN, TCP_IN_FAST_PATH },
	{ "segments", OUT, TCP_OUT_SEGMENTS },
	{ "segments", OUT, TCP_OUT_STALLED },
	{ "segments", OUT, TCP_OUT_NO_BUFFER },
	{ "sent again", OUT, TCP_OUT_RETRANSMIT },
	{ "sent again", OUT, TCP_OUT_RETRANSMIT_TIMEOUT },
	{ "sent again", OUT, TCP_OUT_TIMEOUT },
	{ "sent again", OUT, TCP_OUT_TAIL_PROBE },
	{ "sent again", OUT, TCP_OUT_PROBE },
	{ "sent again", OUT, TCP_OUT_KEEPALIVE },
	{ "losses", IN, TCP_IN_RECOVERY },
	{ "losses", IN, TCP_IN_TAIL_LOST },
	{ "losses", IN, TCP_IN_UNDONE },
	{ "losses", IN, TCP_IN_DUP_ACK },
	{ "losses", IN, TCP_IN_DSACK },
	{ "received", IN, TCP_IN_OUT_OF_ORDER },
	{ "received", IN, TCP_IN_DUPLICATE },
	{ "received", IN, TCP_IN_NO_ROOM },
	{ "received", IN, TCP_IN_AFTER_CLOSE },
	{ "checks", IN, TCP_IN_CHECKSUM },
	{ "checks", IN, TCP_IN_OUT_OF_WINDOW },
	{ "checks", IN, TCP_IN_PAWS },
	{ "checks", IN, TCP_IN_CHALLENGED },
	{ "checks", OUT, TCP_OUT_CHALLENGE },
	{ "checks", OUT, TCP_OUT_CHALLENGE_LIMITED },
	{ "path", ERROR, TCP_ERROR_TOO_BIG },
	{ "path", OUT, TCP_OUT_BLACK_HOLE },
	{ "path", ERROR, TCP_ERROR_REFUSED },
	{ "path", ERROR, TCP_ERROR_REMEMBERED },
	{ "path", ERROR, TCP_ERROR_SEQUENCE },
};

static const struct node_type *type_of(enum side side)
{
	static const struct node_type *const types[] = {
		[IN] = &tcp4_input_node, [OUT] = &tcp4_output_node, [ERROR] = &tcp4_error_node
	};

	return types[side];
}

static json_t *counters_json(const struct engine *e, bool all)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < count_of(counters); i++) {
		const struct node_type *type = type_of(counters[i].side);
		const struct reason *reason = &type->reasons[counters[i].reason];
		uint64_t n =
			runtime_reason(e, graph_node_id(&e->graph, type->name), counters[i].reason);

		if (n || all)
			json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:I, s:s}", "group",
							      counters[i].group, "node", type->name,
							      "name", reason->name, "count",
							      (json_int_t)n, "text", reason->text));
	}
	return rows;
}

static json_int_t load(const uint32_t *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

static int show_tcp(struct command_call *call)
{
	const struct engine *e = call->context;
	json_int_t n_conns = 0, n_half_open = 0, n_time_wait = 0;

	for (uint32_t i = 0; i < e->n_workers; i++) {
		const struct tcp_worker *tw = tcp_worker_of(e->worker[i]);

		n_conns += load(&tw->conns.n_used);
		n_half_open += load(&tw->half_opens.n_used);
		n_time_wait += load(&tw->time_waits.pool.n_used);
	}
	return command_reply(call,
			     json_pack("{s:I, s:I, s:I, s:o}", "connections", n_conns, "half_open",
				       n_half_open, "time_wait", n_time_wait, "counters",
				       counters_json(e, command_arg_flag(call, "all"))));
}

static void render_tcp(struct text *out, const json_t *result)
{
	static const struct table_column columns[] = {
		{ "group", "group", TABLE_TEXT },
		{ "count", "count", TABLE_NUMBER },
		{ "name", "counter", TABLE_TEXT },
		{ "text", "meaning", TABLE_TEXT },
	};

	text_add(out, "%lld connections, %lld half-open, %lld in TIME-WAIT\n\n",
		 (long long)json_integer_value(json_object_get(result, "connections")),
		 (long long)json_integer_value(json_object_get(result, "half_open")),
		 (long long)json_integer_value(json_object_get(result, "time_wait")));
	table_render(out, json_object_get(result, "counters"), columns, count_of(columns));
}

static const struct command commands[] = {
	{ .name = "show tcp",
	  .help = "TCP's counters: segments, retransmissions, losses",
	  .args = { { .name = "all",
		      .kind = COMMAND_FLAG,
		      .help = "counters that are zero, too" } },
	  .run = show_tcp,
	  .render = render_tcp },
};

int tcp_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

/*
 * traceroute_cli.c - `traceroute`: which routers are on the way, by echo requests that live for one
 * hop more each time.
 *
 *   ttl 1 ─> three requests ─> all answered, or the wait is over ─> a line ─> ttl 2 ─> …
 */
#include <stdlib.h>

#include "base/err.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/cli/probe_args.h"

enum { TRIES = 3, DEFAULT_HOPS = 30, DEFAULT_WAIT_MS = 2000, DEFAULT_SIZE = 32 };

struct trace_try {
	bool answered;
	struct probe_answer answer;
	uint64_t sent_ns;
};

struct trace {
	struct command_call *call;
	struct engine *engine;
	struct probe *probe;
	struct timer timer;
	bool is_ip4;
	bool reached, refused;
	uint8_t ttl, max_ttl; /* of the round under way */
	uint32_t size;
	uint64_t wait_ns;
	struct trace_try tries[TRIES];
};

static void free_trace(struct trace *t)
{
	timer_cancel(probe_wheel(t->engine), &t->timer);
	probe_close(t->probe);
	free(t);
}

static void finish(struct command_call *call)
{
	struct trace *t = call->state;
	int err = command_reply(
		call, json_pack("{s:b, s:i}", "reached", t->reached, "hops", (int)t->ttl));

	free_trace(t);
	command_finish(call, err);
}

static void on_cancel(struct command_call *call)
{
	free_trace(call->state);
}

static json_t *try_json(const struct trace *t, const struct trace_try *one)
{
	json_t *item;

	if (!one->answered)
		return json_null();
	item = json_pack("{s:o, s:o}", "from", ip_addr_json(&one->answer.from), "ms",
			 probe_ms_json(one->answer.received_ns > one->sent_ns
					       ? one->answer.received_ns - one->sent_ns
					       : 0));
	if (one->answer.kind != PROBE_REPLY && one->answer.kind != PROBE_EXPIRED)
		json_object_set_new(item, "error",
				    json_string(probe_describe(&one->answer, t->is_ip4)));
	return item;
}

static void report(struct trace *t)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < TRIES; i++)
		json_array_append_new(list, try_json(t, &t->tries[i]));
	(void)command_item(t->call, json_pack("{s:i, s:o}", "hop", (int)t->ttl, "answers", list));
}

static void begin_round(struct trace *t)
{
	uint64_t now = clock_now_ns(t->engine->clock);

	for (unsigned i = 0; i < TRIES; i++) {
		t->tries[i] = (struct trace_try){ .sent_ns = now };
		if (probe_send(t->probe, (uint16_t)(t->ttl * TRIES + i), t->ttl, t->size) != 0)
			break; /* without memory: waited for in vain */
	}
	timer_set(probe_wheel(t->engine), &t->timer, now + t->wait_ns);
}

static void end_round(struct trace *t)
{
	report(t);
	if (t->reached || t->refused || t->ttl == t->max_ttl) {
		finish(t->call);
		return;
	}
	t->ttl++;
	begin_round(t);
}

static void on_timer(struct timer *timer, uint64_t now_ns unused_arg)
{
	end_round(container_of(timer, struct trace, timer));
}

static void on_answer(void *context, const struct probe_answer *a)
{
	struct trace *t = context;
	unsigned i = (unsigned)a->seq - t->ttl * TRIES; /* of an earlier round: far too large */

	if (i >= TRIES || t->tries[i].answered)
		return;
	t->tries[i].answered = true;
	t->tries[i].answer = *a;
	t->reached |= a->kind == PROBE_REPLY;
	t->refused |= a->kind != PROBE_REPLY && a->kind != PROBE_EXPIRED;
	for (i = 0; i < TRIES; i++)
		if (!t->tries[i].answered)
			return;
	end_round(t);
}

static int run_traceroute(struct command_call *call)
{
	struct probe_options options;
	struct trace *t;
	int err = probe_take_options(call, &options);

	if (err != 0)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	*t = (struct trace){
		.call = call,
		.engine = call->context,
		.is_ip4 = ip6_is_mapped(&options.dst),
		.ttl = (uint8_t)command_arg_number(call, "first", 1),
		.max_ttl = (uint8_t)command_arg_number(call, "hops", DEFAULT_HOPS),
		.size = (uint32_t)command_arg_number(call, "size", DEFAULT_SIZE),
		.wait_ns = (uint64_t)command_arg_number(call, "wait", DEFAULT_WAIT_MS) * NS_PER_MS,
	};
	if (t->ttl > t->max_ttl) {
		free(t);
		return command_fail(call, ERR_INVAL, "--first is beyond --hops");
	}
	timer_init(&t->timer, on_timer);
	err = probe_open(t->engine, &options, on_answer, t, &t->probe);
	if (err != 0) {
		free(t);
		return probe_fail_open(call, err);
	}
	call->state = t;
	call->on_cancel = on_cancel;
	call->on_stop = finish;
	begin_round(t);
	return COMMAND_PENDING;
}

static void render_try(struct text *out, const json_t *one, const char **last)
{
	const char *from = json_string_value(json_object_get(one, "from"));
	const char *error = json_string_value(json_object_get(one, "error"));

	if (!from) {
		text_add(out, "  *");
		return;
	}
	if (!*last || strcmp(*last, from) != 0)
		text_add(out, "  %s", from);
	*last = from;
	text_add(out, "  %.3f ms", json_real_value(json_object_get(one, "ms")));
	if (error)
		text_add(out, " (%s)", error);
}

static void render_item(struct text *out, const json_t *item)
{
	const char *last = NULL;
	const json_t *one;
	size_t i;

	text_add(out, "%2lld", (long long)json_integer_value(json_object_get(item, "hop")));
	json_array_foreach(json_object_get(item, "answers"), i, one) render_try(out, one, &last);
	text_add(out, "\n");
}

static void render(struct text *out, const json_t *r)
{
	if (!json_is_true(json_object_get(r, "reached")))
		text_add(out, "not reached within %lld hops\n",
			 (long long)json_integer_value(json_object_get(r, "hops")));
}

static const struct command commands[] = {
	{ .name = "traceroute",
	  .help = "show the routers on the way to a host",
	  .args = { PROBE_ADDRESS_ARG,
		    { "first", COMMAND_NUMBER, "hop to begin with; 1 if not given", .min = 1,
		      .max = 255 },
		    { "hops", COMMAND_NUMBER, "hops to look at, at most; 30 if not given", .min = 1,
		      .max = 255 },
		    { "wait", COMMAND_NUMBER, "milliseconds for an answer; 2000 if not given",
		      .min = 100, .max = 60000 },
		    { "size", COMMAND_NUMBER, "bytes of payload; 32 if not given", .min = 0,
		      .max = PROBE_SIZE_MAX },
		    PROBE_INTERFACE_ARG,
		    PROBE_VRF_ARG,
		    PROBE_SOURCE_ARG },
	  .run = run_traceroute,
	  .render = render,
	  .render_item = render_item },
};

int traceroute_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

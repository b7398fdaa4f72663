/*
 * ping_cli.c - `ping`: echo requests at an interval, each answer as it comes, figures at the end.
 *
 * An answer that comes after the wait for it still counts. The interval is a multiple of main's
 * tick, 100 ms.
 */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/cli/probe_args.h"

enum { DEFAULT_SIZE = 56, DEFAULT_INTERVAL_MS = 1000, DEFAULT_WAIT_MS = 2000, SEQ_WINDOW = 256 };

struct ping {
	struct command_call *call;
	struct engine *engine;
	struct probe *probe;
	struct timer timer;
	bool is_ip4;
	uint8_t ttl;
	uint32_t size;
	uint64_t n_wanted; /* 0: until stopped */
	uint64_t interval_ns, wait_ns;
	uint64_t n_sent, n_received, n_errors, n_duplicates;
	uint64_t min_ns, max_ns;
	double sum_ms, squares_ms;
	uint64_t sent_ns[SEQ_WINDOW]; /* 0: answered */
};

static void free_ping(struct ping *p)
{
	timer_cancel(probe_wheel(p->engine), &p->timer);
	probe_close(p->probe);
	free(p);
}

static json_t *times_json(const struct ping *p)
{
	double n = (double)p->n_received, mean = p->sum_ms / n;
	double variance = p->squares_ms / n - mean * mean;

	return json_pack("{s:o, s:f, s:o, s:f}", "min", probe_ms_json(p->min_ns), "mean", mean,
			 "max", probe_ms_json(p->max_ns), "deviation",
			 variance > 0 ? sqrt(variance) : 0);
}

static json_t *result_json(const struct ping *p)
{
	uint64_t lost = p->n_sent > p->n_received ? p->n_sent - p->n_received : 0;

	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:f, s:o}", "address",
			 json_incref(json_object_get(p->call->params, "address")), "source",
			 ip_addr_json(probe_source(p->probe)), "sent", (json_int_t)p->n_sent,
			 "received", (json_int_t)p->n_received, "errors", (json_int_t)p->n_errors,
			 "duplicates", (json_int_t)p->n_duplicates, "loss_percent",
			 p->n_sent ? 100.0 * (double)lost / (double)p->n_sent : 0.0, "ms",
			 p->n_received ? times_json(p) : json_null());
}

/* Also when it is stopped. */
static void finish(struct command_call *call)
{
	struct ping *p = call->state;
	int err = command_reply(call, result_json(p));

	if (err == 0 && p->n_received == 0)
		err = command_fail(call, ERR_TIMEOUT, "no answer: %llu sent, %llu errors",
				   (unsigned long long)p->n_sent, (unsigned long long)p->n_errors);
	free_ping(p);
	command_finish(call, err);
}

static void on_cancel(struct command_call *call)
{
	free_ping(call->state);
}

static void count_reply(struct ping *p, uint64_t rtt_ns)
{
	double ms = (double)rtt_ns / (double)NS_PER_MS;

	p->min_ns = p->n_received == 0 || rtt_ns < p->min_ns ? rtt_ns : p->min_ns;
	p->max_ns = rtt_ns > p->max_ns ? rtt_ns : p->max_ns;
	p->sum_ms += ms;
	p->squares_ms += ms * ms;
	p->n_received++;
}

/* False if the request was answered before, or is too long ago. */
static bool take_sent(struct ping *p, uint16_t seq, uint64_t *sent_ns)
{
	uint64_t *at = &p->sent_ns[seq % SEQ_WINDOW];

	if ((uint16_t)(p->n_sent - seq) > SEQ_WINDOW || *at == 0)
		return false;
	*sent_ns = *at;
	*at = 0;
	return true;
}

static void on_answer(void *context, const struct probe_answer *a)
{
	struct ping *p = context;
	uint64_t sent_ns, rtt_ns;
	bool is_first = take_sent(p, a->seq, &sent_ns);
	json_t *item = json_pack("{s:i, s:o, s:i, s:s}", "seq", (int)a->seq, "from",
				 ip_addr_json(&a->from), "ttl", (int)a->ttl, "answer",
				 probe_describe(a, p->is_ip4));

	if (a->kind == PROBE_REPLY && is_first) {
		/* The stamp is nearer to the wire than when main asked; unless it was changed. */
		if (a->sent_ns >= sent_ns && a->sent_ns <= a->received_ns)
			sent_ns = a->sent_ns;
		rtt_ns = a->received_ns > sent_ns ? a->received_ns - sent_ns : 0;
		count_reply(p, rtt_ns);
		json_object_set_new(item, "bytes", json_integer(a->len));
		json_object_set_new(item, "ms", probe_ms_json(rtt_ns));
	} else if (a->kind == PROBE_REPLY) {
		p->n_duplicates++;
		json_object_set_new(item, "duplicate", json_true());
	} else {
		p->n_errors++;
		if (a->kind == PROBE_TOO_BIG)
			json_object_set_new(item, "mtu_bytes", json_integer(a->mtu_bytes));
	}
	(void)command_item(p->call, item); /* a client that reads too slowly misses lines only */
	if (p->n_wanted && p->n_sent == p->n_wanted && p->n_received + p->n_errors >= p->n_wanted)
		finish(p->call);
}

static void on_timer(struct timer *t, uint64_t now_ns)
{
	struct ping *p = container_of(t, struct ping, timer);

	if (p->n_wanted && p->n_sent == p->n_wanted) {
		finish(p->call); /* the last one was waited for */
		return;
	}
	p->sent_ns[p->n_sent % SEQ_WINDOW] = clock_now_ns(p->engine->clock);
	if (probe_send(p->probe, (uint16_t)p->n_sent, p->ttl, p->size) == 0)
		p->n_sent++;
	timer_set(probe_wheel(p->engine), t,
		  now_ns + (p->n_sent == p->n_wanted ? p->wait_ns : p->interval_ns));
}

static int run_ping(struct command_call *call)
{
	struct probe_options options;
	struct ping *p;
	int err = probe_take_options(call, &options);

	if (err != 0)
		return err;
	options.dont_fragment = command_arg_flag(call, "dont-fragment");
	p = calloc(1, sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	*p = (struct ping){
		.call = call,
		.engine = call->context,
		.is_ip4 = ip6_is_mapped(&options.dst),
		.ttl = (uint8_t)command_arg_number(call, "ttl", 0),
		.size = (uint32_t)command_arg_number(call, "size", DEFAULT_SIZE),
		.n_wanted = (uint64_t)command_arg_number(call, "count", 0),
		.interval_ns = (uint64_t)command_arg_number(call, "interval", DEFAULT_INTERVAL_MS) *
			       NS_PER_MS,
		.wait_ns = (uint64_t)command_arg_number(call, "wait", DEFAULT_WAIT_MS) * NS_PER_MS,
	};
	timer_init(&p->timer, on_timer);
	err = probe_open(p->engine, &options, on_answer, p, &p->probe);
	if (err != 0) {
		free(p);
		return probe_fail_open(call, err);
	}
	call->state = p;
	call->on_cancel = on_cancel;
	call->on_stop = finish;
	timer_set(probe_wheel(p->engine), &p->timer, clock_now_ns(p->engine->clock));
	return COMMAND_PENDING;
}

static void render_item(struct text *out, const json_t *item)
{
	const json_t *ms = json_object_get(item, "ms"), *mtu = json_object_get(item, "mtu_bytes");

	text_add(out, "%s from %s: seq %lld ttl %lld",
		 json_string_value(json_object_get(item, "answer")),
		 json_string_value(json_object_get(item, "from")),
		 (long long)json_integer_value(json_object_get(item, "seq")),
		 (long long)json_integer_value(json_object_get(item, "ttl")));
	if (ms)
		text_add(out, " %lld bytes %.3f ms",
			 (long long)json_integer_value(json_object_get(item, "bytes")),
			 json_real_value(ms));
	if (mtu)
		text_add(out, " mtu %lld", (long long)json_integer_value(mtu));
	text_add(out, json_object_get(item, "duplicate") ? " (again)\n" : "\n");
}

static void render(struct text *out, const json_t *r)
{
	const json_t *ms = json_object_get(r, "ms");

	text_add(out, "%lld sent, %lld received, %.0f%% lost, %lld errors\n",
		 (long long)json_integer_value(json_object_get(r, "sent")),
		 (long long)json_integer_value(json_object_get(r, "received")),
		 json_real_value(json_object_get(r, "loss_percent")),
		 (long long)json_integer_value(json_object_get(r, "errors")));
	if (json_is_object(ms))
		text_add(out, "round trip: min %.3f, mean %.3f, max %.3f, deviation %.3f ms\n",
			 json_real_value(json_object_get(ms, "min")),
			 json_real_value(json_object_get(ms, "mean")),
			 json_real_value(json_object_get(ms, "max")),
			 json_real_value(json_object_get(ms, "deviation")));
}

static const struct command commands[] = {
	{ .name = "ping",
	  .help = "ask a host for echoes until Ctrl-C",
	  .args = { PROBE_ADDRESS_ARG,
		    { "count", COMMAND_NUMBER, "so many, then stop", .min = 1, .max = 1000000 },
		    { "interval", COMMAND_NUMBER, "milliseconds between them; 1000 if not given",
		      .min = 100, .max = 3600000 },
		    { "wait", COMMAND_NUMBER, "milliseconds for the last one; 2000 if not given",
		      .min = 100, .max = 60000 },
		    { "size", COMMAND_NUMBER, "bytes of payload; 56 if not given", .min = 0,
		      .max = PROBE_SIZE_MAX },
		    { "ttl", COMMAND_NUMBER,
		      "time to live or hop limit; if not given 64, or what routers advertise",
		      .min = 1, .max = 255 },
		    { "dont-fragment", COMMAND_FLAG, "IPv4: nobody may cut them on the way" },
		    PROBE_INTERFACE_ARG,
		    PROBE_VRF_ARG,
		    PROBE_SOURCE_ARG },
	  .run = run_ping,
	  .render = render,
	  .render_item = render_item },
};

int ping_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}

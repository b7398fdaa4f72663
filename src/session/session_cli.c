/*
 * session_cli.c - `show sessions`, `show apps`.
 * Workers copy what is asked for into plain rows; main makes the answer of them.
 */
#include "session/session_cli.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "control/table.h"
#include "session/app.h"
#include "session/layer_private.h"
#include "session/session_worker.h"

enum { DEFAULT_ROWS = 100, MAX_ROWS = 100000, ADDRESS_TEXT = 64 };

struct row {
	const char *transport, *state;
	struct flow flow;
	uint32_t app, peer_app;
	uint32_t rx_unread, tx_unacked;
	struct transport_info info;
};

struct worker_rows {
	struct row *row;
	uint32_t n, n_sessions, n_cut_through, n_accepting;
};

struct sessions_job {
	struct command_call *call; /* NULL once the client has gone */
	struct session_layer *layer;
	uint32_t limit; /* rows of each worker */
	bool detail;	/* all that is known of each */
	uint32_t port;	/* only sessions with it at either end; 0: all */
	struct worker_rows worker[WORKERS_MAX];
};

/* --- on the workers --- */

static const char *const state_names[] = {
	[SESSION_CONNECTING] = "connecting",
	[SESSION_WAITING] = "waiting",
	[SESSION_OPEN] = "open",
	[SESSION_DONE] = "done",
};

static void fill_row(struct worker *w, const struct session *s, struct row *r)
{
	*r = (struct row){ .transport = s->transport ? s->transport->name : "cut-through",
			   .state = state_names[s->state],
			   .flow = s->flow,
			   .app = s->link ? s->link->app : 0,
			   .rx_unread = session_rx_unread(s),
			   .tx_unacked = s->end.channel ? fifo_readable(&s->end) : 0 };
	if (s->connection && s->transport && s->transport->describe)
		s->transport->describe(w, s, &r->info);
}

static bool has_port(const struct flow *f, uint32_t port)
{
	return port == 0 || f->local.port == port || f->remote.port == port;
}

static void take_pair_rows(const struct pair *p, struct worker_rows *out,
			   const struct sessions_job *job)
{
	handle h;

	out->n_cut_through += p->slots.n_used;
	for (uint32_t i = 0; i < pool_end(&p->sessions) && out->n < job->limit; i++) {
		const struct pair_session *ps = pool_at_or_null(&p->sessions, i, &h);

		if (ps && has_port(&ps->flow, job->port))
			out->row[out->n++] = (struct row){ .transport = "cut-through",
							   .state = "open",
							   .flow = ps->flow,
							   .app = p->link[PAIR_CLIENT]->app,
							   .peer_app = p->link[PAIR_SERVER]->app };
	}
}

/* Who waits in accept or has a listener in an epoll set. */
static uint32_t count_accepting(struct session_worker *sw)
{
	uint32_t n = 0;

	list_for_each(at, &sw->links)
		n += container_of(at, struct app_link, of_worker)->n_interests;
	return n;
}

static void take_rows(struct worker *w, void *arg)
{
	struct sessions_job *job = arg;
	struct session_worker *sw = session_worker_of(w);
	struct worker_rows *out = &job->worker[w->index];
	handle h;

	out->n_sessions = sw->sessions.n_used;
	out->n_accepting = count_accepting(sw);
	for (uint32_t i = 0; i < pool_end(&sw->sessions) && out->n < job->limit; i++) {
		const struct session *s = pool_at_or_null(&sw->sessions, i, &h);

		if (s && has_port(&s->flow, job->port))
			fill_row(w, s, &out->row[out->n++]);
	}
	for (uint32_t i = 0; i < pool_end(&sw->pairs); i++) {
		const struct pair *p = pool_at_or_null(&sw->pairs, i, &h);

		if (p)
			take_pair_rows(p, out, job);
	}
}

/* --- on main --- */

static void print_address(char *out, size_t room, const struct shm_address *a)
{
	char ip[INET6_ADDRSTRLEN] = "-";

	if (a->family)
		inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, ip, sizeof(ip));
	snprintf(out, room, a->family == 6 ? "[%s]:%u" : "%s:%u", ip, a->port);
}

static json_t *address_json(const struct shm_address *a)
{
	char text[ADDRESS_TEXT];

	print_address(text, sizeof(text), a);
	return json_string(text);
}

static json_t *row_json(const struct row *r, uint32_t worker)
{
	const struct transport_info *i = &r->info;
	json_t *o = json_pack("{s:s, s:i, s:s, s:o, s:o, s:i, s:i, s:i}", "transport", r->transport,
			      "worker", (int)worker, "state", i->state ? i->state : r->state,
			      "local", address_json(&r->flow.local), "remote",
			      address_json(&r->flow.remote), "app", (int)r->app, "rx_unread",
			      (int)r->rx_unread, "tx_unacked", (int)r->tx_unacked);

	if (r->peer_app)
		json_object_set_new(o, "peer_app", json_integer(r->peer_app));
	if (!i->state)
		return o;
	json_object_update_new(
		o,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
			  "srtt_us", (json_int_t)i->srtt_us, "rttvar_us", (json_int_t)i->rttvar_us,
			  "rto_us", (json_int_t)i->rto_us, "timeouts", (json_int_t)i->n_timeouts,
			  "ssthresh_bytes", (json_int_t)i->ssthresh_bytes, "cwnd_bytes",
			  (json_int_t)i->cwnd_bytes, "flight_bytes", (json_int_t)i->flight_bytes,
			  "peer_window_bytes", (json_int_t)i->peer_window_bytes, "window_bytes",
			  (json_int_t)i->window_bytes, "mss_bytes", (json_int_t)i->mss_bytes,
			  "retransmits", (json_int_t)i->n_retransmits, "bytes_sent",
			  (json_int_t)i->bytes_sent, "bytes_received",
			  (json_int_t)i->bytes_received, "congestion",
			  i->congestion ? i->congestion : ""));
	return o;
}

static void free_job(struct sessions_job *job)
{
	for (uint32_t i = 0; i < WORKERS_MAX; i++)
		free(job->worker[i].row);
	free(job);
}

static void all_taken(struct engine *e, void *arg)
{
	struct sessions_job *job = arg;
	struct command_call *call = job->call;
	json_t *rows = json_array();
	json_int_t n_sessions = 0, n_cut_through = 0, n_accepting = 0;
	bool detail = job->detail;

	for (uint32_t k = 0; k < e->n_workers; k++) {
		const struct worker_rows *from = &job->worker[k];

		n_sessions += from->n_sessions;
		n_cut_through += from->n_cut_through;
		n_accepting += from->n_accepting;
		for (uint32_t i = 0; i < from->n; i++)
			json_array_append_new(rows, row_json(&from->row[i], k));
	}
	free_job(job);
	if (!call) {
		json_decref(rows);
		return;
	}
	command_finish(call,
		       command_reply(call, json_pack("{s:o, s:b, s:I, s:I, s:I}", "sessions", rows,
						     "detail", (int)detail, "n_transport",
						     n_sessions, "n_cut_through", n_cut_through,
						     "n_accepting", n_accepting)));
}

static void client_gone(struct command_call *call)
{
	((struct sessions_job *)call->state)->call = NULL;
}

static int show_sessions(struct command_call *call)
{
	struct session_layer *layer = call->context;
	struct engine *e = session_layer_server(layer)->engine;
	struct sessions_job *job = calloc(1, sizeof(*job));
	int err = job ? 0 : ERR_NOMEM;

	if (job) {
		job->call = call;
		job->layer = layer;
		job->limit = (uint32_t)command_arg_number(call, "limit", DEFAULT_ROWS);
		job->port = (uint32_t)command_arg_number(call, "port", 0);
		job->detail = command_arg_flag(call, "detail");
	}
	for (uint32_t k = 0; !err && k < e->n_workers; k++) {
		job->worker[k].row = calloc(job->limit + 1, sizeof(struct row));
		err = job->worker[k].row ? 0 : ERR_NOMEM;
	}
	if (!err) {
		call->state = job;
		call->on_cancel = client_gone;
		err = engine_on_each(e, take_rows, all_taken, job);
	}
	if (!err)
		return COMMAND_PENDING;
	if (job)
		free_job(job);
	return command_fail(call, err, "cannot list the sessions: %s", err_text(err));
}

/* Each session as a paragraph, a line for each fact. */
static void render_detail(struct text *out, const json_t *rows)
{
	const char *key;
	const json_t *row, *value;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_object_foreach((json_t *)row, key, value)
		{
			text_add(out, "%-18s ", key);
			if (json_is_string(value))
				text_add(out, "%s\n", json_string_value(value));
			else
				text_add(out, "%lld\n", (long long)json_integer_value(value));
		}
		text_add(out, "\n");
	}
}

static void render_sessions(struct text *out, const json_t *result)
{
	static const struct table_column columns[] = {
		{ "transport", "transport", TABLE_TEXT }, { "local", "local", TABLE_TEXT },
		{ "remote", "remote", TABLE_TEXT },	  { "state", "state", TABLE_TEXT },
		{ "rx_unread", "unread", TABLE_BYTES },	  { "tx_unacked", "unacked", TABLE_BYTES },
	};
	const json_t *rows = json_object_get(result, "sessions");
	json_int_t transport = json_integer_value(json_object_get(result, "n_transport"));
	json_int_t cut = json_integer_value(json_object_get(result, "n_cut_through"));

	if (json_is_true(json_object_get(result, "detail")))
		render_detail(out, rows);
	else
		table_render(out, rows, columns, count_of(columns));
	text_add(out, "%lld through transports, %lld cut through, %lld want more",
		 (long long)transport, (long long)cut,
		 (long long)json_integer_value(json_object_get(result, "n_accepting")));
	if ((json_int_t)json_array_size(rows) < transport + cut)
		text_add(out, "; %zu shown, more with --limit", json_array_size(rows));
	text_add(out, "\n");
}

static json_t *app_json(const struct app *a)
{
	json_t *listening = json_array();

	list_for_each(link, &a->holds) {
		const struct binding *b = container_of(link, struct binding_hold, of_app)->binding;

		if (b->listening)
			json_array_append_new(listening, address_json(&b->address));
	}
	return json_pack("{s:I, s:s, s:i, s:i, s:i, s:o}", "app", (json_int_t)a->id, "name",
			 a->name, "pid", (int)a->pid, "uid", (int)a->uid, "workers",
			 (int)a->n_workers, "listening", listening);
}

static int show_apps(struct command_call *call)
{
	const struct app_server *s = session_layer_server(call->context);
	json_t *rows = json_array();

	list_for_each(link, &s->apps) {
		const struct app *a = container_of(link, struct app, of_server);

		if (a->attached)
			json_array_append_new(rows, app_json(a));
	}
	return command_reply(call, json_pack("{s:o}", "apps", rows));
}

static void render_apps(struct text *out, const json_t *result)
{
	static const struct table_column columns[] = {
		{ "app", "app", TABLE_NUMBER },		  { "name", "name", TABLE_TEXT },
		{ "pid", "pid", TABLE_NUMBER },		  { "workers", "workers", TABLE_NUMBER },
		{ "listening", "listening", TABLE_TEXT },
	};

	table_render(out, json_object_get(result, "apps"), columns, count_of(columns));
}

static const struct command commands[] = {
	{ .name = "show sessions",
	  .help = "connections of applications and what waits in them",
	  .args = { { .name = "limit",
		      .kind = COMMAND_NUMBER,
		      .min = 1,
		      .max = MAX_ROWS,
		      .help = "rows from each worker, 100 if not given" },
		    { .name = "port",
		      .kind = COMMAND_NUMBER,
		      .min = 1,
		      .max = 65535,
		      .help = "only sessions with this port at either end" },
		    { .name = "detail",
		      .kind = COMMAND_FLAG,
		      .help = "all that is known of each: round trip, windows, retransmissions" } },
	  .run = show_sessions,
	  .render = render_sessions },
	{ .name = "show apps",
	  .help = "attached applications and where they listen",
	  .run = show_apps,
	  .render = render_apps },
};

int session_cli_register(struct command_table *table, struct session_layer *layer)
{
	return command_table_add(table, commands, count_of(commands), layer);
}

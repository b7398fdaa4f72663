/*
 * router.c - the last HTTP filter: route, cluster, host, exchange.
 *
 *   decode_head ──┬──> no route: 404 · direct_response · no cluster, no host, limits: 503
 *                 └──> upstream_start ──> ready: write ──> response events ──> encode
 *                                     └─> failed: again, if nothing was lost by it, or 503
 *
 * Body that comes before a connection is ready waits in @pending; above the buffer limit the
 * client is not read. Marks run end to end: what the client does not take pauses the host, what
 * the host does not take pauses the client.
 *
 * A request may meet a kept connection that its host is just closing. If it can be sent again
 * safely (no body, an idempotent method, RFC 9110 §9.2.2, no byte of a response) it is, on another
 * connection; otherwise the answer is 503 UC, as Envoy's without a retry policy.
 */
#include "proxy/filter/router.h"

#include <stdlib.h>

#include "base/err.h"
#include "proxy/filter/hcm_internal.h"
#include "proxy/net/connection.h"
#include "proxy/upstream/upstream.h"

enum { MAX_ATTEMPTS = 3 };

struct router_factory {
	struct http_filter_factory base;
	const struct router_config *config;
};

struct router {
	struct http_filter filter;
	const struct router_config *config;
	struct cluster *cluster;
	struct upstream_host *host; /* counted */
	struct upstream_request up;
	struct buffer pending; /* request body that waits for a connection */
	uint64_t timeout_ns;
	uint16_t status;    /* of the response, once it has one */
	bool request_empty; /* a head only */
	bool request_end;   /* all of it has come */
	bool trailers;	    /* and it ended with trailers */
	bool body_sent;
	bool paused; /* the client, because of @pending */
};

static const struct upstream_request_ops request_ops;

static struct router *of_filter(struct http_filter *f)
{
	return container_of(f, struct router, filter);
}

static struct router *of_request(struct upstream_request *r)
{
	return container_of(r, struct router, up);
}

static uint64_t now_ns(const struct router *r)
{
	return dispatcher_now_ns(r->filter.stream->dispatcher);
}

static void reply(struct router *r, unsigned status, const char *body, const char *details)
{
	http_stream_reply(r->filter.stream, &(struct local_reply){ .status = status,
								   .body = slice_of_text(body),
								   .details = details });
}

static struct hcm_stats *hcm_stats_of(const struct router *r)
{
	return hcm_stream_of(r->filter.stream)->stats;
}

static void reply_directly(struct router *r, const struct direct_response_config *d)
{
	stat_inc(&hcm_stats_of(r)->rq_direct_response);
	http_stream_reply(r->filter.stream,
			  &(struct local_reply){ .status = d->status,
						 .body = slice_of(d->body, d->body_len),
						 .details = "direct_response" });
}

/* A whole number of milliseconds; false if @text is none. */
static bool read_ms(struct slice text, uint64_t *ms)
{
	uint64_t n = 0;

	if (text.len == 0 || text.len > 10)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text.at[i] - '0');
	}
	*ms = n;
	return true;
}

static struct slice ms_text(struct arena *arena, uint64_t ms)
{
	enum { DIGITS = 20 };
	uint8_t *at = arena_alloc_or_null(arena, DIGITS), *end = at + DIGITS, *p = end;

	if (!at)
		return slice_of(NULL, 0);
	do {
		*--p = (uint8_t)('0' + ms % 10);
		ms /= 10;
	} while (ms);
	return slice_of(p, (size_t)(end - p));
}

/* The route's timeout, or what the request asks for; told to the host. ERR_NOMEM. */
static int settle_timeout(struct router *r, const struct route_action_config *action)
{
	struct http_stream *s = r->filter.stream;
	struct header_map *m = &s->request.headers;
	struct slice text;
	uint64_t ms;

	r->timeout_ns = action->timeout_ns;
	if (header_map_maybe_has(m, HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS)) {
		if (read_ms(header_map_value(m, HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS), &ms))
			r->timeout_ns = ms * NS_PER_MS;
		header_map_remove(m, HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS);
	}
	if (!r->timeout_ns || r->config->suppress_envoy_headers)
		return 0;
	text = ms_text(s->arena, r->timeout_ns / NS_PER_MS);
	return text.at ? header_map_set(m, HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, text) : ERR_NOMEM;
}

/* The whole request has come: the response's time begins. */
static void start_timeout(struct router *r)
{
	r->request_end = true;
	if (r->timeout_ns)
		http_stream_set_deadline(&r->filter, now_ns(r) + r->timeout_ns);
}

static void start_exchange(struct router *r)
{
	struct http_stream *s = r->filter.stream;
	const struct route_action_config *action = &s->route->forward;

	s->info.n_attempts++;
	http_head_init(&s->response, s->arena);
	header_map_init(&s->response_trailers, s->arena);
	upstream_start(&r->up, r->host, &request_ops, action->priority, &s->response,
		       &s->response_trailers);
}

static void forward(struct router *r, const struct route_action_config *action)
{
	struct http_stream *s = r->filter.stream;

	if (action->cluster_idx == ROUTE_CLUSTER_UNKNOWN) {
		stat_inc(&hcm_stats_of(r)->no_cluster);
		stream_info_flag(&s->info, FLAG_NO_CLUSTER);
		reply(r, action->cluster_not_found_status, "", "cluster_not_found");
		return;
	}
	r->cluster = cluster_of(s->dispatcher, action->cluster_idx);
	s->info.cluster = cluster_config(r->cluster)->name;
	r->host = upstream_choose_host(r->cluster);
	if (!r->host) {
		stat_inc(&cluster_stats(r->cluster)->upstream_cx_none_healthy);
		stream_info_flag(&s->info, FLAG_NO_HEALTHY_UPSTREAM);
		reply(r, 503, "no healthy upstream", "no_healthy_upstream");
		return;
	}
	host_get(r->host);
	s->info.upstream_host = *upstream_host_address(r->host);
	if (settle_timeout(r, action)) {
		http_stream_reset(s, "overload");
		return;
	}
	if (r->request_empty)
		start_timeout(r);
	start_exchange(r);
}

static enum http_filter_status decode_head(struct http_filter *f, struct http_head *h unused_arg,
					   bool end_stream)
{
	struct router *r = of_filter(f);
	const struct route_config *route = f->stream->route;

	r->request_empty = end_stream;
	if (!route) {
		stat_inc(&hcm_stats_of(r)->no_route);
		stream_info_flag(&f->stream->info, FLAG_NO_ROUTE);
		reply(r, 404, "", "route_not_found");
	} else if (route->kind == ROUTE_DIRECT_RESPONSE) {
		reply_directly(r, &route->direct_response);
	} else {
		stat_inc(&hcm_stats_of(r)->rq_total);
		forward(r, &route->forward);
	}
	return HTTP_FILTER_CONTINUE;
}

static void pause_client(struct router *r, bool pause)
{
	if (r->paused == pause)
		return;
	r->paused = pause;
	http_stream_pause_request(r->filter.stream, pause);
}

static enum http_filter_status decode_data(struct http_filter *f, struct buffer *body,
					   bool end_stream)
{
	struct router *r = of_filter(f);

	if (end_stream)
		start_timeout(r);
	if (r->up.connection) {
		r->body_sent = true;
		upstream_write_data(&r->up, body, end_stream);
		return HTTP_FILTER_CONTINUE;
	}
	buffer_move(&r->pending, body);
	if (buffer_len(&r->pending) > http_stream_buffer_limit(f->stream))
		pause_client(r, true);
	return HTTP_FILTER_CONTINUE;
}

static enum http_filter_status decode_trailers(struct http_filter *f, struct header_map *t)
{
	struct router *r = of_filter(f);

	start_timeout(r);
	r->trailers = true;
	if (r->up.connection)
		upstream_write_trailers(&r->up, t);
	return HTTP_FILTER_CONTINUE;
}

static void write_mark(struct http_filter *f, bool above)
{
	upstream_pause(&of_filter(f)->up, above);
}

static void expired(struct http_filter *f)
{
	struct router *r = of_filter(f);

	stat_inc(&cluster_stats(r->cluster)->upstream_rq_timeout);
	stream_info_flag(&f->stream->info, FLAG_UPSTREAM_TIMEOUT);
	upstream_count_outcome(r->host, 504, true);
	upstream_cancel(&r->up);
	reply(r, 504, "upstream request timeout", "response_timeout");
}

static void destroy(struct http_filter *f)
{
	struct router *r = of_filter(f);

	if (r->host) {
		upstream_cancel(&r->up);
		host_put(r->host);
		r->host = NULL;
	}
	buffer_deinit(&r->pending);
}

static const struct http_filter_ops filter_ops = {
	.name = "envoy.filters.http.router",
	.decode_head = decode_head,
	.decode_data = decode_data,
	.decode_trailers = decode_trailers,
	.write_mark = write_mark,
	.expired = expired,
	.destroy = destroy,
};

/* The connection is there: what has come of the request so far goes out. */
static void on_ready(struct upstream_request *up)
{
	struct router *r = of_request(up);
	struct http_stream *s = r->filter.stream;
	bool body_end = r->request_end && !r->trailers;

	s->info.upstream_first_tx_ns = now_ns(r);
	if (hcm_stream_of(s)->factory->n_logs)
		s->info.upstream_local = *upstream_local_address(up);
	if (connection_above_write_mark(s->connection)) /* by an earlier, pipelined answer */
		upstream_pause(up, true);
	upstream_write_head(up, &s->request, r->request_empty);
	if (buffer_len(&r->pending) || (body_end && !r->request_empty)) {
		r->body_sent = true;
		upstream_write_data(up, &r->pending, body_end);
	}
	if (r->trailers)
		upstream_write_trailers(up, &s->request_trailers);
	pause_client(r, false);
}

static bool idempotent(enum method m)
{
	return m == METHOD_GET || m == METHOD_HEAD || m == METHOD_OPTIONS || m == METHOD_TRACE ||
	       m == METHOD_PUT || m == METHOD_DELETE;
}

/* Its host may never have seen the request, and would lose nothing by seeing it twice. */
static bool may_repeat(const struct router *r, enum upstream_failure why)
{
	const struct http_stream *s = r->filter.stream;

	return (why == UPSTREAM_CLOSED || why == UPSTREAM_RESET) && r->up.reused &&
	       !r->up.response_started && r->request_empty && idempotent(s->request.method_id) &&
	       s->info.n_attempts < MAX_ATTEMPTS;
}

struct failure_words {
	enum response_flag flag;
	uint16_t status;
	const char *before, *after; /* details, by whether the response had started */
	const char *body;
};

#define BEFORE(why) "upstream_reset_before_response_started{" why "}"
#define AFTER(why)  "upstream_reset_after_response_started{" why "}"
#define BODY(why)   "upstream connect error or disconnect/reset before headers. reset reason: " why

static const struct failure_words failures[] = {
	[UPSTREAM_OVERFLOW] = { FLAG_UPSTREAM_OVERFLOW, 503, BEFORE("overflow"), "",
				BODY("overflow") },
	[UPSTREAM_CONNECT_FAILED] = { FLAG_UPSTREAM_CONNECTION_FAILURE, 503,
				      BEFORE("remote_connection_failure"), "",
				      BODY("remote connection failure") },
	[UPSTREAM_LOCAL_FAILED] = { FLAG_UPSTREAM_CONNECTION_FAILURE, 503,
				    BEFORE("local_connection_failure"), "",
				    BODY("local connection failure") },
	[UPSTREAM_CONNECT_TIMEOUT] = { FLAG_UPSTREAM_CONNECTION_FAILURE, 503,
				       BEFORE("connection_timeout"), "",
				       BODY("connection timeout") },
	[UPSTREAM_CLOSED] = { FLAG_UPSTREAM_CONNECTION_TERMINATION, 503,
			      BEFORE("connection_termination"), AFTER("connection_termination"),
			      BODY("connection termination") },
	[UPSTREAM_RESET] = { FLAG_UPSTREAM_CONNECTION_TERMINATION, 503,
			     BEFORE("connection_termination"), AFTER("connection_termination"),
			     BODY("connection termination") },
	[UPSTREAM_PROTOCOL_ERROR] = { FLAG_UPSTREAM_PROTOCOL_ERROR, 502, BEFORE("protocol_error"),
				      AFTER("protocol_error"), BODY("protocol error") },
};
_Static_assert(count_of(failures) == N_UPSTREAM_FAILURES, "every failure has its words");

static void on_failed(struct upstream_request *up, enum upstream_failure why)
{
	struct router *r = of_request(up);
	struct http_stream *s = r->filter.stream;
	const struct failure_words *words = &failures[why];

	if (may_repeat(r, why)) {
		stat_inc(&cluster_stats(r->cluster)->upstream_rq_retry);
		start_exchange(r);
		return;
	}
	stream_info_flag(&s->info, words->flag);
	upstream_count_outcome(r->host, words->status, false);
	if (s->response_started) {
		http_stream_reset(s, words->after);
		return;
	}
	http_stream_reply(s, &(struct local_reply){
				     .status = words->status,
				     .body = slice_of_text(words->body),
				     .details = words->before,
				     .extra = why == UPSTREAM_OVERFLOW ? HEADER_X_ENVOY_OVERLOADED
								       : HEADER_OTHER,
			     });
}

static void on_interim(struct upstream_request *up unused_arg)
{
	/* 100 was answered by ourselves; others are not for us to repeat (proxy_100_continue). */
}

static void count_response(struct router *r, unsigned status)
{
	struct cluster_stats *c = cluster_stats(r->cluster);
	uint64_t *classes[] = { NULL,
				&c->upstream_rq_1xx,
				&c->upstream_rq_2xx,
				&c->upstream_rq_3xx,
				&c->upstream_rq_4xx,
				&c->upstream_rq_5xx };

	if (r->config->dynamic_stats) {
		stat_inc(&c->upstream_rq_completed);
		stat_status(&c->upstream_rq_codes, status);
		if (status / 100 >= 1 && status / 100 <= 5)
			stat_inc(classes[status / 100]);
	}
	if (r->filter.stream->info.n_attempts > 1)
		stat_inc(&c->upstream_rq_retry_success);
}

/* The last byte of the response has come. */
static void response_complete(struct router *r)
{
	struct http_stream *s = r->filter.stream;
	uint64_t since = s->info.request_end_ns ? s->info.request_end_ns : s->info.start_ns;

	s->info.upstream_last_rx_ns = now_ns(r);
	histogram_record(&cluster_stats(r->cluster)->upstream_rq_time,
			 (s->info.upstream_last_rx_ns - since) / NS_PER_US);
	upstream_count_outcome(r->host, r->status, false);
	http_stream_set_deadline(&r->filter, 0);
}

static void on_head(struct upstream_request *up, bool end_stream)
{
	struct router *r = of_request(up);
	struct http_stream *s = r->filter.stream;
	uint64_t since = s->info.request_end_ns ? s->info.request_end_ns : s->info.start_ns;

	r->status = s->response.status;
	s->info.upstream_first_rx_ns = now_ns(r);
	s->info.details = "via_upstream";
	count_response(r, r->status);
	if (end_stream)
		response_complete(r);
	if (!r->config->suppress_envoy_headers) {
		struct slice ms = ms_text(s->arena, (now_ns(r) - since) / NS_PER_MS);

		if (!ms.at || header_map_set(&s->response.headers,
					     HEADER_X_ENVOY_UPSTREAM_SERVICE_TIME, ms)) {
			http_stream_reset(s, "overload");
			return;
		}
	}
	http_stream_encode_head(&r->filter, end_stream);
}

static void on_data(struct upstream_request *up, struct buffer *body, bool end_stream)
{
	struct router *r = of_request(up);

	if (end_stream)
		response_complete(r);
	http_stream_encode_data(&r->filter, body, end_stream);
}

static void on_trailers(struct upstream_request *up)
{
	struct router *r = of_request(up);

	response_complete(r);
	http_stream_encode_trailers(&r->filter);
}

static void on_above_mark(struct upstream_request *up)
{
	http_stream_pause_request(of_request(up)->filter.stream, true);
}

static void on_below_mark(struct upstream_request *up)
{
	http_stream_pause_request(of_request(up)->filter.stream, false);
}

static const struct upstream_request_ops request_ops = {
	.ready = on_ready,
	.failed = on_failed,
	.interim = on_interim,
	.head = on_head,
	.data = on_data,
	.trailers = on_trailers,
	.above_write_mark = on_above_mark,
	.below_write_mark = on_below_mark,
};

static struct http_filter *new_filter_or_null(const struct http_filter_factory *factory,
					      struct http_stream *s)
{
	struct router *r = arena_zalloc_or_null(s->arena, sizeof(*r));

	if (!r)
		return NULL;
	r->filter.ops = &filter_ops;
	r->config = container_of(factory, const struct router_factory, base)->config;
	buffer_init(&r->pending, dispatcher_memory(s->dispatcher));
	return &r->filter;
}

static void free_factory(struct http_filter_factory *f)
{
	free(container_of(f, struct router_factory, base));
}

static const struct http_filter_factory_ops factory_ops = {
	.name = "envoy.filters.http.router",
	.new_filter_or_null = new_filter_or_null,
	.free = free_factory,
};

struct http_filter_factory *router_factory_new_or_null(const struct router_config *config)
{
	struct router_factory *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->base.ops = &factory_ops;
	f->config = config;
	return &f->base;
}

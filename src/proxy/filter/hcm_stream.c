/* hcm_stream.c - the life of a stream: from the first byte of a request to its line in the log. */
#include <stdlib.h>

#include "base/log.h"
#include "proxy/filter/access_log.h"
#include "proxy/filter/hcm_internal.h"

static struct hcm_stream *take_stream(struct http_worker *w)
{
	struct hcm_stream *s = w->free_streams;
	struct arena arena;

	if (likely(s)) {
		w->free_streams = s->next_free;
		w->n_free_streams--;
		arena = s->arena;
	} else {
		s = malloc(sizeof(*s));
		if (!s)
			return NULL;
		arena_init(&arena, STREAM_ARENA_BYTES, SIZE_MAX);
	}
	memset(s, 0, sizeof(*s));
	s->arena = arena;
	return s;
}

static void recycle(struct deferred *x)
{
	struct hcm_stream *s = container_of(x, struct hcm_stream, deletion);
	struct http_worker *w = s->worker;

	if (w->n_free_streams >= STREAMS_KEPT) {
		arena_deinit(&s->arena);
		free(s);
		return;
	}
	arena_reset(&s->arena);
	s->next_free = w->free_streams;
	w->free_streams = s;
	w->n_free_streams++;
}

/* Deadlines that begin with the first byte; the timer finds them (hcm_timer.c). */
static void set_first_deadlines(struct hcm_stream *s)
{
	const struct hcm_config *config = s->factory->config;
	uint64_t start = s->base.info.start_ns;

	s->idle_timeout_ns = config->stream_idle_timeout_ns;
	s->last_activity_ns = start;
	if (s->idle_timeout_ns)
		hcm_timer_before(s->c, start + s->idle_timeout_ns);
	if (config->request_headers_timeout_ns)
		hcm_timer_before(s->c, start + config->request_headers_timeout_ns);
	if (config->request_timeout_ns)
		hcm_timer_before(s->c, start + config->request_timeout_ns);
	if (config->common.max_stream_duration_ns != CONFIG_UNSET_NS &&
	    config->common.max_stream_duration_ns)
		hcm_timer_before(s->c, start + config->common.max_stream_duration_ns);
}

struct hcm_stream *stream_new_or_null(struct hcm_connection *c)
{
	struct hcm_stream *s = take_stream(c->worker);

	if (!s)
		return NULL;
	s->c = c;
	s->factory = c->factory;
	s->stats = c->stats;
	s->worker = c->worker;
	s->base.dispatcher = c->dispatcher;
	s->base.connection = c->connection;
	s->base.arena = &s->arena;
	s->base.config = c->factory->config;
	s->base.client = s->base.peer = connection_peer(c->connection);
	s->base.local = s->factory->n_logs ? connection_local(c->connection) : NULL;
	s->base.connection_id = connection_id(c->connection);
	s->base.info.start_ns = dispatcher_now_ns(c->dispatcher);
	s->base.info.start_wall_ns = s->base.info.start_ns + c->worker->wall_offset_ns;
	s->base.info.details = "";
	s->base.info.transport_failure = "";
	http_head_init(&s->base.request, &s->arena);
	http_head_init(&s->base.response, &s->arena);
	header_map_init(&s->base.request_trailers, &s->arena);
	header_map_init(&s->base.response_trailers, &s->arena);
	chain_init(s);
	set_first_deadlines(s);
	c->n_requests++;
	stat_inc(&s->stats->downstream_rq_total);
	stat_inc(&s->stats->downstream_rq_active);
	stat_inc(&s->stats->downstream_rq_http1_total);
	return s;
}

static void refuse(struct hcm_stream *s, unsigned status, const char *details)
{
	http_stream_reply(&s->base, &(struct local_reply){ .status = status, .details = details });
}

/* What Envoy refuses before any filter. True: the request was answered. */
static bool refuse_early(struct hcm_stream *s)
{
	const struct hcm_config *config = s->factory->config;
	struct http_head *h = &s->base.request;

	if (h->version_minor == 0 && !config->http1.accept_http_10) {
		refuse(s, 426, "low_version");
		return true;
	}
	if (h->version_minor == 0 && !h->authority.len && config->http1.default_host_for_http_10) {
		h->authority = slice_of_text(config->http1.default_host_for_http_10);
		h->has_host = true;
	}
	if (!h->has_host || !h->authority.len) {
		refuse(s, 400, "missing_host_header");
		return true;
	}
	if (h->path.len && memchr(h->path.at, '#', h->path.len)) {
		stat_inc(&s->stats->downstream_rq_non_relative_path);
		refuse(s, 400, "path_normalization_failed");
		return true;
	}
	return false;
}

static void find_route(struct hcm_stream *s)
{
	const struct http_head *h = &s->base.request;
	uint64_t idle_ns;

	s->base.host = route_find_host_or_null(s->factory->routes, h->authority);
	if (s->base.host && h->method_id != METHOD_CONNECT)
		s->base.route = route_find_or_null(s->base.host, h->path);
	if (!s->base.route || s->base.route->kind != ROUTE_FORWARD)
		return;
	idle_ns = s->base.route->forward.idle_timeout_ns;
	if (idle_ns == CONFIG_UNSET_NS)
		return;
	s->idle_timeout_ns = idle_ns;
	if (idle_ns)
		hcm_timer_before(s->c, s->last_activity_ns + idle_ns);
}

static bool make_filters(struct hcm_stream *s)
{
	const struct hcm_factory *factory = s->factory;

	for (unsigned i = 0; i < factory->n_filters; i++) {
		struct http_filter_factory *f = factory->filters[i];
		struct http_filter *filter = f->ops->new_filter_or_null(f, &s->base);

		if (!filter)
			return false;
		filter->stream = &s->base;
		filter->index = i;
		s->filters[s->n_filters++] = filter;
	}
	return true;
}

static void out_of_memory(struct hcm_stream *s)
{
	stream_info_flag(&s->base.info, FLAG_OVERLOAD);
	http_stream_reset(&s->base, "overload");
}

static void request_received(struct hcm_stream *s)
{
	s->request_done = true;
	s->base.info.request_end_ns = dispatcher_now_ns(s->base.dispatcher);
}

static bool expects_continue(const struct http_head *h)
{
	const struct header *f = header_map_get_or_null(&h->headers, HEADER_EXPECT);
	static const char wanted[] = "100-continue";

	if (!f || f->value_len != sizeof(wanted) - 1)
		return false;
	for (size_t i = 0; i < sizeof(wanted) - 1; i++)
		if ((f->value[i] | 0x20) != (wanted[i] | 0x20))
			return false;
	return true;
}

void stream_on_head(struct hcm_stream *s, bool end_stream)
{
	struct http_head *h = &s->base.request;

	s->head_received = true;
	s->last_activity_ns = dispatcher_now_ns(s->base.dispatcher);
	if (end_stream)
		request_received(s);
	if (unlikely(header_map_maybe_has(&h->headers, HEADER_EXPECT)) && expects_continue(h)) {
		header_map_remove(&h->headers, HEADER_EXPECT);
		if (!end_stream)
			stream_write_continue(s);
	}
	if (refuse_early(s))
		return;
	if (headers_of_request(s)) {
		out_of_memory(s);
		return;
	}
	find_route(s);
	if (unlikely(h->upgrade || h->method_id == METHOD_CONNECT)) {
		stat_inc(&s->stats->downstream_rq_ws_on_non_ws_route);
		refuse(s, 403, "upgrade_failed");
		return;
	}
	if (make_filters(s))
		chain_decode_head(s, end_stream);
	else
		out_of_memory(s);
}

void stream_on_data(struct hcm_stream *s, struct buffer *body, bool end_stream)
{
	s->last_activity_ns = dispatcher_now_ns(s->base.dispatcher);
	s->base.info.bytes_received += buffer_len(body);
	if (end_stream)
		request_received(s);
	if (!s->over && !s->answered)
		chain_decode_data(s, body, end_stream);
}

void stream_on_trailers(struct hcm_stream *s)
{
	s->last_activity_ns = dispatcher_now_ns(s->base.dispatcher);
	request_received(s);
	if (!s->over && !s->answered)
		chain_decode_trailers(s);
}

static void count_status(struct hcm_stream *s)
{
	struct hcm_stats *stats = s->stats;
	uint64_t *classes[] = { NULL,
				&stats->downstream_rq_1xx,
				&stats->downstream_rq_2xx,
				&stats->downstream_rq_3xx,
				&stats->downstream_rq_4xx,
				&stats->downstream_rq_5xx };
	unsigned class = s->base.info.status / 100;

	if (class < 1 || class > 5)
		return;
	stat_inc(&stats->downstream_rq_completed);
	stat_inc(classes[class]);
	histogram_record(&stats->downstream_rq_time,
			 (s->base.info.end_ns - s->base.info.start_ns) / NS_PER_US);
}

void stream_end(struct hcm_stream *s)
{
	struct hcm_connection *c = s->c;

	if (s->over)
		return;
	s->over = true;
	s->base.info.end_ns = dispatcher_now_ns(s->base.dispatcher);
	for (unsigned i = 0; i < s->n_filters; i++)
		s->filters[i]->ops->destroy(s->filters[i]);
	chain_deinit(s);
	for (; s->n_pauses; s->n_pauses--)
		if (s->base.connection)
			connection_read_disable(s->base.connection, false);
	stat_dec(&s->stats->downstream_rq_active);
	count_status(s);
	for (unsigned i = 0; i < s->factory->n_logs; i++)
		access_log_write(s->factory->logs[i], &s->base);
	s->c = NULL;
	hcm_stream_gone(c, s);
	dispatcher_delete(s->base.dispatcher, &s->deletion, recycle);
}

void http_stream_reset(struct http_stream *base, const char *details)
{
	struct hcm_stream *s = hcm_stream_of(base);

	if (s->over)
		return;
	base->info.details = details;
	stat_inc(&s->stats->downstream_rq_tx_reset);
	if (base->response_started)
		stat_inc(&s->stats->rq_reset_after_downstream_response_started);
	s->close_after = true;
	stream_end(s);
}

void http_stream_pause_request(struct http_stream *base, bool pause)
{
	struct hcm_stream *s = hcm_stream_of(base);

	if (s->over || !base->connection || (!pause && !s->n_pauses))
		return;
	if (pause) {
		s->n_pauses++;
		stat_inc(&s->stats->downstream_flow_control_paused_reading_total);
	} else {
		s->n_pauses--;
		stat_inc(&s->stats->downstream_flow_control_resumed_reading_total);
	}
	connection_read_disable(base->connection, pause);
}

void http_stream_set_deadline(struct http_filter *f, uint64_t at_ns)
{
	struct hcm_stream *s = hcm_stream_of(f->stream);

	s->deadline_filter = f;
	s->deadline_ns = at_ns;
	if (at_ns && s->c && s->c->connection)
		hcm_timer_before(s->c, at_ns);
}

uint32_t http_stream_buffer_limit(const struct http_stream *base)
{
	return hcm_stream_of_const(base)->factory->buffer_limit_bytes;
}

bool http_stream_request_done(const struct http_stream *base)
{
	return hcm_stream_of_const(base)->request_done;
}

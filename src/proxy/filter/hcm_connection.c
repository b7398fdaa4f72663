/*
 * hcm_connection.c - the HTTP connection manager as a network filter.
 *
 *   bytes ──> in ──> codec ──> stream ──> filters (http_chain.c) ──> router ──> upstream
 *   bytes <──────── codec <── hcm_response.c <─────── filters <────── router <──── upstream
 *
 * A connection carries one request at a time. Bytes that follow a complete request stay in @in
 * until its response is written (pipelining); reading stops meanwhile, so that @in stays small.
 *
 * Nothing is freed while somebody up the stack may still use it: streams end at once (filters let
 * go, the log is written) and their memory is recycled at the end of the turn; the connection
 * itself goes the same way.
 *
 *   hcm_stream.c    the life of a stream       hcm_headers.c   what a proxy adds and takes
 *   hcm_response.c  to the wire, local replies hcm_timer.c     timeouts, lazily
 *   http_chain.c    through the filters        http_worker.c   what a worker shares
 */
#include <stdlib.h>

#include "base/log.h"
#include "proxy/filter/hcm_internal.h"

static struct hcm_connection *of_filter(struct network_filter *f)
{
	return container_of(f, struct hcm_connection, filter);
}

struct buffer *hcm_write_buffer(struct hcm_connection *c)
{
	return connection_write_buffer_or_null(c->connection);
}

void hcm_flush(struct hcm_connection *c)
{
	connection_write_ready(c->connection, false);
}

/* Framing is lost: answer if an answer can still be given, then nothing more is read. */
static void handle_error(struct hcm_connection *c, const struct codec_event *ev)
{
	struct hcm_stream *s = c->stream;

	c->lost = true;
	stat_inc(&c->stats->downstream_cx_protocol_error);
	log_debug("http.protocol_error", "connection=%llu details=%s reason=\"%s\"",
		  (unsigned long long)connection_id(c->connection), ev->details, ev->reason);
	if (!s)
		s = c->stream = stream_new_or_null(c);
	if (!s) {
		connection_close(c->connection, CONNECTION_FLUSH);
		return;
	}
	if (ev->status == 431)
		stat_inc(&c->stats->downstream_rq_too_large);
	s->protocol_error = true;
	stream_info_flag(&s->base.info, FLAG_DOWNSTREAM_PROTOCOL_ERROR);
	http_stream_reply(&s->base, &(struct local_reply){
					    .status = ev->status,
					    .body = slice_of_text(status_text(ev->status)),
					    .details = ev->details,
					    .close = true,
				    });
}

static void begin_stream(struct hcm_connection *c)
{
	struct hcm_stream *s = stream_new_or_null(c);

	if (!s) {
		connection_close(c->connection, CONNECTION_ABORT);
		return;
	}
	c->stream = s;
	c->codec.codec.ops->begin(&c->codec.codec, 0, &s->base.request, &s->base.request_trailers);
}

static void handle_event(struct hcm_connection *c, const struct codec_event *ev,
			 struct buffer *body)
{
	struct hcm_stream *s = c->stream;

	switch (ev->kind) {
	case CODEC_MORE:
		return;
	case CODEC_BEGIN:
		begin_stream(c);
		return;
	case CODEC_HEAD:
		stream_on_head(s, ev->end_stream);
		return;
	case CODEC_TRAILERS:
		stream_on_trailers(s);
		return;
	case CODEC_ERROR:
		handle_error(c, ev);
		return;
	default: /* DATA, END */
		stream_on_data(s, body, ev->end_stream);
		return;
	}
}

/* Another request may be read only when the last one is answered. */
static bool may_read(const struct hcm_connection *c)
{
	return c->connection && !c->lost && buffer_len(&c->in) &&
	       !(c->stream && c->stream->request_done) &&
	       connection_state(c->connection) == CONNECTION_OPEN;
}

/* Stop reading while a whole request waits behind the present one, or for its turn. */
static void update_reading(struct hcm_connection *c)
{
	bool wait = buffer_len(&c->in) && (c->yielded || (c->stream && c->stream->request_done));

	if (likely(wait == c->pipelined) || !c->connection)
		return;
	c->pipelined = wait;
	connection_read_disable(c->connection, wait);
}

static void run(struct hcm_connection *c)
{
	uint64_t last = c->n_requests + REQUESTS_PER_TURN;
	struct buffer body;

	if (c->running || c->yielded)
		return;
	c->running = true;
	buffer_init(&body, c->in.memory);
	while (may_read(c)) {
		struct codec_event ev;
		size_t used = codec_read(&c->codec.codec, buffer_front(&c->in), &ev);

		buffer_drain(&c->in, used - ev.data_len);
		if (ev.data_len)
			buffer_move_first(&body, &c->in, ev.data_len);
		handle_event(c, &ev, &body);
		buffer_drain_all(&body);
		if (unlikely(c->n_requests >= last && !c->stream) && may_read(c)) {
			c->yielded = true;
			dispatcher_next_turn(c->dispatcher, &c->resume);
			break;
		}
	}
	buffer_deinit(&body);
	c->running = false;
	if (c->lost)
		buffer_drain_all(&c->in);
	update_reading(c);
}

static void resume(struct task *t)
{
	struct hcm_connection *c = container_of(t, struct hcm_connection, resume);

	c->yielded = false;
	run(c);
}

static enum network_filter_status on_data(struct network_filter *f, struct buffer *b,
					  bool end_stream unused_arg)
{
	struct hcm_connection *c = of_filter(f);

	if (unlikely(c->lost)) {
		buffer_drain_all(b);
		return NETWORK_FILTER_CONTINUE;
	}
	buffer_move(&c->in, b);
	run(c);
	return NETWORK_FILTER_CONTINUE;
}

static void close_after_stream(struct hcm_connection *c, const struct hcm_stream *s)
{
	/* What the client still sends must not turn our last words into a reset. */
	bool wait = !s->request_done || s->protocol_error;
	/* A body without a length must not seem complete because the connection ends in order. */
	bool cut = s->base.response_started && !s->response_done && c->codec.request_minor == 0;

	c->lost = true;
	if (cut)
		connection_close(c->connection, CONNECTION_ABORT);
	else
		connection_close(c->connection,
				 wait ? CONNECTION_FLUSH_AND_WAIT : CONNECTION_FLUSH);
}

static void count_bytes(struct hcm_connection *c)
{
	uint64_t rx = connection_bytes_received(c->connection);
	uint64_t tx = connection_bytes_sent(c->connection);

	stat_add(&c->stats->downstream_cx_rx_bytes_total, rx - c->counted_rx);
	stat_add(&c->stats->downstream_cx_tx_bytes_total, tx - c->counted_tx);
	c->counted_rx = rx;
	c->counted_tx = tx;
}

/* The stream has ended; what becomes of the connection? */
void hcm_stream_gone(struct hcm_connection *c, struct hcm_stream *s)
{
	c->stream = NULL;
	if (!c->connection)
		return;
	if (s->close_after || !s->request_done) {
		close_after_stream(c, s);
		return;
	}
	count_bytes(c);
	c->idle_since_ns = dispatcher_now_ns(c->dispatcher);
	if (c->factory->config->common.idle_timeout_ns)
		hcm_timer_before(c, c->idle_since_ns + c->factory->config->common.idle_timeout_ns);
	if (!c->running && !c->yielded && buffer_len(&c->in))
		dispatcher_turn_end(c->dispatcher, &c->resume);
}

static void count_end(struct hcm_connection *c, bool remote)
{
	struct hcm_stats *s = c->stats;

	stat_dec(&s->downstream_cx_active);
	stat_dec(&s->downstream_cx_http1_active);
	stat_inc(&s->downstream_cx_destroy);
	stat_inc(remote ? &s->downstream_cx_destroy_remote : &s->downstream_cx_destroy_local);
	if (c->stream) {
		stat_inc(&s->downstream_cx_destroy_active_rq);
		stat_inc(remote ? &s->downstream_cx_destroy_remote_active_rq
				: &s->downstream_cx_destroy_local_active_rq);
	}
	count_bytes(c);
	histogram_record(&s->downstream_cx_length_ms,
			 (dispatcher_now_ns(c->dispatcher) - c->started_ns) / NS_PER_US);
}

static void on_event(struct connection_observer *o, struct connection *connection unused_arg,
		     enum connection_event event)
{
	struct hcm_connection *c = container_of(o, struct hcm_connection, observer);
	struct hcm_stream *s = c->stream;

	if (event == CONNECTION_CONNECTED)
		return;
	count_end(c, event == CONNECTION_REMOTE_CLOSE);
	hcm_timer_cancel(c);
	task_cancel(&c->resume);
	buffer_drain_all(&c->in);
	c->lost = true;
	c->connection = NULL;
	if (!s)
		return;
	s->base.connection = NULL;
	if (event == CONNECTION_REMOTE_CLOSE) {
		stream_info_flag(&s->base.info, FLAG_DOWNSTREAM_CONNECTION_TERMINATION);
		s->base.info.details = "downstream_remote_disconnect";
	} else if (!s->base.info.details[0]) {
		s->base.info.details = "downstream_local_disconnect";
	}
	stat_inc(&s->stats->downstream_rq_rx_reset);
	stream_end(s);
}

static void tell_filters(struct hcm_stream *s, bool above)
{
	for (unsigned i = 0; s && !s->over && i < s->n_filters; i++)
		if (s->filters[i]->ops->write_mark)
			s->filters[i]->ops->write_mark(s->filters[i], above);
}

static void on_above_mark(struct connection_observer *o, struct connection *connection unused_arg)
{
	tell_filters(container_of(o, struct hcm_connection, observer)->stream, true);
}

static void on_below_mark(struct connection_observer *o, struct connection *connection unused_arg)
{
	tell_filters(container_of(o, struct hcm_connection, observer)->stream, false);
}

static void on_draining(struct connection_observer *o, struct connection *connection)
{
	struct hcm_connection *c = container_of(o, struct hcm_connection, observer);

	c->draining = true;
	if (c->stream || buffer_len(&c->in))
		return;
	stat_inc(&c->stats->downstream_cx_drain_close);
	connection_close(connection, CONNECTION_FLUSH);
}

static const struct connection_observer_ops observer_ops = {
	.event = on_event,
	.above_write_mark = on_above_mark,
	.below_write_mark = on_below_mark,
	.draining = on_draining,
};

static enum network_filter_status on_new_connection(struct network_filter *f)
{
	struct hcm_connection *c = of_filter(f);
	const struct hcm_config *config = c->factory->config;

	connection_add_observer(c->connection, &c->observer, &observer_ops);
	connection_set_delayed_close_timeout(c->connection, config->delayed_close_timeout_ns);
	stat_inc(&c->stats->downstream_cx_total);
	stat_inc(&c->stats->downstream_cx_active);
	stat_inc(&c->stats->downstream_cx_http1_total);
	stat_inc(&c->stats->downstream_cx_http1_active);
	if (config->common.idle_timeout_ns)
		hcm_timer_before(c, c->idle_since_ns + config->common.idle_timeout_ns);
	if (config->common.max_connection_duration_ns != CONFIG_UNSET_NS &&
	    config->common.max_connection_duration_ns)
		hcm_timer_before(c, c->started_ns + config->common.max_connection_duration_ns);
	return NETWORK_FILTER_CONTINUE;
}

static void free_filter(struct network_filter *f)
{
	struct hcm_connection *c = of_filter(f);

	buffer_deinit(&c->in);
	free(c);
}

static const struct network_filter_ops filter_ops = {
	.name = "envoy.filters.network.http_connection_manager",
	.on_new_connection = on_new_connection,
	.on_data = on_data,
	.free = free_filter,
};

struct network_filter *hcm_new_filter_or_null(const struct network_filter_factory *factory,
					      struct connection *connection)
{
	struct hcm_connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->filter.ops = &filter_ops;
	c->factory = container_of(factory, struct hcm_factory, base);
	c->connection = connection;
	c->dispatcher = connection_dispatcher(connection);
	c->worker = http_worker_of(c->dispatcher);
	c->stats = stat_group_block(c->factory->stats, c->worker->index);
	c->started_ns = c->idle_since_ns = dispatcher_now_ns(c->dispatcher);
	http1_init(&c->codec, HTTP1_SERVER, &c->factory->http1);
	buffer_init(&c->in, dispatcher_memory(c->dispatcher));
	task_init(&c->resume, resume);
	hcm_timer_init(c);
	return &c->filter;
}

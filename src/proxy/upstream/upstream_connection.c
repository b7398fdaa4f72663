/*
 * upstream_connection.c - one HTTP/1.1 connection to a host, and the exchange on it.
 *
 *   CONNECTING ──> IDLE <──> BUSY ──> ENDED
 *
 * An exchange is over for the request before its last event is delivered, so that the receiver may
 * do as it likes; the connection goes back to the pool after that.
 */
#include <stdlib.h>

#include "base/err.h"
#include "proxy/filter/codec_write.h"
#include "proxy/upstream/upstream_internal.h"

static void idle_expired(struct timer *t, uint64_t now_ns);

static struct cluster_stats *stats_of(const struct upstream_connection *c)
{
	return c->host->cluster->stats;
}

static const struct cluster_config *config_of(const struct upstream_connection *c)
{
	return c->host->cluster->shared->config;
}

/* The request and the connection part; the exchange may be complete or not. */
static struct upstream_request *detach(struct upstream_connection *c)
{
	struct upstream_request *r = c->request;
	struct upstream_host *h = c->host;

	c->request = NULL;
	r->connection = NULL;
	for (; c->n_pauses; c->n_pauses--)
		connection_read_disable(c->connection, false);
	stat_dec(&stats_of(c)->upstream_rq_active);
	h->rq_active--;
	limit_give(&limits_of(h, r->priority)->requests, &breakers_of(h, r->priority)->rq_open);
	request_over(r);
	return r;
}

static void end_exchange_badly(struct upstream_connection *c, enum upstream_failure why)
{
	struct cluster_stats *stats = stats_of(c);
	struct upstream_request *r = detach(c);

	stat_inc(&stats->upstream_rq_rx_reset);
	r->ops->failed(r, why);
}

void upstream_connection_assign(struct upstream_connection *c, struct upstream_request *r)
{
	struct cluster_stats *stats = stats_of(c);

	list_remove(&c->link);
	list_push(&c->host->busy, &c->link);
	c->state = UPSTREAM_BUSY;
	c->request = r;
	c->request_done = c->response_done = false;
	r->connection = c;
	r->reused = c->n_requests++ > 0;
	stat_inc(&stats->upstream_rq_total);
	stat_inc(&stats->upstream_rq_active);
	c->host->rq_total++;
	c->host->rq_active++;
	c->codec.codec.ops->begin(&c->codec.codec, 0, r->head, r->trailers);
	r->ops->ready(r);
}

static void count_bytes(struct upstream_connection *c)
{
	uint64_t rx = connection_bytes_received(c->connection);
	uint64_t tx = connection_bytes_sent(c->connection);

	stat_add(&stats_of(c)->upstream_cx_rx_bytes_total, rx - c->counted_rx);
	stat_add(&stats_of(c)->upstream_cx_tx_bytes_total, tx - c->counted_tx);
	c->counted_rx = rx;
	c->counted_tx = tx;
}

void upstream_connection_release(struct upstream_connection *c)
{
	uint32_t max = config_of(c)->common.max_requests_per_connection;
	uint64_t idle_ns = config_of(c)->common.idle_timeout_ns;

	count_bytes(c);
	if (max && c->n_requests >= max) {
		stat_inc(&stats_of(c)->upstream_cx_max_requests);
		connection_close(c->connection, CONNECTION_FLUSH);
		return;
	}
	if (c->codec.codec.peer_closes || !c->request_done ||
	    (c->host->former && list_empty(&c->host->pending))) {
		if (c->codec.codec.peer_closes)
			stat_inc(&stats_of(c)->upstream_cx_close_notify);
		connection_close(c->connection, CONNECTION_NO_FLUSH);
		return;
	}
	list_remove(&c->link);
	list_push(&c->host->idle, &c->link);
	c->state = UPSTREAM_IDLE;
	c->idle_since_ns = dispatcher_now_ns(c->dispatcher);
	if (idle_ns && !timer_is_set(&c->idle_timer))
		dispatcher_timer_set(c->dispatcher, &c->idle_timer, idle_ns);
	if (unlikely(!list_empty(&c->host->pending)))
		pool_serve(c->host);
}

/* The timer is not touched per request: it looks, when it fires, how long the connection idled. */
static void idle_expired(struct timer *t, uint64_t now_ns)
{
	struct upstream_connection *c = container_of(t, struct upstream_connection, idle_timer);
	uint64_t timeout = config_of(c)->common.idle_timeout_ns;

	if (c->state != UPSTREAM_IDLE)
		return;
	if (now_ns - c->idle_since_ns < timeout) {
		dispatcher_timer_set(c->dispatcher, t, timeout - (now_ns - c->idle_since_ns));
		return;
	}
	stat_inc(&stats_of(c)->upstream_cx_idle_timeout);
	connection_close(c->connection, CONNECTION_NO_FLUSH);
}

/* The response is complete: the last event, then the connection is free. */
static struct upstream_request *complete(struct upstream_connection *c)
{
	c->response_done = true;
	return detach(c);
}

static void deliver_head(struct upstream_connection *c, bool end_stream)
{
	struct upstream_request *r = c->request;

	r->response_started = true;
	if (end_stream)
		complete(c);
	r->ops->head(r, end_stream);
}

static void deliver_data(struct upstream_connection *c, struct buffer *body, bool end_stream)
{
	struct upstream_request *r = c->request;

	if (end_stream)
		complete(c);
	r->ops->data(r, body, end_stream);
}

static void protocol_error(struct upstream_connection *c)
{
	stat_inc(&stats_of(c)->upstream_cx_protocol_error);
	if (c->request)
		end_exchange_badly(c, UPSTREAM_PROTOCOL_ERROR);
	connection_close(c->connection, CONNECTION_NO_FLUSH);
}

static void handle_event(struct upstream_connection *c, const struct codec_event *ev,
			 struct buffer *body)
{
	struct upstream_request *r = c->request;

	if (ev->kind == CODEC_MORE)
		return;
	if (!r || ev->kind == CODEC_ERROR) {
		protocol_error(c); /* bytes that nobody asked for, or that are not HTTP */
		return;
	}
	switch (ev->kind) {
	case CODEC_HEAD:
		deliver_head(c, ev->end_stream);
		break;
	case CODEC_INTERIM:
		r->ops->interim(r);
		if (c->request != r)
			break;
		http_head_init(r->head, r->head->headers.arena);
		c->codec.codec.ops->begin(&c->codec.codec, 0, r->head, r->trailers);
		break;
	case CODEC_TRAILERS:
		complete(c);
		r->ops->trailers(r);
		break;
	default: /* DATA, END */
		deliver_data(c, body, ev->end_stream);
		break;
	}
	if (c->response_done && c->state == UPSTREAM_BUSY)
		upstream_connection_release(c);
}

static enum network_filter_status on_data(struct network_filter *f, struct buffer *b,
					  bool end_stream unused_arg)
{
	struct upstream_connection *c = container_of(f, struct upstream_connection, filter);
	struct buffer body;

	buffer_init(&body, b->memory);
	while (buffer_len(b) && c->state != UPSTREAM_ENDED) {
		struct codec_event ev;
		size_t used = codec_read(&c->codec.codec, buffer_front(b), &ev);

		buffer_drain(b, used - ev.data_len);
		if (ev.data_len)
			buffer_move_first(&body, b, ev.data_len);
		handle_event(c, &ev, &body);
		buffer_drain_all(&body);
	}
	buffer_deinit(&body);
	return NETWORK_FILTER_CONTINUE;
}

static void free_connection(struct network_filter *f)
{
	free(container_of(f, struct upstream_connection, filter));
}

static const struct network_filter_ops filter_ops = {
	.name = "upstream_http",
	.on_data = on_data,
	.free = free_connection,
};

static void connected(struct upstream_connection *c)
{
	struct upstream_host *h = c->host;
	uint64_t took = dispatcher_now_ns(c->dispatcher) - c->started_ns;

	h->n_connecting--;
	histogram_record(&stats_of(c)->upstream_cx_connect_ms, took / NS_PER_US);
	c->request_done = true; /* nothing is under way */
	c->state = UPSTREAM_BUSY;
	upstream_connection_release(c);
}

/* The host's end of a body without a length is that of the connection. */
static void end_by_close(struct upstream_connection *c)
{
	bool reset = connection_detected_close(c->connection) == CONNECTION_CLOSE_REMOTE_RESET;
	struct codec_event ev = { .kind = CODEC_ERROR };
	struct buffer empty;

	if (!reset)
		c->codec.codec.ops->read_eof(&c->codec.codec, &ev);
	if (ev.kind != CODEC_END) {
		end_exchange_badly(c, reset ? UPSTREAM_RESET : UPSTREAM_CLOSED);
		return;
	}
	buffer_init(&empty, dispatcher_memory(c->dispatcher));
	deliver_data(c, &empty, true);
}

static void count_end(struct upstream_connection *c, bool local)
{
	struct cluster_stats *s = stats_of(c);

	stat_dec(&s->upstream_cx_active);
	stat_inc(&s->upstream_cx_destroy);
	stat_inc(local ? &s->upstream_cx_destroy_local : &s->upstream_cx_destroy_remote);
	if (c->request) {
		stat_inc(&s->upstream_cx_destroy_with_active_rq);
		stat_inc(local ? &s->upstream_cx_destroy_local_with_active_rq
			       : &s->upstream_cx_destroy_remote_with_active_rq);
	}
	count_bytes(c);
	histogram_record(&s->upstream_cx_length_ms,
			 (dispatcher_now_ns(c->dispatcher) - c->started_ns) / NS_PER_US);
}

static void connect_failed(struct upstream_connection *c, bool local)
{
	bool late = connection_connect_timed_out(c->connection);
	struct upstream_host *h = c->host;

	h->n_connecting--;
	h->cx_connect_fail++;
	stat_inc(&stats_of(c)->upstream_cx_connect_fail);
	if (late)
		stat_inc(&stats_of(c)->upstream_cx_connect_timeout);
	if (late || !local)
		pool_fail_pending(h, late ? UPSTREAM_CONNECT_TIMEOUT : UPSTREAM_CONNECT_FAILED);
}

static void ended(struct upstream_connection *c, bool local)
{
	struct upstream_host *h = c->host;
	bool connecting = c->state == UPSTREAM_CONNECTING;

	c->state = UPSTREAM_ENDED;
	list_remove(&c->link);
	dispatcher_timer_cancel(c->dispatcher, &c->idle_timer);
	count_end(c, local);
	h->cx_active--;
	limit_give(&limits_of(h, c->priority)->connections, &breakers_of(h, c->priority)->cx_open);
	if (connecting)
		connect_failed(c, local);
	else if (c->request && local)
		detach(c); /* cancelled, or the whole worker stops */
	else if (c->request)
		end_by_close(c);
	if (!list_empty(&h->pending))
		pool_serve(h);
	c->host = NULL;
	host_put(h);
}

static void on_event(struct connection_observer *o, struct connection *connection unused_arg,
		     enum connection_event event)
{
	struct upstream_connection *c = container_of(o, struct upstream_connection, observer);

	if (event == CONNECTION_CONNECTED)
		connected(c);
	else
		ended(c, event == CONNECTION_LOCAL_CLOSE);
}

static void on_above_write_mark(struct connection_observer *o,
				struct connection *connection unused_arg)
{
	struct upstream_connection *c = container_of(o, struct upstream_connection, observer);

	if (c->request)
		c->request->ops->above_write_mark(c->request);
}

static void on_below_write_mark(struct connection_observer *o,
				struct connection *connection unused_arg)
{
	struct upstream_connection *c = container_of(o, struct upstream_connection, observer);

	if (c->request)
		c->request->ops->below_write_mark(c->request);
}

static const struct connection_observer_ops observer_ops = {
	.event = on_event,
	.above_write_mark = on_above_write_mark,
	.below_write_mark = on_below_write_mark,
};

static struct connection *new_connection_or_null(struct upstream_host *h)
{
	const struct cluster_config *config = h->cluster->shared->config;
	struct dispatcher *d = h->cluster->dispatcher;
	struct connection_options options = {
		.buffer_limit_bytes = config->per_connection_buffer_limit_bytes,
		.connect_timeout_ns = config->connect_timeout_ns,
		.no_delay = h->address.family != ADDRESS_UNIX,
	};
	struct transport_socket *transport =
		transport_plain.ops->new_socket(&transport_plain, d, slice_of(NULL, 0));
	int err;

	return connection_new_client_or_null(d, h->interface, transport, &h->address, NULL,
					     &options, &err);
}

int upstream_connection_open(struct upstream_host *h, enum route_priority priority)
{
	struct upstream_connection *c = calloc(1, sizeof(*c));
	struct cluster_stats *stats = h->cluster->stats;

	if (!c)
		return ERR_NOMEM;
	c->connection = new_connection_or_null(h);
	if (!c->connection) {
		free(c);
		return ERR_FULL;
	}
	c->filter.ops = &filter_ops;
	c->host = host_get(h);
	c->dispatcher = h->cluster->dispatcher;
	c->priority = (uint8_t)priority;
	c->started_ns = dispatcher_now_ns(c->dispatcher);
	timer_init(&c->idle_timer, idle_expired);
	http1_init(&c->codec, HTTP1_CLIENT, &h->cluster->shared->http1);
	list_push(&h->busy, &c->link);
	h->n_connecting++;
	h->cx_active++;
	h->cx_total++;
	stat_inc(&stats->upstream_cx_total);
	stat_inc(&stats->upstream_cx_active);
	stat_inc(&stats->upstream_cx_http1_total);
	connection_add_observer(c->connection, &c->observer, &observer_ops);
	connection_add_filter(c->connection, &c->filter);
	if (connection_start_filters(c->connection))
		connection_connect(c->connection);
	return 0;
}

void upstream_write_head(struct upstream_request *r, const struct http_head *h, bool end_stream)
{
	struct upstream_connection *c = r->connection;

	codec_put_head(&c->codec.codec, 0, h, end_stream,
		       connection_write_buffer_or_null(c->connection));
	c->request_done = end_stream;
	connection_write_ready(c->connection, false);
}

void upstream_write_data(struct upstream_request *r, struct buffer *body, bool end_stream)
{
	struct upstream_connection *c = r->connection;

	codec_put_data(&c->codec.codec, 0, body, end_stream,
		       connection_write_buffer_or_null(c->connection));
	c->request_done = end_stream;
	connection_write_ready(c->connection, false);
}

void upstream_write_trailers(struct upstream_request *r, const struct header_map *trailers)
{
	struct upstream_connection *c = r->connection;

	codec_put_trailers(&c->codec.codec, 0, trailers,
			   connection_write_buffer_or_null(c->connection));
	c->request_done = true;
	connection_write_ready(c->connection, false);
}

void upstream_pause(struct upstream_request *r, bool pause)
{
	struct upstream_connection *c = r->connection;

	if (!c || (!pause && c->n_pauses == 0))
		return;
	if (pause) {
		c->n_pauses++;
		stat_inc(&stats_of(c)->upstream_flow_control_paused_reading_total);
	} else {
		c->n_pauses--;
		stat_inc(&stats_of(c)->upstream_flow_control_resumed_reading_total);
	}
	connection_read_disable(c->connection, pause);
}

const struct address *upstream_local_address(const struct upstream_request *r)
{
	return r->connection ? connection_local(r->connection->connection) : NULL;
}

/* connection_out.c - writing, and the ways to close. */
#include "proxy/net/connection_impl.h"

void connection_flush_soon(struct connection *c)
{
	if (c->state == CONNECTION_CONNECTING || c->write_blocked)
		return; /* IO_WRITE will come */
	if (buffer_len(&c->out) || (c->write_ended && !c->write_shut))
		dispatcher_turn_end(c->dispatcher, &c->flush);
}

static bool takes_writes(const struct connection *c)
{
	return c->state <= CONNECTION_OPEN && !c->write_ended;
}

/* Last filter first. False if one of them wants to hold the bytes back, or ended the connection. */
static bool filter_write(struct connection *c, struct buffer *b, bool end_stream)
{
	for (struct list *link = c->filters.prev; link != &c->filters; link = link->prev) {
		struct network_filter *f = container_of(link, struct network_filter, link);

		if (f->ops->on_write && f->ops->on_write(f, b, end_stream) == NETWORK_FILTER_STOP)
			return false;
		if (!takes_writes(c))
			return false;
	}
	return true;
}

void connection_write_ready(struct connection *c, bool end_stream)
{
	if (!takes_writes(c))
		return;
	c->write_ended = end_stream;
	connection_flush_soon(c);
}

struct buffer *connection_write_buffer_or_null(struct connection *c)
{
	return c->filters_write || !takes_writes(c) ? NULL : &c->out;
}

void connection_write(struct connection *c, struct buffer *b, bool end_stream)
{
	if (!takes_writes(c)) {
		buffer_drain_all(b);
		return;
	}
	if (c->filters_write && !filter_write(c, b, end_stream))
		return;
	buffer_move(&c->out, b);
	connection_write_ready(c, end_stream);
}

static void start_close_timer(struct connection *c)
{
	if (c->delayed_close_timeout_ns)
		dispatcher_timer_set(c->dispatcher, &c->timer, c->delayed_close_timeout_ns);
}

/* CLOSING, and everything was sent. */
static void flushed(struct connection *c)
{
	if (!c->waits_for_peer || c->delayed_close_timeout_ns == 0) {
		connection_end(c, CONNECTION_LOCAL_CLOSE, IO_CLOSE_NORMAL);
		return;
	}
	connection_update_events(c);
	connection_read_ready(c); /* the peer may have closed already */
}

void connection_write_some(struct connection *c)
{
	bool shut = c->write_ended && !c->write_shut;
	struct io_outcome out;
	bool blocked;

	if (c->state != CONNECTION_OPEN && c->state != CONNECTION_CLOSING)
		return;
	out = c->transport->ops->do_write(c->transport, &c->out, shut);
	c->bytes_sent += out.bytes;
	if (out.action == IO_CLOSE) {
		connection_fail(c, out.err);
		return;
	}
	if (c->state == CONNECTION_CLOSED)
		return; /* ended by a watermark callback */
	blocked = buffer_len(&c->out) > 0;
	if (blocked != c->write_blocked) {
		c->write_blocked = blocked;
		connection_update_events(c);
	}
	if (c->state == CONNECTION_CLOSING && out.bytes)
		start_close_timer(c); /* progress */
	if (blocked)
		return;
	c->write_shut |= shut;
	if (c->write_ended && !c->write_shut) {
		connection_flush_soon(c); /* ended by a watermark callback, during the write */
		return;
	}
	if (c->state == CONNECTION_CLOSING)
		flushed(c);
	else if (c->write_shut && c->read_ended)
		connection_end(c, CONNECTION_REMOTE_CLOSE, IO_CLOSE_NORMAL);
}

static void start_closing(struct connection *c, bool wait)
{
	c->state = CONNECTION_CLOSING;
	c->waits_for_peer = wait;
	if (wait)
		c->write_ended = true;
	connection_update_events(c);
	start_close_timer(c);
	connection_flush_soon(c);
}

void connection_close(struct connection *c, enum connection_close how)
{
	bool unsent = buffer_len(&c->out) > 0;

	if (c->state == CONNECTION_CLOSED)
		return;
	if (how == CONNECTION_ABORT) {
		c->detected_close = CONNECTION_CLOSE_LOCAL_RESET;
		connection_end(c, CONNECTION_LOCAL_CLOSE, IO_CLOSE_RESET);
	} else if (how == CONNECTION_NO_FLUSH || c->state == CONNECTION_CONNECTING ||
		   !c->transport->ops->can_flush_close(c->transport)) {
		connection_end(c, CONNECTION_LOCAL_CLOSE, IO_CLOSE_NORMAL);
	} else if (c->state == CONNECTION_OPEN) {
		bool wait = how == CONNECTION_FLUSH_AND_WAIT && !c->read_ended;

		if (unsent || (wait && c->delayed_close_timeout_ns))
			start_closing(c, wait);
		else
			connection_end(c, CONNECTION_LOCAL_CLOSE, IO_CLOSE_NORMAL);
	}
}

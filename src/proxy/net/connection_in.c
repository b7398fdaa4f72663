/* connection_in.c - reading, and the filters that get what was read. */
#include "proxy/net/connection_impl.h"

enum {
	READ_BUDGET =
		256 * 1024, /* per event, so that one bulk transfer does not hold up the rest */
	READ_AT_LEAST =
		16 * 1024, /* also above the limit: a filter may need more to make progress */
};

static struct network_filter *filter_of(struct list *link)
{
	return container_of(link, struct network_filter, link);
}

void connection_add_filter(struct connection *c, struct network_filter *f)
{
	f->connection = c;
	f->started = false;
	list_push(&c->filters, &f->link);
	c->filters_write |= f->ops->on_write != NULL;
}

static enum network_filter_status start_filter(struct network_filter *f)
{
	f->started = true;
	if (!f->ops->on_new_connection)
		return NETWORK_FILTER_CONTINUE;
	return f->ops->on_new_connection(f);
}

static bool ended(const struct connection *c)
{
	return c->state == CONNECTION_CLOSED || c->state == CONNECTION_CLOSING;
}

/* From @link to the last filter, or until one stops. Filters live as long as the connection. */
static bool run_from(struct connection *c, struct list *link, bool end_stream)
{
	for (; link != &c->filters; link = link->next) {
		struct network_filter *f = filter_of(link);
		enum network_filter_status status = NETWORK_FILTER_CONTINUE;

		if (!f->started)
			status = start_filter(f);
		if (ended(c))
			return false;
		if (status == NETWORK_FILTER_CONTINUE && f->ops->on_data &&
		    (buffer_len(&c->in) || end_stream)) {
			status = f->ops->on_data(f, &c->in, end_stream);
			if (ended(c))
				return false;
		}
		if (status == NETWORK_FILTER_STOP)
			break;
	}
	return true;
}

bool connection_run_filters(struct connection *c, bool end_stream)
{
	return run_from(c, c->filters.next, end_stream);
}

bool connection_start_filters(struct connection *c)
{
	return run_from(c, c->filters.next, false);
}

void connection_continue_reading(struct connection *c, struct network_filter *f)
{
	if (!ended(c))
		run_from(c, f->link.next, c->read_ended);
}

static size_t read_room(const struct connection *c)
{
	size_t have = buffer_len(&c->in);
	size_t room = c->buffer_limit > have ? c->buffer_limit - have : READ_AT_LEAST;

	if (c->buffer_limit == 0 || room > READ_BUDGET)
		return READ_BUDGET;
	return room;
}

/* CLOSING: what still comes is dropped; the peer's end is what we wait for. */
static void discard(struct connection *c)
{
	struct io_outcome out = c->transport->ops->do_read(c->transport, &c->in, READ_BUDGET);

	buffer_drain_all(&c->in);
	if (out.end_stream && buffer_len(&c->out)) {
		c->waits_for_peer = false;
		connection_update_events(c);
	} else if (out.end_stream || out.action == IO_CLOSE) {
		connection_end(c, CONNECTION_LOCAL_CLOSE, IO_CLOSE_NORMAL);
	} else if (out.more) {
		io_handle_activate(c->handle, IO_READ);
	}
}

/* The peer's direction is over: with half-close that is news, else it is the end. */
static void take_end(struct connection *c)
{
	c->read_ended = true;
	connection_update_events(c);
	if (!connection_run_filters(c, true))
		return;
	if (c->write_shut)
		connection_end(c, CONNECTION_REMOTE_CLOSE, IO_CLOSE_NORMAL);
}

static void read_and_run(struct connection *c, bool again)
{
	struct io_outcome out = c->transport->ops->do_read(c->transport, &c->in, read_room(c));
	bool open = true;

	c->bytes_received += out.bytes;
	if (out.more)
		io_handle_activate(c->handle, IO_READ);
	if (out.end_stream && c->half_close && out.action == IO_KEEP_OPEN) {
		take_end(c);
		return;
	}
	if (out.bytes || again)
		open = connection_run_filters(c, false);
	if (out.action == IO_CLOSE || (out.end_stream && open))
		connection_fail(c, out.err);
}

void connection_read_ready(struct connection *c)
{
	bool again = c->redispatch;

	if (c->state == CONNECTION_CLOSING && c->waits_for_peer)
		discard(c);
	if (c->state != CONNECTION_OPEN || c->n_read_disabled)
		return;
	c->redispatch = false;
	if (!c->read_ended)
		read_and_run(c, again);
	else if (again)
		connection_run_filters(c, true);
}

void connection_read_disable(struct connection *c, bool disable)
{
	if (c->state == CONNECTION_CLOSED)
		return;
	if (disable) {
		if (c->n_read_disabled++ == 0)
			connection_update_events(c);
		return;
	}
	invariant(c->n_read_disabled);
	if (--c->n_read_disabled)
		return;
	connection_update_events(c);
	if (buffer_len(&c->in)) {
		c->redispatch = true;
		dispatcher_next_turn(c->dispatcher, &c->retry);
	}
}

bool connection_read_enabled(const struct connection *c)
{
	return c->n_read_disabled == 0;
}

/*
 * connection.c - the life of a connection: made, connected, ended, freed.
 * Reading and filters are in connection_in.c, writing and closing in connection_out.c.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "proxy/net/connection_impl.h"
#include "proxy/net/socket_interface.h"

static atomic_uint_fast64_t last_id;

static const struct transport_host_ops host_ops;

typedef void (*tell_fn)(struct connection_observer *o, struct connection *c);

/*
 * Observers may come and go while they are told: a mark in the list keeps the place. It has no ops,
 * by which another walk, begun by what an observer does, knows it from an observer. The end of the
 * connection takes it off the list with all observers.
 */
static void tell_all(struct connection *c, tell_fn tell)
{
	struct connection_observer mark = { .ops = NULL };

	list_insert_before(c->observers.next, &mark.link);
	while (list_linked(&mark.link) && mark.link.next != &c->observers) {
		struct list *next = mark.link.next;
		struct connection_observer *o =
			container_of(next, struct connection_observer, link);

		list_remove(&mark.link);
		list_insert_before(next->next, &mark.link);
		if (o->ops)
			tell(o, c);
	}
	list_remove(&mark.link);
}

static void tell_connected(struct connection_observer *o, struct connection *c)
{
	if (o->ops->event)
		o->ops->event(o, c, CONNECTION_CONNECTED);
}

static void tell_above(struct connection_observer *o, struct connection *c)
{
	if (o->ops->above_write_mark)
		o->ops->above_write_mark(o, c);
}

static void tell_below(struct connection_observer *o, struct connection *c)
{
	if (o->ops->below_write_mark)
		o->ops->below_write_mark(o, c);
}

static void tell_draining(struct connection_observer *o, struct connection *c)
{
	if (o->ops->draining)
		o->ops->draining(o, c);
}

static void above_write_mark(void *context)
{
	tell_all(context, tell_above);
}

static void below_write_mark(void *context)
{
	tell_all(context, tell_below);
}

static const struct buffer_watermark_ops out_marks = {
	.above_high = above_write_mark,
	.below_low = below_write_mark,
};

static void flush_now(struct task *t)
{
	connection_write_some(container_of(t, struct connection, flush));
}

/* What could not be said at once: an early failure, or data that waited for reading to go on. */
static void retry_now(struct task *t)
{
	struct connection *c = container_of(t, struct connection, retry);

	if (c->error)
		connection_end(c, CONNECTION_REMOTE_CLOSE, IO_CLOSE_NORMAL);
	else
		connection_read_ready(c);
}

static void timer_fired(struct timer *t, uint64_t now_ns unused_arg)
{
	struct connection *c = container_of(t, struct connection, timer);

	if (c->state == CONNECTION_CONNECTING) {
		c->timed_out = true;
		c->error = ERR_TIMEOUT;
	}
	connection_end(c, CONNECTION_LOCAL_CLOSE, IO_CLOSE_NORMAL);
}

static struct connection *new_connection(struct dispatcher *d, struct io_handle *h,
					 struct transport_socket *transport,
					 const struct address *peer,
					 const struct connection_options *options)
{
	struct connection *c = calloc(1, sizeof(*c));

	invariant(c);
	c->dispatcher = d;
	c->handle = h;
	c->transport = transport;
	c->host = (struct transport_host){ .handle = h, .ops = &host_ops };
	transport->host = &c->host;
	buffer_init(&c->in, dispatcher_memory(d));
	buffer_init(&c->out, dispatcher_memory(d));
	list_init(&c->filters);
	list_init(&c->observers);
	task_init(&c->flush, flush_now);
	task_init(&c->retry, retry_now);
	timer_init(&c->timer, timer_fired);
	c->connect_timeout_ns = options->connect_timeout_ns;
	c->delayed_close_timeout_ns = options->delayed_close_timeout_ns;
	c->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
	c->start_ns = dispatcher_now_ns(d);
	c->peer = *peer;
	connection_set_buffer_limit(c, options->buffer_limit_bytes);
	if (options->no_delay && peer->family != ADDRESS_UNIX)
		(void)io_handle_set_option(h, IO_OPT_NO_DELAY, 1); /* slower without, not wrong */
	return c;
}

/* Report @err as the end of the connection in the next turn: the caller is still setting it up. */
static void fail_later(struct connection *c, int err)
{
	c->error = err;
	dispatcher_next_turn(c->dispatcher, &c->retry);
}

static unsigned wanted_events(const struct connection *c)
{
	unsigned mask = IO_CLOSED;

	if (c->state == CONNECTION_CONNECTING)
		return IO_WRITE;
	if (c->n_read_disabled == 0 && !c->read_ended && c->state == CONNECTION_OPEN)
		mask |= IO_READ;
	if (c->state == CONNECTION_CLOSING && c->waits_for_peer)
		mask |= IO_READ;
	if (c->write_blocked)
		mask |= IO_WRITE;
	return mask;
}

void connection_update_events(struct connection *c)
{
	if (c->handle)
		io_handle_enable_events(c->handle, wanted_events(c));
}

static void now_connected(struct connection *c)
{
	dispatcher_timer_cancel(c->dispatcher, &c->timer);
	c->state = CONNECTION_OPEN;
	connection_update_events(c);
	connection_flush_soon(c);
	tell_all(c, tell_connected);
}

static void handle_connected(struct connection *c)
{
	int err = 0;
	int failed = io_handle_get_option(c->handle, IO_OPT_ERROR, &err);

	if (failed || err)
		connection_fail(c, failed ? failed : err);
	else if (c->transport->ops->on_connected(c->transport))
		now_connected(c);
}

static void handle_event(void *context, unsigned events)
{
	struct connection *c = context;

	if (c->state == CONNECTION_CONNECTING) {
		handle_connected(c);
		return;
	}
	if (events & IO_WRITE)
		connection_write_some(c);
	if (events & IO_READ)
		connection_read_ready(c);
	else if (events & IO_CLOSED && c->detect_early_close && c->state == CONNECTION_OPEN &&
		 !c->half_close)
		connection_fail(c, 0);
}

static int open_events(struct connection *c)
{
	return io_handle_open_events(c->handle, c->dispatcher, wanted_events(c), handle_event, c);
}

struct connection *connection_new_server(struct dispatcher *d, struct io_handle *h,
					 struct transport_socket *transport,
					 const struct address *peer,
					 const struct connection_options *options)
{
	struct connection *c = new_connection(d, h, transport, peer, options);
	int err;

	c->state = CONNECTION_OPEN;
	err = open_events(c);
	if (err)
		fail_later(c, err);
	else
		(void)transport->ops->on_connected(transport);
	return c;
}

struct connection *connection_new_client_or_null(struct dispatcher *d, struct socket_interface *si,
						 struct transport_socket *transport,
						 const struct address *peer,
						 const struct address *source,
						 const struct connection_options *options, int *err)
{
	struct connection *c;
	struct io_handle *h;

	*err = socket_interface_open(si, d, IO_STREAM, peer->family, &h);
	if (*err) {
		transport->ops->free(transport);
		return NULL;
	}
	c = new_connection(d, h, transport, peer, options);
	c->state = CONNECTION_CONNECTING;
	if (source)
		c->error = io_handle_bind(h, source);
	return c;
}

void connection_connect(struct connection *c)
{
	int err = c->error;

	if (c->state != CONNECTION_CONNECTING)
		return;
	if (!err)
		err = io_handle_connect(c->handle, &c->peer);
	if (err == 0 || err == ERR_AGAIN)
		err = open_events(c);
	if (err) {
		fail_later(c, err);
		return;
	}
	if (c->connect_timeout_ns)
		dispatcher_timer_set(c->dispatcher, &c->timer, c->connect_timeout_ns);
}

static void free_connection(struct deferred *x)
{
	struct connection *c = container_of(x, struct connection, deletion);
	struct list *link;

	while ((link = list_pop_or_null(&c->filters))) {
		struct network_filter *f = container_of(link, struct network_filter, link);

		f->ops->free(f);
	}
	buffer_deinit(&c->in);
	buffer_deinit(&c->out);
	c->transport->ops->free(c->transport);
	free(c);
}

void connection_end(struct connection *c, enum connection_event event, enum io_close how)
{
	struct list *link;

	if (c->state == CONNECTION_CLOSED)
		return;
	c->state = CONNECTION_CLOSED;
	task_cancel(&c->flush);
	task_cancel(&c->retry);
	dispatcher_timer_cancel(c->dispatcher, &c->timer);
	c->out.above_high = false; /* the event below says more than a mark would */
	buffer_set_watermarks(&c->out, 0, NULL, NULL);
	c->transport->ops->close(c->transport);
	io_handle_close(c->handle, how);
	c->handle = NULL;
	/* The buffers stay until the turn ends: whoever called us may be looking at them. */
	dispatcher_delete(c->dispatcher, &c->deletion, free_connection);
	while ((link = list_pop_or_null(&c->observers))) {
		struct connection_observer *o =
			container_of(link, struct connection_observer, link);

		if (o->ops && o->ops->event)
			o->ops->event(o, c, event);
	}
}

void connection_fail(struct connection *c, int err)
{
	if (c->state == CONNECTION_CLOSED)
		return;
	c->error = err;
	if (err == ERR_CLOSED && c->state != CONNECTION_CONNECTING)
		c->detected_close = CONNECTION_CLOSE_REMOTE_RESET;
	connection_end(c, CONNECTION_REMOTE_CLOSE, IO_CLOSE_NORMAL);
}

static struct connection *of_host(struct transport_host *host)
{
	return container_of(host, struct connection, host);
}

static void host_connected(struct transport_host *host)
{
	struct connection *c = of_host(host);

	if (c->state == CONNECTION_CONNECTING)
		now_connected(c);
	else if (c->state == CONNECTION_OPEN)
		tell_all(c, tell_connected);
}

static void host_readable(struct transport_host *host)
{
	struct connection *c = of_host(host);

	if (c->handle)
		io_handle_activate(c->handle, IO_READ);
}

static void host_flush(struct transport_host *host)
{
	struct connection *c = of_host(host);

	if (c->handle)
		dispatcher_turn_end(c->dispatcher, &c->flush);
}

static const struct transport_host_ops host_ops = {
	.connected = host_connected,
	.readable = host_readable,
	.flush = host_flush,
};

void connection_add_observer(struct connection *c, struct connection_observer *o,
			     const struct connection_observer_ops *ops)
{
	o->ops = ops;
	list_push(&c->observers, &o->link);
}

void connection_remove_observer(struct connection *c unused_arg, struct connection_observer *o)
{
	list_remove(&o->link);
}

void connection_drain(struct connection *c)
{
	if (c->draining)
		return;
	c->draining = true;
	tell_all(c, tell_draining);
}

bool connection_draining(const struct connection *c)
{
	return c->draining;
}

void connection_set_buffer_limit(struct connection *c, uint32_t bytes)
{
	c->buffer_limit = bytes;
	buffer_set_watermarks(&c->out, bytes, &out_marks, c);
}

enum connection_state connection_state(const struct connection *c)
{
	return c->state;
}

enum connection_detected_close connection_detected_close(const struct connection *c)
{
	return c->detected_close;
}

int connection_close_error(const struct connection *c)
{
	return c->error;
}

bool connection_connect_timed_out(const struct connection *c)
{
	return c->timed_out;
}

const char *connection_failure_reason(const struct connection *c)
{
	return c->transport->ops->failure_reason(c->transport);
}

void connection_set_half_close(struct connection *c, bool enabled)
{
	c->half_close = enabled;
}

void connection_set_detect_early_close(struct connection *c, bool enabled)
{
	c->detect_early_close = enabled;
}

void connection_set_delayed_close_timeout(struct connection *c, uint64_t ns)
{
	c->delayed_close_timeout_ns = ns;
}

bool connection_above_write_mark(const struct connection *c)
{
	return c->out.above_high;
}

uint64_t connection_id(const struct connection *c)
{
	return c->id;
}

struct dispatcher *connection_dispatcher(const struct connection *c)
{
	return c->dispatcher;
}

struct io_handle *connection_handle(const struct connection *c)
{
	return c->handle;
}

const struct address *connection_peer(const struct connection *c)
{
	return &c->peer;
}

const struct address *connection_local(struct connection *c)
{
	if (c->local.family == ADDRESS_NONE && c->handle)
		(void)io_handle_local_address(c->handle, &c->local); /* NONE says it failed */
	return &c->local;
}

struct slice connection_protocol(const struct connection *c)
{
	return c->transport->ops->protocol(c->transport);
}

uint64_t connection_start_ns(const struct connection *c)
{
	return c->start_ns;
}

uint64_t connection_bytes_received(const struct connection *c)
{
	return c->bytes_received;
}

uint64_t connection_bytes_sent(const struct connection *c)
{
	return c->bytes_sent;
}

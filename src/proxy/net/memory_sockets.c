/* memory_sockets.c - the in-memory socket interface: listeners, connections, their events. */
#include <stdlib.h>

#include "proxy/net/memory_pipe.h"
#include "proxy/net/memory_sockets.h"

enum { CAPACITY_DEFAULT = 64 * 1024, FIRST_EPHEMERAL_PORT = 49152 };

struct memory_sockets {
	struct socket_interface interface;
	struct memory_options options;
	struct list listeners;
	uint16_t next_port;
};

struct memory_handle {
	struct io_handle handle;
	struct memory_sockets *owner;
	struct memory_pipe *in, *out; /* NULL until connected */
	struct memory_handle *peer;   /* NULL when it has closed */
	struct address local, remote;
	struct list link; /* in the listeners, or in a listener's queue */
	struct list queue;
	unsigned backlog, n_queued;
	int options[IO_OPT_N];
	int error;

	unsigned ready, enabled, injected;
	io_event_fn fn;
	void *context;
	struct dispatcher *dispatcher;
	struct task inject;
	struct deferred deletion;
};

static const struct io_handle_ops memory_ops;

static struct memory_handle *of(struct io_handle *h)
{
	return container_of(h, struct memory_handle, handle);
}

static void report_injected(struct task *t)
{
	struct memory_handle *m = container_of(t, struct memory_handle, inject);
	unsigned events = m->injected & m->enabled;

	m->injected = 0;
	if (events)
		m->fn(m->context, events);
}

/* The state changed so that @events may succeed now. */
static void became_ready(struct memory_handle *m, unsigned events)
{
	m->ready |= events;
	m->injected |= events;
	if (m->fn && (events & m->enabled))
		dispatcher_next_turn(m->dispatcher, &m->inject);
}

static void has_room(void *writer)
{
	struct memory_handle *m = writer;

	if (!(m->ready & IO_WRITE))
		became_ready(m, IO_WRITE);
}

static unsigned state_of(const struct memory_handle *m)
{
	unsigned events = 0;

	if (!list_empty(&m->queue) || (m->in && memory_pipe_readable(m->in)) || m->error)
		events |= IO_READ;
	if ((m->out && (memory_pipe_room(m->out) || m->out->reader_gone)) || m->error)
		events |= IO_WRITE;
	if (m->in && (m->in->ended || m->in->reset))
		events |= IO_CLOSED;
	return events;
}

static int memory_open_events(struct io_handle *h, struct dispatcher *d, unsigned mask,
			      io_event_fn fn, void *context)
{
	struct memory_handle *m = of(h);

	if (m->fn)
		return ERR_EXIST;
	m->fn = fn;
	m->context = context;
	m->dispatcher = d;
	m->enabled = mask;
	became_ready(m, state_of(m));
	return 0;
}

static void memory_enable_events(struct io_handle *h, unsigned mask)
{
	struct memory_handle *m = of(h);
	unsigned fresh = mask & ~m->enabled & m->ready;

	m->enabled = mask;
	if (fresh)
		became_ready(m, fresh);
}

static void memory_activate(struct io_handle *h, unsigned events)
{
	became_ready(of(h), events);
}

static int64_t tried(struct memory_handle *m, unsigned event, int64_t n)
{
	if (n == ERR_AGAIN)
		m->ready &= ~event;
	return n;
}

static size_t limited(size_t len, size_t limit)
{
	return limit && limit < len ? limit : len;
}

static int64_t memory_read(struct io_handle *h, struct buffer *b, size_t max)
{
	struct memory_handle *m = of(h);

	if (!m->in)
		return m->error ? m->error : ERR_AGAIN;
	max = limited(max, m->owner->options.read_max_bytes);
	return tried(m, IO_READ, memory_pipe_read(m->in, b, max));
}

static int64_t memory_recv(struct io_handle *h, void *out, size_t len, unsigned flags)
{
	struct memory_handle *m = of(h);
	struct buffer b;
	int64_t n;

	if (!m->in)
		return m->error ? m->error : ERR_AGAIN;
	if (flags & IO_PEEK)
		return tried(m, IO_READ, memory_pipe_peek(m->in, out, len));
	buffer_init(&b, dispatcher_memory(m->dispatcher));
	n = memory_read(h, &b, len);
	if (n > 0) {
		buffer_copy_out(&b, 0, out, (size_t)n);
		buffer_drain_all(&b);
	}
	return n;
}

static int64_t memory_readv(struct io_handle *h, const struct iovec *iov, unsigned n)
{
	int64_t total = 0;

	for (unsigned i = 0; i < n; i++) {
		int64_t got = memory_recv(h, iov[i].iov_base, iov[i].iov_len, 0);

		if (got <= 0)
			return total ? total : got;
		total += got;
		if ((size_t)got < iov[i].iov_len)
			break;
	}
	return total;
}

static int64_t memory_writev(struct io_handle *h, const struct iovec *iov, unsigned n)
{
	struct memory_handle *m = of(h);
	size_t left = limited(SIZE_MAX, m->owner->options.write_max_bytes);
	int64_t total = 0;

	if (!m->out)
		return ERR_CLOSED;
	for (unsigned i = 0; i < n && left; i++) {
		size_t len = iov[i].iov_len < left ? iov[i].iov_len : left;
		int64_t done = memory_pipe_write(m->out, iov[i].iov_base, len);

		if (done < 0)
			return total ? total : tried(m, IO_WRITE, done);
		if (total == 0 && m->peer)
			became_ready(m->peer, IO_READ);
		total += done;
		left -= (size_t)done;
		if ((size_t)done < len)
			break;
	}
	return total;
}

static int64_t memory_write(struct io_handle *h, struct buffer *b)
{
	struct iovec iov[BUFFER_GATHER_MAX];
	int64_t n = memory_writev(h, iov, buffer_gather(b, iov, count_of(iov), SIZE_MAX));

	if (n > 0)
		buffer_drain(b, (size_t)n);
	return n;
}

static int64_t memory_sendmsg(struct io_handle *h unused_arg, const struct io_message *m unused_arg)
{
	return ERR_UNSUPPORTED;
}

static int64_t memory_recvmsg(struct io_handle *h unused_arg, struct io_message *m unused_arg)
{
	return ERR_UNSUPPORTED;
}

static struct memory_handle *new_handle(struct memory_sockets *owner, struct dispatcher *d)
{
	struct memory_handle *m = calloc(1, sizeof(*m));

	invariant(m);
	m->handle.ops = &memory_ops;
	m->owner = owner;
	m->dispatcher = d;
	list_init(&m->link);
	list_init(&m->queue);
	task_init(&m->inject, report_injected);
	return m;
}

static struct memory_handle *find_listener_or_null(struct memory_sockets *s,
						   const struct address *at)
{
	list_for_each(link, &s->listeners) {
		struct memory_handle *m = container_of(link, struct memory_handle, link);

		if (address_equal(&m->local, at))
			return m;
	}
	return NULL;
}

static int memory_bind(struct io_handle *h, const struct address *local)
{
	struct memory_handle *m = of(h);
	struct memory_handle *taken = find_listener_or_null(m->owner, local);

	if (taken && !taken->options[IO_OPT_REUSE_PORT])
		return ERR_BUSY;
	m->local = *local;
	if (m->local.port == 0)
		m->local.port = m->owner->next_port++;
	return 0;
}

static int memory_listen(struct io_handle *h, unsigned backlog)
{
	struct memory_handle *m = of(h);

	m->backlog = backlog;
	list_push(&m->owner->listeners, &m->link);
	return 0;
}

static int memory_accept(struct io_handle *h, struct io_handle **out, struct address *peer)
{
	struct memory_handle *m = of(h);
	struct list *link = list_pop_or_null(&m->queue);
	struct memory_handle *fresh;

	if (!link)
		return (int)tried(m, IO_READ, ERR_AGAIN);
	m->n_queued--;
	fresh = container_of(link, struct memory_handle, link);
	*peer = fresh->remote;
	*out = &fresh->handle;
	return 0;
}

static void attach(struct memory_handle *m, struct memory_pipe *in, struct memory_pipe *out,
		   struct memory_handle *peer)
{
	m->in = in;
	m->out = out;
	m->peer = peer;
	out->writer = m;
	out->has_room = has_room;
}

static void join(struct memory_handle *a, struct memory_handle *b)
{
	size_t capacity = a->owner->options.capacity_bytes;
	struct memory_pipe *one = memory_pipe_new(capacity ? capacity : CAPACITY_DEFAULT);
	struct memory_pipe *two = memory_pipe_new(capacity ? capacity : CAPACITY_DEFAULT);

	attach(a, one, two, b);
	attach(b, two, one, a);
}

/* RFC 5737 documentation addresses stand for hosts that do not answer. */
static bool never_answers(const struct address *a)
{
	static const struct address test_net = { .family = ADDRESS_IP4, .ip = { 192, 0, 2 } };

	return address_in_prefix(a, &test_net, 24);
}

static int memory_connect(struct io_handle *h, const struct address *peer)
{
	struct memory_handle *m = of(h);
	struct memory_handle *listener = find_listener_or_null(m->owner, peer);
	struct memory_handle *fresh;

	m->remote = *peer;
	if (m->local.family == ADDRESS_NONE)
		m->local = (struct address){ .family = ADDRESS_IP4,
					     .ip = { 127, 0, 0, 1 },
					     .port = m->owner->next_port++ };
	if (never_answers(peer))
		return ERR_AGAIN;
	if (!listener || listener->n_queued >= listener->backlog) {
		m->error = ERR_REFUSED;
		became_ready(m, IO_READ | IO_WRITE);
		return ERR_AGAIN;
	}
	fresh = new_handle(m->owner, listener->dispatcher);
	fresh->local = *peer;
	fresh->remote = m->local;
	join(m, fresh);
	list_push(&listener->queue, &fresh->link);
	listener->n_queued++;
	became_ready(listener, IO_READ);
	became_ready(m, IO_WRITE);
	return ERR_AGAIN;
}

static int memory_shutdown(struct io_handle *h, enum io_shutdown how)
{
	struct memory_handle *m = of(h);

	if (!m->out)
		return ERR_CLOSED;
	if (how != IO_SHUT_READ) {
		m->out->ended = true;
		if (m->peer)
			became_ready(m->peer, IO_READ | IO_CLOSED);
	}
	return 0;
}

static void free_handle(struct deferred *x)
{
	free(container_of(x, struct memory_handle, deletion));
}

static void detach(struct memory_handle *m, enum io_close how)
{
	m->out->has_room = NULL;
	m->out->ended = true;
	m->out->reset |= how == IO_CLOSE_RESET;
	m->in->reader_gone = true;
	if (m->peer) {
		m->peer->peer = NULL;
		became_ready(m->peer, IO_READ | IO_WRITE | IO_CLOSED);
	}
	memory_pipe_put(m->in);
	memory_pipe_put(m->out);
	m->in = m->out = NULL;
	m->peer = NULL;
}

static void memory_close(struct io_handle *h, enum io_close how)
{
	struct memory_handle *m = of(h);
	struct list *link;

	list_remove(&m->link);
	while ((link = list_pop_or_null(&m->queue))) {
		struct memory_handle *waiting = container_of(link, struct memory_handle, link);

		memory_close(&waiting->handle, IO_CLOSE_RESET);
	}
	if (m->out)
		detach(m, how);
	m->enabled = 0;
	m->fn = NULL;
	task_cancel(&m->inject);
	dispatcher_delete(m->dispatcher, &m->deletion, free_handle);
}

static int memory_set_option(struct io_handle *h, enum io_option option, int value)
{
	if (option == IO_OPT_ERROR)
		return ERR_INVAL;
	of(h)->options[option] = value;
	return 0;
}

static int memory_get_option(struct io_handle *h, enum io_option option, int *value)
{
	*value = option == IO_OPT_ERROR ? of(h)->error : of(h)->options[option];
	return 0;
}

static int memory_local_address(struct io_handle *h, struct address *out)
{
	*out = of(h)->local;
	return 0;
}

static int memory_peer_address(struct io_handle *h, struct address *out)
{
	*out = of(h)->remote;
	return of(h)->out ? 0 : ERR_CLOSED;
}

static int64_t memory_no_figure(struct io_handle *h unused_arg)
{
	return ERR_UNSUPPORTED;
}

static const struct io_handle_ops memory_ops = {
	.interface_name = SOCKET_NAME_MEMORY,
	.read = memory_read,
	.readv = memory_readv,
	.write = memory_write,
	.writev = memory_writev,
	.sendmsg = memory_sendmsg,
	.recvmsg = memory_recvmsg,
	.recv = memory_recv,
	.bind = memory_bind,
	.listen = memory_listen,
	.accept = memory_accept,
	.connect = memory_connect,
	.shutdown = memory_shutdown,
	.close = memory_close,
	.set_option = memory_set_option,
	.get_option = memory_get_option,
	.local_address = memory_local_address,
	.peer_address = memory_peer_address,
	.rtt_us = memory_no_figure,
	.cwnd_bytes = memory_no_figure,
	.open_events = memory_open_events,
	.enable_events = memory_enable_events,
	.activate = memory_activate,
};

static struct memory_sockets *of_interface(struct socket_interface *si)
{
	return container_of(si, struct memory_sockets, interface);
}

static int memory_open(struct socket_interface *si, struct dispatcher *d, enum io_type type,
		       enum address_family family, struct io_handle **out)
{
	if (type != IO_STREAM || family == ADDRESS_NONE)
		return ERR_UNSUPPORTED;
	*out = &new_handle(of_interface(si), d)->handle;
	return 0;
}

static bool memory_family_supported(struct socket_interface *si unused_arg,
				    enum address_family family)
{
	return family != ADDRESS_NONE;
}

static void memory_free(struct socket_interface *si)
{
	free(of_interface(si));
}

static const struct socket_interface_ops interface_ops = {
	.name = SOCKET_NAME_MEMORY,
	.open = memory_open,
	.family_supported = memory_family_supported,
	.free = memory_free,
};

struct socket_interface *memory_sockets_new(void)
{
	struct memory_sockets *s = calloc(1, sizeof(*s));

	invariant(s);
	s->interface.ops = &interface_ops;
	s->next_port = FIRST_EPHEMERAL_PORT;
	list_init(&s->listeners);
	return &s->interface;
}

struct memory_options *memory_sockets_options(struct socket_interface *si)
{
	return &of_interface(si)->options;
}

void memory_sockets_pair(struct socket_interface *si, struct dispatcher *d, struct io_handle **a,
			 struct io_handle **b)
{
	struct memory_handle *x = new_handle(of_interface(si), d);
	struct memory_handle *y = new_handle(of_interface(si), d);

	x->local = y->remote = address_any(ADDRESS_IP4, 1);
	y->local = x->remote = address_any(ADDRESS_IP4, 2);
	join(x, y);
	*a = &x->handle;
	*b = &y->handle;
}

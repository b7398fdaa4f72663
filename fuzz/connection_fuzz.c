/*
 * connection_fuzz.c - any order of calls on a connection, from outside and from inside its
 * callbacks.
 *
 * Each input byte is a step: the peer sends, reads, half-closes, closes or resets; the owner
 * writes, pauses, closes in one of the four ways; a turn passes, or time. Both directions carry a
 * counting pattern, so that a byte lost, doubled or out of order is seen. There is one end, and
 * nothing after.
 */
#include <string.h>

#include "proxy/filter/network_filter.h"
#include "proxy/net/connection.h"
#include "proxy/net/memory_sockets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIPE_BYTES = 256, LIMIT_BYTES = 300, PATTERN = 251, STEPS_MAX = 2000 };

enum step {
	STEP_TURN,
	STEP_PEER_SEND,
	STEP_PEER_READ,
	STEP_PEER_SHUTDOWN,
	STEP_PEER_CLOSE,
	STEP_PEER_RESET,
	STEP_WRITE,
	STEP_WRITE_END,
	STEP_PAUSE,
	STEP_RESUME,
	STEP_CLOSE,
	STEP_KEEP,
	STEP_INSIDE,
	STEP_TIME,
	STEP_HALF_CLOSE,
	STEP_LIMITS,
	N_STEPS
};

struct script {
	const uint8_t *at, *end;
};

struct run {
	struct dispatcher *d;
	struct socket_interface *si;
	struct io_handle *peer; /* NULL once closed */
	struct connection *c;	/* NULL once ended */
	struct network_filter filter;
	struct connection_observer observer;
	struct script script;
	uint64_t now_ns;
	uint64_t peer_sent, received, written, peer_received;
	uint32_t n_pauses;
	bool keep, inside, freed, in_callback;
};

static uint64_t run_now(void *context)
{
	return ((struct run *)context)->now_ns;
}

static void step_connection(struct run *r, uint8_t op);

/* A callback may do what the script says next. */
static void act_inside(struct run *r)
{
	if (!r->inside || r->in_callback || r->script.at == r->script.end)
		return;
	r->in_callback = true;
	step_connection(r, *r->script.at++);
	r->in_callback = false;
}

static void check_pattern(uint64_t *count, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		invariant(at[i] == (*count + i) % PATTERN);
	*count += len;
}

static enum network_filter_status on_data(struct network_filter *f, struct buffer *b,
					  bool end_stream unused_arg)
{
	struct run *r = container_of(f, struct run, filter);

	invariant(r->c && !r->freed);
	while (!r->keep && buffer_len(b)) {
		struct slice s = buffer_front(b);

		check_pattern(&r->received, s.at, s.len);
		buffer_drain(b, s.len);
	}
	act_inside(r);
	return NETWORK_FILTER_CONTINUE;
}

static void on_free(struct network_filter *f)
{
	struct run *r = container_of(f, struct run, filter);

	invariant(!r->c && !r->freed);
	r->freed = true;
}

static void on_event(struct connection_observer *o, struct connection *c,
		     enum connection_event event)
{
	struct run *r = container_of(o, struct run, observer);

	invariant(r->c == c && event != CONNECTION_CONNECTED);
	r->c = NULL;
}

static void on_mark(struct connection_observer *o, struct connection *c)
{
	struct run *r = container_of(o, struct run, observer);

	invariant(r->c == c);
	act_inside(r);
}

static const struct network_filter_ops filter_ops = { .name = "fuzz",
						      .on_data = on_data,
						      .free = on_free };
static const struct connection_observer_ops observer_ops = { .event = on_event,
							     .above_write_mark = on_mark,
							     .below_write_mark = on_mark };

static uint8_t argument(struct run *r)
{
	return r->script.at == r->script.end ? 0 : *r->script.at++;
}

static void peer_send(struct run *r)
{
	uint8_t bytes[UINT8_MAX];
	size_t len = argument(r);
	struct iovec iov = { bytes, len };
	int64_t n;

	if (!r->peer || len == 0)
		return;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)((r->peer_sent + i) % PATTERN);
	n = io_handle_writev(r->peer, &iov, 1);
	if (n > 0)
		r->peer_sent += (uint64_t)n;
}

static void peer_read(struct run *r)
{
	uint8_t bytes[UINT8_MAX];
	int64_t n = r->peer ? io_handle_recv(r->peer, bytes, 1u + argument(r) / 2u, 0) : 0;

	if (n > 0)
		check_pattern(&r->peer_received, bytes, (size_t)n);
}

static void peer_close(struct run *r, enum io_close how)
{
	if (r->peer)
		io_handle_close(r->peer, how);
	r->peer = NULL;
}

static void write_some(struct run *r, bool end_stream)
{
	uint8_t bytes[UINT8_MAX];
	size_t len = argument(r);
	struct buffer b;

	buffer_init(&b, dispatcher_memory(r->d));
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)((r->written + i) % PATTERN);
	if (connection_write_buffer_or_null(r->c)) /* NULL: it takes no more */
		r->written += len;
	buffer_append(&b, bytes, len);
	connection_write(r->c, &b, end_stream);
}

static void step_connection(struct run *r, uint8_t op)
{
	if (!r->c)
		return;
	switch (op % N_STEPS) {
	case STEP_WRITE:
	case STEP_WRITE_END:
		write_some(r, op % N_STEPS == STEP_WRITE_END);
		break;
	case STEP_PAUSE:
		connection_read_disable(r->c, true);
		r->n_pauses++;
		break;
	case STEP_RESUME:
		if (r->n_pauses) {
			r->n_pauses--;
			connection_read_disable(r->c, false);
		}
		break;
	case STEP_CLOSE:
		connection_close(r->c, argument(r) % 4);
		break;
	case STEP_HALF_CLOSE:
		connection_set_half_close(r->c, op & 0x80);
		connection_set_detect_early_close(r->c, op & 0x40);
		break;
	default:
		break;
	}
}

static void step(struct run *r, uint8_t op)
{
	switch (op % N_STEPS) {
	case STEP_TURN:
		dispatcher_run_once(r->d);
		break;
	case STEP_PEER_SEND:
		peer_send(r);
		break;
	case STEP_PEER_READ:
		peer_read(r);
		break;
	case STEP_PEER_SHUTDOWN:
		if (r->peer)
			io_handle_shutdown(r->peer, IO_SHUT_WRITE);
		break;
	case STEP_PEER_CLOSE:
		peer_close(r, IO_CLOSE_NORMAL);
		break;
	case STEP_PEER_RESET:
		peer_close(r, IO_CLOSE_RESET);
		break;
	case STEP_KEEP:
		r->keep = op & 0x80;
		break;
	case STEP_INSIDE:
		r->inside = op & 0x80;
		break;
	case STEP_TIME:
		r->now_ns += (uint64_t)argument(r) * 10 * NS_PER_MS;
		break;
	case STEP_LIMITS:
		memory_sockets_options(r->si)->read_max_bytes = argument(r);
		memory_sockets_options(r->si)->write_max_bytes = argument(r);
		break;
	default:
		step_connection(r, op);
	}
}

static void open_run(struct run *r, const struct clock *clock)
{
	const struct connection_options options = { .buffer_limit_bytes = LIMIT_BYTES,
						    .delayed_close_timeout_ns = 100 * NS_PER_MS };
	const struct address from = address_any(ADDRESS_IP4, 1);
	struct io_handle *ours;

	r->d = dispatcher_new_or_null("fuzz", clock);
	invariant(r->d);
	r->si = memory_sockets_new();
	memory_sockets_options(r->si)->capacity_bytes = PIPE_BYTES;
	memory_sockets_pair(r->si, r->d, &ours, &r->peer);
	r->c = connection_new_server(
		r->d, ours,
		transport_plain.ops->new_socket(&transport_plain, r->d, slice_of(NULL, 0)), &from,
		&options);
	r->filter.ops = &filter_ops;
	connection_add_observer(r->c, &r->observer, &observer_ops);
	connection_add_filter(r->c, &r->filter);
	connection_start_filters(r->c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = { .now_ns = NS_PER_S, .script = { data, data + size } };
	const struct clock clock = { run_now, &r };

	open_run(&r, &clock);
	for (unsigned i = 0; i < STEPS_MAX && r.script.at < r.script.end; i++)
		step(&r, *r.script.at++);
	invariant(r.received <= r.peer_sent && r.peer_received <= r.written);
	r.inside = false;
	if (r.c)
		connection_close(r.c, CONNECTION_ABORT);
	invariant(!r.c);
	peer_close(&r, IO_CLOSE_NORMAL);
	dispatcher_run_once(r.d);
	invariant(r.freed);
	dispatcher_free(r.d); /* asserts that all memory came back */
	r.si->ops->free(r.si);
	return 0;
}

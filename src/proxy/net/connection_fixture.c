/* connection_fixture.c - a connection and its far side, over in-memory handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proxy/net/connection_fixture.h"

static uint64_t test_now(void *context)
{
	return *(uint64_t *)context;
}

uint64_t now_ns = NS_PER_S;
static const struct clock test_clock = { test_now, &now_ns };
struct dispatcher *d;
struct socket_interface *si;

int connection_set_up(void **state unused_arg)
{
	d = dispatcher_new_or_null("test", &test_clock);
	si = memory_sockets_new();
	return d && si ? 0 : -1;
}

int connection_tear_down(void **state unused_arg)
{
	dispatcher_run_once(d);
	dispatcher_free(d); /* asserts that all buffer memory came back */
	si->ops->free(si);
	return 0;
}

void turns(unsigned n)
{
	while (n--)
		dispatcher_run_once(d);
}

static struct probe *of_filter(struct network_filter *f)
{
	return container_of(f, struct probe, filter);
}

static enum network_filter_status probe_data(struct network_filter *f, struct buffer *b,
					     bool end_stream)
{
	struct probe *p = of_filter(f);
	size_t n = buffer_len(b);

	assert_false(p->freed);
	p->n_data++;
	p->end_stream = end_stream;
	if (!p->keep) {
		n = buffer_copy_out(b, 0, p->data + p->len, sizeof(p->data) - 1 - p->len);
		p->len += n;
		buffer_drain_all(b);
	}
	if (p->on_data)
		p->on_data(p);
	return p->status;
}

static void probe_free(struct network_filter *f)
{
	of_filter(f)->freed = true;
}

const struct network_filter_ops probe_ops = {
	.name = "probe",
	.on_data = probe_data,
	.free = probe_free,
};

static void probe_event(struct connection_observer *o, struct connection *c unused_arg,
			enum connection_event event)
{
	struct probe *p = container_of(o, struct probe, observer);
	static const char *const letters[] = { [CONNECTION_CONNECTED] = "c",
					       [CONNECTION_REMOTE_CLOSE] = "r",
					       [CONNECTION_LOCAL_CLOSE] = "l" };

	strcat(p->events, letters[event]);
	if (event != CONNECTION_CONNECTED)
		p->c = NULL;
}

static void probe_above(struct connection_observer *o, struct connection *c unused_arg)
{
	container_of(o, struct probe, observer)->n_above++;
}

static void probe_below(struct connection_observer *o, struct connection *c unused_arg)
{
	container_of(o, struct probe, observer)->n_below++;
}

static void probe_draining(struct connection_observer *o, struct connection *c unused_arg)
{
	container_of(o, struct probe, observer)->n_draining++;
}

const struct connection_observer_ops probe_observer_ops = {
	.event = probe_event,
	.above_write_mark = probe_above,
	.below_write_mark = probe_below,
	.draining = probe_draining,
};

void probe_attach(struct probe *p, struct connection *c)
{
	p->c = c;
	p->filter.ops = &probe_ops;
	connection_add_observer(c, &p->observer, &probe_observer_ops);
	connection_add_filter(c, &p->filter);
	assert_true(connection_start_filters(c));
}

static const struct connection_options options = {
	.buffer_limit_bytes = 1024,
	.delayed_close_timeout_ns = 1000 * NS_PER_MS,
};

struct io_handle *serve(struct probe *p)
{
	struct address peer = address_any(ADDRESS_IP4, 1);
	struct io_handle *ours, *theirs;

	memory_sockets_pair(si, d, &ours, &theirs);
	probe_attach(p, connection_new_server(d, ours,
					      transport_plain.ops->new_socket(&transport_plain, d,
									      slice_of(NULL, 0)),
					      &peer, &options));
	return theirs;
}

void say(struct io_handle *h, const char *text)
{
	struct iovec iov = { (void *)text, strlen(text) };

	assert_int_equal(io_handle_writev(h, &iov, 1), strlen(text));
}

int64_t hear(struct io_handle *h, char *out, size_t size)
{
	size_t len = 0;
	int64_t n;

	while ((n = io_handle_recv(h, out + len, size - 1 - len, 0)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	return n;
}

void assert_hears(struct io_handle *h, const char *text, int64_t then)
{
	char out[8192];

	assert_int_equal(hear(h, out, sizeof(out)), then);
	assert_string_equal(out, text);
}

void write_text(struct connection *c, const char *text, bool end_stream)
{
	struct buffer b;

	buffer_init(&b, dispatcher_memory(d));
	buffer_append_text(&b, text);
	connection_write(c, &b, end_stream);
	assert_int_equal(buffer_len(&b), 0);
}

void write_bytes(struct connection *c, size_t len)
{
	struct buffer b;
	char bytes[256];

	memset(bytes, 'x', sizeof(bytes));
	buffer_init(&b, dispatcher_memory(d));
	for (; len > sizeof(bytes); len -= sizeof(bytes))
		buffer_append(&b, bytes, sizeof(bytes));
	buffer_append(&b, bytes, len);
	connection_write(c, &b, false);
}

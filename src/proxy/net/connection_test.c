/* connection_test.c - the rules of a connection, over in-memory handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proxy/filter/network_filter.h"
#include "proxy/net/connection.h"
#include "proxy/net/memory_sockets.h"

static uint64_t test_now(void *context)
{
	return *(uint64_t *)context;
}

static uint64_t now_ns = NS_PER_S;
static const struct clock test_clock = { test_now, &now_ns };
static struct dispatcher *d;
static struct socket_interface *si;

static int set_up(void **state unused_arg)
{
	d = dispatcher_new_or_null("test", &test_clock);
	si = memory_sockets_new();
	return d && si ? 0 : -1;
}

static int tear_down(void **state unused_arg)
{
	dispatcher_run_once(d);
	dispatcher_free(d); /* asserts that all buffer memory came back */
	si->ops->free(si);
	return 0;
}

static void turns(unsigned n)
{
	while (n--)
		dispatcher_run_once(d);
}

/* A filter that writes down what it sees, and does what its test tells it to. */
struct probe {
	struct network_filter filter;
	struct connection_observer observer;
	struct connection *c;
	char data[4096];
	size_t len;
	unsigned n_data, n_above, n_below, n_draining;
	bool end_stream;
	char events[32]; /* c: connected, r: remote, l: local close */
	bool keep;	 /* leave data in the buffer */
	bool freed;
	enum network_filter_status status;
	void (*on_data)(struct probe *p);
};

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

static const struct network_filter_ops probe_ops = {
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

static const struct connection_observer_ops probe_observer_ops = {
	.event = probe_event,
	.above_write_mark = probe_above,
	.below_write_mark = probe_below,
	.draining = probe_draining,
};

static void attach(struct probe *p, struct connection *c)
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

/* A server connection whose peer is the handle that is returned. */
static struct io_handle *serve(struct probe *p)
{
	struct address peer = address_any(ADDRESS_IP4, 1);
	struct io_handle *ours, *theirs;

	memory_sockets_pair(si, d, &ours, &theirs);
	attach(p, connection_new_server(
			  d, ours,
			  transport_plain.ops->new_socket(&transport_plain, d, slice_of(NULL, 0)),
			  &peer, &options));
	return theirs;
}

static void say(struct io_handle *h, const char *text)
{
	struct iovec iov = { (void *)text, strlen(text) };

	assert_int_equal(io_handle_writev(h, &iov, 1), strlen(text));
}

/* What has arrived at the far side: bytes, then one more result. */
static int64_t hear(struct io_handle *h, char *out, size_t size)
{
	size_t len = 0;
	int64_t n;

	while ((n = io_handle_recv(h, out + len, size - 1 - len, 0)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	return n;
}

static void assert_hears(struct io_handle *h, const char *text, int64_t then)
{
	char out[8192];

	assert_int_equal(hear(h, out, sizeof(out)), then);
	assert_string_equal(out, text);
}

static void write_text(struct connection *c, const char *text, bool end_stream)
{
	struct buffer b;

	buffer_init(&b, dispatcher_memory(d));
	buffer_append_text(&b, text);
	connection_write(c, &b, end_stream);
	assert_int_equal(buffer_len(&b), 0);
}

static void write_bytes(struct connection *c, size_t len)
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

static void test_reads_are_handed_up(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	say(peer, "hello");
	say(peer, " world");
	turns(2);
	assert_string_equal(p.data, "hello world");
	assert_int_equal(p.n_data, 1); /* one event, one call */
	assert_int_equal(connection_bytes_received(p.c), 11);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(2);
	assert_string_equal(p.events, "r");
	assert_true(p.freed);
	turns(1); /* the connection goes before its probe */
}

static void test_bytes_one_by_one(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	memory_sockets_options(si)->read_max_bytes = 1;
	memory_sockets_options(si)->write_max_bytes = 1;
	for (const char *c = "abc"; *c; c++)
		say(peer, (char[]){ *c, '\0' });
	turns(1);
	assert_string_equal(p.data, "abc");
	write_text(p.c, "defg", false);
	turns(1);
	assert_hears(peer, "defg", ERR_AGAIN);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1);
	turns(1); /* the connection goes before its probe */
}

static void test_writes_of_a_turn_leave_together(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	turns(1);
	write_text(p.c, "one ", false);
	write_text(p.c, "two", false);
	assert_hears(peer, "", ERR_AGAIN);
	turns(1);
	assert_hears(peer, "one two", ERR_AGAIN);
	connection_close(p.c, CONNECTION_NO_FLUSH);
	assert_string_equal(p.events, "l");
	assert_false(p.freed);
	turns(1);
	assert_true(p.freed);
	assert_hears(peer, "", 0);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void close_now(struct probe *p)
{
	struct connection *c = p->c;

	connection_close(c, CONNECTION_NO_FLUSH);
	connection_close(c, CONNECTION_ABORT); /* after the end nothing does anything */
	write_text(c, "void", false);
	connection_read_disable(c, true);
	assert_int_equal(connection_state(c), CONNECTION_CLOSED);
	assert_false(p->freed);
}

static void test_close_inside_on_data(void **state unused_arg)
{
	struct probe p = { .on_data = close_now, .keep = true };
	struct io_handle *peer = serve(&p);

	say(peer, "bye");
	turns(1);
	assert_true(p.freed);
	assert_string_equal(p.events, "l");
	assert_hears(peer, "", 0);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void answer_and_close(struct probe *p)
{
	write_text(p->c, "400", false);
	connection_close(p->c, CONNECTION_FLUSH);
	write_text(p->c, "more", false);
}

static void test_close_flushes(void **state unused_arg)
{
	struct probe p = { .on_data = answer_and_close };
	struct io_handle *peer = serve(&p);

	say(peer, "bad");
	io_handle_shutdown(peer, IO_SHUT_WRITE); /* the end comes with the data, and must not win */
	turns(1);
	assert_hears(peer, "400", 0);
	assert_string_equal(p.events, "l");
	assert_true(p.freed);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void test_flush_gives_up_in_time(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer;

	memory_sockets_options(si)->capacity_bytes = 100;
	peer = serve(&p);
	turns(1);
	write_bytes(p.c, 300);
	connection_close(p.c, CONNECTION_FLUSH);
	turns(3);
	assert_int_equal(connection_state(p.c), CONNECTION_CLOSING);
	assert_string_equal(p.events, "");
	now_ns += 1001ull * NS_PER_MS;
	turns(2);
	assert_string_equal(p.events, "l");
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void test_slow_flush_is_no_failure(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer;
	char out[1000];
	size_t heard = 0;

	memory_sockets_options(si)->capacity_bytes = 100;
	peer = serve(&p);
	turns(1);
	write_bytes(p.c, 300);
	connection_close(p.c, CONNECTION_FLUSH);
	for (unsigned i = 0; i < 8; i++) {
		now_ns += 900ull * NS_PER_MS;
		turns(1);
		hear(peer, out, sizeof(out));
		heard += strlen(out);
	}
	assert_int_equal(heard, 300);
	assert_string_equal(p.events, "l");
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void test_flush_and_wait_lets_the_peer_close(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	turns(1);
	write_text(p.c, "last", false);
	connection_close(p.c, CONNECTION_FLUSH_AND_WAIT);
	turns(2);
	assert_hears(peer, "last", 0);
	say(peer, "still sending");
	turns(2);
	assert_string_equal(p.data, "");
	assert_string_equal(p.events, "");
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(2);
	assert_string_equal(p.events, "l");
	turns(1); /* the connection goes before its probe */
}

static void test_flush_and_wait_has_a_limit(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	connection_close(p.c, CONNECTION_FLUSH_AND_WAIT);
	turns(2);
	assert_string_equal(p.events, "");
	now_ns += 1001ull * NS_PER_MS;
	turns(1);
	assert_string_equal(p.events, "l");
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void test_abort_resets(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);
	struct connection *c = p.c;

	turns(1);
	write_text(c, "never sent", false);
	connection_close(c, CONNECTION_ABORT);
	assert_int_equal(connection_detected_close(c), CONNECTION_CLOSE_LOCAL_RESET);
	turns(1);
	assert_hears(peer, "", ERR_CLOSED);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void remember_reset(struct connection_observer *o unused_arg, struct connection *c,
			   enum connection_event event unused_arg)
{
	assert_int_equal(connection_detected_close(c), CONNECTION_CLOSE_REMOTE_RESET);
	assert_int_equal(connection_close_error(c), ERR_CLOSED);
}

static void test_reset_by_the_peer(void **state unused_arg)
{
	static const struct connection_observer_ops ops = { .event = remember_reset };
	struct connection_observer o;
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	connection_add_observer(p.c, &o, &ops);
	turns(1);
	io_handle_close(peer, IO_CLOSE_RESET);
	turns(1);
	assert_string_equal(p.events, "r");
	turns(1); /* the connection goes before its probe */
}

static void test_read_disable_counts(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	connection_read_disable(p.c, true);
	connection_read_disable(p.c, true);
	say(peer, "wait");
	turns(2);
	connection_read_disable(p.c, false);
	turns(2);
	assert_int_equal(p.n_data, 0);
	connection_read_disable(p.c, false);
	turns(2);
	assert_string_equal(p.data, "wait");
	/* Without early-close detection the end waits, too. */
	connection_read_disable(p.c, true);
	say(peer, " end");
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(2);
	assert_string_equal(p.events, "");
	connection_read_disable(p.c, false);
	turns(2);
	assert_string_equal(p.data, "wait end");
	assert_string_equal(p.events, "r");
	turns(1); /* the connection goes before its probe */
}

static void test_early_close_is_detected(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	connection_set_detect_early_close(p.c, true);
	connection_read_disable(p.c, true);
	turns(1);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(2);
	assert_string_equal(p.events, "r");
	turns(1); /* the connection goes before its probe */
}

static void test_what_was_left_comes_again(void **state unused_arg)
{
	struct probe p = { .keep = true };
	struct io_handle *peer = serve(&p);

	say(peer, "ab");
	turns(1);
	assert_int_equal(p.n_data, 1);
	turns(2);
	assert_int_equal(p.n_data, 1); /* not by itself */
	connection_read_disable(p.c, true);
	p.keep = false;
	connection_read_disable(p.c, false);
	assert_int_equal(p.n_data, 1); /* never from inside the call */
	turns(1);
	assert_string_equal(p.data, "ab");
	connection_close(p.c, CONNECTION_NO_FLUSH);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void test_half_close(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	connection_set_half_close(p.c, true);
	say(peer, "request");
	io_handle_shutdown(peer, IO_SHUT_WRITE);
	turns(2);
	assert_string_equal(p.data, "request");
	assert_true(p.end_stream);
	assert_string_equal(p.events, "");
	write_text(p.c, "response", true);
	turns(2);
	assert_hears(peer, "response", 0);
	assert_string_equal(p.events, "r"); /* both directions have ended */
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void test_our_half_first(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);

	connection_set_half_close(p.c, true);
	write_text(p.c, "all", true);
	turns(2);
	assert_hears(peer, "all", 0);
	say(peer, "answer");
	turns(1);
	assert_string_equal(p.data, "answer");
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(2);
	assert_string_equal(p.events, "r");
	assert_true(p.end_stream);
	turns(1); /* the connection goes before its probe */
}

static void test_write_marks(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer;
	char out[8192];

	memory_sockets_options(si)->capacity_bytes = 100;
	peer = serve(&p);
	turns(1);
	write_bytes(p.c, 1000);
	assert_int_equal(p.n_above, 0);
	write_bytes(p.c, 1000);
	assert_int_equal(p.n_above, 1);
	assert_true(connection_above_write_mark(p.c));
	for (unsigned i = 0; i < 30; i++) {
		turns(1);
		hear(peer, out, sizeof(out));
		if (p.n_below == 0)
			assert_true(connection_above_write_mark(p.c));
	}
	assert_int_equal(p.n_above, 1);
	assert_int_equal(p.n_below, 1);
	connection_close(p.c, CONNECTION_NO_FLUSH);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void end_below(struct connection_observer *o unused_arg, struct connection *c)
{
	write_text(c, "the end", true);
}

/* The end may be written by the callback that a write itself causes. */
static void test_end_from_below_mark(void **state unused_arg)
{
	static const struct connection_observer_ops ops = { .below_write_mark = end_below };
	struct connection_observer o;
	struct probe p = { 0 };
	struct io_handle *peer = serve(&p);
	char out[8192];

	connection_set_half_close(p.c, true);
	connection_add_observer(p.c, &o, &ops);
	turns(1);
	write_bytes(p.c, 2000);
	turns(2);
	assert_int_equal(hear(peer, out, sizeof(out)), 0);
	assert_int_equal(strlen(out), 2007);
	connection_close(p.c, CONNECTION_NO_FLUSH);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

/* A reader that keeps what it borrowed does not stop the writer: the ring copies it out. */
static void test_kept_fragments_are_recalled(void **state unused_arg)
{
	struct probe p = { .keep = true };
	struct io_handle *peer;

	memory_sockets_options(si)->capacity_bytes = 100;
	peer = serve(&p);
	for (unsigned i = 0; i < 20; i++) {
		say(peer, "0123456789012345678901234567890123456789");
		turns(2);
	}
	p.keep = false;
	say(peer, "!");
	turns(2);
	assert_int_equal(p.len, 801);
	assert_int_equal(p.data[800], '!');
	assert_int_equal(p.data[799], '9');
	connection_close(p.c, CONNECTION_NO_FLUSH);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static struct connection *connect_to(struct probe *p, const char *where, uint64_t timeout_ns)
{
	const struct connection_options client_options = { .buffer_limit_bytes = 1024,
							   .connect_timeout_ns = timeout_ns };
	struct address peer;
	struct connection *c;
	int err;

	assert_int_equal(address_parse(&peer, where), 0);
	c = connection_new_client_or_null(
		d, si, transport_plain.ops->new_socket(&transport_plain, d, slice_of(NULL, 0)),
		&peer, NULL, &client_options, &err);
	assert_non_null(c);
	attach(p, c);
	connection_connect(c);
	assert_string_equal(p->events, "");
	return c;
}

static void test_connect_and_send(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *listening, *accepted;
	struct address at, from;

	assert_int_equal(address_parse(&at, "127.0.0.1:80"), 0);
	assert_int_equal(socket_interface_open(si, d, IO_STREAM, ADDRESS_IP4, &listening), 0);
	assert_int_equal(io_handle_bind(listening, &at), 0);
	assert_int_equal(io_handle_listen(listening, 8), 0);
	connect_to(&p, "127.0.0.1:80", 0);
	write_text(p.c, "early", false);
	assert_int_equal(io_handle_accept(listening, &accepted, &from), 0);
	assert_hears(accepted, "", ERR_AGAIN);
	turns(2);
	assert_string_equal(p.events, "c");
	assert_hears(accepted, "early", ERR_AGAIN);
	assert_true(address_equal(&from, connection_local(p.c)));
	say(accepted, "hello");
	turns(1);
	assert_string_equal(p.data, "hello");
	io_handle_close(accepted, IO_CLOSE_NORMAL);
	turns(1);
	assert_string_equal(p.events, "cr");
	io_handle_close(listening, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void test_connect_refused(void **state unused_arg)
{
	struct probe p = { 0 };
	struct connection *c = connect_to(&p, "127.0.0.1:81", 0);

	assert_int_equal(connection_state(c), CONNECTION_CONNECTING);
	turns(2);
	assert_string_equal(p.events, "r");
	assert_true(p.freed);
	turns(1); /* the connection goes before its probe */
}

static void timed_out(struct connection_observer *o unused_arg, struct connection *c,
		      enum connection_event event unused_arg)
{
	assert_true(connection_connect_timed_out(c));
	assert_int_equal(connection_close_error(c), ERR_TIMEOUT);
}

static void test_connect_timeout(void **state unused_arg)
{
	static const struct connection_observer_ops ops = { .event = timed_out };
	struct connection_observer o;
	struct probe p = { 0 };
	struct connection *c = connect_to(&p, "192.0.2.1:80", 250 * NS_PER_MS);

	connection_add_observer(c, &o, &ops);
	turns(2);
	now_ns += 249 * NS_PER_MS;
	turns(1);
	assert_string_equal(p.events, "");
	now_ns += 2 * NS_PER_MS;
	turns(1);
	assert_string_equal(p.events, "l");
	turns(1); /* the connection goes before its probe */
}

static void test_close_while_connecting(void **state unused_arg)
{
	struct probe p = { 0 };
	struct connection *c = connect_to(&p, "192.0.2.1:80", 250 * NS_PER_MS);

	write_text(c, "never", false);
	connection_close(c, CONNECTION_FLUSH);
	assert_string_equal(p.events, "l");
	now_ns += 1000 * NS_PER_MS;
	turns(2);
	assert_string_equal(p.events, "l");
	turns(1); /* the connection goes before its probe */
}

static void test_filters_in_turn(void **state unused_arg)
{
	struct probe first = { .keep = true, .status = NETWORK_FILTER_STOP }, second = { 0 };
	struct io_handle *peer = serve(&first);

	second.filter.ops = &probe_ops;
	connection_add_filter(first.c, &second.filter);
	say(peer, "x");
	turns(1);
	assert_int_equal(first.n_data, 1);
	assert_int_equal(second.n_data, 0);
	connection_continue_reading(first.c, &first.filter);
	assert_string_equal(second.data, "x");
	connection_close(first.c, CONNECTION_NO_FLUSH);
	turns(1);
	assert_true(first.freed && second.freed);
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

static void leave(struct connection_observer *o, struct connection *c)
{
	connection_remove_observer(c, &container_of(o, struct probe, observer)[1].observer);
	connection_remove_observer(c, o);
	connection_close(c, CONNECTION_NO_FLUSH);
}

/* An observer may remove itself and the next one, and close, while it is told. */
static void test_observers_may_leave(void **state unused_arg)
{
	static const struct connection_observer_ops leaving = { .draining = leave };
	struct probe p[3];
	struct io_handle *peer;
	struct connection *c;

	memset(p, 0, sizeof(p));
	peer = serve(&p[0]);
	c = p[0].c;
	connection_remove_observer(c, &p[0].observer);
	connection_add_observer(c, &p[0].observer, &leaving);
	connection_add_observer(c, &p[1].observer, &probe_observer_ops);
	connection_add_observer(c, &p[2].observer, &probe_observer_ops);
	connection_drain(c);
	assert_int_equal(p[1].n_draining, 0);
	assert_string_equal(p[1].events, "");
	assert_string_equal(p[2].events, "l");
	io_handle_close(peer, IO_CLOSE_NORMAL);
	turns(1); /* the connection goes before its probe */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_are_handed_up),
		TEST(test_bytes_one_by_one),
		TEST(test_writes_of_a_turn_leave_together),
		TEST(test_close_inside_on_data),
		TEST(test_close_flushes),
		TEST(test_flush_gives_up_in_time),
		TEST(test_slow_flush_is_no_failure),
		TEST(test_flush_and_wait_lets_the_peer_close),
		TEST(test_flush_and_wait_has_a_limit),
		TEST(test_abort_resets),
		TEST(test_reset_by_the_peer),
		TEST(test_read_disable_counts),
		TEST(test_early_close_is_detected),
		TEST(test_what_was_left_comes_again),
		TEST(test_half_close),
		TEST(test_our_half_first),
		TEST(test_write_marks),
		TEST(test_end_from_below_mark),
		TEST(test_kept_fragments_are_recalled),
		TEST(test_connect_and_send),
		TEST(test_connect_refused),
		TEST(test_connect_timeout),
		TEST(test_close_while_connecting),
		TEST(test_filters_in_turn),
		TEST(test_observers_may_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

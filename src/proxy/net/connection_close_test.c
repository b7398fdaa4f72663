/* connection_close_test.c - how connections begin and end, over in-memory handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proxy/net/connection_fixture.h"

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

/* Without a delayed-close timeout the flush takes as long as it takes. */
static void test_flush_without_a_limit(void **state unused_arg)
{
	struct probe p = { 0 };
	struct io_handle *peer;
	char out[1000];
	size_t heard = 0;

	memory_sockets_options(si)->capacity_bytes = 100;
	peer = serve(&p);
	connection_set_delayed_close_timeout(p.c, 0);
	turns(1);
	write_bytes(p.c, 300);
	connection_close(p.c, CONNECTION_FLUSH_AND_WAIT);
	now_ns += 3600ull * NS_PER_S;
	turns(2);
	assert_string_equal(p.events, "");
	for (unsigned i = 0; i < 8; i++) {
		hear(peer, out, sizeof(out));
		heard += strlen(out);
		turns(1);
	}
	assert_int_equal(heard, 300);
	assert_string_equal(p.events, "l"); /* and then does not wait for the peer */
	io_handle_close(peer, IO_CLOSE_NORMAL);
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
	probe_attach(p, c);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, connection_set_up, connection_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_close_inside_on_data),
		TEST(test_close_flushes),
		TEST(test_flush_gives_up_in_time),
		TEST(test_slow_flush_is_no_failure),
		TEST(test_flush_without_a_limit),
		TEST(test_flush_and_wait_lets_the_peer_close),
		TEST(test_flush_and_wait_has_a_limit),
		TEST(test_abort_resets),
		TEST(test_reset_by_the_peer),
		TEST(test_half_close),
		TEST(test_our_half_first),
		TEST(test_connect_and_send),
		TEST(test_connect_refused),
		TEST(test_connect_timeout),
		TEST(test_close_while_connecting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

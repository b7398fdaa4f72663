/* connection_test.c - reading, writing, filters and observers, over in-memory handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proxy/net/connection_fixture.h"

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, connection_set_up, connection_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_are_handed_up),
		TEST(test_bytes_one_by_one),
		TEST(test_writes_of_a_turn_leave_together),
		TEST(test_read_disable_counts),
		TEST(test_early_close_is_detected),
		TEST(test_what_was_left_comes_again),
		TEST(test_write_marks),
		TEST(test_end_from_below_mark),
		TEST(test_kept_fragments_are_recalled),
		TEST(test_filters_in_turn),
		TEST(test_observers_may_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* session_test.c - the session layer with applications at its socket; see session_fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "session/pair.h"
#include "session/session_fixture.h"
#include "session/session_worker.h"

/* --- tests --- */

static void test_accept_receive_send_close(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct test_app a;
	struct session *s;
	struct fifo_end end;
	struct slice got;
	struct shm_event e;
	char text[16];

	app_up(&a);
	app_want(&a, app_listen(&a, 80, 5), 42, true);
	s = arrive(80, 1);
	assert_int_equal(session_rx_put(w, s, "hello", 5), 5);
	e = app_hear(&a, SHM_EV_INCOMING);
	assert_int_equal(e.cookie, 42);
	assert_int_equal(e.remote.port, 999);
	fifo_open(&end, &a.stack, e.slot, e.generation);
	app_hear(&a, SHM_EV_DATA);
	fifo_hear(&end);
	assert_int_equal(fifo_poll(&end), 5);
	assert_int_equal(fifo_read(&end, text, sizeof(text)), 5);
	fifo_write(&end, "world", 5);
	fifo_set_state(&end, SHM_CLOSED, 0);
	assert_true(fifo_data_due(&end));
	app_say(&a, fifo_event(&end, SHM_EV_DATA));
	assert_int_equal(notes.n_sends, 1);
	assert_int_equal(session_tx_ready(s), 5);
	assert_int_equal(session_tx_slices(s, 1, 9, &got, 1), 1);
	assert_true(slice_is(got, "orld"));
	assert_true(session_tx_finished(s));
	session_tx_drop(w, s, 5);
	session_done(w, s);
	assert_int_equal(session_worker_of(w)->sessions.n_used, 0);
	app_down(&a);
}

/* Bytes that come before anyone accepts are kept; the backlog has an end. */
static void test_connections_wait_for_interest(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct test_app a;
	struct fifo_end end;
	struct shm_event e;
	uint32_t listener;

	app_up(&a);
	listener = app_listen(&a, 80, 2);
	assert_int_equal(session_rx_put(w, arrive(80, 1), "early", 5), 5);
	assert_non_null(arrive(80, 2));
	assert_null(arrive(80, 3));
	app_want(&a, listener, 7, true);
	e = app_hear(&a, SHM_EV_INCOMING);
	fifo_open(&end, &a.stack, e.slot, e.generation);
	assert_int_equal(fifo_poll(&end), 5);
	app_hear(&a, SHM_EV_INCOMING);
	app_down(&a);
	assert_int_equal(notes.n_aborts, 2);
	assert_int_equal(session_worker_of(w)->sessions.n_used, 0);
}

/* What a dying application had not accepted goes to another that listens at the same address. */
static void test_unaccepted_is_offered_again(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct test_app a, b;
	int fds[RPC_MAX_FDS];
	struct shm_event e;
	struct fifo_end end;
	uint32_t listener;

	app_up(&a);
	listener = app_listen(&a, 80, 5);
	assert_int_equal(app_ask(&a, (struct rpc_request){ .type = RPC_FORK }, fds).err, 0);
	app_want(&a, listener, 1, true);
	session_rx_put(w, arrive(80, 1), "again", 5);
	app_hear(&a, SHM_EV_INCOMING);

	b.fd = fds[0];
	app_attach(&b);
	app_want(&b, listener, 2, true);
	app_down(&a);
	e = app_hear(&b, SHM_EV_INCOMING);
	assert_int_equal(e.cookie, 2);
	fifo_open(&end, &b.stack, e.slot, e.generation);
	assert_int_equal(fifo_poll(&end), 5);
	assert_int_equal(notes.n_aborts, 0);
	app_down(&b);
	assert_int_equal(notes.n_aborts, 1);
}

/* Killed: reset, except what it had closed, which is finished from its memory. */
static void test_death_costs_only_its_own(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct test_app a, b;
	struct session *closed, *other;
	struct fifo_end end;
	struct shm_event e;

	app_up(&a);
	app_up(&b);
	app_want(&a, app_listen(&a, 80, 5), 1, true);
	app_want(&b, app_listen(&b, 81, 5), 1, true);
	closed = arrive(80, 1);
	arrive(80, 2);
	other = arrive(81, 3);
	e = app_hear(&a, SHM_EV_INCOMING);
	fifo_open(&end, &a.stack, e.slot, e.generation);
	atomic_store(&end.mine->taken, 1);
	fifo_write(&end, "last words", 10);
	fifo_set_state(&end, SHM_CLOSED, 0);
	app_down(&a);
	assert_int_equal(notes.n_aborts, 1);
	assert_int_equal(session_tx_ready(closed), 10);
	assert_int_equal(session_rx_put(w, other, "x", 1), 1);
	session_tx_drop(w, closed, 10);
	session_done(w, closed);
	assert_int_equal(session_worker_of(w)->sessions.n_used, 1);
	app_down(&b);
}

/* Killed with a connection open: closed in order if everything was read, else reset. */
static void test_death_closes_as_a_kernel_does(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct test_app a;
	struct session *s[2];
	struct fifo_end end[2];

	app_up(&a);
	app_want(&a, app_listen(&a, 80, 5), 1, true);
	for (unsigned i = 0; i < 2; i++) {
		struct shm_event e;

		s[i] = arrive(80, i + 1);
		e = app_hear(&a, SHM_EV_INCOMING);
		fifo_open(&end[i], &a.stack, e.slot, e.generation);
		atomic_store(&end[i].mine->taken, 1);
		assert_int_equal(session_rx_put(w, s[i], "question", 8), 8);
		fifo_poll(&end[i]);
		fifo_consume(&end[i], i == 0 ? 8 : 7);
		fifo_write(&end[i], "answer", 6);
	}
	app_down(&a);
	assert_int_equal(notes.n_aborts, 1);
	assert_int_equal(session_worker_of(w)->sessions.n_used, 1);
	assert_true(session_app_closed(s[0]));
	assert_int_equal(session_tx_ready(s[0]), 6);
	finish_closed(NULL);
	assert_int_equal(session_worker_of(w)->sessions.n_used, 0);
}

static void open_pair(struct test_app *a, uint32_t id, struct channel *c)
{
	struct rpc_request q = { .type = RPC_OPEN, .worker = a->worker, .channel = id };
	int fds[RPC_MAX_FDS];

	assert_int_equal(app_ask(a, q, fds).err, 0);
	c->mine = app_segment(fds[0], true);
	c->wake_fd = fds[2];
	close(fds[1]);
}

static struct segment other_half(struct test_app *a, uint32_t id)
{
	int fds[RPC_MAX_FDS];

	assert_int_equal(app_ask(a,
				 (struct rpc_request){
					 .type = RPC_MAPPED, .worker = a->worker, .channel = id },
				 fds)
				 .err,
			 0);
	return app_segment(fds[0], false);
}

static void test_cut_through(void **state unused_arg)
{
	struct test_app client, server;
	struct channel c = { 0 }, s = { 0 };
	struct fifo_end at_client, at_server;
	struct shm_event ec, es;
	uint32_t id_c, id_s;
	char text[8];

	app_up(&client);
	app_up(&server);
	app_want(&server, app_listen(&server, 80, 5), 9, true);
	app_say(&client, (struct shm_event){ .type = SHM_EV_CONNECT,
					     .cookie = 4,
					     .remote = stack_address(80) });
	assert_int_equal(notes.n_connects, 0);
	id_c = app_hear(&client, SHM_EV_CHANNEL).channel;
	id_s = app_hear(&server, SHM_EV_CHANNEL).channel;
	assert_int_not_equal(id_c, id_s);
	open_pair(&client, id_c, &c);
	open_pair(&server, id_s, &s);
	assert_int_equal(app_ask(&client,
				 (struct rpc_request){ .type = RPC_MAPPED,
						       .worker = client.worker,
						       .channel = id_c },
				 NULL)
				 .err,
			 ERR_AGAIN);
	s.peers = other_half(&server, id_s);
	assert_int_equal(app_hear(&client, SHM_EV_CHANNEL).channel, id_c);
	c.peers = other_half(&client, id_c);
	app_ask(&client,
		(struct rpc_request){ .type = RPC_READY, .worker = client.worker, .channel = id_c },
		NULL);
	app_ask(&server,
		(struct rpc_request){ .type = RPC_READY, .worker = server.worker, .channel = id_s },
		NULL);
	ec = app_hear(&client, SHM_EV_CONNECTED);
	es = app_hear(&server, SHM_EV_INCOMING);
	assert_int_equal(ec.cookie, 4);
	assert_int_equal(es.cookie, 9);
	assert_int_equal(ec.slot, es.slot);
	assert_int_equal(es.remote.port, ec.local.port);
	assert_int_equal(channel_init(&c, c.mine, c.peers, SHM_SHIFT_MEDIUM, c.wake_fd), 0);
	assert_int_equal(channel_init(&s, s.mine, s.peers, SHM_SHIFT_MEDIUM, s.wake_fd), 0);
	fifo_open(&at_client, &c, ec.slot, ec.generation);
	fifo_open(&at_server, &s, es.slot, es.generation);
	fifo_write(&at_client, "ping", 4);
	assert_int_equal(fifo_poll(&at_server), 4);
	assert_int_equal(fifo_read(&at_server, text, 8), 4);
	/* Both leave: the slot serves again, with another generation. */
	app_say(&client, (struct shm_event){ .type = SHM_EV_DETACHED,
					     .channel = id_c,
					     .slot = ec.slot,
					     .generation = ec.generation });
	app_say(&server, (struct shm_event){ .type = SHM_EV_DETACHED,
					     .channel = id_s,
					     .slot = es.slot,
					     .generation = es.generation });
	app_say(&client, (struct shm_event){ .type = SHM_EV_CONNECT,
					     .cookie = 5,
					     .remote = stack_address(80) });
	es = app_hear(&client, SHM_EV_CONNECTED);
	assert_int_equal(es.slot, ec.slot);
	assert_int_not_equal(es.generation, ec.generation);
	app_hear(&server, SHM_EV_INCOMING);
	app_down(&client);
	assert_int_equal(app_hear(&server, SHM_EV_GONE).channel, id_s);
	app_down(&server);
	fifo_close(&at_client);
	fifo_close(&at_server);
	channel_deinit(&c);
	channel_deinit(&s);
}

/* A connect whose server dies before their channel is made goes to the next; without one it fails.
 */
static void test_connect_outlives_its_server(void **state unused_arg)
{
	struct test_app client, a, b;
	int fds[RPC_MAX_FDS];
	struct shm_event again = { .type = SHM_EV_CONNECT,
				   .flags = SHM_CONNECT_AGAIN,
				   .cookie = 5,
				   .local = stack_address(40000),
				   .remote = stack_address(80) };
	uint32_t listener;

	app_up(&client);
	app_up(&a);
	listener = app_listen(&a, 80, 5);
	assert_int_equal(app_ask(&a, (struct rpc_request){ .type = RPC_FORK }, fds).err, 0);
	b.fd = fds[0];
	app_attach(&b);
	app_want(&a, listener, 1, true);
	app_say(&client, (struct shm_event){ .type = SHM_EV_CONNECT,
					     .cookie = 4,
					     .remote = stack_address(80) });
	app_hear(&client, SHM_EV_CHANNEL);
	app_want(&b, listener, 2, true);
	app_down(&a);
	app_hear(&client, SHM_EV_GONE);
	app_hear(&client, SHM_EV_CHANNEL);
	app_hear(&b, SHM_EV_CHANNEL);
	app_down(&b);
	app_hear(&client, SHM_EV_GONE);
	app_hear(&client, SHM_EV_QUEUED);
	assert_int_equal(app_hear(&client, SHM_EV_FAILED).value, ERR_REFUSED);
	/* Never to the transport, which would connect to ourselves. */
	app_say(&client, again);
	assert_int_equal(app_hear(&client, SHM_EV_FAILED).cookie, 5);
	assert_int_equal(notes.n_connects, 0);
	assert_int_equal(session_worker_of(engine->worker[0])->sessions.n_used, 0);
	app_down(&client);
}

/* The client writes, and does nothing more; the server gets it all, and answers. */
static void talk_through_stack(struct test_app *client, const struct shm_event *at,
			       struct test_app *server, struct fifo_end *at_client)
{
	struct fifo_end at_server;
	struct shm_event e = app_hear(server, SHM_EV_INCOMING);
	char text[8] = "";

	assert_int_equal(e.channel, 0);
	fifo_open(&at_server, &server->stack, e.slot, e.generation);
	assert_int_equal(fifo_poll(&at_server), 8);
	assert_int_equal(fifo_read(&at_server, text, 8), 8);
	assert_memory_equal(text, "question", 8);
	assert_int_equal(fifo_write(&at_server, "answer", 6), 6);
	app_say(server, fifo_event(&at_server, SHM_EV_DATA));
	e = app_hear(client, SHM_EV_CONNECTED);
	assert_int_equal(e.channel, 0);
	assert_int_equal(e.slot, at->slot);
	assert_int_equal(e.generation, at->generation);
	app_hear(client, SHM_EV_DATA);
	assert_int_equal(fifo_poll(at_client), 6);
}

static void test_a_connect_that_waited_needs_its_client_no_more(void **state unused_arg)
{
	struct test_app client, server;
	struct fifo_end end;
	struct shm_event e;
	uint32_t listener;

	app_up(&client);
	app_up(&server);
	listener = app_listen(&server, 80, 5);
	app_say(&client, (struct shm_event){ .type = SHM_EV_CONNECT,
					     .cookie = 4,
					     .remote = stack_address(80) });
	e = app_hear(&client, SHM_EV_QUEUED);
	fifo_open(&end, &client.stack, e.slot, e.generation);
	fifo_write(&end, "question", 8);
	assert_true(fifo_data_due(&end));
	app_say(&client, fifo_event(&end, SHM_EV_DATA)); /* to nobody yet */
	assert_false(fifo_data_due(&end));
	app_want(&server, listener, 9, true);
	talk_through_stack(&client, &e, &server, &end);
	app_down(&server);
	app_down(&client);
	finish_closed(NULL);
	assert_int_equal(session_worker_of(engine->worker[0])->sessions.n_used, 0);
}

/* Neither asks for the channel that main has made: after a while the stack does without. */
static void test_patience_with_channels_ends(void **state unused_arg)
{
	struct session_worker *sw = session_worker_of(engine->worker[0]);
	struct test_app client, server;
	struct shm_event e;

	app_up(&client);
	app_up(&server);
	app_want(&server, app_listen(&server, 80, 5), 9, true);
	app_say(&client, (struct shm_event){ .type = SHM_EV_CONNECT,
					     .cookie = 4,
					     .remote = stack_address(80) });
	app_hear(&client, SHM_EV_CHANNEL);
	app_hear(&server, SHM_EV_CHANNEL);
	stack_now_ns += (PAIR_PATIENCE_MS - 1) * (uint64_t)NS_PER_MS;
	settle();
	assert_int_equal(sw->sessions.n_used, 1);
	stack_now_ns += 2 * NS_PER_MS; /* the timer's own grain included */
	settle();
	e = app_hear(&client, SHM_EV_CONNECTED);
	assert_int_equal(e.cookie, 4);
	assert_int_equal(e.channel, 0);
	assert_int_equal(app_hear(&server, SHM_EV_INCOMING).cookie, 9);
	app_down(&server);
	app_down(&client);
	finish_closed(NULL);
	assert_int_equal(sw->sessions.n_used, 0);
}

static void test_refusals(void **state unused_arg)
{
	struct test_app a, b;
	uint32_t listener;

	app_connect(&a);
	assert_int_equal(app_ask(&a, (struct rpc_request){ .type = RPC_WORKER }, NULL).err,
			 ERR_PERM);
	assert_int_equal(
		app_ask(&a, (struct rpc_request){ .type = RPC_ATTACH, .version = 99 }, NULL).err,
		ERR_VERSION);
	assert_int_equal(app_ask(&a,
				 (struct rpc_request){ .type = RPC_ATTACH, .namespace_name = "no" },
				 NULL)
				 .err,
			 ERR_NOENT);
	close(a.fd);
	app_up(&a);
	app_up(&b);
	listener = app_listen(&a, 80, 5);
	assert_int_equal(
		app_ask(&b, (struct rpc_request){ .type = RPC_BIND, .address = stack_address(80) },
			NULL)
			.err,
		ERR_BUSY);
	assert_int_equal(
		app_ask(&b, (struct rpc_request){ .type = RPC_UNBIND, .listener = listener }, NULL)
			.err,
		ERR_NOENT);
	assert_int_equal(
		app_ask(&b, (struct rpc_request){ .type = RPC_CHANNEL, .worker = a.worker }, NULL)
			.err,
		ERR_NOENT);
	/* Another's listener is nobody else's to be interested in. */
	app_want(&b, listener, 1, true);
	arrive(80, 1);
	settle();
	assert_false(channel_pending(&b.stack));
	/* Nothing there: refused, at an address that is ours; the transport's job otherwise. */
	app_say(&b, (struct shm_event){
			    .type = SHM_EV_CONNECT,
			    .cookie = 3,
			    .remote = { .ip = { 127, 0, 0, 1 }, .port = 81, .family = 4 } });
	assert_int_equal(app_hear(&b, SHM_EV_FAILED).value, ERR_REFUSED);
	app_down(&a);
	app_down(&b);
}

/* Noise in rings, halves and requests: somebody's sessions break, the stack and others do not. */
static void test_hostile_application(void **state unused_arg)
{
	struct random r;
	struct test_app good;
	struct session *s;

	random_seed(&r, 3);
	app_up(&good);
	app_want(&good, app_listen(&good, 81, 5), 1, true);
	s = arrive(81, 1000);
	for (unsigned round = 0; round < 60; round++) {
		struct test_app bad;

		app_up(&bad);
		app_want(&bad, app_listen(&bad, 80, 5), 1, true);
		for (unsigned i = 0; i < 3; i++)
			arrive(80, i + 1);
		for (unsigned step = 0; step < 200; step++) {
			uint8_t *base = bad.stack.mine.base;
			uint32_t area = random_below(&r, 3);
			uint32_t at = area == 0	  ? random_below(&r, 192)
				      : area == 1 ? SHM_PAGE_BYTES + random_below(&r, 4096)
						  : SHM_HALVES_OFFSET + random_below(&r, 4 * 128);
			uint32_t value = random_below(&r, 2) ? random_below(&r, 20)
							     : (uint32_t)random_u64(&r);

			memcpy(base + (at & ~3u), &value, 4);
			if (random_below(&r, 4) == 0)
				settle();
		}
		app_down(&bad);
	}
	finish_closed(s);
	assert_int_equal(session_rx_put(engine->worker[0], s, "fine", 4), 4);
	assert_int_equal(session_worker_of(engine->worker[0])->sessions.n_used, 1);
	app_down(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accept_receive_send_close, stack_up,
						stack_down),
		cmocka_unit_test_setup_teardown(test_connections_wait_for_interest, stack_up,
						stack_down),
		cmocka_unit_test_setup_teardown(test_unaccepted_is_offered_again, stack_up,
						stack_down),
		cmocka_unit_test_setup_teardown(test_death_costs_only_its_own, stack_up,
						stack_down),
		cmocka_unit_test_setup_teardown(test_a_connect_that_waited_needs_its_client_no_more,
						stack_up, stack_down),
		cmocka_unit_test_setup_teardown(test_patience_with_channels_ends, stack_up,
						stack_down),
		cmocka_unit_test_setup_teardown(test_death_closes_as_a_kernel_does, stack_up,
						stack_down),
		cmocka_unit_test_setup_teardown(test_cut_through, stack_up, stack_down),
		cmocka_unit_test_setup_teardown(test_connect_outlives_its_server, stack_up,
						stack_down),
		cmocka_unit_test_setup_teardown(test_refusals, stack_up, stack_down),
		cmocka_unit_test_setup_teardown(test_hostile_application, stack_up, stack_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

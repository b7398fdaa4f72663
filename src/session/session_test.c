/*
 * session_test.c - the session layer with applications at its socket and a transport that only
 * takes notes. One thread plays main, the stack worker and every application in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "session/layer.h"
#include "session/link.h"
#include "session/session_worker.h"

/* --- a transport that takes notes --- */

static struct {
	struct session *session; /* the last one it was told of */
	unsigned n_connects, n_sends, n_rooms, n_aborts;
} notes;

static int note_connect(struct worker *w unused_arg, struct session *s,
			const struct flow *flow unused_arg)
{
	notes.n_connects++;
	notes.session = s;
	s->connection = 1;
	return 0;
}

static void note_send(struct worker *w unused_arg, struct session *s)
{
	notes.n_sends++;
	notes.session = s;
}

static void note_room(struct worker *w unused_arg, struct session *s unused_arg)
{
	notes.n_rooms++;
}

static void note_abort(struct worker *w unused_arg, struct session *s unused_arg)
{
	notes.n_aborts++;
}

static const struct transport noting = { .name = "noting",
					 .ip_protocol = 6,
					 .connect = note_connect,
					 .send = note_send,
					 .room = note_room,
					 .abort = note_abort };

/* --- the stack --- */

static struct engine *engine;
static struct session_layer *layer;
static char path[64];

static bool all_local(void *context unused_arg, struct worker *w unused_arg,
		      uint32_t fib unused_arg, const struct shm_address *a)
{
	return a->ip[0] == 10;
}

static int stack_up(void **state unused_arg)
{
	static const struct node_type *const nodes[] = { &drop_node, &handoff_node,
							 &interface_output_node,
							 &session_input_node };
	struct engine_options eo = {
		.nodes = nodes, .n_nodes = count_of(nodes), .n_workers = 1, .n_buffers = 1024
	};
	struct session_options so = { .socket_path = path,
				      .socket_mode = 0600,
				      .transport = &noting,
				      .host.is_local = all_local,
				      .slots_per_link = 64,
				      .pages_per_link = 256 };

	memset(&notes, 0, sizeof(notes));
	snprintf(path, sizeof(path), "/tmp/convoy-session-test-%d.sock", (int)getpid());
	assert_int_equal(engine_new(&eo, &engine), 0);
	assert_int_equal(session_layer_new(engine, &so, &layer), 0);
	return 0;
}

static int stack_down(void **state unused_arg)
{
	session_layer_free(layer);
	engine_free(engine);
	return 0;
}

/* Let main and the worker do all they can. */
static void settle(void)
{
	for (unsigned i = 0; i < 8; i++) {
		session_layer_run(layer);
		worker_turn(engine->worker[0]);
		engine_run_main(engine);
	}
}

/* --- an application --- */

struct test_app {
	int fd;
	uint32_t worker;
	struct channel stack;
};

static struct rpc_reply ask(struct test_app *a, struct rpc_request q, int *fds)
{
	struct rpc_reply r;
	int none[RPC_MAX_FDS];
	unsigned n;

	if (!q.version)
		q.version = SHM_VERSION;
	assert_int_equal(rpc_send(a->fd, &q, sizeof(q), NULL, 0), 0);
	settle();
	assert_int_equal(rpc_receive(a->fd, &r, sizeof(r), fds ? fds : none, &n), 0);
	return r;
}

static void app_connect(struct test_app *a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	a->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(a->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

static struct segment mapped(int fd, bool writable)
{
	struct segment s;

	assert_int_equal(segment_map(&s, fd, writable), 0);
	close(fd);
	return s;
}

static void app_up(struct test_app *a)
{
	int fds[RPC_MAX_FDS];

	app_connect(a);
	assert_int_equal(
		ask(a, (struct rpc_request){ .type = RPC_ATTACH, .name = "test" }, NULL).err, 0);
	a->worker = ask(a, (struct rpc_request){ .type = RPC_WORKER }, NULL).id;
	assert_int_equal(
		ask(a, (struct rpc_request){ .type = RPC_CHANNEL, .worker = a->worker }, fds).err,
		0);
	assert_int_equal(
		channel_init(&a->stack, mapped(fds[0], true), mapped(fds[1], false), fds[3]), 0);
	list_init(&a->stack.sweep);
	close(fds[2]);
}

static void app_down(struct test_app *a)
{
	channel_deinit(&a->stack);
	close(a->fd);
	settle();
}

static void say(struct test_app *a, struct shm_event e)
{
	assert_int_equal(channel_post(&a->stack, &e), 0);
	settle();
}

static struct shm_event hear(struct test_app *a, enum shm_event_type type)
{
	struct shm_event e;

	settle();
	assert_true(channel_take(&a->stack, &e));
	assert_int_equal(e.type, type);
	return e;
}

static struct shm_address address(uint16_t port)
{
	return (struct shm_address){ .ip = { 10, 0, 0, 1 }, .port = port, .family = 4 };
}

static uint32_t listen_at(struct test_app *a, uint16_t port, uint32_t backlog)
{
	struct rpc_reply r =
		ask(a, (struct rpc_request){ .type = RPC_BIND, .address = address(port) }, NULL);

	assert_int_equal(r.err, 0);
	assert_int_equal(ask(a,
			     (struct rpc_request){
				     .type = RPC_LISTEN, .listener = r.id, .backlog = backlog },
			     NULL)
				 .err,
			 0);
	return r.id;
}

static void want(struct test_app *a, uint32_t listener, uint32_t cookie, bool wanted)
{
	say(a, (struct shm_event){ .type = SHM_EV_INTEREST,
				   .channel = listener,
				   .cookie = cookie,
				   .flags = wanted });
}

/* A connection arrives at 10.0.0.1:@port, as the transport would bring it. */
static struct session *arrive(uint16_t port, handle connection)
{
	struct worker *w = engine->worker[0];
	struct flow flow = { .local = address(port), .remote = address(999) };
	struct session_listener *ls = session_find_listener(w, &noting, 0, &flow.local);

	assert_non_null(ls);
	return session_accepted(w, ls, connection, &flow);
}

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
	want(&a, listen_at(&a, 80, 5), 42, true);
	s = arrive(80, 1);
	assert_int_equal(session_rx_put(w, s, "hello", 5), 5);
	e = hear(&a, SHM_EV_INCOMING);
	assert_int_equal(e.cookie, 42);
	assert_int_equal(e.remote.port, 999);
	fifo_open(&end, &a.stack, e.slot, e.generation);
	hear(&a, SHM_EV_DATA);
	fifo_hear(&end);
	assert_int_equal(fifo_poll(&end), 5);
	assert_int_equal(fifo_read(&end, text, sizeof(text)), 5);
	fifo_write(&end, "world", 5);
	fifo_set_state(&end, SHM_CLOSED, 0);
	assert_true(fifo_data_due(&end));
	say(&a, fifo_event(&end, SHM_EV_DATA));
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
	listener = listen_at(&a, 80, 2);
	assert_int_equal(session_rx_put(w, arrive(80, 1), "early", 5), 5);
	assert_non_null(arrive(80, 2));
	assert_null(arrive(80, 3));
	want(&a, listener, 7, true);
	e = hear(&a, SHM_EV_INCOMING);
	fifo_open(&end, &a.stack, e.slot, e.generation);
	assert_int_equal(fifo_poll(&end), 5);
	hear(&a, SHM_EV_INCOMING);
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
	listener = listen_at(&a, 80, 5);
	assert_int_equal(ask(&a, (struct rpc_request){ .type = RPC_FORK }, fds).err, 0);
	want(&a, listener, 1, true);
	session_rx_put(w, arrive(80, 1), "again", 5);
	hear(&a, SHM_EV_INCOMING);

	b.fd = fds[0];
	assert_int_equal(ask(&b, (struct rpc_request){ .type = RPC_ATTACH }, NULL).err, 0);
	b.worker = ask(&b, (struct rpc_request){ .type = RPC_WORKER }, NULL).id;
	assert_int_equal(
		ask(&b, (struct rpc_request){ .type = RPC_CHANNEL, .worker = b.worker }, fds).err,
		0);
	assert_int_equal(
		channel_init(&b.stack, mapped(fds[0], true), mapped(fds[1], false), fds[3]), 0);
	list_init(&b.stack.sweep);
	close(fds[2]);
	want(&b, listener, 2, true);
	app_down(&a);
	e = hear(&b, SHM_EV_INCOMING);
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
	want(&a, listen_at(&a, 80, 5), 1, true);
	want(&b, listen_at(&b, 81, 5), 1, true);
	closed = arrive(80, 1);
	arrive(80, 2);
	other = arrive(81, 3);
	e = hear(&a, SHM_EV_INCOMING);
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

static void open_pair(struct test_app *a, uint32_t id, struct channel *c)
{
	struct rpc_request q = { .type = RPC_OPEN, .worker = a->worker, .channel = id };
	int fds[RPC_MAX_FDS];

	assert_int_equal(ask(a, q, fds).err, 0);
	c->mine = mapped(fds[0], true);
	c->wake_fd = fds[2];
	close(fds[1]);
}

static struct segment other_half(struct test_app *a, uint32_t id)
{
	int fds[RPC_MAX_FDS];

	assert_int_equal(
		ask(a,
		    (struct rpc_request){ .type = RPC_MAPPED, .worker = a->worker, .channel = id },
		    fds)
			.err,
		0);
	return mapped(fds[0], false);
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
	want(&server, listen_at(&server, 80, 5), 9, true);
	say(&client,
	    (struct shm_event){ .type = SHM_EV_CONNECT, .cookie = 4, .remote = address(80) });
	assert_int_equal(notes.n_connects, 0);
	id_c = hear(&client, SHM_EV_CHANNEL).channel;
	id_s = hear(&server, SHM_EV_CHANNEL).channel;
	assert_int_not_equal(id_c, id_s);
	open_pair(&client, id_c, &c);
	open_pair(&server, id_s, &s);
	assert_int_equal(ask(&client,
			     (struct rpc_request){
				     .type = RPC_MAPPED, .worker = client.worker, .channel = id_c },
			     NULL)
				 .err,
			 ERR_AGAIN);
	s.peers = other_half(&server, id_s);
	assert_int_equal(hear(&client, SHM_EV_CHANNEL).channel, id_c);
	c.peers = other_half(&client, id_c);
	ask(&client,
	    (struct rpc_request){ .type = RPC_READY, .worker = client.worker, .channel = id_c },
	    NULL);
	ask(&server,
	    (struct rpc_request){ .type = RPC_READY, .worker = server.worker, .channel = id_s },
	    NULL);
	ec = hear(&client, SHM_EV_CONNECTED);
	es = hear(&server, SHM_EV_INCOMING);
	assert_int_equal(ec.cookie, 4);
	assert_int_equal(es.cookie, 9);
	assert_int_equal(ec.slot, es.slot);
	assert_int_equal(es.remote.port, ec.local.port);
	assert_int_equal(channel_init(&c, c.mine, c.peers, c.wake_fd), 0);
	assert_int_equal(channel_init(&s, s.mine, s.peers, s.wake_fd), 0);
	fifo_open(&at_client, &c, ec.slot, ec.generation);
	fifo_open(&at_server, &s, es.slot, es.generation);
	fifo_write(&at_client, "ping", 4);
	assert_int_equal(fifo_poll(&at_server), 4);
	assert_int_equal(fifo_read(&at_server, text, 8), 4);
	/* Both leave: the slot serves again, with another generation. */
	say(&client, (struct shm_event){ .type = SHM_EV_DETACHED,
					 .channel = id_c,
					 .slot = ec.slot,
					 .generation = ec.generation });
	say(&server, (struct shm_event){ .type = SHM_EV_DETACHED,
					 .channel = id_s,
					 .slot = es.slot,
					 .generation = es.generation });
	say(&client,
	    (struct shm_event){ .type = SHM_EV_CONNECT, .cookie = 5, .remote = address(80) });
	es = hear(&client, SHM_EV_CONNECTED);
	assert_int_equal(es.slot, ec.slot);
	assert_int_not_equal(es.generation, ec.generation);
	hear(&server, SHM_EV_INCOMING);
	app_down(&client);
	assert_int_equal(hear(&server, SHM_EV_GONE).channel, id_s);
	app_down(&server);
	fifo_close(&at_client);
	fifo_close(&at_server);
	channel_deinit(&c);
	channel_deinit(&s);
}

static void test_refusals(void **state unused_arg)
{
	struct test_app a, b;
	uint32_t listener;

	app_connect(&a);
	assert_int_equal(ask(&a, (struct rpc_request){ .type = RPC_WORKER }, NULL).err, ERR_PERM);
	assert_int_equal(
		ask(&a, (struct rpc_request){ .type = RPC_ATTACH, .version = 99 }, NULL).err,
		ERR_VERSION);
	assert_int_equal(
		ask(&a, (struct rpc_request){ .type = RPC_ATTACH, .namespace_name = "no" }, NULL)
			.err,
		ERR_NOENT);
	close(a.fd);
	app_up(&a);
	app_up(&b);
	listener = listen_at(&a, 80, 5);
	assert_int_equal(
		ask(&b, (struct rpc_request){ .type = RPC_BIND, .address = address(80) }, NULL).err,
		ERR_BUSY);
	assert_int_equal(
		ask(&b, (struct rpc_request){ .type = RPC_UNBIND, .listener = listener }, NULL).err,
		ERR_NOENT);
	assert_int_equal(
		ask(&b, (struct rpc_request){ .type = RPC_CHANNEL, .worker = a.worker }, NULL).err,
		ERR_NOENT);
	/* Another's listener is nobody else's to be interested in. */
	want(&b, listener, 1, true);
	arrive(80, 1);
	settle();
	assert_false(channel_pending(&b.stack));
	/* Nothing there: refused, at an address that is ours; the transport's job otherwise. */
	say(&b,
	    (struct shm_event){ .type = SHM_EV_CONNECT,
				.cookie = 3,
				.remote = { .ip = { 127, 0, 0, 1 }, .port = 81, .family = 4 } });
	assert_int_equal(hear(&b, SHM_EV_FAILED).value, ERR_REFUSED);
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
	want(&good, listen_at(&good, 81, 5), 1, true);
	s = arrive(81, 1000);
	for (unsigned round = 0; round < 60; round++) {
		struct test_app bad;

		app_up(&bad);
		want(&bad, listen_at(&bad, 80, 5), 1, true);
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
		cmocka_unit_test_setup_teardown(test_cut_through, stack_up, stack_down),
		cmocka_unit_test_setup_teardown(test_refusals, stack_up, stack_down),
		cmocka_unit_test_setup_teardown(test_hostile_application, stack_up, stack_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* share_test.c - sessions that several applications share; see session_fixture.h and adopt.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "session/await.h"
#include "session/link.h"
#include "session/pair.h"
#include "session/session_fixture.h"
#include "session/session_worker.h"

/* A parent with one accepted session that is open at both ends, and its child. */
struct family {
	struct test_app parent, child;
	struct session *session;
	struct fifo_end end; /* the parent's */
	struct shm_event at; /* what the stack said of it */
};

static void accept_one(struct family *f)
{
	app_up(&f->parent);
	app_want(&f->parent, app_listen(&f->parent, 80, 5), 1, true);
	f->session = arrive(80, 1);
	f->at = app_hear(&f->parent, SHM_EV_INCOMING);
	fifo_open(&f->end, &f->parent.stack, f->at.slot, f->at.generation);
	atomic_store(&f->end.mine->taken, 1);
}

static void family_up(struct family *f)
{
	accept_one(f);
	app_fork(&f->parent, &f->child);
}

static void family_down(struct family *f)
{
	struct session_worker *sw = session_worker_of(engine->worker[0]);

	app_down(&f->parent);
	app_down(&f->child);
	finish_closed(NULL);
	assert_int_equal(sw->sessions.n_used, 0);
	assert_int_equal(sw->shares.pool.n_used, 0);
	assert_true(list_empty(&sw->links));
}

static struct shm_event adopt_of(const struct family *f, const struct fifo_end *e)
{
	return (struct shm_event){ .type = SHM_EV_ADOPT,
				   .cookie = 7,
				   .channel = f->parent.worker,
				   .slot = e->slot,
				   .generation = e->generation };
}

/* By the child; again and again if two moves follow each other too fast. */
static struct shm_event adopt(struct family *f, struct fifo_end *end)
{
	struct shm_event e;

	do {
		stack_now_ns += NS_PER_MS;
		app_say(&f->child, adopt_of(f, &f->end));
		assert_true(channel_take(&f->child.stack, &e));
	} while (e.type == SHM_EV_FAILED && e.value == ERR_AGAIN);
	assert_int_equal(e.type, SHM_EV_ADOPTED);
	assert_int_equal(e.cookie, 7);
	fifo_open(end, &f->child.stack, e.slot, e.generation);
	return e;
}

static void release(struct test_app *a, const struct fifo_end *end)
{
	app_say(a, fifo_event(end, SHM_EV_RELEASE));
}

/* Nothing that is under way gets lost: unread, unacknowledged, the end of a stream. */
static void test_adopting_moves_what_is_under_way(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct family f;
	struct fifo_end end;
	struct slice got[4];
	struct shm_event e;
	uint32_t capacity;
	char text[32];

	accept_one(&f);
	assert_int_equal(session_rx_put(w, f.session, "hello", 5), 5);
	assert_int_equal(fifo_poll(&f.end), 5);
	assert_int_equal(fifo_read(&f.end, text, 2), 2);
	fifo_write(&f.end, "written ", 8);
	app_fork(&f.parent, &f.child);
	session_rx_fin(w, f.session);
	capacity = session_rx_capacity(f.session);

	e = adopt(&f, &end);
	assert_int_equal(e.flags & SHM_ADOPTED_ONLY, 0);
	assert_int_equal(fifo_poll(&end), 3);
	assert_int_equal(fifo_read(&end, text, sizeof(text)), 3);
	assert_memory_equal(text, "llo", 3);
	assert_true(fifo_finished(&end));
	fifo_write(&end, "by two", 6);
	assert_int_equal(session_tx_ready(f.session), 14);
	assert_int_equal(session_tx_slices(f.session, 3, 9, got, 4), 2);
	assert_true(slice_is(got[0], "tten "));
	assert_true(slice_is(got[1], "by t"));
	session_tx_drop(w, f.session, 10);
	assert_int_equal(session_tx_ready(f.session), 4);
	assert_true(session_rx_capacity(f.session) >= capacity);

	app_hear(&f.parent, SHM_EV_DATA);
	e = app_hear(&f.parent, SHM_EV_MOVED);
	assert_int_equal(e.slot, f.end.slot);
	assert_int_equal(e.value, 2);
	assert_int_equal(fifo_room(&f.end),
			 fifo_capacity(&f.end)); /* all that it wrote was taken */
	family_down(&f);
}

static void test_large_fifos_keep_their_size(void **state unused_arg)
{
	static char bytes[100000];
	struct worker *w = engine->worker[0];
	struct family f;
	struct fifo_end end;
	uint32_t n;

	accept_one(&f);
	session_rx_bulk(f.session);
	session_rx_put(w, f.session, bytes, 1000);
	fifo_poll(&f.end);
	fifo_consume(&f.end, 1000);
	session_rx_room(f.session);
	n = session_rx_put(w, f.session, bytes, sizeof(bytes));
	assert_int_equal(n, sizeof(bytes));
	n = session_rx_capacity(f.session);
	app_fork(&f.parent, &f.child);
	adopt(&f, &end);
	assert_int_equal(session_rx_capacity(f.session), n);
	assert_int_equal(fifo_poll(&end), sizeof(bytes));
	family_down(&f);
}

static void test_a_stranger_cannot_adopt(void **state unused_arg)
{
	struct family f;
	struct test_app stranger;

	family_up(&f);
	app_up(&stranger);
	app_say(&stranger, adopt_of(&f, &f.end));
	assert_int_equal(app_hear(&stranger, SHM_EV_FAILED).value, ERR_NOENT);
	app_say(&f.parent, adopt_of(&f, &f.end)); /* its own, by the name for its children */
	assert_int_equal(app_hear(&f.parent, SHM_EV_FAILED).value, ERR_NOENT);
	assert_int_equal(f.session->link->app_worker, f.parent.worker);
	app_down(&stranger);
	family_down(&f);
}

/* What was not accepted, or came after the fork, is the parent's alone. */
static void test_only_what_was_there_is_shared(void **state unused_arg)
{
	struct family f;
	struct fifo_end later;
	struct shm_event e;

	app_up(&f.parent);
	app_want(&f.parent, app_listen(&f.parent, 80, 5), 1, true);
	f.session = arrive(80, 1);
	e = app_hear(&f.parent, SHM_EV_INCOMING);
	fifo_open(&f.end, &f.parent.stack, e.slot, e.generation);
	app_fork(&f.parent, &f.child);
	atomic_store(&f.end.mine->taken, 1);
	arrive(80, 2);
	e = app_hear(&f.parent, SHM_EV_INCOMING);
	fifo_open(&later, &f.parent.stack, e.slot, e.generation);
	atomic_store(&later.mine->taken, 1);
	app_say(&f.child, adopt_of(&f, &f.end));
	assert_int_equal(app_hear(&f.child, SHM_EV_FAILED).value, ERR_NOENT);
	app_say(&f.child, adopt_of(&f, &later));
	assert_int_equal(app_hear(&f.child, SHM_EV_FAILED).value, ERR_NOENT);
	family_down(&f);
}

static void test_the_last_release_closes(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct family f;
	struct fifo_end end;

	family_up(&f);
	release(&f.parent, &f.end);
	assert_false(session_app_closed(f.session));
	assert_true(adopt(&f, &end).flags & SHM_ADOPTED_ONLY);
	app_hear(&f.parent, SHM_EV_MOVED);
	fifo_write(&end, "bye", 3);
	release(&f.child, &end);
	assert_true(session_app_closed(f.session));
	assert_int_equal(notes.n_sends, 1);
	assert_int_equal(session_tx_ready(f.session), 3);
	session_tx_drop(w, f.session, 3);
	session_done(w, f.session);
	family_down(&f);
	assert_int_equal(notes.n_aborts, 0);
}

static void test_unread_bytes_of_the_last_one_abort(void **state unused_arg)
{
	struct family f;

	family_up(&f);
	session_rx_put(engine->worker[0], f.session, "unread", 6);
	release(&f.parent, &f.end);
	assert_int_equal(notes.n_aborts, 0);
	app_down(&f.child);
	assert_int_equal(notes.n_aborts, 1);
	app_down(&f.parent);
}

static void test_it_outlives_its_owner(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct family f;
	struct fifo_end end;

	family_up(&f);
	app_down(&f.parent);
	assert_int_equal(notes.n_aborts, 0);
	assert_int_equal(session_rx_put(w, f.session, "while nobody reads", 18), 18);
	assert_true(adopt(&f, &end).flags & SHM_ADOPTED_ONLY);
	assert_int_equal(fifo_poll(&end), 18);
	app_down(&f.child);
	assert_int_equal(notes.n_aborts, 1);
	assert_int_equal(session_worker_of(w)->sessions.n_used, 0);
	assert_true(list_empty(&session_worker_of(w)->links));
}

/* Who lost it may have it back, by its old slot, and hears when the other is done. */
static void test_parent_takes_it_back(void **state unused_arg)
{
	struct family f;
	struct fifo_end end;
	struct shm_event e;

	family_up(&f);
	adopt(&f, &end);
	app_hear(&f.parent, SHM_EV_MOVED);
	release(&f.child, &end);
	assert_int_equal(app_hear(&f.parent, SHM_EV_FREED).slot, f.end.slot);
	do {
		stack_now_ns += NS_PER_MS;
		app_say(&f.parent, adopt_of(&f, &f.end));
		assert_true(channel_take(&f.parent.stack, &e));
	} while (e.type == SHM_EV_FAILED && e.value == ERR_AGAIN);
	assert_int_equal(e.type, SHM_EV_ADOPTED);
	assert_true(e.flags & SHM_ADOPTED_ONLY);
	app_hear(&f.child, SHM_EV_MOVED);
	family_down(&f);
	assert_int_equal(notes.n_aborts, 0);
}

/* A release that crosses the move counts for the share that the owner has got by then. */
static void test_release_crosses_the_move(void **state unused_arg)
{
	struct family f;
	struct fifo_end end;

	family_up(&f);
	adopt(&f, &end);
	release(&f.parent, &f.end);
	release(&f.child, &end);
	assert_true(session_app_closed(f.session));
	family_down(&f);
}

static struct rpc_request name_of(const struct family *f, uint32_t type, uint32_t child)
{
	return (struct rpc_request){ .type = type,
				     .flags = child,
				     .worker = f->parent.worker,
				     .slot = f->end.slot,
				     .generation = f->end.generation };
}

/* For exec: only what is named goes along. */
static void test_sharing_by_name(void **state unused_arg)
{
	struct rpc_request nothing = { .type = RPC_FORK, .flags = RPC_SHARE_NOTHING };
	struct family f;
	struct fifo_end end;
	struct rpc_reply r;
	int fds[RPC_MAX_FDS];

	accept_one(&f);
	r = app_ask(&f.parent, nothing, fds);
	assert_int_equal(r.err, 0);
	assert_int_equal(app_ask(&f.parent, name_of(&f, RPC_SHARE, r.id + 1), NULL).err, ERR_NOENT);
	assert_int_equal(app_ask(&f.parent, name_of(&f, RPC_SHARE, r.id), NULL).err, 0);
	f.child.fd = fds[0];
	app_attach(&f.child);
	assert_int_equal(app_ask(&f.parent, name_of(&f, RPC_SHARE, r.id), NULL).err, ERR_NOENT);
	app_down(&f.parent);
	adopt(&f, &end);
	app_down(&f.child);
	finish_closed(NULL);
	assert_int_equal(session_worker_of(engine->worker[0])->sessions.n_used, 0);
}

/* The parent may close at once after the reply: the worker has to know of the child by then. */
static void test_the_reply_comes_when_the_worker_knows(void **state unused_arg)
{
	struct rpc_request nothing = { .type = RPC_FORK, .flags = RPC_SHARE_NOTHING }, q;
	struct family f;
	int fds[RPC_MAX_FDS];
	char byte;

	accept_one(&f);
	q = name_of(&f, RPC_SHARE, app_ask(&f.parent, nothing, fds).id);
	q.version = SHM_VERSION;
	assert_int_equal(rpc_send(f.parent.fd, &q, sizeof(q), NULL, 0), 0);
	turn_main();
	assert_int_equal(recv(f.parent.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
	worker_turn(engine->worker[0]);
	turn_main();
	assert_int_equal(recv(f.parent.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), 1);
	release(&f.parent, &f.end);
	assert_false(session_app_closed(f.session));
	close(fds[0]);
	app_down(&f.parent);
	finish_closed(NULL);
}

static void test_releasing_by_name(void **state unused_arg)
{
	struct family f;

	family_up(&f);
	assert_int_equal(app_ask(&f.child, name_of(&f, RPC_RELEASE, 0), NULL).err, 0);
	assert_int_equal(app_ask(&f.child, name_of(&f, RPC_RELEASE, 0), NULL).err, 0);
	release(&f.parent, &f.end);
	assert_true(session_app_closed(f.session));
	family_down(&f);
}

static void test_adopting_what_is_gone(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct family f;

	family_up(&f);
	release(&f.parent, &f.end);
	session_reset(w, f.session, ERR_CLOSED);
	settle();
	app_say(&f.child, adopt_of(&f, &f.end));
	assert_int_equal(app_hear(&f.child, SHM_EV_FAILED).value, ERR_CLOSED);
	family_down(&f);
}

/* --- cut-through --- */

/* A server with its child, and a client of theirs. */
struct joined {
	struct family f; /* f.end is not used */
	struct test_app client;
	struct test_pair pair;
	struct fifo_end *client_end, *server_end;
};

static void join(struct joined *j)
{
	*j = (struct joined){ 0 };
	app_up(&j->client);
	app_up(&j->f.parent);
	app_want(&j->f.parent, app_listen(&j->f.parent, 80, 5), 9, true);
	pair_up(&j->pair, &j->client, &j->f.parent, 80);
	j->client_end = &j->pair.end[PAIR_CLIENT];
	j->server_end = &j->pair.end[PAIR_SERVER];
}

static void part(struct joined *j)
{
	struct session_worker *sw = session_worker_of(engine->worker[0]);

	app_down(&j->client);
	app_down(&j->f.parent);
	if (j->f.child.fd)
		app_down(&j->f.child);
	pair_down(&j->pair);
	settle();
	assert_int_equal(sw->sessions.n_used, 0);
	assert_int_equal(sw->pairs.n_used, 0);
	assert_int_equal(sw->shares.pool.n_used, 0);
	assert_true(list_empty(&sw->links));
}

static struct shm_event adopt_joined(struct joined *j, struct fifo_end *end)
{
	struct shm_event e = adopt_of(&j->f, j->server_end);

	e.channel = j->pair.id[PAIR_SERVER];
	app_say(&j->f.child, e);
	e = app_hear(&j->f.child, SHM_EV_ADOPTED);
	fifo_open(end, &j->f.child.stack, e.slot, e.generation);
	return e;
}

static uint32_t read_all(struct fifo_end *end, char *text, uint32_t n)
{
	fifo_poll(end);
	return fifo_read(end, text, n);
}

/* What the other program is told is enough for it to go on where it was. */
static void test_splitting_a_cut_through_session(void **state unused_arg)
{
	struct joined j;
	struct fifo_end child, client;
	struct shm_event e;
	char text[32];

	join(&j);
	fifo_write(j.client_end, "request", 7);
	assert_int_equal(fifo_poll(j.server_end), 7);
	assert_int_equal(fifo_read(j.server_end, text, 2), 2);
	fifo_write(j.server_end, "greeting", 8);
	app_fork(&j.f.parent, &j.f.child);
	assert_int_equal(read_all(j.client_end, text, 5), 5);
	adopt_joined(&j, &child);
	assert_int_equal(read_all(&child, text, 32), 5);
	assert_memory_equal(text, "quest", 5);

	assert_int_equal(segment_side(&j.f.parent.stack.peers)->splits, 1);
	assert_int_equal(segment_side(&j.client.stack.peers)->splits, 1);
	e = app_hear(&j.f.parent, SHM_EV_MOVED);
	assert_int_equal(e.channel, j.pair.id[PAIR_SERVER]);
	assert_int_equal(e.value, 2);
	assert_int_equal(e.relayed.taken, 8);
	e = app_hear(&j.client, SHM_EV_RELAYED);
	assert_int_equal(e.channel, j.pair.id[PAIR_CLIENT]);
	assert_int_equal(e.slot, j.client_end->slot);
	assert_int_equal(e.relayed.taken, 7);
	assert_int_equal(e.relayed.start, 5);
	fifo_open(&client, &j.client.stack, e.relayed.slot, e.relayed.generation);
	assert_int_equal(read_all(&client, text, 32), 3);
	assert_memory_equal(text, "ing", 3);

	fifo_write(&client, "more", 4);
	app_say(&j.client, fifo_event(&client, SHM_EV_DATA));
	assert_int_equal(read_all(&child, text, 32), 4);
	fifo_write(&child, "answer", 6);
	fifo_set_state(&child, SHM_CLOSED, 0);
	app_say(&j.f.child, fifo_event(&child, SHM_EV_DATA));
	assert_int_equal(read_all(&client, text, 32), 6);
	assert_true(fifo_finished(&client));
	part(&j);
}

/* Nobody's help is needed, not even that of the two who had it. */
static void test_split_outlives_both(void **state unused_arg)
{
	struct joined j;
	struct fifo_end child;
	char text[32];

	join(&j);
	app_fork(&j.f.parent, &j.f.child);
	fifo_write(j.client_end, "last words", 10);
	fifo_set_state(j.client_end, SHM_CLOSED, 0);
	app_down(&j.f.parent);
	app_down(&j.client);
	adopt_joined(&j, &child);
	assert_int_equal(read_all(&child, text, 32), 10);
	assert_true(fifo_finished(&child));
	app_up(&j.client);
	app_up(&j.f.parent);
	part(&j);
}

static void test_closing_a_shared_end(void **state unused_arg)
{
	struct joined j;
	struct shm_event e, release;
	struct fifo_end client;

	join(&j);
	app_fork(&j.f.parent, &j.f.child);
	fifo_write(j.server_end, "bye", 3);
	release = fifo_event(j.server_end, SHM_EV_RELEASE);
	release.channel = j.pair.id[PAIR_SERVER];
	app_say(&j.f.parent, release);
	assert_int_equal(session_worker_of(engine->worker[0])->sessions.n_used, 0);
	app_down(&j.f.child);
	j.f.child.fd = 0;
	app_hear(&j.f.parent, SHM_EV_MOVED);
	e = app_hear(&j.client, SHM_EV_RELAYED);
	fifo_open(&client, &j.client.stack, e.relayed.slot, e.relayed.generation);
	assert_int_equal(fifo_poll(&client), 3);
	assert_true(fifo_finished(&client));
	assert_false(fifo_was_reset(&client));
	part(&j);
}

/* Halves and chunk tables that make no sense end the session, and nothing else. */
static void test_splitting_nonsense(void **state unused_arg)
{
	struct joined j;
	struct shm_event e;

	for (unsigned round = 0; round < 4; round++) {
		join(&j);
		app_fork(&j.f.parent, &j.f.child);
		fifo_write(j.client_end, "hello", 5);
		if (round == 0)
			atomic_store(&j.client_end->mine->chunk[0], 1u << 30);
		else if (round == 1)
			atomic_store(&j.client_end->mine->tail, 1u << 30);
		else if (round == 2)
			atomic_store(&j.server_end->mine->head, 77);
		else
			atomic_store(&j.client_end->mine->shift, 3);
		e = adopt_of(&j.f, j.server_end);
		e.channel = j.pair.id[PAIR_SERVER];
		app_say(&j.f.child, e);
		assert_int_equal(app_hear(&j.f.child, SHM_EV_FAILED).value, ERR_CLOSED);
		part(&j);
	}
}

#define with_stack(test) cmocka_unit_test_setup_teardown(test, stack_up, stack_down)

/* --- waiting for one's turn --- */

static void child_waits(struct family *f)
{
	struct shm_event e = adopt_of(f, &f->end);

	e.flags = SHM_ADOPT_IN_TURN;
	app_say(&f->child, e);
	e = app_hear(&f->parent, SHM_EV_WANTED);
	assert_int_equal(e.slot, f->end.slot);
	assert_false(channel_pending(&f->child.stack));
}

static void test_who_waits_gets_it_from_one_who_has_read(void **state unused_arg)
{
	struct worker *w = engine->worker[0];
	struct family f;
	struct fifo_end end;
	struct shm_event e;
	char text[8];

	family_up(&f);
	child_waits(&f);
	assert_int_equal(session_rx_put(w, f.session, "12", 2), 2);
	timer_cancel(&w->wheel, &session_worker_of(w)->stalls); /* it reads in time */
	assert_int_equal(fifo_poll(&f.end), 2);
	assert_int_equal(fifo_read(&f.end, text, 1), 1);
	app_say(&f.parent, fifo_event(&f.end, SHM_EV_YIELD));
	e = app_hear(&f.child, SHM_EV_ADOPTED);
	assert_int_equal(e.cookie, 7);
	fifo_open(&end, &f.child.stack, e.slot, e.generation);
	assert_int_equal(fifo_poll(&end), 1);
	assert_int_equal(fifo_read(&end, text, 1), 1);
	assert_int_equal(text[0], '2');
	/* Nobody waits now. */
	app_say(&f.child, fifo_event(&end, SHM_EV_YIELD));
	settle();
	assert_int_equal(f.session->end.slot, end.slot);
	family_down(&f);
}

static void test_what_lies_unread_goes_to_one_who_waits(void **state unused_arg)
{
	struct session_worker *sw = session_worker_of(engine->worker[0]);
	struct family f;

	family_up(&f);
	child_waits(&f);
	await_expired(&sw->stalls, 0);
	assert_false(channel_pending(&f.child.stack)); /* there is nothing to be read */
	session_rx_fin(sw->worker, f.session);
	assert_true(timer_is_set(&sw->stalls));
	await_expired(&sw->stalls, 0);
	app_hear(&f.child, SHM_EV_ADOPTED);
	family_down(&f);
}

static void test_who_waits_hears_of_the_end(void **state unused_arg)
{
	struct family f;

	family_up(&f);
	child_waits(&f);
	session_done(engine->worker[0], f.session);
	fifo_set_state(&f.end, SHM_CLOSED, 0);
	app_say(&f.parent, fifo_event(&f.end, SHM_EV_DATA));
	assert_int_equal(app_hear(&f.child, SHM_EV_FAILED).value, ERR_CLOSED);
	family_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_stack(test_adopting_moves_what_is_under_way),
		with_stack(test_large_fifos_keep_their_size),
		with_stack(test_a_stranger_cannot_adopt),
		with_stack(test_only_what_was_there_is_shared),
		with_stack(test_the_last_release_closes),
		with_stack(test_unread_bytes_of_the_last_one_abort),
		with_stack(test_it_outlives_its_owner),
		with_stack(test_parent_takes_it_back),
		with_stack(test_release_crosses_the_move),
		with_stack(test_sharing_by_name),
		with_stack(test_the_reply_comes_when_the_worker_knows),
		with_stack(test_releasing_by_name),
		with_stack(test_adopting_what_is_gone),
		with_stack(test_who_waits_gets_it_from_one_who_has_read),
		with_stack(test_what_lies_unread_goes_to_one_who_waits),
		with_stack(test_who_waits_hears_of_the_end),
		with_stack(test_splitting_a_cut_through_session),
		with_stack(test_split_outlives_both),
		with_stack(test_closing_a_shared_end),
		with_stack(test_splitting_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

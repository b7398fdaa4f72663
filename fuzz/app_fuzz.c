/*
 * app_fuzz.c - a hostile application: it writes what it likes wherever it may, and asks anything.
 *
 * The input is a script of 8-byte steps: a word into its header, ring or halves, a request over
 * its socket, a turn of the stack after some time, data or an end from the transport. It has a
 * child, which does the same: together they adopt and release each other's sessions, and connect to
 * each other. A well-behaved application with one session lives beside them and must not notice.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "session/pair.h"
#include "session/session_fixture.h"
#include "session/session_worker.h"

enum { STEPS_MAX = 400, STEP_BYTES = 8, HOSTILE_SESSIONS = 3 };

enum step_kind {
	STEP_HEADER,
	STEP_RING,
	STEP_HALF,
	STEP_EVENT,
	STEP_TURN,
	STEP_ARRIVE,
	STEP_PUT,
	STEP_TAKE,
	STEP_END,
	STEP_REQUEST,
	STEP_PAIR,
	N_STEP_KINDS
};

/* The hostile ones: a parent, its child, and one to whom the parent has a cut-through session. */
enum { PARENT, CHILD, MATE, N_HOSTILE };

static struct test_app hostile[N_HOSTILE];
static struct test_pair pair;

struct step {
	uint8_t kind, slot;
	uint16_t at;
	uint32_t value;
};

static void scribble(struct test_app *bad, size_t from, size_t size, const struct step *st)
{
	memcpy(bad->stack.mine.base + from + st->at % (size / 4) * 4, &st->value, 4);
}

/* The halves and chunk tables of their cut-through session. */
static void scribble_pair(const struct step *st)
{
	uint8_t *half = (uint8_t *)pair.end[st->slot % 2].mine;

	memcpy(half + st->at % (sizeof(struct shm_half) / 4) * 4, &st->value, 4);
}

/* What the child could know its parent's sessions by, and what it could not. */
static uint32_t name_of(const struct step *st)
{
	switch (st->at >> 8 & 3) {
	case 0:
		return hostile[PARENT].worker;
	case 1:
		return pair.id[PAIR_SERVER];
	case 2:
		return hostile[CHILD].worker;
	default:
		return st->value % 16;
	}
}

/* An event that looks right at first sight. */
static void post(struct test_app *bad, const struct step *st)
{
	struct shm_event e = { .type = (uint16_t)((st->at & 0xff) % (SHM_EV_LAST + 2)),
			       .slot = st->slot % 5u,
			       .generation = st->value % 8,
			       .channel = name_of(st),
			       .cookie = st->value,
			       .flags = (uint16_t)st->value,
			       .remote = stack_address((uint16_t)(79 + st->value % 4)) };

	if (channel_post(&bad->stack, &e))
		settle();
}

static struct session *any_session(const struct step *st)
{
	handle h;

	return pool_at_or_null(&session_worker_of(engine->worker[0])->sessions, st->slot % 8u, &h);
}

static void request(struct test_app *bad, const struct step *st)
{
	struct rpc_request q = { .type = st->at % (RPC_LAST + 2u),
				 .version = SHM_VERSION,
				 .worker = st->value % 16,
				 .channel = st->value >> 8 & 15,
				 .listener = st->value >> 16 & 7,
				 .backlog = st->slot,
				 .address = stack_address((uint16_t)(80 + st->slot % 3)) };
	struct rpc_reply r;
	int fds[RPC_MAX_FDS];
	unsigned n = 0;

	if (rpc_send(bad->fd, &q, sizeof(q), NULL, 0))
		return;
	settle();
	if (rpc_receive(bad->fd, &r, sizeof(r), fds, &n))
		n = 0;
	while (n > 0)
		close(fds[--n]);
}

/* The transport's side goes on with whatever sessions there are; the good one's is left alone. */
static void transport_step(const struct step *st, const struct session *good)
{
	struct worker *w = engine->worker[0];
	struct session *s = any_session(st);
	struct slice slices[4];

	if (!s || s == good || !s->connection)
		return;
	if (st->kind == STEP_PUT) {
		if (session_rx_room(s))
			session_rx_put(w, s, "0123456789abcdef", st->value % 17);
	} else if (st->kind == STEP_TAKE) {
		uint32_t n = session_tx_ready(s);
		uint32_t sum = 0;

		for (unsigned i = session_tx_slices(s, st->value % 64, 9000, slices, 4); i-- > 0;)
			for (size_t at = 0; at < slices[i].len; at += 512)
				sum += slices[i].at[at];
		if (n && sum != 1)
			session_tx_drop(w, s, n / 2);
	} else if (s->state == SESSION_OPEN) {
		session_rx_fin(w, s);
		session_done(w, s);
	}
}

static void run_step(struct test_app *bad, const struct step *st, const struct session *good)
{
	switch (st->kind % N_STEP_KINDS) {
	case STEP_HEADER:
		scribble(bad, 0, sizeof(struct shm_side), st);
		break;
	case STEP_RING:
		scribble(bad, SHM_PAGE_BYTES, 16 * sizeof(struct shm_event), st);
		break;
	case STEP_HALF:
		scribble(bad, SHM_HALVES_OFFSET, 5 * sizeof(struct shm_half), st);
		break;
	case STEP_EVENT:
		post(bad, st);
		break;
	case STEP_ARRIVE:
		if (session_find_listener(engine->worker[0], &noting, 0,
					  &(struct shm_address){
						  .ip = { 10, 0, 0, 1 }, .port = 80, .family = 4 }))
			arrive(80, 5);
		break;
	case STEP_PUT:
	case STEP_TAKE:
	case STEP_END:
		transport_step(st, good);
		break;
	case STEP_REQUEST:
		request(bad, st);
		break;
	case STEP_PAIR:
		scribble_pair(st);
		break;
	default:
		stack_now_ns += st->value % (2 * PAIR_PATIENCE_MS) * (uint64_t)NS_PER_MS;
		settle();
		break;
	}
}

/* What is left: the session of the good one, and what hostile connects have brought to it. */
static bool only_good_left(const struct session *good)
{
	struct pool *sessions = &session_worker_of(engine->worker[0])->sessions;
	handle h;

	for (uint32_t i = 0; i < pool_end(sessions); i++) {
		const struct session *s = pool_at_or_null(sessions, i, &h);

		if (s && s->link != good->link)
			return false;
	}
	return true;
}

/* The parent has sessions of the transport and one with its mate, and has forked. */
static void hostile_up(void)
{
	struct test_app *parent = &hostile[PARENT];

	app_up(parent);
	app_up(&hostile[MATE]);
	app_want(parent, app_listen(parent, 80, 5), 1, true);
	pair_up(&pair, &hostile[MATE], parent, 80);
	for (unsigned i = 0; i < HOSTILE_SESSIONS; i++)
		arrive(80, 2 + i);
	settle();
	for (unsigned i = 0; i < HOSTILE_SESSIONS; i++) /* as if it had accepted them */
		atomic_store(&segment_half(&parent->stack.mine, i)->taken, 1);
	fifo_write(&pair.end[PAIR_CLIENT], "a request that is under way", 27);
	fifo_write(&pair.end[PAIR_SERVER], "and an answer", 13);
	app_fork(parent, &hostile[CHILD]);
}

static void hostile_down(void)
{
	for (unsigned i = 0; i < N_HOSTILE; i++)
		app_down(&hostile[i]);
	pair_down(&pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_app good;
	struct session *s;
	struct fifo_end end;
	struct shm_event e;
	char text[5];

	log_set_level(LOG_LEVEL_OFF);
	stack_up(NULL);
	app_up(&good);
	app_want(&good, app_listen(&good, 81, 5), 1, true);
	s = arrive(81, 1);
	hostile_up();
	for (unsigned i = 0; i < STEPS_MAX && (i + 1) * STEP_BYTES <= size; i++) {
		struct step st;

		memcpy(&st, data + i * STEP_BYTES, sizeof(st));
		st.kind %= N_STEP_KINDS;
		run_step(&hostile[(st.slot >> 6) % N_HOSTILE], &st, s);
	}
	invariant(session_rx_put(engine->worker[0], s, "still", 5) == 5);
	hostile_down();
	finish_closed(s);
	e = app_hear(&good, SHM_EV_INCOMING);
	fifo_open(&end, &good.stack, e.slot, e.generation);
	invariant(fifo_poll(&end) == 5 && fifo_read(&end, text, 5) == 5 &&
		  memcmp(text, "still", 5) == 0);
	invariant(only_good_left(s));
	app_down(&good);
	stack_down(NULL);
	return 0;
}

/*
 * app_fuzz.c - a hostile application: it writes what it likes wherever it may, and asks anything.
 *
 * The input is a script of 8-byte steps: a word into its header, ring or halves, a request over
 * its socket, a turn of the stack, data or an end from the transport. It has a child, which does
 * the same: together they adopt and release each other's sessions, and connect to each other. A
 * well-behaved application with one session lives beside them and must not notice.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
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

enum { OF_CHILD = 0x80, PAIRS_KEPT = 4 };

/* Segments of cut-through channels that they have been given to write. */
static struct segment pair_segments[PAIRS_KEPT];
static unsigned n_pairs;

struct step {
	uint8_t kind, slot;
	uint16_t at;
	uint32_t value;
};

static void scribble(struct test_app *bad, size_t from, size_t size, const struct step *st)
{
	memcpy(bad->stack.mine.base + from + st->at % (size / 4) * 4, &st->value, 4);
}

/* A half of a cut-through session, with the generation that it may well have. */
static void scribble_pair(const struct step *st)
{
	struct segment *s = &pair_segments[st->slot % PAIRS_KEPT];
	struct shm_half *half;

	if (!s->base)
		return;
	half = segment_half(s, st->at % 3u);
	if (st->at & 0x100) {
		atomic_store(&half->generation, st->value % 8);
		atomic_store(&half->taken, 1);
		atomic_store(&half->tail, st->value >> 8 & 0xffff);
		atomic_store(&half->shift, (uint8_t)(12 + 2 * (st->value >> 3 & 1)));
		for (unsigned i = 0; i < SHM_FIFO_CHUNKS; i++)
			atomic_store(&half->chunk[i], 1 + 4 * i);
	} else {
		memcpy((uint8_t *)half + (st->at >> 2) % 32 * 4, &st->value, 4);
	}
}

/* An event that looks right at first sight. */
static void post(struct test_app *bad, const struct step *st)
{
	struct shm_event e = { .type = (uint16_t)(st->at % (SHM_EV_LAST + 2)),
			       .slot = st->slot % 5u,
			       .generation = st->value % 8,
			       .channel = st->value % 16,
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
	if (n == 3 && q.type == RPC_OPEN && n_pairs < PAIRS_KEPT) {
		pair_segments[n_pairs++] = app_segment(fds[0], true);
		fds[0] = fds[--n];
	}
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
		settle();
		break;
	}
}

static void fork_app(struct test_app *parent, struct test_app *child)
{
	int fds[RPC_MAX_FDS];

	invariant(app_ask(parent, (struct rpc_request){ .type = RPC_FORK }, fds).err == 0);
	child->fd = fds[0];
	app_attach(child);
}

/* Sessions that were closed in order are the transport's to finish; nothing else may be left. */
static void finish_closed(const struct session *good)
{
	struct pool *sessions = &session_worker_of(engine->worker[0])->sessions;
	handle h;

	for (uint32_t i = 0; i < pool_end(sessions); i++) {
		struct session *s = pool_at_or_null(sessions, i, &h);

		if (s && s != good && s->connection && session_app_closed(s))
			session_done(engine->worker[0], s);
	}
	settle();
}

static void forget_pairs(void)
{
	while (n_pairs > 0)
		segment_unmap(&pair_segments[--n_pairs]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_app good, bad, child;
	struct session *s;
	struct fifo_end end;
	struct shm_event e;
	char text[5];

	log_set_level(LOG_LEVEL_OFF);
	stack_up(NULL);
	app_up(&good);
	app_want(&good, app_listen(&good, 81, 5), 1, true);
	s = arrive(81, 1);
	app_up(&bad);
	app_want(&bad, app_listen(&bad, 80, 5), 1, true);
	for (unsigned i = 0; i < HOSTILE_SESSIONS; i++)
		arrive(80, 2 + i);
	settle();
	for (unsigned i = 0; i < HOSTILE_SESSIONS; i++) /* as if it had accepted them */
		atomic_store(&segment_half(&bad.stack.mine, i)->taken, 1);
	fork_app(&bad, &child);
	for (unsigned i = 0; i < STEPS_MAX && (i + 1) * STEP_BYTES <= size; i++) {
		struct step st;

		memcpy(&st, data + i * STEP_BYTES, sizeof(st));
		st.kind %= N_STEP_KINDS;
		run_step(st.slot & OF_CHILD ? &child : &bad, &st, s);
	}
	invariant(session_rx_put(engine->worker[0], s, "still", 5) == 5);
	app_down(&bad);
	app_down(&child);
	forget_pairs();
	finish_closed(s);
	e = app_hear(&good, SHM_EV_INCOMING);
	fifo_open(&end, &good.stack, e.slot, e.generation);
	invariant(fifo_poll(&end) == 5 && fifo_read(&end, text, 5) == 5 &&
		  memcmp(text, "still", 5) == 0);
	invariant(session_worker_of(engine->worker[0])->sessions.n_used == 1);
	app_down(&good);
	stack_down(NULL);
	return 0;
}

/* adopt.c - see adopt.h. */
#include "comms/src/adopt.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/err.h"
#include "comms/src/attach.h"
#include "comms/src/option.h"
#include "comms/src/os.h"
#include "comms/src/set.h"
#include "comms/src/wait.h"

enum { REST_MS = 1, PATIENCE_MS = 20, ANSWER_MS = 10000 };

void adopt_name(struct sock *s)
{
	const struct link *l = s->link;
	const struct link *stack = l->to_stack ? l : l->broker;

	s->name = (struct shared_name){ .epoch = attach_epoch(),
					.stack_worker = stack ? stack->id : UINT32_MAX,
					.via = l->to_stack ? l->worker->id : l->id,
					.slot = s->fifo.slot,
					.generation = s->fifo.generation };
}

/* --- asking --- */

void adopt_fail(struct sock *s, int error)
{
	s->adopting = false;
	if (s->refs == 0) {
		sock_free(s);
		return;
	}
	s->state = SOCK_FAILED;
	s->reset_told = true;
	s->error = error;
	source_notify(&s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
}

static struct link *link_of_name(struct worker *w, const struct shared_name *n)
{
	for (unsigned i = 0; i < w->n_links; i++)
		if (w->links[i]->to_stack && !w->links[i]->dead &&
		    w->links[i]->id == n->stack_worker)
			return w->links[i];
	return NULL;
}

void adopt_start(struct sock *s, struct worker *w, enum shm_adopt intent)
{
	struct shm_event e = { .type = SHM_EV_ADOPT,
			       .flags = (uint16_t)intent,
			       .cookie = s->cookie,
			       .channel = s->name.via,
			       .slot = s->name.slot,
			       .generation = s->name.generation };
	struct link *l;

	if (worker_connect(w) || s->name.epoch != attach_epoch()) {
		adopt_fail(s, ECONNRESET); /* the stack that knew it is gone */
		return;
	}
	l = link_of_name(w, &s->name);
	if (!l) {
		adopt_fail(s, ECONNRESET);
		return;
	}
	s->state = SOCK_CONNECTING;
	s->adopting = true;
	s->freed = false;
	s->intent = (uint8_t)intent;
	link_post(l, &e);
	link_wake(l);
}

/* At the worker of this thread, unless it has a home already; that one's lock is held. */
static void start_here(struct sock *s, enum shm_adopt intent)
{
	struct worker *w = source_home(&s->source);

	if (w != &unhomed) {
		adopt_start(s, w, intent);
		return;
	}
	w = worker_of_thread();
	if (!w)
		w = worker_for_process();
	if (!w) {
		adopt_fail(s, ENOMEM);
		return;
	}
	worker_take_lock(w);
	sock_move(s, w);
	adopt_start(s, w, intent);
	worker_give_lock(w);
}

/* May be asked for now: nobody has done so, or only for when it is let go. */
static bool can_ask(const struct sock *s)
{
	return s->state == SOCK_INHERITED || (s->adopting && s->intent == SHM_ADOPT_IN_TURN);
}

void adopt_fetch(int cd, bool to_write)
{
	uint64_t end_ns = clock_now_ns(&clock_monotonic) + ANSWER_MS * (uint64_t)NS_PER_MS;

	for (;;) {
		struct sock *s = sock_lock(cd);
		struct worker *home;
		bool rest;

		if (!s)
			return;
		home = source_home(&s->source);
		rest = s->resting;
		s->resting = false;
		adopt_look(s);
		if (can_ask(s) && !rest)
			start_here(s, to_write ? SHM_ADOPT_TO_WRITE : SHM_ADOPT_AT_ONCE);
		if (source_home(&s->source) != home) { /* whose lock is not ours */
			worker_give_lock(home);
			continue;
		}
		if (adopt_is_elsewhere(s) && clock_now_ns(&clock_monotonic) > end_ns)
			adopt_fail(s, ETIMEDOUT);
		if (!adopt_is_elsewhere(s)) {
			worker_give_lock(home);
			return;
		}
		worker_give_lock(home);
		if (wait_for_source(
			    &s->source, EPOLLIN | EPOLLOUT,
			    wait_deadline((rest ? REST_MS : PATIENCE_MS) * (uint64_t)NS_PER_MS)))
			continue; /* late or interrupted: look again */
	}
}

void adopt_look(struct sock *s)
{
	struct worker *home = source_home(&s->source);

	if (s->shared && s->state == SOCK_OPEN && worker_work_waits(home))
		worker_drain(home);
}

/* The stack has given @s away, or splits it; what it says about that is on its way. */
static bool is_changing(const struct sock *s)
{
	if (s->state != SOCK_OPEN || !s->link)
		return false;
	return s->link->to_stack ? fifo_was_moved(&s->fifo) : fifo_is_splitting(&s->fifo);
}

/* It says it before its turn ends, and waits for nobody; so we may wait with the lock held. */
void adopt_hear_out(struct sock *s)
{
	struct worker *home = source_home(&s->source);
	uint64_t end_ns = 0;

	while (is_changing(s)) {
		worker_drain(home);
		if (!is_changing(s))
			return;
		if (end_ns == 0)
			end_ns = wait_deadline(ANSWER_MS * (uint64_t)NS_PER_MS);
		else if (clock_now_ns(&clock_monotonic) > end_ns)
			worker_lose_stack(home); /* a convoyd that makes no sense is none */
		worker_check_pipes(home);
		sched_yield();
	}
}

ssize_t adopt_undo_read(struct sock *s, ssize_t n)
{
	ssize_t n_twice;

	adopt_hear_out(s);
	n_twice = (ssize_t)s->n_twice;
	s->n_twice = 0;
	return n > n_twice ? n - n_twice : 0;
}

struct sock *adopt_bring_back(struct sock *s, int cd, bool to_write)
{
	if (!adopt_is_elsewhere(s))
		return s;
	sock_unlock(s);
	adopt_fetch(cd, to_write);
	return sock_lock(cd);
}

struct sock *adopt_redo_write(struct sock *s, int cd)
{
	adopt_hear_out(s);
	return s->n_unsent > 0 ? adopt_bring_back(s, cd, true) : s;
}

/* --- answers --- */

/* What was written while another process took it goes first. */
static void write_unsent(struct sock *s)
{
	uint32_t n = s->n_unsent ? fifo_write(&s->fifo, s->unsent, s->n_unsent) : 0;

	if (n < s->n_unsent)
		s->error = ENOBUFS; /* what was taken over fits into an empty fifo */
	free(s->unsent);
	s->unsent = NULL;
	s->n_unsent = 0;
	if (n)
		sock_announce(s);
}

static void adopted(struct sock *s, struct link *l, const struct shm_event *e)
{
	bool nobody_else = e->flags & SHM_ADOPTED_ONLY;

	s->adopting = s->lost = s->freed = s->yielded = false;
	s->wanted = e->flags & SHM_ADOPTED_WANTED;
	sock_open(s, l, e);
	s->state = SOCK_OPEN;
	s->shared = !nobody_else;
	if (e->flags & SHM_ADOPTED_FIN)
		fifo_set_state(&s->fifo, SHM_FIN, 0);
	write_unsent(s);
	option_replay(s);
	if (s->refs == 0)
		sock_close_session(s, false);
	else
		source_notify(&s->source, EPOLLIN | EPOLLOUT);
}

void adopt_answered(struct sock *s, struct link *l, const struct shm_event *e)
{
	if (e->type == SHM_EV_ADOPTED && e->slot < l->channel.mine.n_slots &&
	    e->slot < l->channel.peers.n_slots) {
		adopted(s, l, e);
		return;
	}
	if (e->channel != s->name.via || e->slot != s->name.slot ||
	    e->generation != s->name.generation)
		return; /* it was asked for twice, and has been here meanwhile */
	if (e->value != ERR_AGAIN) {
		adopt_fail(s, e->value == ERR_NOMEM || e->value == ERR_FULL ? ENOBUFS : ECONNRESET);
		return;
	}
	s->adopting = false;
	s->state = SOCK_INHERITED;
	s->resting = true;
	sock_starve(s); /* for those who wait without asking: sock_feed_starved() asks again */
}

/* --- losing it, and getting it back --- */

static bool is_awaited(const struct source *s, uint32_t events)
{
	list_for_each(l, &s->watches)
		if (container_of(l, struct watch, in_source)->events & events)
			return true;
	list_for_each(l, &s->waiters)
		if (container_of(l, struct waiter, in_source)->events & events)
			return true;
	return false;
}

/* Bytes that the stack had not seen when it gave the connection away. */
static void keep_unsent(struct sock *s, const struct shm_event *e)
{
	if (e->channel)
		fifo_mark_taken(&s->fifo, e->relayed.taken);
	else
		fifo_room(&s->fifo);
	s->n_unsent = fifo_unread(&s->fifo);
	s->unsent = s->n_unsent ? malloc(s->n_unsent) : NULL;
	if (!s->unsent)
		s->n_unsent = 0;
	else
		fifo_copy_unread(&s->fifo, s->unsent);
}

/* Who had it and lost it waits for its turn, unless nobody needs it. */
static enum shm_adopt intent_of(const struct sock *s, bool to_write)
{
	if (to_write)
		return SHM_ADOPT_TO_WRITE;
	return s->freed ? SHM_ADOPT_AT_ONCE : SHM_ADOPT_IN_TURN;
}

void adopt_moved(struct sock *s, const struct shm_event *e)
{
	bool to_write;

	s->wanted = s->fifo.broken = false;
	if (s->refs == 0) {
		sock_free(s);
		return;
	}
	adopt_name(s);
	s->n_twice = s->fifo.head - (uint32_t)e->value;
	keep_unsent(s, e);
	sock_leave_link(s);
	s->first_lent = s->n_lent = s->lent_bytes = s->reserved = 0;
	s->state = SOCK_INHERITED;
	s->lost = true;
	to_write = s->n_unsent > 0 || is_awaited(&s->source, EPOLLOUT);
	s->freed = e->flags & SHM_ADOPT_TO_WRITE;
	if (to_write || is_awaited(&s->source, ~0u))
		adopt_start(s, source_home(&s->source), intent_of(s, to_write));
}

static bool has_name(const struct sock *s, const struct worker *w, const struct shm_event *e)
{
	return s->state == SOCK_INHERITED && s->lost && source_home(&s->source) == w &&
	       s->name.via == e->channel && s->name.slot == e->slot &&
	       s->name.generation == e->generation;
}

void adopt_freed(struct worker *w, const struct shm_event *e)
{
	struct sock *s;

	for (uint32_t i = 0; (s = sock_at_or_null(i)); i++) {
		if (!has_name(s, w, e))
			continue;
		s->freed = true;
		if (is_awaited(&s->source, ~0u))
			adopt_start(s, w, SHM_ADOPT_AT_ONCE);
		return;
	}
}

void adopt_retry(struct sock *s)
{
	if (s->state != SOCK_INHERITED || !s->resting)
		return;
	s->resting = false;
	adopt_start(s, source_home(&s->source), (enum shm_adopt)s->intent);
}

void adopt_awaited(struct sock *s, bool to_write)
{
	struct worker *w = source_home(&s->source);

	if (w != &unhomed && !s->resting)
		adopt_start(s, w, intent_of(s, to_write));
}

void adopt_wanted(struct sock *s)
{
	s->wanted = true;
}

void adopt_yield(struct sock *s)
{
	s->wanted = false;
	if (s->state != SOCK_OPEN || !s->link->to_stack)
		return;
	s->yielded = true;
	sock_post(s, SHM_EV_YIELD);
	link_wake(s->link);
}

/* --- closing --- */

void adopt_release(struct sock *s, bool abort)
{
	struct shm_event e = fifo_event(&s->fifo, SHM_EV_RELEASE);
	struct link *l = s->link->to_stack ? s->link : s->link->broker;

	if (!l || l->dead)
		return;
	e.channel = s->link->to_stack ? 0 : s->link->id;
	e.flags = abort;
	link_post(l, &e);
	link_wake(l);
}

void adopt_leave(struct sock *s)
{
	struct rpc_request q = { .type = RPC_RELEASE,
				 .worker = s->name.via,
				 .channel = s->name.stack_worker,
				 .slot = s->name.slot,
				 .generation = s->name.generation };
	struct rpc_reply r;

	/* If that fails convoyd is gone, and the connection with it. */
	if (s->name.epoch == attach_epoch() && attach_call(&q, &r, NULL, 0))
		s->name.epoch = 0;
}

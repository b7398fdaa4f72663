/* sock.c - the life of a session at this end of its fifos, and its readiness. */
#include "comms/src/sock.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/err.h"
#include "comms/src/adopt.h"
#include "comms/src/move.h"
#include "comms/src/set.h"
#include "comms/src/wait.h"

enum { HOLD_MS = 200 };
enum { READ_EVENTS = EPOLLIN | EPOLLRDNORM, WRITE_EVENTS = EPOLLOUT | EPOLLWRNORM };

/* --- events to the peer --- */

void sock_post(struct sock *s, enum shm_event_type type)
{
	struct shm_event e = fifo_event(&s->fifo, type);

	link_post(s->link, &e);
}

void sock_announce(struct sock *s)
{
	list_remove(&s->in_corked);
	if (unlikely(s->moving && !s->link->to_stack))
		return; /* nobody is there to hear it */
	if (fifo_data_due(&s->fifo))
		sock_post(s, SHM_EV_DATA);
	link_wake(s->link);
}

void sock_consumed(struct sock *s, uint32_t n)
{
	fifo_consume(&s->fifo, n);
	if (!fifo_room_due(&s->fifo))
		return;
	sock_post(s, SHM_EV_ROOM);
	link_wake(s->link);
}

/* --- life --- */

void sock_open(struct sock *s, struct link *l, const struct shm_event *e)
{
	struct sock *before = l->by_slot[e->slot];

	/* The stack gives a slot away only when both sides were done with it. */
	if (before && before->refs == 0)
		sock_free(before);
	else if (before)
		sock_lose(before, ECONNRESET);
	s->link = l;
	l->n_socks++;
	l->by_slot[e->slot] = s;
	s->local = e->local;
	s->remote = e->remote;
	fifo_open(&s->fifo, &l->channel, e->slot, e->generation);
	fifo_hear(&s->fifo);
	fifo_poll(&s->fifo);
}

/* A cut-through slot is free for the stack when both programs have said so. */
void sock_detach(struct sock *s)
{
	struct shm_event e = fifo_event(&s->fifo, SHM_EV_DETACHED);
	struct link *broker = s->link->broker;

	if (!broker || broker->dead || s->link->dead)
		return;
	e.channel = s->link->id;
	link_post(broker, &e);
	link_wake(broker);
}

/* The last word to the peer. */
static void say_closed(struct sock *s, bool abort)
{
	bool unread = fifo_poll(&s->fifo) > s->lent_bytes;

	s->wants_peer = false;
	if (unlikely(s->shared)) {
		adopt_release(s, abort);
		return;
	}
	if (abort || unread)
		fifo_set_state(&s->fifo, SHM_RESET,
			       s->fifo.my_state == SHM_FIN ? (int)SHM_AFTER_FIN : (int)ERR_CLOSED);
	else
		fifo_set_state(&s->fifo, SHM_CLOSED, 0);
	sock_announce(s);
	s->slot_kept = s->active && !s->link->to_stack && s->fifo.my_state == SHM_CLOSED &&
		       s->fifo.tail > 0 && fifo_untouched(&s->fifo);
	if (!s->slot_kept)
		sock_detach(s);
}

void sock_close_session(struct sock *s, bool abort)
{
	s->state = SOCK_LINGERING;
	if (s->n_lent > 0 && !abort) {
		s->wants_peer = true;
		if (s->shared)
			return;
		fifo_set_state(&s->fifo, SHM_FIN, 0);
		sock_announce(s);
		return;
	}
	say_closed(s, abort);
	sock_settle(s);
}

void sock_give_back(struct sock *s)
{
	s->state = SOCK_LINGERING;
	fifo_set_state(&s->fifo, SHM_RESET, ERR_AGAIN);
	sock_announce(s);
	sock_detach(s);
	sock_settle(s);
}

void sock_settle(struct sock *s)
{
	if (s->state != SOCK_LINGERING || s->n_lent > 0)
		return;
	if (s->wants_peer)
		say_closed(s, false);
	fifo_poll(&s->fifo);
	if (s->fifo.peer_state < SHM_CLOSED || move_if_returned(s))
		return;
	if (s->slot_kept)
		sock_detach(s);
	sock_free(s);
}

void sock_leave_link(struct sock *s)
{
	struct link *l = s->link;

	if (!l)
		return;
	if (l->by_slot[s->fifo.slot] == s)
		l->by_slot[s->fifo.slot] = NULL;
	l->n_socks--;
	list_remove(&s->in_corked);
	fifo_close(&s->fifo);
	s->link = NULL;
}

/* What was readable is lost, like the rest of a reset. */
void sock_lose(struct sock *s, int error)
{
	bool orderly = s->state == SOCK_OPEN && s->fifo.peer_state == SHM_CLOSED &&
		       fifo_readable(&s->fifo) == 0;

	sock_leave_link(s);
	s->n_lent = s->lent_bytes = 0;
	if (s->refs == 0) {
		sock_free(s);
		return;
	}
	if (s->state == SOCK_OPEN && !s->reset_told && !orderly)
		s->error = error;
	if (s->state == SOCK_CONNECTING)
		s->error = error;
	s->deserted = orderly && s->fifo.my_state == SHM_OPEN && !s->reset_told;
	s->reset_told = true;
	s->state = SOCK_FAILED;
	source_notify(&s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
}

/* It has closed and never took what we had written by then. */
static bool wrote_in_vain(struct sock *s)
{
	if (likely(s->fifo.peer_state != SHM_CLOSED) || !sock_meets_nobody(s))
		return false;
	fifo_room(&s->fifo);
	return fifo_unread(&s->fifo) > 0;
}

void sock_check_reset(struct sock *s)
{
	/* Its chunks may go while we read, when another process takes it: that breaks nothing. */
	if (unlikely(s->fifo.broken && s->shared && s->state == SOCK_OPEN)) {
		adopt_hear_out(s);
		if (s->state != SOCK_OPEN)
			return;
	}
	if (unlikely(wrote_in_vain(s)))
		sock_be_reset(s);
	if (likely(!fifo_was_reset(&s->fifo)) || s->reset_told || move_if_returned(s))
		return;
	s->reset_told = true;
	s->error = errno_of_reset(s->fifo.peer_error);
}

void sock_be_reset(struct sock *s)
{
	s->deserted = false;
	s->reset_told = true;
	s->error = EPIPE;
	source_notify(&s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
}

/* --- chunks run out --- */

void sock_starve(struct sock *s)
{
	struct worker *w = source_home(&s->source);

	if (list_linked(&s->in_starved))
		return;
	list_push(&w->starved, &s->in_starved);
	w->n_starved++;
}

void sock_feed_starved(struct worker *w)
{
	struct list hungry;

	if (w->n_starved == 0)
		return;
	list_init(&hungry);
	list_splice(&hungry, &w->starved);
	w->n_starved = 0;
	for (struct list *l; (l = list_pop_or_null(&hungry));) {
		struct sock *s = container_of(l, struct sock, in_starved);

		if (unlikely(s->resting))
			adopt_retry(s);
		if (s->link)
			fifo_sweep(&s->link->channel, 64);
		source_notify(&s->source, EPOLLOUT);
	}
}

/* --- corks --- */

void sock_hold(struct sock *s)
{
	struct worker *w = source_home(&s->source);

	if (list_linked(&s->in_corked))
		return;
	s->uncork_ns = clock_now_ns(&clock_monotonic) + HOLD_MS * (uint64_t)NS_PER_MS;
	list_push(&w->corked, &s->in_corked);
	/* Threads that sleep already have not counted on it. */
	if (w->leader)
		sleeper_kick(w->leader);
	if (w->set && w->set->n_sleeping > 0)
		set_kick(w->set);
}

void sock_release_held(struct worker *w)
{
	uint64_t now_ns = clock_now_ns(&clock_monotonic);

	while (!list_empty(&w->corked)) {
		struct sock *s = container_of(w->corked.next, struct sock, in_corked);

		if (s->uncork_ns > now_ns)
			return;
		sock_announce(s);
	}
}

int sock_held_ms(const struct worker *w)
{
	uint64_t now_ns, until_ns;

	if (list_empty(&w->corked))
		return -1;
	now_ns = clock_now_ns(&clock_monotonic);
	until_ns = container_of(w->corked.next, struct sock, in_corked)->uncork_ns;
	return until_ns <= now_ns ? 0 : (int)((until_ns - now_ns) / NS_PER_MS) + 1;
}

/* --- readiness --- */

/* Room for a third of the fifo, as the kernel has it: no wake-up for every few bytes. */
static bool writable(struct sock *s)
{
	uint32_t least = fifo_capacity(&s->fifo) / 3;

	if (unlikely(s->reserved > 0))
		return true;
	if (fifo_room(&s->fifo) >= least)
		return true;
	fifo_want_room(&s->fifo);
	return fifo_room(&s->fifo) >= least;
}

/* While convoy_close() lingers: has everything arrived? */
static bool arrived(struct sock *s)
{
	fifo_room(&s->fifo);
	if (fifo_unread(&s->fifo) == 0 || s->fifo.peer_state >= SHM_CLOSED)
		return true;
	fifo_want_room(&s->fifo);
	fifo_room(&s->fifo);
	return fifo_unread(&s->fifo) == 0;
}

static bool readable(const struct sock *s, uint32_t bytes, uint32_t wanted)
{
	uint32_t least =
		wanted & SOCK_ANY_BYTE || !s->options.low_mark ? 1 : (uint32_t)s->options.low_mark;

	return bytes - s->lent_bytes >= least;
}

static uint32_t open_ready(struct sock *s, uint32_t wanted)
{
	uint32_t ready = readable(s, fifo_poll(&s->fifo), wanted) ? READ_EVENTS : 0;

	sock_check_reset(s);
	if (unlikely(s->state != SOCK_OPEN))
		return 0;
	if (unlikely(s->closing))
		return arrived(s) ? WRITE_EVENTS : 0;
	if (unlikely(s->reset_told))
		return READ_EVENTS | WRITE_EVENTS | EPOLLHUP | EPOLLRDHUP |
		       (s->error ? EPOLLERR : 0u);
	if (unlikely(fifo_finished(&s->fifo) || s->read_shut)) {
		ready |= READ_EVENTS | EPOLLRDHUP;
		if (s->fifo.my_state != SHM_OPEN)
			ready |= EPOLLHUP;
	}
	if (s->fifo.my_state != SHM_OPEN || s->fifo.peer_state >= SHM_CLOSED)
		ready |= WRITE_EVENTS;
	else if ((wanted & WRITE_EVENTS) && writable(s))
		ready |= WRITE_EVENTS;
	return ready;
}

uint32_t sock_ready(struct sock *s, uint32_t wanted)
{
	switch ((enum sock_state)s->state) {
	case SOCK_OPEN:
		return open_ready(s, wanted);
	case SOCK_NEW:
	case SOCK_BOUND:
		return WRITE_EVENTS | EPOLLHUP;
	case SOCK_INHERITED:
		adopt_awaited(s, wanted & WRITE_EVENTS);
		return 0;
	case SOCK_FAILED:
		return READ_EVENTS | WRITE_EVENTS | EPOLLRDHUP | (s->deserted ? 0u : EPOLLHUP) |
		       (s->error ? EPOLLERR : 0u);
	case SOCK_DEFERRED:
	case SOCK_CONNECTING:
	case SOCK_LISTENING:
	case SOCK_OFFERED:
	case SOCK_LINGERING:
	case SOCK_FREE:
		return 0;
	}
	return 0;
}

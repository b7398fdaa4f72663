/* move.c - see move.h. */
#include "comms/src/move.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/err.h"

/* Only who has connected can ask again; what was closed without a byte has nothing to move. */
static bool can_move(struct sock *s)
{
	return s->active && !s->moving && !s->link->to_stack && s->link->broker &&
	       (s->state == SOCK_OPEN || (s->state == SOCK_LINGERING && s->slot_kept)) &&
	       fifo_untouched(&s->fifo);
}

bool move_from_dead(struct sock *s)
{
	if (!can_move(s))
		return false;
	fifo_forget_peer(&s->fifo);
	s->moving = MOVE_HELD;
	return true;
}

bool move_if_returned(struct sock *s)
{
	if (s->fifo.peer_state != SHM_RESET || s->fifo.peer_error != ERR_AGAIN || !can_move(s))
		return false;
	fifo_forget_peer(&s->fifo);
	s->moving = MOVE_HELD;
	move_on(s);
	return true;
}

/* The reservation in whose way it came has been committed. */
static void answer_again(struct sock *s)
{
	struct shm_event *e = s->answer;
	struct link *to = worker_peer_link_or_null(source_home(&s->source), e->channel);

	s->answer = NULL;
	s->moving = MOVE_ASKED;
	move_answer(s, to, e);
	free(e);
}

void move_on(struct sock *s)
{
	struct link *broker = s->link ? s->link->broker : NULL;
	struct shm_event e = { .type = SHM_EV_CONNECT,
			       .flags = SHM_CONNECT_AGAIN,
			       .cookie = s->cookie,
			       .local = s->local,
			       .remote = s->remote };

	if (s->moving == MOVE_ANSWERED && s->reserved == 0) {
		answer_again(s);
		return;
	}
	/* From a dead server's channel only after the stack knows that it is dead. */
	if (s->moving != MOVE_HELD || !broker || broker->dead || (s->link->dead && !s->link->gone))
		return;
	s->moving = MOVE_ASKED;
	link_post(broker, &e);
	link_wake(broker);
}

/* What @s had written, in memory of ours; NULL without any. */
static uint8_t *take_bytes(struct sock *s, uint32_t n)
{
	uint8_t *bytes = malloc(n);

	if (bytes)
		fifo_copy_unread(&s->fifo, bytes);
	return bytes;
}

/* Let a server that lives be done with the slot, and the stack too. */
static void leave_server(struct sock *s)
{
	bool detached = s->fifo.my_state >= SHM_CLOSED && !s->slot_kept;

	if (!s->link->dead && !s->link->to_stack) {
		fifo_set_state(&s->fifo, SHM_RESET, ERR_CLOSED);
		sock_post(s, SHM_EV_DATA);
		link_wake(s->link);
	}
	if (!detached)
		sock_detach(s);
	sock_leave_link(s);
}

static void arrive(struct sock *s, struct link *to, const struct shm_event *e, const uint8_t *bytes,
		   uint32_t n)
{
	uint8_t state = s->fifo.my_state;

	leave_server(s);
	sock_open(s, to, e);
	if (n > 0 && fifo_write(&s->fifo, bytes, n) < n) {
		leave_server(s);
		sock_lose(s, ECONNRESET);
		return;
	}
	fifo_set_state(&s->fifo, state, state == SHM_RESET ? ERR_CLOSED : 0);
	sock_announce(s);
	if (to->dead) {
		if (!move_from_dead(s))
			sock_lose(s, ECONNRESET);
		return;
	}
	if (s->state == SOCK_LINGERING) {
		s->slot_kept = true;
		sock_settle(s);
	} else {
		source_notify(&s->source, EPOLLOUT);
	}
}

/* It waited in the backlog, and goes on through the stack, where it has written already. */
static void stay(struct sock *s)
{
	s->moving = MOVE_NONE;
	s->fifo.max_shift = s->link->channel.max_shift;
	if (s->state == SOCK_LINGERING)
		sock_settle(s);
	else
		source_notify(&s->source, EPOLLOUT);
}

void move_answer(struct sock *s, struct link *to, const struct shm_event *e)
{
	uint32_t n = s->fifo.tail;
	uint8_t *bytes;

	if (to && to == s->link && e->slot == s->fifo.slot && e->generation == s->fifo.generation) {
		stay(s);
		return;
	}
	if (to && s->reserved > 0) {
		s->answer = malloc(sizeof(*e));
		if (s->answer) {
			*s->answer = *e;
			s->moving = MOVE_ANSWERED;
			return;
		}
		to = NULL;
	}
	bytes = to && n > 0 ? take_bytes(s, n) : NULL;
	s->moving = MOVE_NONE;
	if (!to || (n > 0 && !bytes)) {
		leave_server(s);
		sock_lose(s, ECONNRESET);
	} else {
		arrive(s, to, e, bytes, n);
	}
	free(bytes);
}

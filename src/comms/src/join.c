/* join.c - see join.h. */
#include "comms/src/join.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/err.h"

/* What the stack has not taken; NULL without any. */
static uint8_t *take_unsent(struct sock *s, uint32_t *n)
{
	uint8_t *bytes;

	fifo_mark_taken(&s->fifo, s->join.taken);
	*n = fifo_unread(&s->fifo);
	bytes = *n ? malloc(*n) : NULL;
	if (bytes)
		fifo_copy_unread(&s->fifo, bytes);
	return bytes;
}

/* In the new slot: what was read already is skipped, what was not sent is sent, the end is said. */
static void go_on(struct sock *s, const uint8_t *unsent, uint32_t n, uint32_t skip, uint8_t state)
{
	uint32_t readable = fifo_poll(&s->fifo);

	/* The stack has them all: none was read here that it did not know of. */
	fifo_consume(&s->fifo, skip < readable ? skip : readable);
	if (n > 0 && fifo_write(&s->fifo, unsent, n) < n)
		state = SHM_RESET; /* it is short of memory, and a hole must not go unnoticed */
	fifo_set_state(&s->fifo, state, state == SHM_RESET ? ERR_CLOSED : 0);
	sock_announce(s);
	if (s->state == SOCK_LINGERING)
		sock_settle(s);
	else
		source_notify(&s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
}

void join_on(struct sock *s)
{
	struct shm_event e = { .slot = s->join.slot,
			       .generation = s->join.generation,
			       .local = s->local,
			       .remote = s->remote };
	struct link *stack = s->link ? s->link->broker : NULL;
	uint32_t skip = s->fifo.head - s->join.start, n;
	uint8_t state = s->fifo.my_state;
	uint8_t *unsent;

	if (!s->joining || s->n_lent > 0 || s->reserved > 0 || !stack || stack->dead)
		return;
	s->joining = s->slot_kept = false;
	unsent = take_unsent(s, &n);
	if (n > 0 && !unsent)
		state = SHM_RESET;
	sock_leave_link(s);
	sock_open(s, stack, &e);
	go_on(s, unsent, unsent ? n : 0, skip, state);
	free(unsent);
}

/* Nobody here has that end any more. */
static void give_up(struct link *stack, const struct shm_relayed *at)
{
	struct shm_event e = { .type = SHM_EV_RELEASE,
			       .slot = at->slot,
			       .generation = at->generation };

	link_post(stack, &e);
	link_wake(stack);
}

void join_relayed(struct link *stack, const struct shm_event *e)
{
	struct link *on = worker_peer_link_or_null(stack->worker, e->channel);
	struct sock *s =
		on && on->ready && e->slot < on->channel.mine.n_slots ? on->by_slot[e->slot] : NULL;
	bool over = e->relayed.slot >= stack->channel.mine.n_slots ||
		    e->relayed.slot >= stack->channel.peers.n_slots;

	stack->channel.n_splits_told++;
	if (!s || s->fifo.generation != e->generation) {
		if (!over)
			give_up(stack, &e->relayed);
		return;
	}
	if (over) {
		sock_lose(s, ECONNRESET);
		return;
	}
	s->joining = true;
	s->join = e->relayed;
	join_on(s);
}

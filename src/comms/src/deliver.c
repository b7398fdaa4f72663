/* deliver.c - events of the peer: checked, then handed to the socket or listener concerned. */
#include "comms/src/deliver.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "comms/src/adopt.h"
#include "comms/src/join.h"
#include "comms/src/link.h"
#include "comms/src/listener.h"
#include "comms/src/move.h"
#include "comms/src/option.h"
#include "comms/src/sock.h"

/* The socket that an event names; NULL if it has gone meanwhile. */
static struct sock *sock_of_event(const struct link *l, const struct shm_event *e)
{
	struct sock *s = e->slot < l->channel.mine.n_slots ? l->by_slot[e->slot] : NULL;

	return s && s->fifo.generation == e->generation ? s : NULL;
}

static void on_data(struct link *l, const struct shm_event *e)
{
	struct sock *s = sock_of_event(l, e);

	if (!s)
		return;
	fifo_hear(&s->fifo);
	fifo_poll(&s->fifo);
	sock_check_reset(s);
	if (unlikely(s->state == SOCK_LINGERING))
		sock_settle(s);
	else if (unlikely(fifo_finished(&s->fifo)))
		source_notify(&s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	else
		source_notify(&s->source, EPOLLIN);
}

static void on_room(struct link *l, const struct shm_event *e)
{
	struct sock *s = sock_of_event(l, e);

	if (s)
		source_notify(&s->source, EPOLLOUT);
}

/*
 * The link on which a new session lies; NULL if convoyd names one that does not exist. It may have
 * hung up before convoyd noticed.
 */
static struct link *link_of_event(struct link *l, const struct shm_event *e)
{
	struct link *on = e->channel == 0 ? l : worker_peer_link_or_null(l->worker, e->channel);

	if (!on || !on->ready || e->slot >= on->channel.mine.n_slots ||
	    e->slot >= on->channel.peers.n_slots)
		return NULL;
	return on;
}

static void connected(struct sock *s, struct link *on, const struct shm_event *e)
{
	bool abandoned = s->refs == 0;

	sock_open(s, on, e);
	s->state = SOCK_OPEN;
	s->active = true;
	option_replay(s);
	if (unlikely(on->dead && (abandoned || !move_from_dead(s))))
		sock_lose(s, ECONNRESET);
	else if (abandoned)
		sock_close_session(s, true);
	else
		source_notify(&s->source, EPOLLIN | EPOLLOUT);
}

static void failed(struct sock *s, int error)
{
	if (s->refs == 0) {
		sock_free(s);
		return;
	}
	s->state = SOCK_FAILED;
	s->error = error;
	source_notify(&s->source, EPOLLIN | EPOLLOUT);
}

/* It may write already, and is told when there is somebody to read it. */
static void on_queued(struct link *l, const struct shm_event *e)
{
	struct sock *s = sock_of_cookie_or_null(e->cookie);

	if (!s || s->state != SOCK_CONNECTING || s->refs == 0 ||
	    source_home(&s->source) != l->worker || !link_of_event(l, e))
		return;
	sock_open(s, l, e);
	s->state = SOCK_OPEN;
	s->active = true;
	s->moving = MOVE_ASKED;
	s->fifo.max_shift = SHM_SHIFT_MEDIUM; /* no more than fits where it goes */
	source_notify(&s->source, EPOLLOUT);
}

static void on_connect_answer(struct link *l, const struct shm_event *e)
{
	struct sock *s = sock_of_cookie_or_null(e->cookie);
	struct link *on;

	if (!s || source_home(&s->source) != l->worker)
		return;
	on = e->type == SHM_EV_CONNECTED ? link_of_event(l, e) : NULL;
	if (s->moving == MOVE_ASKED) {
		move_answer(s, on, e);
		return;
	}
	if (s->state != SOCK_CONNECTING)
		return;
	if (unlikely(s->adopting)) {
		adopt_answered(s, l, e);
		return;
	}
	if (e->type == SHM_EV_ADOPTED)
		return;
	if (e->type == SHM_EV_FAILED) {
		failed(s, e->value == ERR_REFUSED ? ECONNREFUSED : errno_of_err(e->value));
		return;
	}
	if (on)
		connected(s, on, e);
	else
		failed(s, ECONNABORTED);
}

static void on_incoming(struct link *l, const struct shm_event *e)
{
	struct acceptor *a = acceptor_of_cookie_or_null(l->worker, e->cookie);
	struct link *on = link_of_event(l, e);
	struct sock *s;

	if (!on || on->dead)
		return;
	s = sock_new_or_null(l->worker);
	if (!s)
		return;
	sock_open(s, on, e);
	s->state = SOCK_OFFERED;
	if (a)
		acceptor_offer(a, s);
	else
		acceptor_return(s);
}

static void on_channel(struct link *l, const struct shm_event *e)
{
	/* Without the channel its sessions cannot be opened; the stack notices that by itself. */
	if (l->to_stack && link_open_peer(l, e->channel))
		return;
}

static void on_gone(struct link *l, const struct shm_event *e)
{
	struct link *gone = l->to_stack ? worker_peer_link_or_null(l->worker, e->channel) : NULL;

	if (gone)
		worker_link_gone(gone);
}

static void on_moved(struct link *l, const struct shm_event *e)
{
	struct link *on = e->channel == 0 ? l : worker_peer_link_or_null(l->worker, e->channel);
	struct sock *s = on && on->ready ? sock_of_event(on, e) : NULL;

	if (e->channel != 0)
		l->channel.n_splits_told++;
	if (s)
		adopt_moved(s, e);
}

static void on_wanted(struct link *l, const struct shm_event *e)
{
	struct sock *s = sock_of_event(l, e);

	if (s)
		adopt_wanted(s);
}

void deliver_events(struct link *l)
{
	struct shm_event e;

	/* At most one ring full, so that a peer that posts on and on does not keep us here. */
	for (unsigned n = 0; n < SHM_RING_EVENTS && channel_take(&l->channel, &e); n++) {
		if (likely(e.type == SHM_EV_DATA))
			on_data(l, &e);
		else if (e.type == SHM_EV_ROOM)
			on_room(l, &e);
		else if (!l->to_stack)
			continue; /* another program has no more to say to us */
		else if (e.type == SHM_EV_CONNECTED || e.type == SHM_EV_FAILED ||
			 e.type == SHM_EV_ADOPTED)
			on_connect_answer(l, &e);
		else if (e.type == SHM_EV_INCOMING)
			on_incoming(l, &e);
		else if (e.type == SHM_EV_CHANNEL)
			on_channel(l, &e);
		else if (e.type == SHM_EV_GONE)
			on_gone(l, &e);
		else if (e.type == SHM_EV_QUEUED)
			on_queued(l, &e);
		else if (e.type == SHM_EV_MOVED)
			on_moved(l, &e);
		else if (e.type == SHM_EV_FREED)
			adopt_freed(l->worker, &e);
		else if (e.type == SHM_EV_RELAYED)
			join_relayed(l, &e);
		else if (e.type == SHM_EV_WANTED)
			on_wanted(l, &e);
	}
}

void deliver_lose_connecting(struct worker *w)
{
	struct sock *s;

	for (uint32_t i = 0; (s = sock_at_or_null(i)); i++) {
		if (source_home(&s->source) != w)
			continue;
		if (adopt_is_elsewhere(s))
			adopt_fail(s, ECONNRESET);
		else if (s->state == SOCK_CONNECTING)
			failed(s, ECONNRESET);
		else if (s->moving)
			sock_lose(s, ECONNRESET);
	}
}

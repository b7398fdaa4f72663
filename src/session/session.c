/*
 * session.c - one session: between a transport's connection and an application's channel.
 *
 * The stack's half of the slot says what the transport has received and acknowledged; the
 * application's half what it has written and read. Everything the application says goes through
 * fifo.c, which checks it; a session that turns out broken is reset on both sides.
 */
#include "session/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "session/adopt.h"
#include "session/await.h"
#include "session/layer.h"
#include "session/link.h"
#include "session/pair.h"
#include "session/session_worker.h"

enum { FIRST_PORT = 32768, PORTS = 28232 };

struct session *session_of_or_null(struct worker *w, handle h)
{
	return pool_get_or_null(&session_worker_of(w)->sessions, h);
}

struct session *session_new(struct session_worker *sw, const struct transport *t,
			    const struct flow *flow)
{
	handle h;
	struct session *s = pool_take_or_null(&sw->sessions, &h);

	if (!s) {
		session_count(sw, SESSION_NO_MEMORY);
		return NULL;
	}
	s->self = h;
	s->transport = t;
	s->flow = *flow;
	list_init(&s->of_link);
	list_init(&s->due);
	list_init(&s->sharers);
	list_init(&s->of_awaited);
	return s;
}

void session_free(struct session_worker *sw, struct session *s)
{
	struct app_link *l = s->link;

	if (s->waits)
		listener_unqueue(s);
	list_remove(&s->of_link);
	list_remove(&s->due);
	if (s->end.channel) {
		uint32_t slot = s->end.slot;

		fifo_close(&s->end);
		slot_give(&l->slots, slot);
	}
	if (s->queued)
		slot_give(&l->slots, s->queued_slot);
	if (unlikely(list_linked(&s->of_awaited)))
		await_end(sw, s);
	shares_orphan(&s->sharers);
	free(s->limbo);
	free(s->kept);
	pool_give(&sw->sessions, s->self);
	if (l) {
		l->n_sessions--;
		link_free_if_over(l); /* a dead application's last session takes its memory along */
	}
}

/* Announce a state of our half and see that the application hears of it. */
static void announce(struct session *s, enum shm_state state, int err)
{
	if (!s->end.channel)
		return;
	fifo_set_state(&s->end, state, err);
	s->due_data = true;
	link_mark_due(s);
	if (unlikely(list_linked(&s->of_awaited)))
		await_news(s->link->owner, s);
}

/* The transport is through with @s; the slot stays until the application has closed too. */
static void end_transport(struct session_worker *sw, struct session *s, enum shm_state state,
			  int err)
{
	s->connection = 0;
	s->state = SESSION_DONE;
	if (!s->end.channel || !s->link || s->link->dead) {
		session_free(sw, s);
		return;
	}
	announce(s, state, err);
	fifo_poll(&s->end);
	if (s->end.peer_state < SHM_CLOSED && !s->left)
		return;
	/* The event must be out before the slot can serve another session: the library frees what
	 * it wrote when it sees it, or when it meets the slot again. */
	link_flush_session(s->link, s);
	session_free(sw, s);
}

static void abort_transport(struct session_worker *sw, struct session *s)
{
	if (s->connection && s->transport)
		s->transport->abort(sw->worker, s);
	s->connection = 0;
}

void session_discard(struct session_worker *sw, struct session *s, int err)
{
	if (!s->transport) { /* a cut-through connect that waits at a listener */
		struct shm_event e = { .type = SHM_EV_FAILED, .cookie = s->cookie, .value = err };

		link_post(sw, s->link, &e);
		session_free(sw, s);
		return;
	}
	abort_transport(sw, s);
	end_transport(sw, s, SHM_RESET, err);
}

void session_forget_listener(struct session_worker *sw, struct session_listener *ls)
{
	list_for_each(link, &sw->links) {
		struct app_link *l = container_of(link, struct app_link, of_worker);

		list_for_each(at, &l->sessions) {
			struct session *s = container_of(at, struct session, of_link);

			if (s->listener == ls)
				s->listener = NULL;
		}
	}
}

/* --- listeners --- */

struct session_listener *session_find_listener(struct worker *w, const struct transport *t,
					       uint32_t fib, const struct shm_address *local)
{
	return listener_find(session_worker_of(w), t, fib, local);
}

uint32_t session_listener_half_open(struct session_listener *l, int change)
{
	/* One that was begun while another listened here may leave after that one has gone. */
	if (change >= 0 || l->n_half_open >= (uint32_t)-change)
		l->n_half_open += (uint32_t)change;
	return l->n_half_open;
}

uint32_t session_listener_backlog(const struct session_listener *l)
{
	return l->backlog;
}

bool session_listener_has_room(const struct session_listener *l)
{
	return l->n_waiting < l->backlog;
}

struct session *session_accepted(struct worker *w, struct session_listener *l, handle connection,
				 const struct flow *flow)
{
	struct session_worker *sw = session_worker_of(w);
	struct session *s = session_new(sw, l->transport, flow);
	handle self;

	if (!s)
		return NULL;
	self = s->self;
	s->state = SESSION_WAITING;
	s->connection = connection;
	if (!listener_queue(l, s)) {
		session_count(sw, SESSION_BACKLOG);
		session_free(sw, s);
		return NULL;
	}
	listener_place(sw, l);
	return pool_get_or_null(&sw->sessions, self);
}

bool session_put_on_link(struct session_worker *sw, struct session *s, struct app_link *l)
{
	uint32_t slot = slot_take(&l->slots, s->self);

	if (slot == SLOT_NONE) {
		session_count(sw, SESSION_NO_SLOT);
		return false;
	}
	if (s->link != l)
		l->n_sessions++;
	s->link = l;
	s->state = SESSION_OPEN;
	fifo_open(&s->end, &l->channel, slot, l->slots.slot[slot].generation);
	list_push(&l->sessions, &s->of_link);
	return true;
}

static void deliver_limbo(struct session *s)
{
	uint32_t n = s->limbo_len ? fifo_write(&s->end, s->limbo, s->limbo_len) : 0;

	invariant(n == s->limbo_len); /* an empty fifo holds more than limbo does */
	free(s->limbo);
	s->limbo = NULL;
	s->limbo_len = 0;
	if (s->fin)
		fifo_set_state(&s->end, SHM_FIN, 0);
	if (n || s->fin) {
		s->due_data = true;
		link_mark_due(s);
	}
}

void session_tell(struct session_worker *sw, struct session *s, enum shm_event_type type,
		  uint16_t flags)
{
	struct shm_event e = fifo_event(&s->end, type);

	e.flags = flags;
	e.cookie = s->cookie;
	e.local = s->flow.local;
	e.remote = s->flow.remote;
	link_post(sw, s->link, &e);
}

void session_offer(struct session_worker *sw, struct session *s, struct app_link *to,
		   uint32_t cookie)
{
	s->cookie = cookie;
	if (!session_put_on_link(sw, s, to)) {
		session_discard(sw, s, ERR_FULL);
		return;
	}
	session_tell(sw, s, SHM_EV_INCOMING, 0);
	deliver_limbo(s);
	if (s->connection)
		s->transport->room(sw->worker, s);
}

/* Take a session that was offered but not accepted back to its listener, with what it received. */
void session_on_return(struct session_worker *sw, struct session *s)
{
	struct session_listener *ls = s->listener;
	uint32_t n = s->end.tail;
	uint8_t *bytes = NULL;

	fifo_poll(&s->end);
	/* A head that moved means that it was read from, whatever else the application says. */
	if (!ls || !s->connection || !fifo_untouched(&s->end) || !list_empty(&s->sharers) ||
	    n > SESSION_LIMBO_BYTES || (n && !(bytes = malloc(SESSION_LIMBO_BYTES)))) {
		session_discard(sw, s, ERR_REFUSED);
		return;
	}
	if (n)
		fifo_copy_unread(&s->end, bytes);
	s->limbo = bytes;
	s->limbo_len = n;
	s->fin = s->end.my_state == SHM_FIN;
	list_remove(&s->of_link);
	list_remove(&s->due);
	slot_give(&s->link->slots, s->end.slot);
	fifo_close(&s->end);
	s->link->n_sessions--;
	s->link = NULL;
	s->state = SESSION_WAITING;
	if (listener_queue(ls, s))
		listener_place(sw, ls);
	else
		session_discard(sw, s, ERR_REFUSED);
}

/* --- active open --- */

static bool is_loopback(const struct shm_address *a)
{
	return a->family == 4 && a->ip[0] == 127;
}

/* Who listens for a connect to @flow->remote inside this stack, if it is an address of ours. */
static struct session_listener *local_listener(struct session_worker *sw, const struct flow *flow)
{
	const struct transport *t = session_layer_transport(sw->layer);

	if (!is_loopback(&flow->remote) &&
	    !session_layer_is_local(sw->layer, sw->worker, flow->fib, &flow->remote))
		return NULL;
	return listener_find(sw, t, flow->fib, &flow->remote);
}

/* A cut-through client needs an address to show: the one it connects to, and a port in turn. */
static void choose_local(struct session_worker *sw, struct flow *flow)
{
	static const uint8_t any[sizeof(flow->local.ip)];
	uint16_t port = flow->local.family ? flow->local.port : 0;

	if (flow->local.family == 0 || memcmp(flow->local.ip, any, sizeof(any)) == 0) {
		flow->local = flow->remote;
		flow->local.port = port;
	}
	if (flow->local.port == 0)
		flow->local.port =
			(uint16_t)(FIRST_PORT + random_below(&sw->worker->random, PORTS));
}

/*
 * Nobody accepts yet. As with the kernel's backlog the program need not wait for that: it gets a
 * slot to write in.
 */
static void let_write(struct session_worker *sw, struct session *s)
{
	uint32_t slot = s->queued ? SLOT_NONE : slot_take(&s->link->slots, SLOT_QUEUED);
	struct shm_event e = { .type = SHM_EV_QUEUED,
			       .cookie = s->cookie,
			       .slot = slot,
			       .local = s->flow.local,
			       .remote = s->flow.remote };

	if (slot == SLOT_NONE)
		return; /* it waits with its connect */
	s->queued = true;
	s->queued_slot = slot;
	e.generation = s->link->slots.slot[slot].generation;
	link_post(sw, s->link, &e);
}

void session_take_queued(struct session *s)
{
	struct app_link *l = s->link;

	s->queued = false;
	s->state = SESSION_OPEN;
	slot_assign(&l->slots, s->queued_slot, s->self);
	fifo_open(&s->end, &l->channel, s->queued_slot, l->slots.slot[s->queued_slot].generation);
	fifo_hear(&s->end); /* what it said while nobody listened */
	list_push(&l->sessions, &s->of_link);
}

/* @again: the application has a slot already, in a channel to a server that has not accepted. */
static void connect_here(struct session_worker *sw, struct session *s, struct session_listener *ls,
			 bool again)
{
	handle self = s->self;

	s->transport = NULL;
	choose_local(sw, &s->flow);
	if (ls && listener_queue(ls, s)) {
		listener_place(sw, ls);
		s = pool_get_or_null(&sw->sessions, self);
		if (s && s->waits && !again)
			let_write(sw, s);
		return;
	}
	if (ls)
		session_count(sw, SESSION_BACKLOG);
	session_discard(sw, s, ERR_REFUSED);
}

void session_connect_again(struct session_worker *sw, struct session *s)
{
	connect_here(sw, s, local_listener(sw, &s->flow), false);
}

void session_on_connect(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	struct flow flow = { .fib = l->fib, .local = e->local, .remote = e->remote };
	const struct transport *t = session_layer_transport(sw->layer);
	struct session *s = l->n_sessions < l->slots.n_slots ? session_new(sw, t, &flow) : NULL;
	struct session_listener *ls;
	int err = ERR_UNREACHABLE;

	if (!s) {
		struct shm_event failed = { .type = SHM_EV_FAILED,
					    .cookie = e->cookie,
					    .value = ERR_NOMEM };

		link_post(sw, l, &failed);
		return;
	}
	s->cookie = e->cookie;
	s->link = l;
	l->n_sessions++;
	s->state = SESSION_CONNECTING;
	ls = local_listener(sw, &flow);
	if (ls || (e->flags & SHM_CONNECT_AGAIN)) {
		connect_here(sw, s, ls, e->flags & SHM_CONNECT_AGAIN);
		return;
	}
	list_push(&l->sessions, &s->of_link);
	if (t && !is_loopback(&flow.remote))
		err = t->connect(sw->worker, s, &flow);
	else if (is_loopback(&flow.remote))
		err = ERR_REFUSED;
	if (err)
		session_connect_failed(sw->worker, s, err);
}

void session_connected(struct worker *w, struct session *s, const struct flow *flow)
{
	struct session_worker *sw = session_worker_of(w);

	s->flow = *flow;
	list_remove(&s->of_link);
	if (s->link->dead || !session_put_on_link(sw, s, s->link)) {
		list_push(&s->link->sessions, &s->of_link);
		session_discard(sw, s, ERR_FULL);
		return;
	}
	session_tell(sw, s, SHM_EV_CONNECTED, 0);
}

void session_connect_failed(struct worker *w, struct session *s, int err)
{
	struct session_worker *sw = session_worker_of(w);
	struct shm_event e = { .type = SHM_EV_FAILED, .cookie = s->cookie, .value = err };

	link_post(sw, s->link, &e);
	s->connection = 0;
	session_free(sw, s);
}

/* --- receiving --- */

uint32_t session_rx_room(struct session *s)
{
	if (s->end.channel)
		return session_checked(s, fifo_room(&s->end));
	return s->state == SESSION_WAITING && s->limbo_len < SESSION_LIMBO_BYTES
		       ? SESSION_LIMBO_BYTES - s->limbo_len
		       : 0;
}

uint32_t session_rx_capacity(const struct session *s)
{
	return s->end.channel ? fifo_capacity(&s->end) : SESSION_LIMBO_BYTES;
}

uint32_t session_rx_unread(const struct session *s)
{
	return s->end.channel ? fifo_unread(&s->end) : s->limbo_len;
}

void session_rx_bulk(struct session *s)
{
	if (s->end.channel)
		fifo_expect_more(&s->end);
}

static uint32_t put_in_limbo(struct session *s, const void *from, uint32_t n)
{
	if (!s->limbo)
		s->limbo = malloc(SESSION_LIMBO_BYTES);
	if (!s->limbo)
		return 0;
	if (n > session_rx_room(s))
		n = session_rx_room(s);
	memcpy(s->limbo + s->limbo_len, from, n);
	s->limbo_len += n;
	return n;
}

uint32_t session_rx_put(struct worker *w, struct session *s, const void *from, uint32_t n)
{
	if (!s->end.channel)
		return put_in_limbo(s, from, n);
	n = fifo_write(&s->end, from, n);
	if (n && !s->due_data) {
		s->due_data = true;
		link_mark_due(s);
		if (unlikely(list_linked(&s->of_awaited)))
			await_news(session_worker_of(w), s);
	}
	return n;
}

void session_rx_want_room(struct worker *w unused_arg, struct session *s)
{
	if (s->end.channel)
		fifo_want_room(&s->end);
}

void session_rx_fin(struct worker *w unused_arg, struct session *s)
{
	s->fin = 1;
	announce(s, SHM_FIN, 0);
}

/* --- end --- */

void session_done(struct worker *w, struct session *s)
{
	end_transport(session_worker_of(w), s, SHM_CLOSED, 0);
}

void session_reset(struct worker *w, struct session *s, int err)
{
	struct session_worker *sw = session_worker_of(w);

	if (s->state == SESSION_CONNECTING)
		session_connect_failed(w, s, err);
	else
		end_transport(sw, s, SHM_RESET, s->fin && err == ERR_CLOSED ? SHM_AFTER_FIN : err);
}

/* --- what the application says --- */

void session_on_broken(struct session_worker *sw, struct session *s)
{
	if (s->end.broken)
		session_count(sw, SESSION_BAD_EVENT);
	abort_transport(sw, s);
	end_transport(sw, s, SHM_RESET, s->end.broken ? ERR_PROTOCOL : ERR_CLOSED);
}

void session_on_data(struct session_worker *sw, struct session *s)
{
	fifo_hear(&s->end);
	fifo_poll(&s->end);
	if (fifo_was_reset(&s->end)) {
		session_on_broken(sw, s);
		return;
	}
	if (s->connection)
		s->transport->send(sw->worker, s);
	else if (s->state == SESSION_DONE && s->end.peer_state >= SHM_CLOSED)
		session_free(sw, s);
}

void session_on_room(struct session_worker *sw, struct session *s)
{
	if (s->connection)
		s->transport->room(sw->worker, s);
}

void session_close_unheld(struct session_worker *sw, struct session *s, bool abort)
{
	if (!s->connection) {
		session_free(sw, s);
		return;
	}
	if (s->end.channel) {
		fifo_room(&s->end);
		fifo_poll(&s->end);
	}
	if (abort || fifo_was_reset(&s->end) || session_rx_unread(s) > 0) {
		session_discard(sw, s, ERR_CLOSED);
		return;
	}
	s->end.peer_state = SHM_CLOSED;
	s->transport->send(sw->worker, s); /* it finishes from the memory of whoever is gone */
}

void session_on_app_gone(struct session_worker *sw, struct session *s)
{
	bool taken;

	if (adopt_wait_for_heir(sw, s))
		return;
	if (s->state != SESSION_OPEN || !s->connection) {
		abort_transport(sw, s);
		session_free(sw, s);
		return;
	}
	taken = atomic_load_explicit(&s->end.peers->taken, memory_order_acquire);
	fifo_poll(&s->end);
	if (s->end.peer_state == SHM_CLOSED && !s->end.broken)
		s->transport->send(sw->worker, s);
	else if (s->listener && !taken && s->end.peer_state == SHM_OPEN)
		session_on_return(sw, s);
	else
		session_close_unheld(sw, s, false);
}

/* relay.c - see relay.h. A session's `connection` is the handle of the one at the other end. */
#include "session/relay.h"

#include "base/err.h"
#include "session/layer.h"
#include "session/listener.h"
#include "session/session_worker.h"

enum { SLICES = SHM_FIFO_CHUNKS + 1 };

void relay_join(struct session *a, struct session *b)
{
	a->connection = b->self;
	b->connection = a->self;
}

/* Into the slot in which its application writes already, or another. */
static bool open_client(struct session_worker *sw, struct session *s)
{
	if (s->queued)
		session_take_queued(s);
	else if (!session_put_on_link(sw, s, s->link))
		return false;
	session_tell(sw, s, SHM_EV_CONNECTED, 0);
	return true;
}

void relay_connect(struct session_worker *sw, struct session *s, struct app_link *to,
		   uint32_t cookie)
{
	struct flow flow = { .fib = s->flow.fib, .local = s->flow.remote, .remote = s->flow.local };
	struct session *other = session_new(sw, &relay_transport, &flow);

	if (!other || !open_client(sw, s)) {
		if (other)
			session_free(sw, other);
		session_discard(sw, s, ERR_NOMEM);
		return;
	}
	s->transport = &relay_transport;
	s->listener = NULL;
	/* It may be given back there. */
	other->listener =
		listener_find(sw, session_layer_transport(sw->layer), flow.fib, &flow.local);
	relay_join(s, other);
	session_offer(sw, other, to, cookie);
}

static struct session *other_end(struct worker *w, const struct session *s)
{
	return session_of_or_null(w, s->connection);
}

/* What fits of what @from has written goes to @to. Returns the number of bytes that did not. */
static uint32_t carry(struct worker *w, struct session *from, struct session *to)
{
	struct slice slices[SLICES];
	uint32_t ready = session_tx_ready(from);
	uint32_t room = session_rx_room(to);
	uint32_t n = ready < room ? ready : room, put = 0;
	unsigned count = n ? session_tx_slices(from, 0, n, slices, SLICES) : 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t len = (uint32_t)slices[i].len;
		uint32_t took = session_rx_put(w, to, slices[i].at, len);

		put += took;
		if (took < len)
			break;
	}
	if (put)
		session_tx_drop(w, from, put);
	return ready - put;
}

/* The other end is gone: what is still written meets nobody, as after the peer's last segment. */
static void send_to_nobody(struct worker *w, struct session *s)
{
	if (session_tx_ready(s) > 0)
		session_reset(w, s, ERR_CLOSED);
	else if (session_tx_finished(s))
		session_done(w, s);
}

/* @from has closed and everything it wrote has gone over. */
static void end_in_order(struct worker *w, struct session *from, struct session *to)
{
	bool unread;

	session_rx_room(from); /* brings session_rx_unread() up to date */
	unread = session_rx_unread(from) > 0;
	to->connection = RELAY_ALONE;
	session_done(w, from);
	if (unread)
		session_reset(w, to, ERR_CLOSED);
	else
		send_to_nobody(w, to);
}

static void relay_send(struct worker *w, struct session *s)
{
	struct session *to = other_end(w, s);

	if (!to) {
		send_to_nobody(w, s);
		return;
	}
	if (carry(w, s, to) > 0) {
		session_rx_want_room(w, to);
		if (carry(w, s, to) > 0)
			return;
	}
	if (session_tx_finished(s))
		session_rx_fin(w, to);
	if (session_app_closed(s))
		end_in_order(w, s, to);
}

/* Room at @s is room for the other end to write. */
static void relay_room(struct worker *w, struct session *s)
{
	struct session *from = other_end(w, s);

	if (from)
		relay_send(w, from);
}

static void relay_abort(struct worker *w, struct session *s)
{
	struct session *to = other_end(w, s);

	if (!to)
		return;
	to->connection = 0;
	session_reset(w, to, ERR_CLOSED);
}

static int refuse_connect(struct worker *w unused_arg, struct session *s unused_arg,
			  const struct flow *flow unused_arg)
{
	return ERR_UNSUPPORTED; /* they are joined, not opened */
}

static void relay_describe(struct worker *w unused_arg, const struct session *s unused_arg,
			   struct transport_info *info)
{
	info->state = "RELAYED";
	info->state_number = 1; /* ESTABLISHED */
}

const struct transport relay_transport = { .name = "relay",
					   .connect = refuse_connect,
					   .send = relay_send,
					   .room = relay_room,
					   .abort = relay_abort,
					   .describe = relay_describe };

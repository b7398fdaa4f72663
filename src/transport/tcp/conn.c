/* conn.c - a connection's making, states and end. */
#include "transport/tcp/conn.h"

#include "transport/tcp/isn.h"
#include "transport/tcp/out.h"
#include "transport/tcp/recover.h"
#include "transport/tcp/recv.h"
#include "transport/tcp/segment.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/window.h"

enum {
	FIN_WAIT_2_S = 60, /* how long a peer may leave its side open when nobody listens */
	SMALLEST_MSS = 48, /* a smaller wish is refused: it would cost more headers than data */
	TIMESTAMPS_BYTES = 12,
	KEEPALIVE_IDLE_MS = 7200 * 1000, /* RFC 9293 MUST-28: two hours or more */
	KEEPALIVE_INTERVAL_MS = 75 * 1000,
	KEEPALIVE_PROBES = 9,
};

struct tcp_conn *tcp_conn_new(struct tcp_worker *tw, const struct tcp_key *key)
{
	uint32_t hash = tcp_key_hash(&tw->tcp->key_secret, key);
	struct tcp_conn *c;
	handle self;

	c = pool_take_or_null(&tw->conns, &self);
	if (!c)
		return NULL;
	if (tcp_table_add(&tw->table, hash, tcp_ref_of(TCP_KIND_CONN, handle_index(self)))) {
		pool_give(&tw->conns, self);
		return NULL;
	}
	c->key = *key;
	c->self = self;
	c->hash = hash;
	c->worker = tw;
	c->state = TCP_CLOSED;
	c->ts_offset = tcp_ts_offset(&tw->tcp->isn_secret, key);
	c->keepalive_idle_ms = KEEPALIVE_IDLE_MS;
	c->keepalive_interval_ms = KEEPALIVE_INTERVAL_MS;
	c->keepalive_probes = KEEPALIVE_PROBES;
	c->bulk_ms = (uint32_t)(tcp_now_ns(tw) / NS_PER_MS);
	list_init(&c->todo_link);
	tcp_rtt_init(&c->rtt);
	tcp_timers_init(c);
	return c;
}

void tcp_conn_free(struct tcp_conn *c)
{
	struct tcp_worker *tw = c->worker;

	timer_cancel(&tw->worker->wheel, &c->timer);
	list_remove(&c->todo_link);
	tcp_recv_release(c);
	tcp_recover_release(c);
	tcp_table_remove(&tw->table, c->hash, tcp_ref_of(TCP_KIND_CONN, handle_index(c->self)));
	pool_give(&tw->conns, c->self);
}

struct tcp_conn *tcp_conn_get_or_null(struct tcp_worker *tw, handle h)
{
	return pool_get_or_null(&tw->conns, h);
}

uint32_t tcp_conn_now_ms(const struct tcp_conn *c)
{
	return (uint32_t)(tcp_now_ns(c->worker) / NS_PER_MS) + c->ts_offset;
}

void tcp_conn_set_options(struct tcp_conn *c, const struct tcp_options *peer, uint16_t window)
{
	uint32_t mss = peer->has & TCP_HAS_MSS ? peer->mss : TCP_DEFAULT_MSS;

	if (mss < SMALLEST_MSS)
		mss = SMALLEST_MSS;
	if (mss > c->mtu_payload)
		mss = c->mtu_payload;
	if (mss > TCP_SUPER_SEGMENT_MAX)
		mss = TCP_SUPER_SEGMENT_MAX;
	if (peer->has & TCP_HAS_TIMESTAMPS) {
		c->flags |= TCP_CONN_TIMESTAMPS;
		c->ts_recent = peer->ts_value;
		c->ts_recent_ms = (uint32_t)(tcp_now_ns(c->worker) / NS_PER_MS);
		mss -= TIMESTAMPS_BYTES;
	}
	tcp_delack_init(&c->delack,
			(uint16_t)mss); /* the peer's full segments are as short as ours */
	if (peer->has & TCP_HAS_SACK_PERMITTED)
		c->flags |= TCP_CONN_SACK;
	if (peer->has & TCP_HAS_WINDOW_SHIFT) { /* RFC 7323 §2.2: both or neither */
		c->snd_shift = peer->window_shift < TCP_MAX_WINDOW_SHIFT ? peer->window_shift
									 : TCP_MAX_WINDOW_SHIFT;
		c->rcv_shift = tcp_window_shift(TCP_WINDOW_MAX);
	}
	c->snd_wnd = c->max_wnd = window;
	cc_init(&c->cc, c->worker->tcp->settings.cc, mss);
	tcp_sack_init(&c->board, c->snd_una);
}

void tcp_conn_todo(struct tcp_conn *c, unsigned what)
{
	c->todo |= (uint8_t)what;
	if (c->todo & TCP_TODO_STALLED && what & TCP_TODO_ACK) {
		c->todo &= (uint8_t)~TCP_TODO_STALLED;
		list_remove(&c->todo_link);
	}
	if (!list_linked(&c->todo_link))
		list_push(&c->worker->todo, &c->todo_link);
}

/* --- the end --- */

static struct session *leave_session(struct tcp_conn *c)
{
	struct session *s = c->session;

	c->session = NULL;
	if (s)
		s->connection = 0;
	return s;
}

void tcp_conn_break(struct tcp_conn *c, int err)
{
	struct worker *w = c->worker->worker;
	bool opening = c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED;
	struct session *s = leave_session(c);

	tcp_conn_free(c);
	if (s && opening)
		session_connect_failed(w, s, err);
	else if (s)
		session_reset(w, s, err);
}

void tcp_conn_abort(struct tcp_conn *c, int err)
{
	tcp_segment_send_reset(c);
	tcp_conn_break(c, err);
}

/* Both sides are done in order; the last acknowledgement still has to go. */
static void end_in_order(struct tcp_conn *c, bool linger)
{
	struct worker *w = c->worker->worker;
	struct session *s = leave_session(c);

	if (linger) {
		if (tcp_segment_send(c, c->snd_max, 0, 0) != TCP_SENT)
			tcp_count_in(c->worker, TCP_IN_NO_MEMORY);
		tcp_time_wait_begin(c->worker, c);
	}
	tcp_conn_free(c);
	if (s)
		session_done(w, s);
}

/* The application is gone and everything it sent has arrived: only the peer's FIN is missing. */
static void wait_for_fin_alone(struct tcp_conn *c)
{
	struct session *s = c->session;

	if (c->state != TCP_FIN_WAIT_2 || !s || !session_app_closed(s))
		return;
	leave_session(c);
	tcp_timers_end_in(c, FIN_WAIT_2_S);
	session_done(c->worker->worker, s);
}

bool tcp_conn_event(struct tcp_conn *c, enum tcp_event event)
{
	c->state = (uint8_t)tcp_state_after((enum tcp_state)c->state, event);
	if (c->state == TCP_TIME_WAIT || c->state == TCP_CLOSED) {
		end_in_order(c, c->state == TCP_TIME_WAIT);
		return false;
	}
	wait_for_fin_alone(c);
	return true;
}

bool tcp_conn_closed_by_app(struct tcp_conn *c)
{
	struct session *s = c->session;
	bool closed = session_app_closed(s);

	if (closed) {
		session_rx_room(s); /* brings session_rx_unread() up to date */
		if ((c->flags & TCP_CONN_LINGER_RESET) || session_rx_unread(s) > 0) {
			tcp_conn_abort(c, ERR_CLOSED); /* RFC 2525 §2.17 */
			return false;
		}
	}
	if (!(c->flags & TCP_CONN_CLOSE_SEEN) && (closed || session_tx_finished(s))) {
		c->flags |= TCP_CONN_CLOSE_SEEN;
		tcp_conn_todo(c, TCP_TODO_SEND);
		return tcp_conn_event(c, TCP_EVENT_CLOSE);
	}
	wait_for_fin_alone(c);
	return true;
}

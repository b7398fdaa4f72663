/*
 * out.c - decide and send. Loss recovery says what is to be sent again (NextSeg() of RFC 6675), the
 * congestion window and the peer's window say how much, Nagle and the silly-window rule whether a
 * small segment may go.
 */
#include "transport/tcp/out.h"

#include "transport/tcp/recover.h"
#include "transport/tcp/segment.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/window.h"

enum {
	CHALLENGES_PER_S = 10,
	HELD_BACK_US = 200000,
	/* What goes out in one turn stays in the processor's cache until the driver has it. */
	TURN_BYTES = 512 * 1024,
	BURST_BYTES = 128 * 1024, /* of one connection, before others have theirs */
};

/* What limits one round of sending. */
struct allowance {
	uint32_t mss;
	uint32_t window; /* octets that may still enter the network */
	uint32_t kept;	 /* octets of the window that are for the next round */
	bool has_sent;
};

static uint32_t whole_segments(uint32_t n, uint32_t mss)
{
	uint32_t max = TCP_SUPER_SEGMENT_MAX / mss * mss;

	return n >= max ? max : n / mss * mss;
}

/* --- again --- */

/* Send one run of [@r.start, @r.end) again, as much as is allowed; moves high_rxt. */
static enum tcp_sent send_again(struct tcp_conn *c, struct tcp_range r, struct allowance *a)
{
	uint32_t n = r.end - r.start, allowed = whole_segments(a->window, a->mss);
	bool with_fin;
	enum tcp_sent sent;

	if (n > allowed)
		n = allowed;
	if (n > TCP_SUPER_SEGMENT_MAX)
		n = whole_segments(n, a->mss);
	with_fin = (c->flags & TCP_CONN_FIN_SENT) && r.start + n == c->snd_max;
	sent = tcp_segment_send(c, r.start, n - with_fin, with_fin ? TCP_FIN : 0);
	if (sent != TCP_SENT)
		return sent;
	tcp_recover_sent_again(c, (struct tcp_range){ r.start, r.start + n });
	tcp_recover_sent(c, n);
	a->window -= n < a->window ? n : a->window;
	a->has_sent = true;
	return TCP_SENT;
}

static enum tcp_sent send_lost(struct tcp_conn *c, struct allowance *a)
{
	enum tcp_sent sent = TCP_SENT;

	if (c->flags & (TCP_CONN_RXT_ONCE | TCP_CONN_RXT_AGAIN) && a->window < a->mss)
		a->window = a->mss; /* RFC 6675 §5 (4.3): the first one goes in any case */
	if (c->flags & TCP_CONN_RXT_AGAIN && a->window >= a->mss)
		sent = send_again(c, tcp_sack_first_again(&c->board, c->snd_una), a);
	while (sent == TCP_SENT && a->window >= a->mss) {
		struct tcp_range r = tcp_sack_next_lost(&c->board, c->snd_una);

		if (r.start == r.end)
			break;
		sent = send_again(c, r, a);
		c->flags &= (uint16_t)~TCP_CONN_RXT_ONCE;
	}
	return sent;
}

/* Rules (3) and (4): nothing is known to be lost, and there is nothing new to send. */
static enum tcp_sent send_doubtful(struct tcp_conn *c, struct allowance *a)
{
	struct tcp_range r = tcp_sack_next_hole(&c->board, c->snd_una);

	if (c->recovery != TCP_RECOVERY_FAST || a->window < a->mss || !(c->flags & TCP_CONN_SACK))
		return TCP_SENT;
	if (r.start != r.end)
		return send_again(c, r, a);
	r = tcp_sack_next_rescue(&c->board, c->snd_una, c->snd_max, a->mss);
	if (r.start == r.end)
		return TCP_SENT;
	return tcp_segment_send(c, r.start, r.end - r.start - !!(c->flags & TCP_CONN_FIN_SENT),
				c->flags & TCP_CONN_FIN_SENT ? TCP_FIN : 0);
}

/* --- new --- */

/* Octets that the application has written and that were never sent. */
static uint32_t unsent(struct tcp_conn *c)
{
	uint32_t ready = session_tx_ready(c->session), flight = tcp_conn_flight(c);

	return ready > flight ? ready - flight : 0; /* a broken fifo has nothing ready */
}

/* How many octets the next segment may have: full ones, a small one if nothing forbids it, or 0. */
static uint32_t next_len(struct tcp_conn *c, uint32_t left, bool is_last, const struct allowance *a)
{
	uint32_t offered = c->snd_una + c->snd_wnd - c->snd_max;
	uint32_t usable, full, tail;

	if (seq_lt(c->snd_una + c->snd_wnd, c->snd_max))
		offered = 0;
	usable = left < offered ? left : offered;
	if (usable > a->window) /* what the congestion window cuts goes in whole segments */
		return whole_segments(a->window, a->mss);
	full = whole_segments(usable, a->mss);
	tail = usable - full;
	if (full + tail > TCP_SUPER_SEGMENT_MAX)
		return full;
	return full +
	       (tcp_send_now(&(struct tcp_send_question){
			.len = tail,
			.mss = a->mss,
			.in_flight = seq_gt(c->snd_small, c->snd_una),
			.max_window = full ? UINT32_MAX : c->max_wnd,
			.more = usable < left,
			.nodelay = c->flags & TCP_CONN_NODELAY,
			.cork = c->flags & TCP_CONN_CORK,
			.push_out = (is_last && usable == left) || (c->flags & TCP_CONN_PUSH_OUT),
		})
			? tail
			: 0);
}

static uint32_t now_us(const struct tcp_conn *c)
{
	return (uint32_t)(tcp_now_ns(c->worker) / NS_PER_US);
}

static void sent_new(struct tcp_conn *c, uint32_t len, bool fin, struct allowance *a)
{
	uint64_t now_ns = tcp_now_ns(c->worker);

	if (len % a->mss)
		c->snd_small = c->snd_max + len;
	c->snd_max += len + fin;
	tcp_sent_note(&c->sent, c->snd_max, now_us(c));
	if (fin)
		c->flags |= TCP_CONN_FIN_SENT;
	if (!(c->flags & TCP_CONN_TIMING)) {
		c->flags |= TCP_CONN_TIMING;
		c->rtt_seq = c->snd_max;
		c->rtt_sent_ns = now_ns;
	}
	c->bytes_sent += len;
	tcp_recover_sent(c, len);
	a->window -= len < a->window ? len : a->window;
	a->has_sent = true;
}

static enum tcp_sent send_new(struct tcp_conn *c, struct allowance *a)
{
	bool finished = c->flags & TCP_CONN_CLOSE_SEEN;
	uint32_t left = unsent(c);

	while (!(c->flags & TCP_CONN_FIN_SENT)) {
		uint32_t len = left ? next_len(c, left, finished, a) : 0;
		bool fin = finished && len == left;
		enum tcp_sent sent;

		if (len == 0 && !fin)
			break;
		sent = tcp_segment_send(
			c, c->snd_max, len,
			(uint8_t)((fin ? TCP_FIN : 0) | (len && len == left ? TCP_PSH : 0)));
		if (sent != TCP_SENT)
			return sent;
		sent_new(c, len, fin, a);
		left -= len;
	}
	if (left == 0 || a->has_sent)
		c->flags &= (uint16_t)~TCP_CONN_PUSH_OUT;
	return TCP_SENT;
}

/* --- the order of things --- */

static bool may_transmit(const struct tcp_conn *c)
{
	return c->session && c->state >= TCP_ESTABLISHED && c->state != TCP_TIME_WAIT;
}

/* Nothing is in flight and something is held back: a timer must look again. */
static void arm_persist(struct tcp_conn *c)
{
	uint64_t wait_us = c->snd_wnd ? HELD_BACK_US : tcp_rtt_rto_us(&c->rtt);

	if (c->rto_ns == 0) {
		c->rto_ns = tcp_now_ns(c->worker) + wait_us * NS_PER_US;
		c->flags |= TCP_CONN_PERSIST;
	}
}

static enum tcp_sent transmit(struct tcp_conn *c)
{
	struct allowance a = { .mss = tcp_conn_mss(c) };
	uint32_t pipe = tcp_recover_pipe(c), began;
	enum tcp_sent sent = TCP_SENT;

	if (unlikely(tcp_stall_is_due(c)))
		return TCP_STALLED;
	a.window = c->cc.cwnd > pipe ? c->cc.cwnd - pipe : 0;
	if (a.window > BURST_BYTES) {
		a.kept = a.window - BURST_BYTES;
		a.window = BURST_BYTES;
	}
	began = a.window;
	if (c->recovery != TCP_RECOVERY_NONE)
		sent = send_lost(c, &a);
	if (sent == TCP_SENT)
		sent = send_new(c, &a);
	if (sent == TCP_SENT && c->recovery != TCP_RECOVERY_NONE)
		sent = send_doubtful(c, &a);
	if (sent == TCP_BROKEN)
		return sent;
	c->worker->turn_bytes += began > a.window ? began - a.window : 0;
	if (a.kept && a.window < a.mss && sent == TCP_SENT)
		sent = TCP_MORE;
	if (a.has_sent) {
		tcp_timers_sent(c);
		tcp_timers_tail(c);
	} else if (tcp_conn_flight(c) == 0 && unsent(c) > 0) {
		arm_persist(c);
	}
	return sent;
}

static void acknowledge(struct tcp_conn *c)
{
	/* A peer without SACK counts duplicates: one for each segment that came early. */
	for (; c->n_dup_acks_owed > 1; c->n_dup_acks_owed--)
		if (tcp_segment_send(c, c->snd_max, 0, 0) != TCP_SENT)
			return;
	c->n_dup_acks_owed = 0;
	if (tcp_segment_send(c, c->snd_max, 0, 0) != TCP_SENT)
		c->todo |= TCP_TODO_ACK;
}

/* One connection's turn; false when it has to be looked at again. */
static bool run(struct tcp_conn *c)
{
	enum tcp_sent sent = TCP_SENT;
	unsigned todo = c->todo;

	c->todo = 0;
	if ((todo & TCP_TODO_ACK) && (c->reorder || c->flags & TCP_CONN_DUPLICATE)) {
		acknowledge(c); /* data carries no SACK blocks */
		todo &= ~(unsigned)TCP_TODO_ACK;
	}
	c->todo = (uint8_t)todo;
	if ((todo & TCP_TODO_SEND) && may_transmit(c))
		sent = transmit(c);
	if (sent == TCP_BROKEN)
		return true;
	c->todo &= (uint8_t)~TCP_TODO_SEND;
	if (c->todo & TCP_TODO_ACK) {
		c->todo = 0;
		acknowledge(c);
	}
	if (sent == TCP_NO_BUFFER || sent == TCP_MORE)
		c->todo |= TCP_TODO_SEND;
	tcp_timers_arm(c);
	if (sent == TCP_STALLED && c->todo == 0) {
		tcp_stall_add(c);
		return true;
	}
	return c->todo == 0;
}

bool tcp_out_run(struct tcp_worker *tw)
{
	struct list again;
	struct list *link;

	list_init(&again);
	tcp_stall_relieve(tw);
	tw->turn_bytes = 0;
	while (tw->turn_bytes < TURN_BYTES && (link = list_pop_or_null(&tw->todo))) {
		struct tcp_conn *c = container_of(link, struct tcp_conn, todo_link);

		if (!run(c))
			list_push(&again, &c->todo_link);
	}
	list_splice(&tw->todo, &again);
	return list_empty(&tw->todo);
}

void tcp_out_probe(struct tcp_conn *c)
{
	if (tcp_segment_send(c, c->snd_una - 1, 0, 0) == TCP_SENT)
		c->n_probes_sent++;
}

/* A segment that has not been sent yet; the congestion window does not count for once. */
static bool probe_with_new(struct tcp_conn *c)
{
	struct allowance a = { .mss = tcp_conn_mss(c) };
	uint32_t offered = c->snd_una + c->snd_wnd - c->snd_max, len = unsent(c);

	if (seq_le(c->snd_una + c->snd_wnd, c->snd_max) || len == 0)
		return false;
	len = len < a.mss ? len : a.mss;
	len = len < offered ? len : offered;
	if (tcp_segment_send(c, c->snd_max, len, TCP_PSH) != TCP_SENT)
		return false;
	sent_new(c, len, false, &a);
	c->tail = TCP_TAIL_NEW;
	return true;
}

static bool probe_again(struct tcp_conn *c)
{
	bool fin = c->flags & TCP_CONN_FIN_SENT;
	uint32_t start = seq_max(c->snd_una, c->snd_max - fin - tcp_conn_mss(c));

	if (tcp_segment_send(c, start, c->snd_max - start - fin, fin ? TCP_FIN : 0) != TCP_SENT)
		return false;
	tcp_sent_tail_again(&c->sent, start, now_us(c));
	if (seq_gt(c->rtt_seq, start))
		c->flags &= (uint16_t)~TCP_CONN_TIMING; /* Karn */
	c->n_retransmits++;
	tcp_count_out(c->worker, TCP_OUT_RETRANSMIT);
	c->tail = TCP_TAIL_AGAIN;
	return true;
}

bool tcp_out_probe_tail(struct tcp_conn *c)
{
	if (!may_transmit(c) || tcp_conn_flight(c) == 0)
		return false;
	if (!probe_with_new(c) && !probe_again(c))
		return false;
	c->tail_end = c->snd_max;
	tcp_count_out(c->worker, TCP_OUT_TAIL_PROBE);
	return true;
}

void tcp_out_challenge(struct tcp_conn *c)
{
	uint16_t second = (uint16_t)(tcp_now_ns(c->worker) / NS_PER_S);

	if (second != c->challenge_s) {
		c->challenge_s = second;
		c->n_challenges = 0;
	}
	if (c->n_challenges >= CHALLENGES_PER_S) {
		tcp_count_out(c->worker, TCP_OUT_CHALLENGE_LIMITED);
		return;
	}
	c->n_challenges++;
	tcp_count_out(c->worker, TCP_OUT_CHALLENGE);
	tcp_conn_todo(c, TCP_TODO_ACK);
}

/* timers.c - what is done when a deadline passes. */
#include "transport/tcp/timers.h"

#include "transport/tcp/icmp.h"
#include "transport/tcp/out.h"
#include "transport/tcp/recover.h"
#include "transport/tcp/segment.h"

enum {
	TIMEOUTS_MAX = 15,	 /* R2: some minutes, RFC 9293 §3.8.3 */
	TIMEOUTS_MAX_ORPHAN = 8, /* nobody waits for the data any more */
	SYN_TIMEOUTS_MAX = 6,	 /* two minutes */
	PROBES_MAX = 15,	 /* unanswered ones: the peer is gone */
	PROBES_MAX_ORPHAN = 8,
	TAIL_MIN_US = 10000, /* a program on a busy machine may not answer sooner */
};

static void on_timer(struct timer *t, uint64_t now_ns);

void tcp_timers_init(struct tcp_conn *c)
{
	timer_init(&c->timer, on_timer);
	c->last_heard_ns = tcp_now_ns(c->worker);
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return b_ns && (!a_ns || b_ns < a_ns) ? b_ns : a_ns;
}

void tcp_timers_arm(struct tcp_conn *c)
{
	uint64_t ns =
		earlier(earlier(c->rto_ns, c->delack_ns), earlier(c->keepalive_ns, c->end_ns));

	ns = earlier(ns, c->probe_ns);

	if (!ns)
		return;
	if (!timer_is_set(&c->timer) || ns / WHEEL_TICK_NS < c->timer.deadline_tick)
		timer_set(&c->worker->worker->wheel, &c->timer, ns);
}

static uint64_t after_us(const struct tcp_conn *c, uint64_t us)
{
	return tcp_now_ns(c->worker) + us * NS_PER_US;
}

void tcp_timers_sent(struct tcp_conn *c)
{
	if (c->rto_ns && !(c->flags & TCP_CONN_PERSIST))
		return;
	c->flags &= (uint16_t)~TCP_CONN_PERSIST;
	c->rto_ns = after_us(c, tcp_rtt_rto_us(&c->rtt));
}

void tcp_timers_probe_in(struct tcp_conn *c, enum tcp_probe probe, uint32_t us)
{
	c->probe = (uint8_t)probe;
	c->probe_ns = after_us(c, us);
	tcp_timers_arm(c);
}

void tcp_timers_no_probe(struct tcp_conn *c)
{
	c->probe = TCP_PROBE_NONE;
	c->probe_ns = 0;
}

/* RFC 8985 §7.2: two round trips; for a lone segment also the time that a peer may delay its
 * acknowledgement, which is more than the timeout allows. */
void tcp_timers_tail(struct tcp_conn *c)
{
	uint32_t pto_us = 2 * c->rtt.srtt_us;

	if (c->probe == TCP_PROBE_REORDER && c->board.n)
		return;
	tcp_timers_no_probe(c);
	if (!(c->flags & TCP_CONN_SACK) || c->recovery != TCP_RECOVERY_NONE || c->board.n ||
	    c->tail != TCP_TAIL_NONE || c->rtt.min_us == UINT32_MAX ||
	    tcp_conn_flight(c) <= tcp_conn_mss(c))
		return;
	pto_us = pto_us < TAIL_MIN_US ? TAIL_MIN_US : pto_us;
	if (pto_us < tcp_rtt_rto_us(&c->rtt))
		tcp_timers_probe_in(c, TCP_PROBE_TAIL, pto_us);
}

void tcp_timers_acked(struct tcp_conn *c)
{
	c->flags &= (uint16_t)~TCP_CONN_PERSIST;
	c->rto_ns = tcp_conn_flight(c) ? after_us(c, tcp_rtt_rto_us(&c->rtt)) : 0;
}

void tcp_timers_heard(struct tcp_conn *c)
{
	c->last_heard_ns = tcp_now_ns(c->worker);
	if (c->n_probes_sent) {
		c->n_probes_sent = 0;
		if (c->flags & TCP_CONN_KEEPALIVE)
			c->keepalive_ns = after_us(c, (uint64_t)c->keepalive_idle_ms * US_PER_MS);
	}
}

void tcp_timers_delay_ack(struct tcp_conn *c, uint32_t us)
{
	uint64_t deadline_ns = after_us(c, us);

	if (!c->delack_ns || deadline_ns < c->delack_ns) {
		c->delack_ns = deadline_ns;
		tcp_timers_arm(c);
	}
}

void tcp_timers_end_in(struct tcp_conn *c, unsigned seconds)
{
	c->end_ns = after_us(c, (uint64_t)seconds * US_PER_S);
	tcp_timers_arm(c);
}

/* --- expiry: each returns false if the connection is gone --- */

static bool give_up(struct tcp_conn *c, int err)
{
	tcp_count_out(c->worker, TCP_OUT_GIVEN_UP);
	tcp_conn_break(c, err == ERR_TIMEOUT && c->trouble ? ERR_UNREACHABLE : err);
	return false;
}

static bool too_many_timeouts(const struct tcp_conn *c)
{
	uint64_t silent_ms = (tcp_now_ns(c->worker) - c->last_heard_ns) / NS_PER_MS;

	if (c->user_timeout_ms)
		return silent_ms >= c->user_timeout_ms;
	return c->rtt.n_backoff >=
	       (c->session && !session_app_closed(c->session) ? TIMEOUTS_MAX : TIMEOUTS_MAX_ORPHAN);
}

static bool opening_timed_out(struct tcp_conn *c)
{
	if (c->rtt.n_backoff >= SYN_TIMEOUTS_MAX)
		return give_up(c, ERR_TIMEOUT);
	tcp_count_out(c->worker, TCP_OUT_SYN_RETRANSMIT);
	c->flags &= (uint16_t)~TCP_CONN_TIMING;
	tcp_rtt_back_off(&c->rtt);
	tcp_segment_send_syn(c);
	c->rto_ns = after_us(c, tcp_rtt_rto_us(&c->rtt));
	return true;
}

/* The window is closed, or a small segment was held back long enough. RFC 9293 §3.8.6.1 */
static bool persist_expired(struct tcp_conn *c)
{
	c->rto_ns = 0;
	c->flags &= (uint16_t)~TCP_CONN_PERSIST;
	if (c->snd_wnd) {
		c->flags |= TCP_CONN_PUSH_OUT;
		tcp_conn_todo(c, TCP_TODO_SEND);
		return true;
	}
	/* A peer that answers may keep an application waiting, but not what is left of one. */
	if (c->n_probes_sent >= PROBES_MAX ||
	    (session_app_closed(c->session) && c->rtt.n_backoff >= PROBES_MAX_ORPHAN))
		return give_up(c, ERR_TIMEOUT);
	tcp_count_out(c->worker, TCP_OUT_PROBE);
	tcp_rtt_back_off(&c->rtt);
	tcp_out_probe(c);
	c->flags |= TCP_CONN_PERSIST;
	c->rto_ns = after_us(c, tcp_rtt_rto_us(&c->rtt));
	return true;
}

static bool retransmission_due(struct tcp_conn *c)
{
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)
		return opening_timed_out(c);
	if (c->flags & TCP_CONN_PERSIST)
		return persist_expired(c);
	if (tcp_stall_is_due(c)) { /* what is missing may still lie before our own ring */
		c->rto_ns = after_us(c, tcp_rtt_rto_us(&c->rtt));
		return true;
	}
	if (too_many_timeouts(c))
		return give_up(c, ERR_TIMEOUT);
	tcp_count_out(c->worker, TCP_OUT_TIMEOUT);
	tcp_recover_timed_out(c);
	tcp_icmp_black_hole(c, c->rtt.n_backoff);
	c->rto_ns = after_us(c, tcp_rtt_rto_us(&c->rtt));
	tcp_conn_todo(c, TCP_TODO_SEND);
	return true;
}

static bool keepalive_due(struct tcp_conn *c, uint64_t now_ns)
{
	uint64_t idle_ns = (uint64_t)c->keepalive_idle_ms * NS_PER_MS;

	if (c->n_probes_sent == 0 && now_ns - c->last_heard_ns < idle_ns) {
		c->keepalive_ns = c->last_heard_ns + idle_ns;
		return true;
	}
	if (c->n_probes_sent >= c->keepalive_probes) {
		tcp_segment_send_reset(c);
		return give_up(c, ERR_TIMEOUT);
	}
	/* While data is in flight the retransmission timer asks. */
	if (tcp_conn_flight(c) == 0) {
		tcp_count_out(c->worker, TCP_OUT_KEEPALIVE);
		tcp_out_probe(c);
	}
	c->keepalive_ns = now_ns + (uint64_t)c->keepalive_interval_ms * NS_PER_MS;
	return true;
}

static void probe_due(struct tcp_conn *c)
{
	enum tcp_probe probe = (enum tcp_probe)c->probe;

	tcp_timers_no_probe(c);
	if (probe == TCP_PROBE_REORDER) {
		tcp_recover_late(c);
		tcp_conn_todo(c, TCP_TODO_SEND);
	} else if (c->recovery == TCP_RECOVERY_NONE && !tcp_stall_is_due(c) &&
		   tcp_out_probe_tail(c)) {
		c->rto_ns = after_us(c, tcp_rtt_rto_us(&c->rtt));
	}
}

static bool is_due(uint64_t deadline_ns, uint64_t now_ns)
{
	return deadline_ns && deadline_ns <= now_ns;
}

static void on_timer(struct timer *t, uint64_t now_ns)
{
	struct tcp_conn *c = container_of(t, struct tcp_conn, timer);

	if (is_due(c->end_ns, now_ns)) {
		tcp_conn_break(c, ERR_TIMEOUT);
		return;
	}
	if (is_due(c->rto_ns, now_ns) && !retransmission_due(c))
		return;
	if (is_due(c->keepalive_ns, now_ns) && !keepalive_due(c, now_ns))
		return;
	if (is_due(c->probe_ns, now_ns))
		probe_due(c);
	if (is_due(c->delack_ns, now_ns)) {
		c->delack_ns = 0;
		tcp_conn_todo(c, TCP_TODO_ACK);
	}
	tcp_timers_arm(c);
}

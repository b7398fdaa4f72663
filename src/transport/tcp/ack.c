/* ack.c - acknowledgements. */
#include "transport/tcp/ack.h"

#include "transport/tcp/icmp.h"
#include "transport/tcp/recover.h"
#include "transport/tcp/timers.h"

enum { DUP_ACKS_MAX = 255 };

static void update_window(struct tcp_conn *c, const struct tcp_segment *s, uint32_t window)
{
	/* RFC 9293 §3.10.7.4: only a segment that is not older than the last that said so. */
	if (!seq_lt(c->snd_wl1, s->seq) && (c->snd_wl1 != s->seq || seq_gt(c->snd_wl2, s->ack)))
		return;
	c->snd_wnd = window;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (window > c->max_wnd)
		c->max_wnd = window;
}

/* Time the segment that was chosen for it, or, while that is impossible, trust the echo. */
static uint32_t measure(struct tcp_conn *c, const struct tcp_options *o)
{
	uint32_t rtt_us = 0;

	if ((c->flags & TCP_CONN_TIMING) && seq_ge(c->snd_una, c->rtt_seq)) {
		uint64_t ns = tcp_now_ns(c->worker) - c->rtt_sent_ns;

		c->flags &= (uint16_t)~TCP_CONN_TIMING;
		rtt_us = ns / NS_PER_US < UINT32_MAX ? (uint32_t)(ns / NS_PER_US) : UINT32_MAX;
		rtt_us = rtt_us ? rtt_us : 1;
	} else if (c->recovery != TCP_RECOVERY_NONE && (o->has & TCP_HAS_TIMESTAMPS)) {
		uint32_t ms = tcp_conn_now_ms(c) - o->ts_echo;

		if (ms < TCP_RTO_MAX_US / US_PER_MS)
			rtt_us = ms ? ms * US_PER_MS : US_PER_MS;
	}
	if (rtt_us)
		tcp_rtt_sample(&c->rtt, rtt_us);
	return rtt_us;
}

/* snd_una moves to @ack: the session forgets what lies below. */
static bool advance(struct tcp_conn *c, uint32_t ack)
{
	bool fin = (c->flags & TCP_CONN_FIN_SENT) && ack == c->snd_max;
	uint32_t octets = ack - c->snd_una - fin;

	c->snd_una = ack;
	c->n_dup_acks = 0;
	c->trouble = TCP_TROUBLE_NONE;
	c->mtu_before = 0;
	tcp_rtt_acked(&c->rtt);
	tcp_timers_acked(c);
	if (octets && c->session)
		session_tx_drop(c->worker->worker, c->session, octets);
	return fin;
}

static void tell_congestion_control(struct tcp_conn *c, uint32_t delivered, uint32_t flight,
				    uint32_t rtt_us)
{
	struct cc_ack ack = {
		.now_us = tcp_now_ns(c->worker) / NS_PER_US,
		.acked = delivered,
		.in_flight = flight,
		.srtt_us = c->rtt.srtt_us,
		.rtt_us = rtt_us,
	};

	/* In slow start half a window in flight is enough to call it used (RFC 7661 §4.3). */
	ack.was_limited = c->cc.cwnd < c->cc.ssthresh ? 2 * flight >= c->cc.cwnd
						      : flight + c->cc.mss >= c->cc.cwnd;
	c->cc.ops->acked(&c->cc, &ack);
}

/* Tell RACK of the latest that has arrived, unless it was sent more than once. */
static void note_arrivals(struct tcp_conn *c, const struct tcp_ack_news *news, uint32_t high_rxt)
{
	uint32_t now_us = (uint32_t)(tcp_now_ns(c->worker) / NS_PER_US);
	uint32_t end = c->snd_una;

	if (news->sacked)
		end = c->board.r[c->board.n - 1].end;
	if (!(c->flags & TCP_CONN_SACK) || seq_le(end, high_rxt))
		return;
	tcp_rack_arrived(&c->rack, &c->sent, end, now_us, c->rtt.min_us);
}

/* The end of a tail loss probe. RFC 8985 §7.4 */
static void settle_tail(struct tcp_conn *c, const struct tcp_ack_news *news)
{
	if (c->tail == TCP_TAIL_NONE || seq_lt(c->snd_una, c->tail_end))
		return;
	if (c->tail == TCP_TAIL_AGAIN && !news->is_dsack) {
		if (c->snd_una == c->tail_end) /* a report of a duplicate may follow */
			return;
		if (c->recovery == TCP_RECOVERY_NONE)
			tcp_recover_tail_lost(c);
	}
	c->tail = TCP_TAIL_NONE;
}

bool tcp_ack_input(struct tcp_conn *c, const struct tcp_segment *s, uint16_t window,
		   const struct tcp_options *o)
{
	struct tcp_ack_news news = { .acked = s->ack - c->snd_una,
				     .has_echo = o->has & TCP_HAS_TIMESTAMPS,
				     .ts_echo = o->ts_echo };
	uint32_t flight = tcp_conn_flight(c), scaled = (uint32_t)window << c->snd_shift;
	uint32_t rtt_us = 0, una = c->snd_una, high_rxt = una;
	bool had_gap = c->board.n, same_window = scaled == c->snd_wnd, fin = false;

	if (seq_lt(s->ack, c->snd_una))
		return true;
	update_window(c, s, scaled);
	if (news.acked) {
		fin = advance(c, s->ack);
		high_rxt = c->board.high_rxt;
		news.delivered = news.acked - (c->board.n ? tcp_recover_advance(c) : 0);
		rtt_us = measure(c, o);
	}
	if (o->n_sacks && (c->flags & TCP_CONN_SACK))
		tcp_recover_blocks(c, o, &news);
	news.is_dup = !news.acked && flight && s->len == 0 && same_window &&
		      !(s->flags & TCP_FIN) && (!(c->flags & TCP_CONN_SACK) || news.sacked);
	if (news.is_dup) {
		tcp_count_in(c->worker, TCP_IN_DUP_ACK);
		if (c->n_dup_acks < DUP_ACKS_MAX)
			c->n_dup_acks++;
	}
	/* A gap was closed by what had never been sent again: the path reorders. */
	if (had_gap && news.delivered && seq_le(high_rxt, una) &&
	    c->recovery != TCP_RECOVERY_TIMEOUT)
		c->rack.reordered = true;
	news.delivered += news.sacked;
	if (news.acked || news.sacked || news.is_dsack) {
		note_arrivals(c, &news, had_gap ? high_rxt : una);
		settle_tail(c, &news);
	}
	if (news.acked || news.sacked || news.is_dup)
		tcp_recover_on_ack(c, &news);
	if (c->recovery != TCP_RECOVERY_FAST && news.acked)
		tell_congestion_control(c, news.delivered, flight, rtt_us);
	if (news.acked) {
		tcp_sent_acked(&c->sent, c->snd_una);
		tcp_timers_tail(c);
	}
	tcp_conn_todo(c, TCP_TODO_SEND);
	return !fin || tcp_conn_event(c, TCP_EVENT_FIN_ACKED);
}

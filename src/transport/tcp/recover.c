/* recover.c - loss recovery around the scoreboard. */
#include "transport/tcp/recover.h"

#include "transport/tcp/timers.h"

static uint64_t now_us(const struct tcp_conn *c)
{
	return tcp_now_ns(c->worker) / NS_PER_US;
}

void tcp_recover_release(struct tcp_conn *c)
{
	struct tcp_range *r = tcp_sack_forget(&c->board);

	if (r)
		tcp_block_give(c->worker, r);
}

/* Nothing is known above snd_una: let the scoreboard's marks catch up before they are used. */
static void catch_up(struct tcp_conn *c)
{
	if (c->recovery == TCP_RECOVERY_NONE && c->board.n == 0)
		c->board.lost = c->board.high_rxt = c->recover = c->snd_una;
}

void tcp_recover_blocks(struct tcp_conn *c, const struct tcp_options *o, struct tcp_ack_news *news)
{
	uint32_t fack = c->board.n ? c->board.r[c->board.n - 1].end : c->snd_una;
	unsigned i = 0;

	/* RFC 2883 §4: a first block below the acknowledgement, or inside the second, is a
	 * report of a duplicate. */
	if (seq_lt(o->sacks[0].left, c->snd_una) ||
	    (o->n_sacks > 1 && seq_ge(o->sacks[0].left, o->sacks[1].left) &&
	     seq_le(o->sacks[0].right, o->sacks[1].right))) {
		tcp_count_in(c->worker, TCP_IN_DSACK);
		news->is_dsack = true;
		i = 1;
	}
	catch_up(c);
	for (; i < o->n_sacks; i++) {
		struct tcp_range block = { o->sacks[i].left, o->sacks[i].right };
		uint32_t n;

		if (!c->board.r) {
			struct tcp_range *r = tcp_block_take_or_null(c->worker);

			tcp_sack_lend(&c->board, r, r ? TCP_SACK_RANGES : 0);
		}
		n = tcp_sack_add(&c->board, c->snd_una, c->snd_max, block);
		news->sacked += n;
		/* Late, and never sent again: the path reorders. RFC 8985 §6.2 step 3 */
		if (n && seq_lt(block.end, fack) && seq_ge(block.start, c->board.high_rxt) &&
		    c->recovery != TCP_RECOVERY_TIMEOUT)
			c->rack.reordered = true;
	}
}

uint32_t tcp_recover_advance(struct tcp_conn *c)
{
	uint32_t before = tcp_sack_bytes(&c->board);

	tcp_sack_acked(&c->board, c->snd_una);
	return before - tcp_sack_bytes(&c->board);
}

uint32_t tcp_recover_pipe(const struct tcp_conn *c)
{
	uint32_t flight = tcp_conn_flight(c), left;

	if (c->recovery == TCP_RECOVERY_NONE && c->board.n == 0 && c->n_dup_acks == 0)
		return flight;
	if (c->flags & TCP_CONN_SACK)
		return c->recovery == TCP_RECOVERY_NONE
			       ? flight - tcp_sack_bytes(&c->board)
			       : tcp_sack_pipe(&c->board, c->snd_una, c->snd_max);
	/* Without SACK each duplicate stands for a segment that has left the network. */
	flight = c->recovery == TCP_RECOVERY_NONE
			 ? flight
			 : tcp_sack_pipe(&c->board, c->snd_una, c->snd_max);
	left = c->recovery == TCP_RECOVERY_TIMEOUT ? 0 : c->n_dup_acks * tcp_conn_mss(c);
	return flight > left ? flight - left : 0;
}

/* While the first hole lasts, snd_max runs ahead of what is really in the network. */
static uint32_t flight_that_counts(const struct tcp_conn *c)
{
	return tcp_conn_flight(c) < c->cc.cwnd ? tcp_conn_flight(c) : c->cc.cwnd;
}

static void begin(struct tcp_conn *c, enum tcp_recovery recovery)
{
	/* While an earlier recovery's retransmissions are out, an early echo proves nothing. */
	bool out = seq_lt(c->snd_una, c->recover) || seq_gt(c->board.high_rxt, c->snd_una);

	c->undo_ts = out ? 0 : tcp_conn_now_ms(c);
	c->recovery = (uint8_t)recovery;
	c->recover = c->snd_max;
	c->rxt_mark = c->snd_max;
	c->rxt_news = 0;
	c->flags &= (uint16_t)~TCP_CONN_TIMING; /* Karn: RFC 6298 §3 */
	c->flags |= TCP_CONN_RXT_ONCE;
	c->tail = TCP_TAIL_NONE;
	tcp_timers_no_probe(c);
}

/*
 * RFC 6937: while recovering, send in proportion to what arrives, so that the window comes down to
 * ssthresh over one round trip and no burst follows the discovery of many losses.
 */
static void reduce_proportionally(struct tcp_conn *c, uint32_t delivered)
{
	uint32_t pipe = tcp_recover_pipe(c), mss = tcp_conn_mss(c), ssthresh = c->cc.ssthresh;
	uint64_t may_send;

	c->prr_delivered += delivered;
	if (pipe > ssthresh) {
		may_send =
			((uint64_t)c->prr_delivered * ssthresh + c->prr_flight - 1) / c->prr_flight;
		may_send = may_send > c->prr_out ? may_send - c->prr_out : 0;
	} else {
		uint32_t ahead = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;

		may_send = (ahead > delivered ? ahead : delivered) + mss;
		if (may_send > ssthresh - pipe)
			may_send = ssthresh - pipe;
	}
	c->cc.cwnd = pipe + (uint32_t)may_send;
}

static void finish(struct tcp_conn *c)
{
	if (c->recovery == TCP_RECOVERY_FAST)
		c->cc.cwnd = c->cc.ssthresh;
	c->recovery = TCP_RECOVERY_NONE;
	tcp_rack_recovered(&c->rack);
	c->n_dup_acks = 0;
	c->flags &= (uint16_t) ~(TCP_CONN_RXT_ONCE | TCP_CONN_RXT_AGAIN);
	tcp_sack_acked(&c->board, c->snd_una);
	if (c->board.n == 0)
		tcp_recover_release(c);
}

/* The first @len octets in flight are lost: all that is known without SACK. */
static void first_is_lost(struct tcp_conn *c)
{
	uint32_t end = seq_min(c->snd_una + tcp_conn_mss(c), c->snd_max);

	c->board.lost = seq_max(c->board.lost, end);
}

/* RACK: move @lost up by what should have come by now, and wait for the rest. */
static void detect_by_time(struct tcp_conn *c)
{
	uint32_t window_us = tcp_rack_window_us(&c->rack, c->rtt.min_us, c->rtt.srtt_us,
						c->recovery != TCP_RECOVERY_NONE);
	uint32_t wait_us, lost;

	lost = tcp_rack_lost(&c->rack, &c->sent, c->snd_una, (uint32_t)now_us(c), window_us,
			     &wait_us);
	c->board.lost = seq_max(c->board.lost, lost);
	if (wait_us)
		tcp_timers_probe_in(c, TCP_PROBE_REORDER, wait_us);
	else if (c->probe == TCP_PROBE_REORDER)
		tcp_timers_no_probe(c);
}

/* With SACK: by what came after the gap, unless the path reorders, and by time. */
static void detect(struct tcp_conn *c)
{
	if (!c->rack.reordered)
		tcp_sack_detect(&c->board, tcp_conn_mss(c));
	if (c->board.n)
		detect_by_time(c);
}

static bool loss_detected(struct tcp_conn *c)
{
	if (c->flags & TCP_CONN_SACK) {
		detect(c);
		return seq_gt(c->board.lost, c->snd_una);
	}
	if (c->n_dup_acks < TCP_DUP_THRESH)
		return false;
	first_is_lost(c);
	return true;
}

static void begin_fast(struct tcp_conn *c)
{
	/* A hole that the last recovery found late may have been sent again already. */
	bool sent = seq_gt(c->board.high_rxt, c->snd_una);

	tcp_count_in(c->worker, TCP_IN_RECOVERY);
	c->cc.ops->lost(&c->cc, flight_that_counts(c), now_us(c));
	begin(c, TCP_RECOVERY_FAST);
	c->prr_flight = tcp_conn_flight(c);
	c->prr_delivered = c->prr_out = 0;
	tcp_sack_enter(&c->board, sent ? c->board.high_rxt : c->snd_una);
}

/*
 * RFC 3522: the acknowledgement that ends the first hole echoes a time before we sent it again, so
 * the first copy has arrived: late, not lost. Take the reduction back and expect such disorder.
 */
static bool undo(struct tcp_conn *c, const struct tcp_ack_news *news)
{
	if (!news->acked || !c->undo_ts)
		return false;
	if (!news->has_echo || !seq_lt(news->ts_echo, c->undo_ts)) {
		c->undo_ts = 0;
		return false;
	}
	tcp_count_in(c->worker, TCP_IN_UNDONE);
	if (c->recovery == TCP_RECOVERY_FAST)
		tcp_rack_too_short(&c->rack);
	c->board.lost = c->board.high_rxt = c->snd_una;
	finish(c);
	c->cc.ops->undone(&c->cc);
	return true;
}

/* RFC 8985: what was sent again at snd_una is lost if something sent later has come, and it not. */
static bool is_overtaken(const struct tcp_conn *c)
{
	uint32_t window_us =
		tcp_rack_window_us(&c->rack, c->rtt.min_us, c->rtt.srtt_us, !c->rack.reordered);

	return c->recovery == TCP_RECOVERY_FAST && c->rack.known &&
	       seq_gt(c->rack.xmit_us, c->rxt_us) &&
	       (uint32_t)now_us(c) - c->rxt_us >= c->rack.rtt_us + window_us;
}

/*
 * RFC 6675 knows of no lost retransmission; each would cost a timeout. If what was sent after it
 * arrives, by more than the usual tolerance, it is lost like any other segment: data beyond what
 * had been sent at the time, or, after a timeout, whatever is reported at all.
 */
static void detect_lost_again(struct tcp_conn *c, const struct tcp_ack_news *news)
{
	struct tcp_scoreboard *b = &c->board;

	if (news->acked) {
		c->flags &= (uint16_t)~TCP_CONN_RXT_AGAIN;
		c->rxt_mark = c->snd_max;
		c->rxt_us = (uint32_t)now_us(c);
		c->rxt_news = 0;
		return;
	}
	c->rxt_news = c->recovery == TCP_RECOVERY_TIMEOUT ? c->rxt_news + news->sacked
							  : tcp_sack_bytes_above(b, c->rxt_mark);
	if (seq_gt(b->high_rxt, c->snd_una) &&
	    (c->rxt_news > TCP_DUP_THRESH * tcp_conn_mss(c) || is_overtaken(c)))
		c->flags |= TCP_CONN_RXT_AGAIN;
}

void tcp_recover_on_ack(struct tcp_conn *c, const struct tcp_ack_news *news)
{
	bool sack = c->flags & TCP_CONN_SACK;

	catch_up(c);
	if (c->recovery != TCP_RECOVERY_NONE) {
		if (undo(c, news))
			return;
		if (seq_ge(c->snd_una, c->recover)) {
			finish(c);
		} else if (sack) {
			detect(c);
			detect_lost_again(c, news);
		} else if (news->acked && c->recovery == TCP_RECOVERY_FAST) {
			/* RFC 6582 §3.2 (5): a partial acknowledgement tells of the next hole. */
			c->n_dup_acks = 0;
			tcp_sack_enter(&c->board, c->snd_una);
			first_is_lost(c);
			c->flags |= TCP_CONN_RXT_ONCE;
		}
	}
	if (c->recovery == TCP_RECOVERY_NONE && (news->sacked || news->is_dup) && loss_detected(c))
		begin_fast(c);
	if (c->recovery == TCP_RECOVERY_FAST)
		reduce_proportionally(c, news->delivered);
	else if (c->recovery == TCP_RECOVERY_NONE && c->board.n == 0 && c->board.r)
		tcp_recover_release(c);
}

void tcp_recover_resegment(struct tcp_conn *c)
{
	/* As after a timeout, but nothing says that there is congestion: the window stays. */
	begin(c, TCP_RECOVERY_TIMEOUT);
	c->n_dup_acks = 0;
	tcp_sack_timed_out(&c->board, c->snd_una, c->snd_max);
}

void tcp_recover_late(struct tcp_conn *c)
{
	if (c->board.n == 0)
		return;
	detect_by_time(c);
	if (c->recovery == TCP_RECOVERY_NONE && seq_gt(c->board.lost, c->snd_una))
		begin_fast(c);
}

void tcp_recover_tail_lost(struct tcp_conn *c)
{
	tcp_count_in(c->worker, TCP_IN_TAIL_LOST);
	c->cc.ops->lost(&c->cc, flight_that_counts(c), now_us(c));
}

void tcp_recover_timed_out(struct tcp_conn *c)
{
	tcp_rtt_back_off(&c->rtt);
	c->n_timeouts++;
	if (c->recovery != TCP_RECOVERY_TIMEOUT) {
		c->cc.ops->timed_out(&c->cc, flight_that_counts(c), now_us(c));
		begin(c, TCP_RECOVERY_TIMEOUT);
	} else {
		/* The same data again: ssthresh stays, RFC 5681 §3.1. */
		c->cc.cwnd = tcp_conn_mss(c);
		c->recover = c->snd_max;
	}
	c->n_dup_acks = 0;
	tcp_sack_timed_out(&c->board, c->snd_una, c->snd_max);
}

void tcp_recover_sent_again(struct tcp_conn *c, struct tcp_range r)
{
	tcp_sack_sent(&c->board, r.end);
	c->flags &= (uint16_t)~TCP_CONN_TIMING;
	if (r.start == c->snd_una) {
		c->flags &= (uint16_t)~TCP_CONN_RXT_AGAIN;
		c->rxt_mark = c->snd_max;
		c->rxt_us = (uint32_t)now_us(c);
		c->rxt_news = 0;
		c->rto_ns = 0; /* started anew: it has a whole timeout to arrive */
	}
	c->n_retransmits++;
	tcp_count_out(c->worker, TCP_OUT_RETRANSMIT);
	if (c->recovery == TCP_RECOVERY_TIMEOUT)
		tcp_count_out(c->worker, TCP_OUT_RETRANSMIT_TIMEOUT);
}

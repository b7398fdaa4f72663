/* recover.c - loss recovery around the scoreboard. */
#include "transport/tcp/recover.h"

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
		c->board.lost = c->board.high_rxt = c->snd_una;
}

uint32_t tcp_recover_blocks(struct tcp_conn *c, const struct tcp_options *o)
{
	uint32_t sacked = 0;
	unsigned i = 0;

	/* RFC 2883 §4: a first block below the acknowledgement, or inside the second, is a
	 * report of a duplicate. */
	if (seq_lt(o->sacks[0].left, c->snd_una) ||
	    (o->n_sacks > 1 && seq_ge(o->sacks[0].left, o->sacks[1].left) &&
	     seq_le(o->sacks[0].right, o->sacks[1].right))) {
		tcp_count_in(c->worker, TCP_IN_DSACK);
		i = 1;
	}
	catch_up(c);
	for (; i < o->n_sacks; i++) {
		struct tcp_range block = { o->sacks[i].left, o->sacks[i].right };

		if (!c->board.r) {
			struct tcp_range *r = tcp_block_take_or_null(c->worker);

			tcp_sack_lend(&c->board, r, r ? TCP_SACK_RANGES : 0);
		}
		sacked += tcp_sack_add(&c->board, c->snd_una, c->snd_max, block);
	}
	return sacked;
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

static void begin(struct tcp_conn *c, enum tcp_recovery recovery)
{
	c->recovery = (uint8_t)recovery;
	c->recover = c->snd_max;
	c->undo_ts = tcp_conn_now_ms(c);
	c->flags &= (uint16_t)~TCP_CONN_TIMING; /* Karn: RFC 6298 §3 */
	c->flags |= TCP_CONN_RXT_ONCE;
}

static void finish(struct tcp_conn *c)
{
	c->recovery = TCP_RECOVERY_NONE;
	c->n_dup_acks = 0;
	c->flags &= (uint16_t)~TCP_CONN_RXT_ONCE;
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

static bool loss_detected(struct tcp_conn *c)
{
	if (c->flags & TCP_CONN_SACK) {
		tcp_sack_detect(&c->board, tcp_conn_mss(c));
		return seq_gt(c->board.lost, c->snd_una);
	}
	if (c->n_dup_acks < TCP_DUP_THRESH)
		return false;
	first_is_lost(c);
	return true;
}

static void begin_fast(struct tcp_conn *c)
{
	tcp_count_in(c->worker, TCP_IN_RECOVERY);
	c->cc.ops->lost(&c->cc, tcp_conn_flight(c), now_us(c));
	begin(c, TCP_RECOVERY_FAST);
	tcp_sack_enter(&c->board, c->snd_una);
}

/*
 * RFC 3522: the acknowledgement that ends the first hole echoes a time before we sent it again, so
 * the first copy has arrived: late, not lost. Take the reduction back and expect such disorder.
 */
static bool undo(struct tcp_conn *c, const struct tcp_ack_news *news)
{
	uint32_t extent = tcp_sack_bytes(&c->board) / tcp_conn_mss(c) + 1;

	if (!news->acked || !c->undo_ts)
		return false;
	if (!news->has_echo || !seq_lt(news->ts_echo, c->undo_ts)) {
		c->undo_ts = 0;
		return false;
	}
	tcp_count_in(c->worker, TCP_IN_UNDONE);
	if (c->recovery == TCP_RECOVERY_FAST && extent > c->board.dup_thresh)
		c->board.dup_thresh =
			extent < TCP_DUP_THRESH_MAX ? (uint8_t)extent : TCP_DUP_THRESH_MAX;
	c->cc.ops->undone(&c->cc);
	c->board.lost = c->board.high_rxt = c->snd_una;
	finish(c);
	return true;
}

void tcp_recover_on_ack(struct tcp_conn *c, const struct tcp_ack_news *news)
{
	bool sack = c->flags & TCP_CONN_SACK;

	catch_up(c);
	if (news->acked)
		tcp_sack_acked(&c->board, c->snd_una);
	if (c->recovery != TCP_RECOVERY_NONE) {
		if (undo(c, news))
			return;
		if (seq_ge(c->snd_una, c->recover)) {
			finish(c);
		} else if (sack) {
			tcp_sack_detect(&c->board, tcp_conn_mss(c));
		} else if (news->acked && c->recovery == TCP_RECOVERY_FAST) {
			/* RFC 6582 §3.2 (5): a partial acknowledgement tells of the next hole. */
			c->n_dup_acks = 0;
			tcp_sack_enter(&c->board, c->snd_una);
			first_is_lost(c);
			c->flags |= TCP_CONN_RXT_ONCE;
		}
	}
	if (c->recovery != TCP_RECOVERY_NONE)
		return;
	if ((news->sacked || news->is_dup) && loss_detected(c))
		begin_fast(c);
	else if (c->board.n == 0 && c->board.r)
		tcp_recover_release(c);
}

void tcp_recover_timed_out(struct tcp_conn *c)
{
	tcp_rtt_back_off(&c->rtt);
	c->n_timeouts++;
	if (c->recovery != TCP_RECOVERY_TIMEOUT) {
		c->cc.ops->timed_out(&c->cc, tcp_conn_flight(c), now_us(c));
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
	c->n_retransmits++;
	tcp_count_out(c->worker, TCP_OUT_RETRANSMIT);
}

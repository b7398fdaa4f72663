/*
 * recover.h - loss recovery: when something counts as lost, when the window is reduced, when it was
 * all a mistake. RFC 6675 and RFC 8985 with SACK, RFC 6582 without, RFC 5681 §3, RFC 3522 (Eifel
 * detection).
 *
 *   NONE ──3 duplicates or their worth in SACKed data──> FAST ──snd_una ≥ recover──> NONE
 *     └──retransmission timeout──> TIMEOUT ──snd_una ≥ recover──> NONE
 */
#ifndef CONVOY_TRANSPORT_TCP_RECOVER_H
#define CONVOY_TRANSPORT_TCP_RECOVER_H

#include "transport/tcp/worker.h"

/* What one acknowledgement brought. */
struct tcp_ack_news {
	uint32_t acked;	    /* octets by which snd_una moved */
	uint32_t sacked;    /* octets newly reported as arrived beyond it */
	uint32_t delivered; /* octets that are now known to have arrived and were not before */
	bool is_dup;	    /* a duplicate acknowledgement, RFC 5681 §2 */
	bool is_dsack;	    /* the peer has got something twice, RFC 2883 */
	bool has_echo;	    /* ts_echo is the peer's echo of our clock */
	uint32_t ts_echo;
};

/* tcp_recover_blocks - take in the SACK blocks of @o: sets news->sacked and is_dsack. */
void tcp_recover_blocks(struct tcp_conn *c, const struct tcp_options *o, struct tcp_ack_news *news);

/* tcp_recover_advance - snd_una has moved; returns how much of what it passed had been reported. */
uint32_t tcp_recover_advance(struct tcp_conn *c);

/* tcp_recover_on_ack - after snd_una and the scoreboard have moved. */
void tcp_recover_on_ack(struct tcp_conn *c, const struct tcp_ack_news *news);

/* tcp_recover_timed_out - the retransmission timer has fired. RFC 6298 (5.4) to (5.6) */
void tcp_recover_timed_out(struct tcp_conn *c);

/* tcp_recover_resegment - segments are smaller now: send what has not arrived again, at no cost. */
void tcp_recover_resegment(struct tcp_conn *c);

/* tcp_recover_late - the timer of late segments: are they lost now? RFC 8985 §6.3 */
void tcp_recover_late(struct tcp_conn *c);

/* tcp_recover_tail_lost - a tail loss probe has repaired a loss: pay for it. §7.4.2 */
void tcp_recover_tail_lost(struct tcp_conn *c);

/* tcp_recover_pipe - octets believed to be in the network. */
uint32_t tcp_recover_pipe(const struct tcp_conn *c);

/* tcp_recover_sent - @len octets went out, again or for the first time. */
static inline void tcp_recover_sent(struct tcp_conn *c, uint32_t len)
{
	c->prr_out += len;
}

/* tcp_recover_sent_again - @r has been retransmitted. */
void tcp_recover_sent_again(struct tcp_conn *c, struct tcp_range r);

/* tcp_recover_release - give back what was lent for losses. */
void tcp_recover_release(struct tcp_conn *c);

#endif

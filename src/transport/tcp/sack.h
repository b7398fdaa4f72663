/*
 * sack.h - the sender's scoreboard: what of the data in flight has arrived, what is lost, what to
 * send again. RFC 2018 §5, RFC 6675. Pure. Part of each connection, but for the ranges,
 * which are lent to it while it has losses; without them it knows of nothing that arrived.
 *
 *      una        lost            high_rxt                          max
 *       |----------|==range==|-------|------|==range==|--------------|
 *        lost       arrived   in flight       arrived     in flight
 *        [una, high_rxt) that has not arrived has been sent again
 *
 * The number of ranges is bounded. A block that would need one more is forgotten, as if the
 * acknowledgement that carried it had been lost; that costs a retransmission, never correctness.
 */
#ifndef CONVOY_TRANSPORT_TCP_SACK_H
#define CONVOY_TRANSPORT_TCP_SACK_H

#include "transport/tcp/seq.h"

enum { TCP_SACK_RANGES = 60, TCP_DUP_THRESH = 3 };

struct tcp_scoreboard {
	uint32_t lost;	   /* what has not arrived below it is lost */
	uint32_t high_rxt; /* one past the highest octet sent again in this recovery */
	uint16_t n;
	uint16_t max;	     /* room in @r; 0 while there is no memory for ranges */
	bool rescued;	     /* the rescue retransmission of this recovery has been made */
	struct tcp_range *r; /* ascending, apart from each other; borrowed */
};

/*
 * tcp_sack_init - nothing has arrived, nothing is lost, no memory for ranges yet.
 * @una: the oldest octet in flight
 */
void tcp_sack_init(struct tcp_scoreboard *s, uint32_t una);

/* tcp_sack_lend - use @r, with room for @max ranges, from now on. */
static inline void tcp_sack_lend(struct tcp_scoreboard *s, struct tcp_range *r, uint16_t max)
{
	s->r = r;
	s->max = max;
}

/* tcp_sack_forget - forget the ranges; returns their memory to who lent it. */
static inline struct tcp_range *tcp_sack_forget(struct tcp_scoreboard *s)
{
	struct tcp_range *r = s->r;

	s->r = NULL;
	s->n = s->max = 0;
	return r;
}

/*
 * tcp_sack_add - one block of an acknowledgement.
 * @una, @max: the octets in flight. A block that does not lie inside (una, max] is ignored;
 *             a duplicate report (RFC 2883) lies below.
 * Returns the number of octets that were not known to have arrived.
 */
uint32_t tcp_sack_add(struct tcp_scoreboard *s, uint32_t una, uint32_t max, struct tcp_range block);

/* tcp_sack_detect - after the blocks of one acknowledgement, move @lost up. §4 IsLost() */
void tcp_sack_detect(struct tcp_scoreboard *s, uint32_t mss);

/* tcp_sack_acked - forget all below @una. */
void tcp_sack_acked(struct tcp_scoreboard *s, uint32_t una);

/*
 * tcp_sack_timed_out - all that has not arrived below @max is lost and nothing has been sent again.
 * If the receiver has taken back what it reported (RFC 2018 §8), the ranges are cleared.
 */
void tcp_sack_timed_out(struct tcp_scoreboard *s, uint32_t una, uint32_t max);

/* tcp_sack_enter - a recovery begins: only what is missing below @sent has been sent again. */
void tcp_sack_enter(struct tcp_scoreboard *s, uint32_t sent);

/* tcp_sack_pipe - octets believed to be in the network. §4 SetPipe() */
uint32_t tcp_sack_pipe(const struct tcp_scoreboard *s, uint32_t una, uint32_t max);

/* tcp_sack_bytes - octets known to have arrived above the cumulative acknowledgement. */
uint32_t tcp_sack_bytes(const struct tcp_scoreboard *s);

/* tcp_sack_bytes_above - of those the ones from @seq on. */
uint32_t tcp_sack_bytes_above(const struct tcp_scoreboard *s, uint32_t seq);

/* tcp_sack_first_again - of the first run that has not arrived, what was sent again. */
struct tcp_range tcp_sack_first_again(const struct tcp_scoreboard *s, uint32_t una);

/*
 * tcp_sack_next_lost, tcp_sack_next_hole, tcp_sack_next_rescue - what to send again, by rules (1),
 * (3) and (4) of §4 NextSeg(); new data, rule (2), comes between the first two. An empty range
 * stands for nothing. The run may be longer than a segment; say with tcp_sack_sent() how
 * far it was sent. The rescue, made once for each recovery, is for the last @mss octets.
 */
struct tcp_range tcp_sack_next_lost(const struct tcp_scoreboard *s, uint32_t una);
struct tcp_range tcp_sack_next_hole(const struct tcp_scoreboard *s, uint32_t una);
struct tcp_range tcp_sack_next_rescue(struct tcp_scoreboard *s, uint32_t una, uint32_t max,
				      uint32_t mss);

/* tcp_sack_sent - everything that had not arrived below @end has been sent again. */
static inline void tcp_sack_sent(struct tcp_scoreboard *s, uint32_t end)
{
	s->high_rxt = seq_max(s->high_rxt, end);
}

#endif

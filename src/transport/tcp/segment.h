/*
 * segment.h - build segments and send them off: a header before bytes copied from the session, in
 * a chain of buffers, one super-segment for as many octets as are due.
 */
#ifndef CONVOY_TRANSPORT_TCP_SEGMENT_H
#define CONVOY_TRANSPORT_TCP_SEGMENT_H

#include "transport/tcp/worker.h"

enum { TCP_SUPER_SEGMENT_MAX = 65535 - 40 - TCP_OPTIONS_MAX_LEN };

enum tcp_sent {
	TCP_SENT,
	TCP_NO_BUFFER, /* the pool is empty; try again in a later turn */
	TCP_BROKEN,    /* the application broke its fifo: the session layer aborts this turn */
	/* of a connection's round, not of a segment: */
	TCP_MORE,    /* others first, then the rest */
	TCP_STALLED, /* the interface is busy */
};

/*
 * tcp_segment_send - @len octets of @c from sequence number @seq, with our latest acknowledgement.
 * @len:   at most TCP_SUPER_SEGMENT_MAX, all of it held by the session
 * @flags: TCP_FIN, TCP_PSH; TCP_ACK is added
 * A segment without data carries SACK blocks when something is out of order.
 */
must_check
enum tcp_sent tcp_segment_send(struct tcp_conn *c, uint32_t seq, uint32_t len, uint8_t flags);

/* A segment that no connection stands behind, or a SYN. */
struct tcp_bare {
	const struct tcp_key *key;
	uint32_t seq, ack;
	uint16_t window; /* as it goes into the header */
	uint8_t flags;
	struct tcp_options options;
};

/* tcp_segment_send_bare - header and options only; false if there was no buffer. */
bool tcp_segment_send_bare(struct tcp_worker *tw, const struct tcp_bare *s);

/*
 * tcp_segment_answer_reset - the reset that @s deserves, RFC 9293 §3.10.7.1; none for a reset.
 * Limited to some thousands a second.
 */
void tcp_segment_answer_reset(struct tcp_worker *tw, const struct tcp_key *key,
			      const struct tcp_segment *s);

/* tcp_segment_send_reset - end @c at the peer. §3.10.4, §3.10.5 */
void tcp_segment_send_reset(struct tcp_conn *c);

/* tcp_segment_send_syn - our SYN, or SYN-ACK in state SYN_RECEIVED, first or again. */
void tcp_segment_send_syn(struct tcp_conn *c);

#endif

/*
 * delack.h - when to acknowledge. RFC 9293 §3.8.6.3, RFC 5681 §4.2. Pure.
 *
 * At least every second full segment at once, anything out of order at once, the rest within 40 ms.
 * A peer that pushed has nothing more to send for now: what it waits for is our answer, so the
 * acknowledgement has a millisecond to travel on it, unless much of the window is unacknowledged.
 * The first segments of a connection are acknowledged one by one, because a peer in slow start is
 * waiting for them, until we answer: then acknowledgements travel on the answers. A small one is
 * likely a request; its acknowledgement waits a millisecond for the answer.
 */
#ifndef CONVOY_TRANSPORT_TCP_DELACK_H
#define CONVOY_TRANSPORT_TCP_DELACK_H

#include "base/compiler.h"

enum {
	TCP_DELACK_US = 40000,
	TCP_DELACK_SOON_US = 1000,
	TCP_QUICK_ACKS = 8,
	TCP_DELACK_WINDOW = 4, /* a pushed part of the window, this small, may wait */
};

struct tcp_delack {
	uint32_t bytes;	   /* received in order and not acknowledged */
	uint16_t peer_mss; /* size of the peer's segments, as seen */
	uint8_t quick;	   /* segments still to be acknowledged one by one */
};

enum tcp_ack_when {
	TCP_ACK_LATER, /* within TCP_DELACK_US */
	TCP_ACK_SOON,  /* within TCP_DELACK_SOON_US */
	TCP_ACK_NOW,
};

void tcp_delack_init(struct tcp_delack *d, uint16_t mss);

/* What came in order. */
struct tcp_received {
	uint32_t len;
	uint32_t segment; /* size of one segment of it: less than @len after coalescing */
	uint32_t window;  /* octets that the peer may still send */
	bool push;	  /* it ends with PSH */
};

enum tcp_ack_when tcp_delack_received(struct tcp_delack *d, const struct tcp_received *r);

/* tcp_delack_sent - an acknowledgement has gone; @with_data when it travelled on our data. */
void tcp_delack_sent(struct tcp_delack *d, bool with_data);

/* tcp_delack_quicken - after a loss: acknowledge each segment for a while. */
static inline void tcp_delack_quicken(struct tcp_delack *d)
{
	d->quick = TCP_QUICK_ACKS;
}

#endif

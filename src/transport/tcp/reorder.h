/*
 * reorder.h - what has arrived beyond a gap, and the SACK blocks that say so. RFC 2018 §4,
 * RFC 2883. Pure: the octets themselves lie in the receive fifo at their place; this keeps the
 * ranges. Attached to a connection while something is out of order.
 *
 * The number of ranges is bounded. When there is no room the caller drops the segment; the sender
 * has not been told of it and sends it again.
 */
#ifndef CONVOY_TRANSPORT_TCP_REORDER_H
#define CONVOY_TRANSPORT_TCP_REORDER_H

#include "base/err.h"
#include "transport/tcp/seq.h"

enum { TCP_REORDER_RANGES = 40, TCP_SACK_BLOCKS_MAX = 4 };

struct tcp_reorder {
	uint16_t n;
	uint32_t stamp; /* counts arrivals, so that blocks go out most recent first */
	struct tcp_arrived {
		uint32_t start, end;
		uint32_t stamp;	 /* of the last arrival in it */
	} r[TCP_REORDER_RANGES]; /* ascending, apart from each other */
};

void tcp_reorder_init(struct tcp_reorder *q);

/*
 * tcp_reorder_add - a segment beyond the gap has arrived.
 * Returns 0, ERR_EXIST when all of it had arrived before (report a duplicate), ERR_FULL when it
 * cannot be remembered and must be dropped.
 */
must_check
int tcp_reorder_add(struct tcp_reorder *q, struct tcp_range in);

/* tcp_reorder_advance - in-order data ends at @rcv_nxt; returns where it ends with what waited. */
uint32_t tcp_reorder_advance(struct tcp_reorder *q, uint32_t rcv_nxt);

/* tcp_reorder_blocks - up to @max blocks, the one with the latest arrival first; returns how many.
 */
unsigned tcp_reorder_blocks(const struct tcp_reorder *q, struct tcp_range *out, unsigned max);

#endif

/*
 * reorder.h - what has arrived beyond a gap: held segments, and the SACK blocks that tell of them.
 * RFC 2018 §4, RFC 2883. Pure: a held segment is a token of the caller's, a buffer's index; the
 * caller links tokens when asked. Attached to a connection while something is out of order.
 *
 *   rcv_nxt   ┌─ range ────────────┐   ┌─ range ─┐
 *   ──┬───────┼────┬────┬──────────┼───┼─────────┼───
 *     │  gap  │ t1 → t2 → t3       │   │ t4      │
 *
 * Within a range each token is linked to the one that goes on where it, or one before it, ends; so
 * a walk from the first token meets every octet, some more than once.
 *
 * Ranges and segments are bounded. When there is no room the caller drops the segment; the sender
 * has not been told of it and sends it again.
 */
#ifndef CONVOY_TRANSPORT_TCP_REORDER_H
#define CONVOY_TRANSPORT_TCP_REORDER_H

#include "base/err.h"
#include "transport/tcp/seq.h"

enum { TCP_REORDER_RANGES = 24 };

struct tcp_reorder {
	uint16_t n;
	uint32_t stamp; /* counts arrivals, so that blocks go out most recent first */
	struct tcp_arrived {
		uint32_t start, end;
		uint32_t stamp;	      /* of the last arrival in it */
		uint32_t first, last; /* tokens */
	} r[TCP_REORDER_RANGES];      /* ascending, apart from each other */
};

/* How the caller links one token to the next: in its own memory, after which no call asks. */
struct tcp_linker {
	void (*link)(void *context, uint32_t from, uint32_t to);
	void *context;
};

void tcp_reorder_init(struct tcp_reorder *q);

/*
 * tcp_reorder_add - a segment beyond the gap has arrived; takes @token, which ends a list.
 * Returns 0; or ERR_EXIST when all of it had arrived before (report a duplicate), ERR_FULL when
 * there is no room; then the token stays the caller's.
 */
must_check
int tcp_reorder_add(struct tcp_reorder *q, struct tcp_range in, uint32_t token,
		    const struct tcp_linker *linker);

/*
 * tcp_reorder_take - the first range, if it begins at or before @rcv_nxt.
 * Returns true and the range's first token, whose list is now the caller's; false if the gap
 * remains.
 */
bool tcp_reorder_take(struct tcp_reorder *q, uint32_t rcv_nxt, uint32_t *first);

/* tcp_reorder_blocks - up to @max blocks, the one with the latest arrival first; returns how many.
 */
unsigned tcp_reorder_blocks(const struct tcp_reorder *q, struct tcp_range *out, unsigned max);

#endif

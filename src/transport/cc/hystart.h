/*
 * hystart.h - HyStart++, RFC 9406: leave slow start when the queue on the path begins to grow,
 * before it overflows. Pure.
 *
 *   SLOW ──the round trip is longer by an eighth (4 to 16 ms)──> CAUTIOUS ──5 rounds──> over
 *     ^                                                             │
 *     └───────────────── it is shorter again: a mistake ────────────┘
 *
 * The RFC takes the least of eight measurements in each round. TCP times the first segment of each,
 * which has the least queue before it. §4.3's limit of eight segments for each acknowledgement is
 * not kept: with coalesced acknowledgements it would be a limit of speed.
 */
#ifndef CONVOY_TRANSPORT_CC_HYSTART_H
#define CONVOY_TRANSPORT_CC_HYSTART_H

#include "base/compiler.h"

enum {
	HYSTART_MIN_US = 4000,	/* MIN_RTT_THRESH */
	HYSTART_MAX_US = 16000, /* MAX_RTT_THRESH */
	HYSTART_DIVISOR = 8,	/* MIN_RTT_DIVISOR */
	HYSTART_SLOWER = 4,	/* CSS_GROWTH_DIVISOR */
	HYSTART_ROUNDS = 5,	/* CSS_ROUNDS */
};

struct hystart {
	uint32_t last_us;     /* round trip of the last round; 0 before the first */
	uint32_t baseline_us; /* that of the round which raised suspicion; 0: not cautious */
	uint32_t n_rounds;    /* cautious ones */
};

enum hystart_pace {
	HYSTART_FAST,	/* the window grows by what is acknowledged */
	HYSTART_SLOWLY, /* by a quarter of it */
	HYSTART_OVER,	/* slow start has ended: ssthresh is the window */
};

/* hystart_round - a round is over, its first segment took @rtt_us: how to go on. */
enum hystart_pace hystart_round(struct hystart *h, uint32_t rtt_us);

/* hystart_pace_of - how to go on within a round. */
static inline enum hystart_pace hystart_pace_of(const struct hystart *h)
{
	return h->baseline_us ? HYSTART_SLOWLY : HYSTART_FAST;
}

#endif

/*
 * impair_line.h - a bad wire, as a pure state machine: what happens to the next packet, and when
 * does it come out? No packets, no clock, no memory beyond what it was given.
 *
 *   in ──> loss? ──> duplicate? corrupt? ──> rate (one after the other) ──> delay ± jitter ──> out
 *
 * Order is kept in spite of jitter; only a packet that is chosen for reordering is held back
 * longer, so that those behind it overtake. The same seed and the same packets give the same fates.
 */
#ifndef CONVOY_FUNCTIONS_IMPAIR_LINE_H
#define CONVOY_FUNCTIONS_IMPAIR_LINE_H

#include "base/err.h"
#include "base/random.h"

enum { IMPAIR_PPM = 1000000, IMPAIR_HELD_MAX = 65536, IMPAIR_HELD_DEFAULT = 1000 };

struct impair_config {
	uint64_t delay_ns;
	uint64_t jitter_ns;  /* uniform in delay ± jitter */
	uint64_t rate_bps;   /* bits per second, headers included; 0: unlimited */
	uint64_t reorder_ns; /* how much longer a reordered packet takes; 0: 5 ms */
	uint32_t loss_ppm, duplicate_ppm, corrupt_ppm, reorder_ppm;
	uint32_t held_max; /* packets under way, more are dropped; 0: 1000 */
	uint64_t seed;	   /* 0: 1 */
};

/* What becomes of a packet. */
enum impair_fate {
	IMPAIR_LOST = 1 << 0,
	IMPAIR_FULL = 1 << 1, /* too many under way */
	IMPAIR_DUPLICATED = 1 << 2,
	IMPAIR_CORRUPTED = 1 << 3,
	IMPAIR_REORDERED = 1 << 4,
};

struct impair_held {
	uint64_t release_ns;
	uint64_t order; /* of arrival: among equals the first goes first */
	uint32_t packet;
};

struct impair_line {
	struct impair_config config;
	struct random random;
	uint64_t wire_free_ns;	  /* when the last packet has left the sender */
	uint64_t last_release_ns; /* no later packet comes out before it */
	uint64_t n_arrived;
	uint32_t n_held;
	uint32_t held_size;
	struct impair_held *held; /* heap: the earliest first */
};

/* impair_line_init - take @config; false if a number is out of its range. @held has held_max
 * places. */
must_check
int impair_line_init(struct impair_line *l, const struct impair_config *config);
void impair_line_deinit(struct impair_line *l);

/* impair_line_judge - a packet of @len bytes arrives: enum impair_fate, and when it comes out. */
unsigned impair_line_judge(struct impair_line *l, uint64_t now_ns, uint32_t len,
			   uint64_t *release_ns);

/* impair_line_hold - keep @packet until @release_ns. False when there is no place. */
must_check
bool impair_line_hold(struct impair_line *l, uint32_t packet, uint64_t release_ns);

/* impair_line_due - the next packet to come out at @now_ns; false when it is none yet. */
must_check
bool impair_line_due(struct impair_line *l, uint64_t now_ns, uint32_t *packet);

/* impair_line_next_ns - when the next packet comes out; UINT64_MAX when nothing is held. */
static inline uint64_t impair_line_next_ns(const struct impair_line *l)
{
	return l->n_held ? l->held[0].release_ns : UINT64_MAX;
}

#endif

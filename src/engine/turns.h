/*
 * turns.h - how long a worker's turns take: a histogram that costs a few instructions a turn.
 *
 * Each power of two of the time stamp counter has eight buckets, so that a percentile is right to
 * an eighth. A turn is measured from its start to the start of the next one, unless the worker
 * sleeps between: so a pause of any cause shows, and idleness does not. A second histogram has the
 * turns in which the kernel ran nobody else in the worker's place: what the stack itself took, with
 * interrupts.
 */
#ifndef CONVOY_ENGINE_TURNS_H
#define CONVOY_ENGINE_TURNS_H

#include "base/switch_mark.h"

enum {
	TURNS_SUB_BITS = 3,
	TURNS_SUB = 1 << TURNS_SUB_BITS,
	TURNS_BUCKETS = (64 - TURNS_SUB_BITS + 1) << TURNS_SUB_BITS,
};

/* Written by the worker, read by main. */
struct turns {
	uint64_t began; /* the worker's: when the turn that runs began; 0 after a sleep */
	struct switch_mark mark;
	uint64_t bucket[TURNS_BUCKETS];
	uint64_t own[TURNS_BUCKETS]; /* of these, without being preempted, as far as is known */
};

/* turns_bucket - the bucket of a turn of so many clocks. */
static inline unsigned turns_bucket(uint64_t clocks)
{
	unsigned top;

	if (clocks < TURNS_SUB)
		return (unsigned)clocks;
	top = 63u - (unsigned)__builtin_clzll(clocks);
	return (top - TURNS_SUB_BITS + 1) << TURNS_SUB_BITS |
	       (unsigned)(clocks >> (top - TURNS_SUB_BITS) & (TURNS_SUB - 1));
}

/* turns_limit - the first number of clocks beyond @bucket. */
static inline uint64_t turns_limit(unsigned bucket)
{
	unsigned shift = bucket >> TURNS_SUB_BITS;
	uint64_t within = bucket & (TURNS_SUB - 1);

	if (shift == 0)
		return within + 1;
	return (within + TURNS_SUB + 1) << (shift - 1);
}

/* turns_begin - a turn begins at @now: the one before is over. */
static inline void turns_begin(struct turns *t, uint64_t now)
{
	if (likely(t->began != 0)) {
		unsigned b = turns_bucket(now - t->began);

		t->bucket[b]++;
		t->own[b] += !switch_mark_gone(&t->mark);
	}
	t->began = now;
	switch_mark_set(&t->mark);
}

/* turns_break - the worker sleeps: what passes until the next turn is no turn. */
static inline void turns_break(struct turns *t)
{
	t->began = 0;
}

/* turns_total - how many turns @bucket counts. */
uint64_t turns_total(const uint64_t bucket[TURNS_BUCKETS]);

/*
 * turns_percentile - so many clocks are not exceeded by the share @p of all turns, from 0 to 1; 0
 * if there are none. With 1: the longest.
 */
uint64_t turns_percentile(const uint64_t bucket[TURNS_BUCKETS], double p);

#endif

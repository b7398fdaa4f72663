/*
 * wheel.h - hierarchical timer wheel: one entry per object, O(1) to set and to cancel.
 *
 * Ticks are 1 ms. Four levels of 256 slots reach 2^32 ms (49 days); later deadlines wait in the
 * last level. Owners keep their own finer deadlines and may be called early by at most nothing and
 * late by at most one tick. A callback may set or cancel any timer, its own included.
 */
#ifndef CONVOY_BASE_WHEEL_H
#define CONVOY_BASE_WHEEL_H

#include "base/clock.h"
#include "base/compiler.h"
#include "base/list.h"

enum { WHEEL_LEVELS = 4, WHEEL_SLOTS = 256, WHEEL_TICK_NS = NS_PER_MS };

struct timer {
	struct list link;
	uint64_t deadline_tick;
	void (*expired)(struct timer *t, uint64_t now_ns);
};

struct wheel {
	uint64_t tick; /* every deadline up to and including it has fired */
	uint32_t n_set;
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, uint64_t now_ns);

static inline void timer_init(struct timer *t, void (*expired)(struct timer *, uint64_t now_ns))
{
	list_init(&t->link);
	t->deadline_tick = 0;
	t->expired = expired;
}

static inline bool timer_is_set(const struct timer *t)
{
	return list_linked(&t->link);
}

/* timer_set - fire at @deadline_ns or within the tick after it; replaces an earlier setting. */
void timer_set(struct wheel *w, struct timer *t, uint64_t deadline_ns);
void timer_cancel(struct wheel *w, struct timer *t);

/* wheel_advance - fire what is due at @now_ns; returns the number fired. */
unsigned wheel_advance(struct wheel *w, uint64_t now_ns);

/*
 * wheel_next_ns - a time not later than the next deadline, UINT64_MAX when nothing is set.
 * It may be early (the next cascade of a far timer), so a sleeper re-reads it after waking.
 */
uint64_t wheel_next_ns(const struct wheel *w);

#endif

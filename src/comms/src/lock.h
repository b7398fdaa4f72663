/*
 * lock.h - a small lock over a futex: one compare-and-swap to take and one swap to give when nobody
 * competes, which is nearly always. Fair to nobody; held for microseconds.
 */
#ifndef CONVOY_COMMS_LOCK_H
#define CONVOY_COMMS_LOCK_H

#include <stdatomic.h>

#include "base/compiler.h"

enum { LOCK_FREE, LOCK_HELD, LOCK_CONTENDED };

struct lock {
	_Atomic uint32_t word;
};

void lock_take_slowly(struct lock *l);
void lock_wake(struct lock *l);

static inline void lock_take(struct lock *l)
{
	uint32_t free = LOCK_FREE;

	if (unlikely(!atomic_compare_exchange_strong_explicit(
		    &l->word, &free, LOCK_HELD, memory_order_acquire, memory_order_relaxed)))
		lock_take_slowly(l);
}

static inline void lock_give(struct lock *l)
{
	if (unlikely(atomic_exchange_explicit(&l->word, LOCK_FREE, memory_order_release) ==
		     LOCK_CONTENDED))
		lock_wake(l);
}

#endif

/*
 * wake.h - the one sleep/wake protocol, for stack workers, application workers and cut-through.
 *
 *   producer                         consumer
 *     publish the work                 nap odd
 *     full fence                       full fence
 *     nap odd? wake, once per nap      look at everything again; work found: nap even
 *                                      sleep; then nap even
 *
 * Whichever fence comes second sees the other side's store, so either the consumer finds the work
 * before it sleeps or the producer finds it asleep. The nap word is a counter: a producer that has
 * already written a wake-up for this nap does not write another. wake_test.c runs every
 * interleaving.
 */
#ifndef CONVOY_SHM_WAKE_H
#define CONVOY_SHM_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* nap_begin - announce sleep; afterwards the caller must look for work once more. */
static inline void nap_begin(_Atomic uint32_t *nap)
{
	uint32_t n = atomic_load_explicit(nap, memory_order_relaxed);

	atomic_store_explicit(nap, n | 1, memory_order_relaxed);
}

/* nap_fence - once after nap_begin() on every channel, before the second look. */
static inline void nap_fence(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/* nap_end - awake again; harmless when not napping. */
static inline void nap_end(_Atomic uint32_t *nap)
{
	uint32_t n = atomic_load_explicit(nap, memory_order_relaxed);

	atomic_store_explicit(nap, (n + 1) & ~1u, memory_order_relaxed);
}

/*
 * wake_due - after publishing and a full fence: must the consumer be woken?
 * @last: the nap that this producer has already written a wake-up for; private, starts at 0
 */
static inline bool wake_due(const _Atomic uint32_t *nap, uint32_t *last)
{
	uint32_t n = atomic_load_explicit(nap, memory_order_relaxed);

	if (!(n & 1) || n == *last)
		return false;
	*last = n;
	return true;
}

#endif

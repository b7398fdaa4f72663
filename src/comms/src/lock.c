/* lock.c - what lock.h does when threads compete. */
#include "comms/src/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINS = 60 };

static bool try_take(struct lock *l)
{
	uint32_t free = LOCK_FREE;

	return atomic_compare_exchange_strong_explicit(&l->word, &free, LOCK_HELD,
						       memory_order_acquire, memory_order_relaxed);
}

void lock_take_slowly(struct lock *l)
{
	for (unsigned i = 0; i < SPINS; i++) {
		cpu_relax();
		if (atomic_load_explicit(&l->word, memory_order_relaxed) == LOCK_FREE &&
		    try_take(l))
			return;
	}
	while (atomic_exchange_explicit(&l->word, LOCK_CONTENDED, memory_order_acquire) !=
	       LOCK_FREE)
		syscall(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, LOCK_CONTENDED, NULL, NULL, 0);
}

void lock_wake(struct lock *l)
{
	syscall(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

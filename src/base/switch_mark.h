/*
 * switch_mark.h - did the kernel take the processor from this thread? For the price of a store
 * and a load, by restartable sequences (rseq(2)): whenever a thread comes back from being
 * preempted, moved to another processor, or from a signal, the kernel takes away the pointer to
 * the sequence that it was in, if it is outside of that sequence. Ours names a sequence that nobody
 * ever is in, so that the pointer is a mark that lasts until then.
 *
 * Interrupts that end in the same thread do not show, nor what a hypervisor takes.
 */
#ifndef CONVOY_BASE_SWITCH_MARK_H
#define CONVOY_BASE_SWITCH_MARK_H

#include "base/compiler.h"

struct switch_mark {
	uint64_t *place;   /* the kernel's and ours; NULL: not known */
	uint64_t sequence; /* what stands there while nothing has happened */
};

/*
 * switch_mark_of_thread - the calling thread's; of no use to any other. Without a place where libc
 * has not registered the thread (before glibc 2.35, Linux 4.18, under valgrind).
 */
struct switch_mark switch_mark_of_thread(void);

/* switch_mark_known - do threads have such a place here? */
bool switch_mark_known(void);

/* switch_mark_set - from now on. */
static inline void switch_mark_set(const struct switch_mark *m)
{
	if (likely(m->place != NULL))
		*(volatile uint64_t *)m->place = m->sequence;
}

/* switch_mark_gone - the thread has lost its processor since; false if that is not known. */
static inline bool switch_mark_gone(const struct switch_mark *m)
{
	return m->place && *(volatile uint64_t *)m->place == 0;
}

#endif

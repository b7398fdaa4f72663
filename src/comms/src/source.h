/*
 * source.h - something that becomes ready: a socket, or a listener's queue at one worker; and those
 * who want to know: watches of epoll sets, and waiting threads. The home's lock guards it all.
 */
#ifndef CONVOY_COMMS_SOURCE_H
#define CONVOY_COMMS_SOURCE_H

#include "base/list.h"
#include "comms/src/worker.h"

enum source_kind { SOURCE_SOCK, SOURCE_ACCEPTOR };

struct source {
	_Atomic(struct worker *) home;
	uint8_t kind;	     /* enum source_kind */
	struct list watches; /* struct watch */
	struct list waiters; /* struct waiter (wait.h) */
};

static inline struct worker *source_home(const struct source *s)
{
	return atomic_load_explicit(&s->home, memory_order_relaxed);
}

static inline void source_init(struct source *s, enum source_kind kind, struct worker *home)
{
	atomic_store_explicit(&s->home, home, memory_order_release);
	s->kind = (uint8_t)kind;
	list_init(&s->watches);
	list_init(&s->waiters);
}

/* source_lock - lock the home of @s, wherever it moves meanwhile, and return it. */
static inline struct worker *source_lock(struct source *s)
{
	for (;;) {
		struct worker *w = atomic_load_explicit(&s->home, memory_order_acquire);

		worker_take_lock(w);
		if (likely(source_home(s) == w))
			return w;
		worker_give_lock(w);
	}
}

/*
 * source_ready - EPOLL* bits that hold now; bits outside @wanted may be left out.
 * Asks the peer for room when EPOLLOUT is wanted and does not hold.
 */
uint32_t source_ready(struct source *s, uint32_t wanted);

/* source_notify - any of @events may hold now: tell the watches and threads that want them. */
void source_notify(struct source *s, uint32_t events);

/* source_forsake - the source ends: release and wake everybody who watches or waits for it. */
void source_forsake(struct source *s);

#endif

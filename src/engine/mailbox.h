/*
 * mailbox.h - messages from any thread to one, and the flag that says that it sleeps.
 *
 * The sleep/wake protocol inside the engine is here and nowhere else (shm/wake.h has the same for
 * memory shared with applications):
 *
 *   producer: publish the work · full fence · sleeping? then clear it and write the eventfd
 *   consumer: set sleeping · full fence · look for work everywhere · none? then sleep
 *
 * Of the two fences one comes first: either the producer sees `sleeping`, or the consumer sees the
 * work. Posting is wait-free but for a compare-and-swap loop; messages of one producer keep their
 * order.
 */
#ifndef CONVOY_ENGINE_MAILBOX_H
#define CONVOY_ENGINE_MAILBOX_H

#include <unistd.h>

#include "base/compiler.h"

struct mail {
	struct mail *next;
	/* Runs on the consumer with the context of mailbox_run(). Owns @mail: may free it. */
	void (*deliver)(void *consumer, struct mail *mail);
};

struct mailbox {
	struct mail *newest cacheline_aligned; /* atomic, last in first out */
	uint32_t sleeping;		       /* atomic */
	int wake_fd;			       /* eventfd, non-blocking */
};

/* mailbox_init - empty and awake; ERR_IO. */
must_check
int mailbox_init(struct mailbox *m);
/* mailbox_deinit - closes the eventfd; undelivered mail stays the senders'. */
void mailbox_deinit(struct mailbox *m);

/* mailbox_post - give @mail to the consumer and wake it if it sleeps. */
void mailbox_post(struct mailbox *m, struct mail *mail);

/* mailbox_run - deliver everything posted so far, oldest first; returns how many. */
unsigned mailbox_run(struct mailbox *m, void *consumer);

static inline bool mailbox_empty(const struct mailbox *m)
{
	return __atomic_load_n(&m->newest, __ATOMIC_ACQUIRE) == NULL;
}

/* mailbox_ring - write the eventfd. */
void mailbox_ring(struct mailbox *m);

/* mailbox_wake - the producer's half, after the work has been published. */
static inline void mailbox_wake(struct mailbox *m)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&m->sleeping, __ATOMIC_RELAXED)) &&
	    __atomic_exchange_n(&m->sleeping, 0, __ATOMIC_RELAXED))
		mailbox_ring(m);
}

/* mailbox_arm - the consumer's half: it must look for work after this and before it sleeps. */
static inline void mailbox_arm(struct mailbox *m)
{
	__atomic_store_n(&m->sleeping, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* mailbox_disarm - awake again. */
static inline void mailbox_disarm(struct mailbox *m)
{
	__atomic_store_n(&m->sleeping, 0, __ATOMIC_RELAXED);
}

/* mailbox_clear_fd - swallow the wake-up, so that a level-triggered watcher comes to rest. */
void mailbox_clear_fd(struct mailbox *m);

#endif

/*
 * rcu.h - how main changes what workers read, without making either wait (liburcu, QSBR).
 *
 * A worker is a reader all the time, except while it sleeps: it passes a quiescent state once a
 * turn, so a pointer from rcu_load() is good until the end of the turn and not longer. Main is the
 * only writer: it publishes a new object, then has the old one freed when every worker has passed
 * a quiescent state. What must outlive a turn is a handle, looked up again.
 */
#ifndef CONVOY_ENGINE_RCU_H
#define CONVOY_ENGINE_RCU_H

#include "base/compiler.h"

/* rcu_load - the published pointer in @place; valid until the reader's next quiescent state. */
#define rcu_load(place) __atomic_load_n(&(place), __ATOMIC_CONSUME)

/* rcu_publish - make @value, completely initialised, visible in @place. Pairs with rcu_load(). */
#define rcu_publish(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)

/* Embedded in an object that is to be freed later. */
struct rcu_later {
	void *head[2]; /* liburcu's struct rcu_head */
	void (*free)(struct rcu_later *later);
};

/*
 * rcu_free_later - call @free_fn once every reader has passed a quiescent state; returns at once.
 * @free_fn runs on a helper thread: it frees memory and nothing else. What must happen on main
 * goes through engine_call_main().
 */
void rcu_free_later(struct rcu_later *later, void (*free_fn)(struct rcu_later *later));

/* rcu_drain - wait until everything deferred has been freed: at shutdown, with no readers left. */
void rcu_drain(void);

/* The calling thread becomes a reader, online, or stops being one. Workers only. */
void rcu_reader_begin(void);
void rcu_reader_end(void);

/* rcu_quiesce - the reader holds no published pointer at this point. Once a turn. */
void rcu_quiesce(void);

/* The reader goes to sleep, holding nothing, and comes back. */
void rcu_reader_offline(void);
void rcu_reader_online(void);

#endif

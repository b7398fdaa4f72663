/*
 * fib_yard.h - what is given back on main once no worker can see it any more.
 *
 *   main: unpublish, fib_retire() ──> every worker passes a quiescent state ──> main: bury()
 *
 * Burying may retire more: a load-balance lets go of its adjacencies.
 */
#ifndef CONVOY_L3_FIB_FIB_YARD_H
#define CONVOY_L3_FIB_FIB_YARD_H

#include "engine/mailbox.h"
#include "engine/rcu.h"

struct fib_yard {
	struct mailbox *main;
	uint32_t n_waiting; /* graves that are not buried yet */
};

/* Embedded in what is to be buried. */
struct fib_grave {
	struct rcu_later later;
	struct mail mail;
	struct fib_yard *yard;
	void (*bury)(struct fib_grave *g);
};

/* fib_retire - main: call @bury on main after every worker has passed a quiescent state. */
void fib_retire(struct fib_yard *y, struct fib_grave *g, void (*bury)(struct fib_grave *g));

/* fib_retire_again - from inside its @bury: call that once more, in the next round of main. */
void fib_retire_again(struct fib_yard *y, struct fib_grave *g);

#endif

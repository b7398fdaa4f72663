/*
 * apply.h - make the running stack what a net.yaml says, all of it or nothing.
 *
 *   apply_prepare()   list what runs and what is wanted, plan ──> the differences
 *   apply_start()     step by step on main; where a step fails, every step before it is undone
 *
 * Only what differs is touched: what is as wanted carries packets throughout. No worker waits. The
 * device of a removed interface is free some turns of the workers later, so that an apply which
 * makes an interface after it removed one goes on when they have passed: it may end after
 * apply_start() has returned.
 *
 * The start of convoyd is an apply to an empty stack.
 */
#ifndef CONVOY_DAEMON_APPLY_H
#define CONVOY_DAEMON_APPLY_H

#include "control/config_tree.h"
#include "daemon/apply/plan.h"

struct convoyd;
struct engine;
struct net_file;

struct apply {
	struct convoyd *d;
	struct net_file *file;
	struct apply_list running, wanted;
	struct plan plan;
	unsigned at; /* steps that are done */
	bool undoing;
	int err;	 /* of the step that failed */
	unsigned n_lost; /* steps that could not be undone */
	struct config_error error;
	/* Called once, on main, after the last step; @a is the owner's to free. */
	void (*done)(struct apply *a);
	void *context; /* the owner's */
};

/*
 * apply_prepare - compare what runs with what @file asks for; nothing is changed. Takes a reference
 * to @file. ERR_BUSY while another apply is under way, ERR_INVAL for what cannot change while
 * convoyd runs, ERR_NOMEM; the reason is in @error.
 */
must_check
int apply_prepare(struct convoyd *d, struct net_file *file, struct config_error *error,
		  struct apply **out);

/* apply_start - carry it out; a->done is called when it is over, perhaps before this returns. */
void apply_start(struct apply *a);

/* apply_free - after done(), or when it was never started. */
void apply_free(struct apply *a);

/* apply_abandon - convoyd ends while it is under way: done() is not called. */
void apply_abandon(struct convoyd *d);

/* apply_boot - what the file that convoyd was started with asks for. d->error has the reason. */
must_check
int apply_boot(struct convoyd *d);

#endif

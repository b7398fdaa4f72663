/* impair_private.h - what impair.c and impair_node.c share. */
#ifndef CONVOY_FUNCTIONS_IMPAIR_PRIVATE_H
#define CONVOY_FUNCTIONS_IMPAIR_PRIVATE_H

#include "functions/impair/impair.h"

/* One direction of one interface; its packets all pass one worker, which owns the line. */
struct impair_path {
	struct engine *engine;
	struct worker *worker; /* the owner */
	uint16_t node;
	/* main's */
	struct impair_config config;
	bool changing;
	/* the owner's */
	struct impair_line line;
	struct timer timer;
};

/* Shared state, in engine->module[MODULE_IMPAIR]. */
struct impairs {
	struct impair_path *path[INTERFACES_MAX][N_IMPAIR_SIDES]; /* published */
	struct interface_listener listener;
};

/* impair_flush - owner: let out everything that is held, due or not. */
void impair_flush(struct worker *w, struct impair_path *p);

/* impair_timer_expired - the timer's function. */
void impair_timer_expired(struct timer *t, uint64_t now_ns);

#endif

/* delay.h - what main does later: once, after some milliseconds. Main's only. */
#ifndef CONVOY_ENGINE_DELAY_H
#define CONVOY_ENGINE_DELAY_H

#include "engine/engine.h"

/* Embedded in its owner. */
struct engine_delay {
	void (*due)(struct engine *e, struct engine_delay *d);
	uint64_t at_ns;
	struct list link;
};

/*
 * engine_delay - call due(e, d) once @ms have passed, or at once where workers do not run; those
 * that main comes to late are called in the order of their times. At the latest engine_free() does,
 * before the pool goes: then e->running is false.
 */
void engine_delay(struct engine *e, struct engine_delay *d, unsigned ms,
		  void (*due)(struct engine *e, struct engine_delay *d));

/* engine_delays_init, engine_delays_deinit - engine_new(), engine_free(). ERR_* of the timer. */
must_check
int engine_delays_init(struct engine *e);
void engine_delays_deinit(struct engine *e);

#endif

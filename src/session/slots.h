/*
 * slots.h - which session occupies which slot of a channel. Private to the stack.
 * Generations come from one counter per channel, so an old event never matches a new session.
 */
#ifndef CONVOY_SESSION_SLOTS_H
#define CONVOY_SESSION_SLOTS_H

#include "base/compiler.h"

enum { SLOT_NONE = UINT32_MAX };

/*
 * Owner of a slot in which an application writes while its connect waits for an acceptor: a handle
 * that names nothing.
 */
#define SLOT_QUEUED (~(uint64_t)1)

struct slot {
	uint64_t owner;	     /* whatever the taker said; 0 while free */
	uint32_t generation; /* of the session in it */
	uint32_t next_free;
};

struct slots {
	struct slot *slot;
	uint32_t n_slots;
	uint32_t n_used;
	uint32_t fresh; /* slots from here on have never been used */
	uint32_t first_free;
	uint32_t last_generation;
};

/* slots_init - memory is touched only as slots are used. ERR_NOMEM. */
must_check
int slots_init(struct slots *s, uint32_t n_slots);
void slots_deinit(struct slots *s);

/* slot_take - a free slot for @owner (not 0) with a new generation; SLOT_NONE when full. */
uint32_t slot_take(struct slots *s, uint64_t owner);
void slot_give(struct slots *s, uint32_t slot);

/* slot_assign - @slot, which is taken, is @owner's from now on. */
void slot_assign(struct slots *s, uint32_t slot, uint64_t owner);

/* slot_owner - who has @slot in @generation; 0 for numbers that name nothing (any are safe). */
uint64_t slot_owner(const struct slots *s, uint32_t slot, uint32_t generation);

#endif

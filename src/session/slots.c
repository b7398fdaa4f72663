/* slots.c - free list of slots, last freed first. */
#include "session/slots.h"

#include <stdlib.h>

#include "base/err.h"

int slots_init(struct slots *s, uint32_t n_slots)
{
	*s = (struct slots){ .n_slots = n_slots, .first_free = SLOT_NONE };
	s->slot = calloc(n_slots, sizeof(*s->slot));
	return s->slot ? 0 : ERR_NOMEM;
}

void slots_deinit(struct slots *s)
{
	free(s->slot);
	*s = (struct slots){ .first_free = SLOT_NONE };
}

uint32_t slot_take(struct slots *s, uint64_t owner)
{
	uint32_t slot = s->first_free;

	invariant(owner != 0);
	if (slot != SLOT_NONE)
		s->first_free = s->slot[slot].next_free;
	else if (s->fresh < s->n_slots)
		slot = s->fresh++;
	else
		return SLOT_NONE;
	if (++s->last_generation == 0)
		s->last_generation = 1;
	s->slot[slot].owner = owner;
	s->slot[slot].generation = s->last_generation;
	s->n_used++;
	return slot;
}

void slot_give(struct slots *s, uint32_t slot)
{
	invariant(slot < s->fresh && s->slot[slot].owner);
	s->slot[slot].owner = 0;
	s->slot[slot].next_free = s->first_free;
	s->first_free = slot;
	s->n_used--;
}

void slot_assign(struct slots *s, uint32_t slot, uint64_t owner)
{
	invariant(slot < s->fresh && s->slot[slot].owner && owner);
	s->slot[slot].owner = owner;
}

uint64_t slot_owner(const struct slots *s, uint32_t slot, uint32_t generation)
{
	if (slot >= s->fresh || s->slot[slot].generation != generation)
		return 0;
	return s->slot[slot].owner;
}

/* pool.c - chunked object pool with generation handles. */
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

enum { NO_SLOT = UINT32_MAX };

void pool_init(struct pool *p, size_t object_bytes, uint32_t max_objects)
{
	*p = (struct pool){ .object_bytes = (uint32_t)((object_bytes + 15) & ~(size_t)15),
			    .max_objects = max_objects,
			    .first_free = NO_SLOT };
}

void pool_deinit(struct pool *p)
{
	for (uint32_t i = 0; i < p->n_chunks; i++) {
		free(p->objects[i]);
		free(p->slots[i]);
	}
	free(p->objects);
	free(p->slots);
	*p = (struct pool){ .first_free = NO_SLOT };
}

static struct pool_slot *slot_at(const struct pool *p, uint32_t index)
{
	return &p->slots[index / POOL_CHUNK_OBJECTS][index % POOL_CHUNK_OBJECTS];
}

static void *object_at(const struct pool *p, uint32_t index)
{
	size_t within = index % POOL_CHUNK_OBJECTS;

	return p->objects[index / POOL_CHUNK_OBJECTS] + within * p->object_bytes;
}

static bool grow_tables(struct pool *p)
{
	uint32_t n = p->n_chunks + 1;
	uint8_t **objects = realloc(p->objects, n * sizeof(*objects));
	struct pool_slot **slots;

	if (!objects)
		return false;
	p->objects = objects;
	slots = realloc(p->slots, n * sizeof(*slots));
	if (!slots)
		return false;
	p->slots = slots;
	return true;
}

static bool add_chunk(struct pool *p)
{
	uint32_t base = pool_end(p);
	void *objects;
	struct pool_slot *slots;

	if (base >= p->max_objects || !grow_tables(p))
		return false;
	objects = aligned_alloc(64,
				((size_t)p->object_bytes * POOL_CHUNK_OBJECTS + 63) & ~(size_t)63);
	slots = calloc(POOL_CHUNK_OBJECTS, sizeof(*slots));
	if (!objects || !slots) {
		free(objects);
		free(slots);
		return false;
	}
	p->objects[p->n_chunks] = objects;
	p->slots[p->n_chunks] = slots;
	p->n_chunks++;
	for (uint32_t i = POOL_CHUNK_OBJECTS; i-- > 0;) {
		slots[i].next_free = p->first_free;
		p->first_free = base + i;
	}
	return true;
}

void *pool_take_or_null(struct pool *p, handle *h)
{
	struct pool_slot *slot;
	uint32_t index;
	void *object;

	if (p->n_used >= p->max_objects || (p->first_free == NO_SLOT && !add_chunk(p)))
		return NULL;
	index = p->first_free;
	slot = slot_at(p, index);
	p->first_free = slot->next_free;
	slot->generation++;
	p->n_used++;
	object = object_at(p, index);
	memset(object, 0, p->object_bytes);
	*h = handle_of(index, slot->generation);
	return object;
}

void *pool_get_or_null(const struct pool *p, handle h)
{
	uint32_t index = handle_index(h);

	if (index >= pool_end(p) || !(handle_generation(h) & 1) ||
	    slot_at(p, index)->generation != handle_generation(h))
		return NULL;
	return object_at(p, index);
}

void pool_give(struct pool *p, handle h)
{
	struct pool_slot *slot;

	invariant(pool_get_or_null(p, h));
	slot = slot_at(p, handle_index(h));
	slot->generation++;
	slot->next_free = p->first_free;
	p->first_free = handle_index(h);
	p->n_used--;
}

void *pool_at_or_null(const struct pool *p, uint32_t index, handle *h)
{
	struct pool_slot *slot;

	if (index >= pool_end(p))
		return NULL;
	slot = slot_at(p, index);
	if (!(slot->generation & 1))
		return NULL;
	*h = handle_of(index, slot->generation);
	return object_at(p, index);
}

/*
 * pool.h - objects of one size that never move, named by handles that go stale.
 *
 * A handle is {generation:32, index:32}. Freeing an object advances its generation, so that an old
 * handle finds nothing instead of somebody else's object. Memory comes in chunks of 256 objects
 * and stays until pool_deinit(). One thread owns a pool.
 */
#ifndef CONVOY_BASE_POOL_H
#define CONVOY_BASE_POOL_H

#include "base/compiler.h"

typedef uint64_t handle; /* 0 is never the handle of an object */

enum { POOL_CHUNK_OBJECTS = 256 };

struct pool_slot {
	uint32_t generation; /* odd while in use */
	uint32_t next_free;
};

struct pool {
	uint32_t object_bytes;
	uint32_t n_chunks;
	uint32_t max_objects;
	uint32_t n_used;
	uint32_t first_free;
	uint8_t **objects;
	struct pool_slot **slots;
};

/*
 * pool_init - an empty pool; allocates nothing yet.
 * @object_bytes: size of one object, rounded up to 16
 * @max_objects:  pool_take() fails beyond it
 */
void pool_init(struct pool *p, size_t object_bytes, uint32_t max_objects);
void pool_deinit(struct pool *p);

/* pool_take_or_null - a zeroed object and its handle; NULL when the limit or memory is reached. */
void *pool_take_or_null(struct pool *p, handle *h);

/* pool_get_or_null - the object that @h names; NULL if it has been given back. */
void *pool_get_or_null(const struct pool *p, handle h);

/* pool_give - give back the object that @h names; asserts that it is live. */
void pool_give(struct pool *p, handle h);

/* pool_at_or_null - the live object at @index and its handle, for walks; NULL if that slot is free.
 */
void *pool_at_or_null(const struct pool *p, uint32_t index, handle *h);

static inline uint32_t handle_index(handle h)
{
	return (uint32_t)h;
}

static inline uint32_t handle_generation(handle h)
{
	return (uint32_t)(h >> 32);
}

static inline handle handle_of(uint32_t index, uint32_t generation)
{
	return ((uint64_t)generation << 32) | index;
}

/* pool_end - one past the highest index ever used. */
static inline uint32_t pool_end(const struct pool *p)
{
	return p->n_chunks * POOL_CHUNK_OBJECTS;
}

#endif

/*
 * arena.h - memory that is given back all at once.
 *
 * Allocation moves a pointer; only arena_deinit() and arena_reset() give memory back. Memory comes
 * in chunks, the first of which may be the caller's. Pointers stay valid until then. One thread
 * owns an arena.
 */
#ifndef CONVOY_BASE_ARENA_H
#define CONVOY_BASE_ARENA_H

#include "base/compiler.h"
#include "base/slice.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of data[] */
	uint8_t data[] __attribute__((aligned(16)));
};

struct arena {
	uint8_t *at;
	uint8_t *end;
	struct arena_chunk *chunks; /* newest first */
	size_t chunk_bytes;
	size_t limit_bytes; /* of all chunks together */
	size_t used_bytes;  /* of chunks, those of arena_reset() excluded */
};

/*
 * arena_init - an empty arena; allocates nothing yet.
 * @chunk_bytes: size of an ordinary chunk; a larger request gets a chunk of its own
 * @limit_bytes: allocation fails beyond this total; SIZE_MAX for no limit
 */
void arena_init(struct arena *a, size_t chunk_bytes, size_t limit_bytes);
void arena_deinit(struct arena *a);

/* arena_reset - forget every allocation, keep one ordinary chunk for the next use. */
void arena_reset(struct arena *a);

/* Multiples of 16, at least one, so that distinct allocations have distinct addresses. */
static inline size_t arena_round(size_t bytes)
{
	return (bytes + 15 + !bytes) & ~(size_t)15;
}

void *arena_alloc_slow_or_null(struct arena *a, size_t bytes);

/* arena_alloc_or_null - @bytes of uninitialised memory, aligned to 16; NULL at the limit. */
static inline void *arena_alloc_or_null(struct arena *a, size_t bytes)
{
	size_t rounded = arena_round(bytes);
	size_t gap = -(uintptr_t)a->at & 15; /* text may have left it odd; the end is even */

	if (unlikely(rounded < bytes || gap + rounded > (size_t)(a->end - a->at)))
		return arena_alloc_slow_or_null(a, bytes);
	a->at += gap + rounded;
	return a->at - rounded;
}

/*
 * arena_reserve_text_or_null - @bytes in one piece, of any alignment, that stay free until
 * arena_commit_text() takes the first of them. Texts that are committed one after the other lie
 * without a gap while the chunk lasts.
 */
static inline uint8_t *arena_reserve_text_or_null(struct arena *a, size_t bytes)
{
	uint8_t *p;

	if (likely(bytes < (size_t)(a->end - a->at)))
		return a->at;
	p = arena_alloc_slow_or_null(a, bytes);
	if (p && a->at == p + arena_round(bytes))
		a->at = p;
	return p;
}

/*
 * arena_commit_text - @at is what the last reservation returned. Nothing may have been allocated
 * in between.
 */
static inline void arena_commit_text(struct arena *a, uint8_t *at, size_t bytes)
{
	if (at == a->at) /* otherwise it is a chunk of its own, taken already */
		a->at += bytes;
}

/* arena_zalloc_or_null - the same, zeroed. */
static inline void *arena_zalloc_or_null(struct arena *a, size_t bytes)
{
	void *p = arena_alloc_or_null(a, bytes);

	return p ? memset(p, 0, bytes) : NULL;
}

/* arena_text_or_null - a copy of @s with a terminating zero. */
char *arena_text_or_null(struct arena *a, struct slice s);

/* arena_format_or_null - printf into the arena. */
char *arena_format_or_null(struct arena *a, const char *format, ...) printf_like(2, 3);

#endif

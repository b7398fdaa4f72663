/*
 * segment.h - make, map, seal and check the memfds of a channel.
 * The stack creates every segment; applications only map what they are given.
 */
#ifndef CONVOY_SHM_SEGMENT_H
#define CONVOY_SHM_SEGMENT_H

#include "shm/abi.h"

/* A mapped segment. n_slots and n_pages are private copies, checked when it was mapped. */
struct segment {
	uint8_t *base;
	size_t bytes;
	uint32_t n_slots;
	uint32_t n_pages;
	bool writable;
};

/*
 * segment_create - a new memfd with its header written; nothing else is touched, so it costs
 * memory only as it is used. SHRINK and GROW are sealed at once.
 * Returns a file descriptor, ERR_INVAL for a geometry out of bounds, ERR_IO.
 */
must_check
int segment_create(const char *name, uint32_t n_slots, uint32_t n_pages);

/*
 * segment_map - map @fd and check its header and seals.
 * @fd stays the caller's. Returns 0, ERR_VERSION, ERR_FORMAT (wrong magic, size or geometry, or
 * its size is not sealed), ERR_IO.
 */
must_check
int segment_map(struct segment *s, int fd, bool writable);

/* segment_unmap - undo segment_map(); harmless on a zeroed struct. */
void segment_unmap(struct segment *s);

/*
 * segment_seal - forbid new writable mappings and writes through the descriptor, for good.
 * Done by the stack once the one writer has mapped it and before the reader gets it.
 */
must_check
int segment_seal(int fd);

static inline struct shm_side *segment_side(const struct segment *s)
{
	return (struct shm_side *)s->base;
}

static inline struct shm_event *segment_ring(const struct segment *s)
{
	return (struct shm_event *)(s->base + SHM_PAGE_BYTES);
}

enum { SHM_HALVES_OFFSET = SHM_PAGE_BYTES + SHM_RING_EVENTS * (int)sizeof(struct shm_event) };

/* segment_half - slot must be below n_slots. */
static inline struct shm_half *segment_half(const struct segment *s, uint32_t slot)
{
	return (struct shm_half *)(s->base + SHM_HALVES_OFFSET) + slot;
}

static inline size_t segment_pages_offset(uint32_t n_slots)
{
	size_t end = SHM_HALVES_OFFSET + (size_t)n_slots * sizeof(struct shm_half);

	return (end + 65535) & ~(size_t)65535;
}

static inline uint8_t *segment_page(const struct segment *s, uint32_t page)
{
	return s->base + segment_pages_offset(s->n_slots) + (size_t)page * SHM_PAGE_BYTES;
}

#endif

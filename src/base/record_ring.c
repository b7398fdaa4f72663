/* record_ring.c - records between two threads. */
#include <stdlib.h>
#include <string.h>

#include "base/record_ring.h"

enum { HEADER = 8, SKIP = 0xffffffff };

int record_ring_init(struct record_ring *r, uint32_t size)
{
	*r = (struct record_ring){ .memory = malloc(size), .size = size };
	return r->memory ? 0 : ERR_NOMEM;
}

void record_ring_deinit(struct record_ring *r)
{
	free(r->memory);
	r->memory = NULL;
}

static uint32_t space_of(uint32_t len)
{
	return HEADER + ((len + 7) & ~7u);
}

static uint32_t *header_at(const struct record_ring *r, uint32_t position)
{
	return (uint32_t *)(void *)(r->memory + (position & (r->size - 1)));
}

void *record_ring_reserve_or_null(struct record_ring *r, uint32_t len)
{
	uint32_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE); /* pairs with drop */
	uint32_t to_end = r->size - (r->tail & (r->size - 1));
	uint32_t space;

	if (len > r->size / 2)
		return NULL;
	space = space_of(len);
	if (to_end < space) {
		if (r->size - (r->tail - head) < to_end + space)
			return NULL;
		*header_at(r, r->tail) = SKIP;
		__atomic_store_n(&r->tail, r->tail + to_end, __ATOMIC_RELEASE);
	} else if (r->size - (r->tail - head) < space) {
		return NULL;
	}
	return (uint8_t *)header_at(r, r->tail) + HEADER;
}

void record_ring_commit(struct record_ring *r, uint32_t len)
{
	*header_at(r, r->tail) = len;
	__atomic_store_n(&r->tail, r->tail + space_of(len), __ATOMIC_RELEASE);
}

/* The position of the next record, past a skip; the tail when empty. */
static uint32_t next_record(const struct record_ring *r, uint32_t tail)
{
	uint32_t head = r->head;

	if (head != tail && *header_at(r, head) == SKIP)
		head += r->size - (head & (r->size - 1));
	return head;
}

const void *record_ring_peek_or_null(const struct record_ring *r, uint32_t *len)
{
	uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE); /* pairs with commit */
	uint32_t head = next_record(r, tail);

	if (head == tail)
		return NULL;
	*len = *header_at(r, head);
	return (uint8_t *)header_at(r, head) + HEADER;
}

void record_ring_drop(struct record_ring *r)
{
	uint32_t head = next_record(r, __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE));

	__atomic_store_n(&r->head, head + space_of(*header_at(r, head)), __ATOMIC_RELEASE);
}

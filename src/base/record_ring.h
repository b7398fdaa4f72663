/*
 * record_ring.h - a byte ring for records of any size: one thread writes, one reads, nobody waits.
 *
 *   ┌──────────┬─────────────┬──────────┬────────┬╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┐
 *   │ len, pad │ record      │ len, pad │ record │ free            │
 *   └──────────┴─────────────┴──────────┴────────┴╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┘
 *
 * Records start at multiples of 8 and do not wrap: one that would is preceded by a skip to the
 * start. What does not fit is refused; the writer counts it.
 */
#ifndef CONVOY_BASE_RECORD_RING_H
#define CONVOY_BASE_RECORD_RING_H

#include "base/err.h"

struct record_ring {
	uint8_t *memory;
	uint32_t size;			 /* power of two */
	uint32_t tail cacheline_aligned; /* bytes ever written; released by the writer */
	uint32_t head cacheline_aligned; /* bytes ever read; released by the reader */
};

/* record_ring_init - @size bytes, a power of two from 64 to 2^30. ERR_NOMEM. */
must_check
int record_ring_init(struct record_ring *r, uint32_t size);
void record_ring_deinit(struct record_ring *r);

/*
 * record_ring_reserve_or_null - room for a record of @len bytes, 8-aligned; NULL if there is none.
 * It becomes visible with record_ring_commit(), which may make it shorter.
 */
void *record_ring_reserve_or_null(struct record_ring *r, uint32_t len);
void record_ring_commit(struct record_ring *r, uint32_t len);

/* record_ring_peek_or_null - the oldest record and its length; NULL when empty. */
const void *record_ring_peek_or_null(const struct record_ring *r, uint32_t *len);
/* record_ring_drop - done with the record that was peeked at. */
void record_ring_drop(struct record_ring *r);

#endif

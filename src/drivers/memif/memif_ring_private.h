/* memif_ring_private.h - what the files of the data path share. */
#ifndef CONVOY_DRIVERS_MEMIF_RING_PRIVATE_H
#define CONVOY_DRIVERS_MEMIF_RING_PRIVATE_H

#include "drivers/memif/memif_ring.h"

/* The descriptor at position @at, which the other side may write to. */
static inline struct memif_descriptor *memif_place(const struct memif_queue *q, uint16_t at)
{
	return &q->ring->descriptor[at & (q->size - 1)];
}

/* The fields that a descriptor had at one moment. */
static inline struct memif_descriptor memif_load(const struct memif_queue *q, uint16_t at)
{
	const struct memif_descriptor *d = memif_place(q, at);
	struct memif_descriptor copy = { 0 };

	copy.flags = __atomic_load_n(&d->flags, __ATOMIC_RELAXED);
	copy.region = __atomic_load_n(&d->region, __ATOMIC_RELAXED);
	copy.length = __atomic_load_n(&d->length, __ATOMIC_RELAXED);
	copy.offset = __atomic_load_n(&d->offset, __ATOMIC_RELAXED);
	return copy;
}

/* Where a client that copies has its own buffer for position @at. */
static inline uint32_t memif_own_offset(const struct memif_queue *q, uint16_t at)
{
	return q->buffers_at + (at & (q->size - 1)) * q->view->buffer_stride;
}

/* Server: true if @n bytes from the descriptor's offset on are in its region. */
static inline bool memif_in_region(const struct memif_view *v, const struct memif_descriptor *d,
				   uint32_t n)
{
	return d->region < v->n_regions && d->offset <= v->region[d->region].size &&
	       n <= v->region[d->region].size - d->offset;
}

/* What a plain packet's descriptor must not have. */
static inline uint16_t memif_not_plain(const struct memif_view *v)
{
	return v->vnet ? MEMIF_DESCRIPTOR_NEXT | MEMIF_DESCRIPTOR_HEADER : MEMIF_DESCRIPTOR_NEXT;
}

/* The flags of @b's lanes that a plain packet's descriptor tells, and the other way round. */
static inline uint16_t memif_flags_of(const struct memif_view *v, const struct buf *b)
{
	return v->vnet && (b->flags & BUF_L4_CSUM_OK) ? MEMIF_DESCRIPTOR_CSUM_OK : 0;
}

static inline uint32_t memif_lanes_of(const struct memif_view *v, uint16_t flags)
{
	return v->vnet && (flags & MEMIF_DESCRIPTOR_CSUM_OK) ? BUF_L4_CSUM_OK : 0;
}

/* Plain to send: no offload is asked for and it is in one piece. */
static inline bool memif_is_plain(const struct buf *b)
{
	return !b->next && !(b->flags & BUF_NEED_L4_CSUM) && b->gso_type == GSO_NONE;
}

/* memif_n_waiting - descriptors that the other side has filled, or ERR_PROTOCOL. */
must_check
int memif_n_waiting(const struct memif_queue *q);

/*
 * memif_n_room - descriptors that we may fill, or ERR_PROTOCOL; looks at the other side's position
 * only when fewer than @want are known of.
 */
must_check
int memif_n_room(struct memif_queue *q, struct buf_cache *c, unsigned want);

/*
 * memif_take_plain - the next packets as far as they are plain, @n at most, of descriptors that
 * wait; 0 if the first is not, or @t->err is set.
 */
must_check
unsigned memif_take_plain(struct memif_queue *q, struct buf_cache *c, uint32_t *idx, unsigned n,
			  struct memif_taken *t);

/* --- memif_zero_copy.c: the same for a client whose buffers are the pool's --- */

/* memif_zc_take_one - any packet of @n descriptors; 1, ERR_FORMAT (skipped), ERR_PROTOCOL. */
must_check
int memif_zc_take_one(struct memif_queue *q, struct buf_cache *c, unsigned n, uint32_t *idx);

must_check
unsigned memif_zc_take_plain(struct memif_queue *q, struct buf_cache *c, uint32_t *idx, unsigned n,
			     struct memif_taken *t);

/* memif_zc_offer - as many empty buffers as the ring lacks; false if the pool had fewer. */
must_check
bool memif_zc_offer(struct memif_queue *q, struct buf_cache *c);

/* memif_zc_free_sent - the buffers of descriptors from q->theirs up to @end. */
void memif_zc_free_sent(struct memif_queue *q, struct buf_cache *c, uint16_t end);

must_check
int memif_zc_put(struct memif_queue *q, struct buf_cache *c, struct buf *b, unsigned room);

must_check
unsigned memif_zc_put_plain(struct memif_queue *q, struct buf *const *b, unsigned n,
			    uint64_t *n_bytes);

/*
 * memif_finish - @b is a whole packet as received: give it its lanes, those of @header unless that
 * is NULL. ERR_FORMAT.
 */
must_check
int memif_finish(const struct memif_view *v, struct buf *b, const uint8_t *header, uint16_t flags);

#endif

/*
 * memif_ring.h - packets into and out of rings that another program writes to as well.
 *
 * A queue is one ring as one side sees it: everything that we rely on is in private memory,
 * positions, sizes, bounds of the regions. Shared memory is only ever input: each field is loaded
 * once, then checked.
 *
 *   memif_ring.c       positions, bells; any packet, one at a time
 *   memif_batch.c      plain packets, many at a time: one descriptor, no offload
 *   memif_zero_copy.c  a client whose regions are the buffer pool: nothing is copied
 *
 * Zero copy gives that up for what the peer can do to the pool, not for what it says: lengths are
 * checked all the same, and which buffer a descriptor has is known from private memory.
 */
#ifndef CONVOY_DRIVERS_MEMIF_RING_H
#define CONVOY_DRIVERS_MEMIF_RING_H

#include "drivers/memif/memif_bell.h"
#include "drivers/memif/memif_wire.h"
#include "engine/buf.h"

enum {
	MEMIF_REGIONS_MAX = 16,
	MEMIF_POOL_REGION = 1,	/* zero copy: the region that the buffers are in */
	MEMIF_PACKET_MIN = 14,	/* an Ethernet header */
	MEMIF_HEADER_BYTES = 10 /* struct virtio_net_hdr */
};

struct memif_region {
	uint8_t *base;
	uint64_t size;
};

/* What all queues of a connection share. It does not change while they are used. */
struct memif_view {
	bool is_client;
	bool vnet;		    /* packets may have a struct virtio_net_hdr before them */
	uint32_t buffer_bytes;	    /* client: of each of our buffers … */
	uint32_t buffer_stride;	    /* … and from one to the next */
	struct buf_pool *pool;	    /* client: of which our buffers are; NULL: they are copied */
	struct memif_ringer ringer; /* of the interface */
	uint32_t n_regions;
	struct memif_region region[MEMIF_REGIONS_MAX];
};

/* One ring as we see it; positions count descriptors and wrap at 2^16 as those in the ring do. */
struct memif_queue {
	struct memif_ring *ring; /* NULL: none yet */
	const struct memif_view *view;
	uint32_t size;	     /* descriptors, a power of two */
	uint16_t at;	     /* the next descriptor that we handle */
	uint16_t theirs;     /* sending: their position as last seen; lent before it is nothing */
	uint16_t offered;    /* client, M2S: one past the last empty buffer that we offered */
	uint32_t buffers_at; /* client: offset of this ring's own buffers in region 0 */
	uint32_t *lent;	     /* zero copy: the buffer at each place of the ring, 0 for none */
	int bell_fd;	     /* eventfd: rung by who sends */
};

/* What memif_ring_take() has found. */
struct memif_taken {
	unsigned n;	  /* packets */
	unsigned n_bad;	  /* skipped: too long, too short, contradicting their header */
	uint64_t n_bytes; /* of the packets */
	int err;	  /* 0, ERR_NOMEM: the pool is empty; ERR_PROTOCOL: the ring is broken */
};

/*
 * memif_ring_take - the next packets, @max at most, each in a chain of its own with its offload
 * lanes. The descriptors go back with memif_ring_release(). What @t->err stops stays in the ring.
 */
void memif_ring_take(struct memif_queue *q, struct buf_cache *c, uint32_t *idx, unsigned max,
		     struct memif_taken *t);

/*
 * memif_ring_release - give all descriptors of taken packets back to the other side; a client
 * offers empty buffers with them. False if the pool had too few: call it again later.
 */
bool memif_ring_release(struct memif_queue *q, struct buf_cache *c);

/* memif_ring_ready - true if a packet waits, or the ring is broken. */
bool memif_ring_ready(const struct memif_queue *q);

/*
 * memif_ring_put - put @b into the ring; the other side sees it after memif_ring_publish().
 * Returns 0, and with zero copy the buffers are the ring's; else they stay the caller's.
 * ERR_FULL without room, nothing is changed then; ERR_RANGE if not even an empty ring
 * has room for it; ERR_FORMAT if its offload lanes contradict it, ERR_UNSUPPORTED if it needs an
 * offload that was not agreed on; ERR_NOMEM; ERR_PROTOCOL.
 */
must_check
int memif_ring_put(struct memif_queue *q, struct buf_cache *c, struct buf *b);

/*
 * memif_ring_put_plain - put the first of @n packets that are plain and find room; returns how
 * many. What memif_ring_put() does for them, faster. @b has PREFETCH_AHEAD pointers more; the bytes
 * of what was put are added to *@n_bytes.
 */
must_check
unsigned memif_ring_put_plain(struct memif_queue *q, struct buf_cache *c, struct buf *const *b,
			      unsigned n, uint64_t *n_bytes);

/* memif_ring_publish - show what was put, and ring the bell unless the other side is awake. */
void memif_ring_publish(struct memif_queue *q);

/* memif_ring_sleepy - tell the other side whether to ring when it sends. */
void memif_ring_sleepy(struct memif_queue *q, bool ring_me);

/*
 * memif_ring_prepare - client: write an empty ring. Receive buffers are offered by the first
 * memif_ring_release(), after CONNECTED: a server may reset the positions until then (DPDK does).
 */
void memif_ring_prepare(struct memif_queue *q);

/*
 * memif_ring_reap - see how far the other side is; free the lent buffers of what it has received.
 * ERR_PROTOCOL.
 */
must_check
int memif_ring_reap(struct memif_queue *q, struct buf_cache *c);

/* memif_ring_reclaim - zero copy: take all lent buffers back into @idx, q->size at most; how many.
 */
unsigned memif_ring_reclaim(struct memif_queue *q, uint32_t *idx);

#endif

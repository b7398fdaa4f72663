/*
 * memif_ring.h - packets into and out of rings that another program writes to as well.
 *
 * A view holds everything that we rely on in private memory: positions, sizes, the regions' bounds.
 * Shared memory is only ever input: each field is loaded once, then checked.
 */
#ifndef CONVOY_DRIVERS_MEMIF_RING_H
#define CONVOY_DRIVERS_MEMIF_RING_H

#include "drivers/memif/memif_wire.h"
#include "engine/buf.h"

enum { MEMIF_REGIONS_MAX = 16 };

struct memif_region {
	uint8_t *base;
	uint64_t size;
};

/* One ring as we see it; positions count descriptors and wrap at 2^16 as those in the ring do. */
struct memif_queue {
	struct memif_ring *ring;
	uint32_t size;	     /* descriptors, a power of two */
	uint16_t at;	     /* the next descriptor that we handle */
	uint16_t offered;    /* client, M2S: one past the last empty buffer that we offered */
	uint32_t buffers_at; /* client: offset of this ring's own buffers in region 0 */
	int bell_fd;	     /* eventfd: rung by who sends */
};

/* Both rings and the memory behind them. */
struct memif_view {
	bool is_client;
	bool vnet;	       /* a struct virtio_net_hdr precedes each packet */
	uint32_t buffer_bytes; /* client: of each of our buffers */
	uint32_t n_regions;
	struct memif_region region[MEMIF_REGIONS_MAX];
	struct memif_queue rx, tx;
};

/*
 * memif_ring_take - copy the next packet out into a new chain, with its offload lanes.
 * The descriptors go back with memif_ring_release().
 * Returns 1 and *@idx; 0 when there is none; ERR_NOMEM when the pool is empty (the packet
 * stays); ERR_FORMAT for a packet that is skipped: longer than a chain, shorter than an Ethernet
 * header, contradicting its offload header; ERR_PROTOCOL when the other side broke the ring.
 */
must_check
int memif_ring_take(struct memif_view *v, struct buf_cache *c, uint32_t *idx);

/* memif_ring_release - give all descriptors of taken packets back to the other side. */
void memif_ring_release(struct memif_view *v);

/* memif_ring_ready - true if a packet waits. */
bool memif_ring_ready(const struct memif_view *v);

/*
 * memif_ring_put - copy @b into the ring; the other side sees it after memif_ring_publish().
 * Returns 0; ERR_FULL without room, nothing is changed then; ERR_RANGE if not even an empty ring
 * has room for it; ERR_FORMAT if its offload lanes contradict it, ERR_UNSUPPORTED if it needs an
 * offload that was not agreed on; ERR_PROTOCOL.
 */
must_check
int memif_ring_put(struct memif_view *v, struct buf *b);

/* memif_ring_publish - show what was put, and ring the bell unless the other side is awake. */
void memif_ring_publish(struct memif_view *v);

/* memif_ring_sleepy - tell the other side whether to ring when it sends. */
void memif_ring_sleepy(struct memif_view *v, bool ring_me);

/*
 * memif_ring_prepare - client: write both empty rings. Receive buffers are offered by the first
 * memif_ring_release(), after CONNECTED: a server may reset the positions until then (DPDK does).
 */
void memif_ring_prepare(struct memif_view *v);

#endif

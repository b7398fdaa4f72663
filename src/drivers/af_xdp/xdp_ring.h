/*
 * xdp_ring.h - one of an AF_XDP socket's four rings (Documentation/networking/af_xdp.rst).
 *
 *   produced by us: fill (buffers to receive into), tx     consumed by us: rx, completion (sent)
 *
 * Positions are free-running; each side writes its own and keeps a copy of the other's that it
 * refreshes only when that does not suffice. One user.
 */
#ifndef CONVOY_DRIVERS_AF_XDP_XDP_RING_H
#define CONVOY_DRIVERS_AF_XDP_XDP_RING_H

#include <linux/if_xdp.h>

#include "base/compiler.h"

struct xdp_ring {
	uint32_t *producer, *consumer, *flags; /* shared with the kernel */
	void *slots;			       /* struct xdp_desc, or uint64_t addresses */
	uint32_t mask;
	uint32_t mine;	 /* our position, not necessarily published */
	uint32_t theirs; /* the kernel's, as last seen; plus the size for a ring that we produce */
	void *map;	 /* NULL: closed */
	size_t map_bytes;
};

static inline struct xdp_desc *xdp_ring_desc(const struct xdp_ring *r, uint32_t at)
{
	return &((struct xdp_desc *)r->slots)[at & r->mask];
}

static inline uint64_t *xdp_ring_address(const struct xdp_ring *r, uint32_t at)
{
	return &((uint64_t *)r->slots)[at & r->mask];
}

/* xdp_ring_room - slots that we may fill, from r->mine on; looks again when fewer than @want. */
static inline uint32_t xdp_ring_room(struct xdp_ring *r, uint32_t want)
{
	/* Pairs with the kernel's release of consumed slots. */
	if (r->theirs - r->mine < want)
		r->theirs = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE) + r->mask + 1;
	return r->theirs - r->mine;
}

/* xdp_ring_waiting - slots that the kernel has filled, from r->mine on; looks when fewer. */
static inline uint32_t xdp_ring_waiting(struct xdp_ring *r, uint32_t want)
{
	/* Pairs with the kernel's release of produced slots. */
	if (r->theirs - r->mine < want)
		r->theirs = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	return r->theirs - r->mine;
}

/* xdp_ring_produced - publish what was filled up to @mine. */
static inline void xdp_ring_produced(struct xdp_ring *r, uint32_t mine)
{
	r->mine = mine;
	__atomic_store_n(r->producer, mine, __ATOMIC_RELEASE);
}

/* xdp_ring_consumed - give slots back up to @mine. */
static inline void xdp_ring_consumed(struct xdp_ring *r, uint32_t mine)
{
	r->mine = mine;
	__atomic_store_n(r->consumer, mine, __ATOMIC_RELEASE);
}

/* xdp_ring_unconsumed - slots of ours that the kernel has not taken yet. */
static inline uint32_t xdp_ring_unconsumed(const struct xdp_ring *r)
{
	return r->mine - __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
}

/* xdp_ring_wants_wakeup - the kernel sleeps until a system call. */
static inline bool xdp_ring_wants_wakeup(const struct xdp_ring *r)
{
	return __atomic_load_n(r->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP;
}

#endif

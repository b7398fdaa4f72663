/*
 * tx_ring.h - a transmit ring of the kernel, TPACKET_V2 (Documentation/networking/packet_mmap.rst).
 *
 *   slot: │ tpacket2_hdr: status, length │ virtio-net header │ frame                 │
 *
 * A frame is copied into a slot; one system call has the kernel copy all filled slots into packets
 * of its own (hdr_len says "all of it", so that no packet refers to a slot that is filled again).
 * For frames of the usual size this takes a fifth less time than sendmmsg(): no message, no iovec.
 */
#ifndef CONVOY_DRIVERS_AF_PACKET_TX_RING_H
#define CONVOY_DRIVERS_AF_PACKET_TX_RING_H

#include <linux/virtio_net.h>

#include "engine/buf.h"

enum {
	TX_RING_SLOT = 2048 + 64, /* not all slots in the same sets of the cache */
	TX_RING_BLOCK = 64 << 10, /* slots do not cross blocks */
	TX_RING_IN_BLOCK = TX_RING_BLOCK / TX_RING_SLOT,
	TX_RING_BLOCKS = 10,
	TX_RING_SLOTS = TX_RING_BLOCKS * TX_RING_IN_BLOCK, /* 310: few, so that they stay cached */
	TX_RING_FRAME_MAX = TX_RING_SLOT - 64,		   /* bytes that a slot's frame may have */
};

struct tx_ring {
	uint8_t *map;		  /* NULL: closed */
	uint32_t block, in_block; /* slot to fill */
	uint32_t n_pending;	  /* filled since the kernel was called last */
};

/* tx_ring_open - make a ring on the packet socket @fd, which has virtio-net headers. An errno. */
must_check
int tx_ring_open(struct tx_ring *r, int fd);
void tx_ring_close(struct tx_ring *r);

/*
 * tx_ring_put - copy the chain @b of at most TX_RING_FRAME_MAX bytes, without segmentation offload,
 * into the next slot. False if the kernel still has it.
 */
must_check
bool tx_ring_put(struct tx_ring *r, const struct virtio_net_hdr *header, const struct buf *b);

/* tx_ring_kick - have the kernel send what was put; does nothing if that is nothing. */
void tx_ring_kick(struct tx_ring *r, int fd);

#endif

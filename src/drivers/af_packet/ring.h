/*
 * ring.h - a receive ring of the kernel, TPACKET_V3 (Documentation/networking/packet_mmap.rst).
 *
 *   block 0 [ header | packet | packet | …     ]   the kernel fills a block, then gives it to us,
 *   block 1 [ header | packet | …              ]   when it is full or some time has passed;
 *   …                                              we give it back when we have read the last one
 *
 * One reader. Nothing here waits or makes a system call.
 */
#ifndef CONVOY_DRIVERS_AF_PACKET_RING_H
#define CONVOY_DRIVERS_AF_PACKET_RING_H

#include <linux/if_packet.h>

#include "base/compiler.h"

enum {
	PACKET_RING_BLOCK = 256 << 10, /* holds a super-segment of 64 KiB several times */
	PACKET_RING_RETIRE_MS = 1,     /* a block that is not full waits no longer */
};

struct packet_ring {
	uint8_t *map; /* NULL: closed */
	uint32_t n_blocks;
	uint32_t block;			 /* that is being read, or will be the next one */
	uint32_t n_left;		 /* packets of it not yet read; 0: it is the kernel's */
	const struct tpacket3_hdr *next; /* when n_left > 0 */
};

/* packet_ring_open - start reading @map, of @n_blocks blocks of PACKET_RING_BLOCK bytes. */
void packet_ring_open(struct packet_ring *r, uint8_t *map, uint32_t n_blocks);

/* packet_ring_ready - true if a packet waits. */
bool packet_ring_ready(const struct packet_ring *r);

/*
 * packet_ring_peek_or_null - the packet whose turn it is. It lies in the ring until
 * packet_ring_advance() has taken it.
 */
const struct tpacket3_hdr *packet_ring_peek_or_null(struct packet_ring *r);

/* packet_ring_advance - done with the packet that was peeked at. */
void packet_ring_advance(struct packet_ring *r);

#endif

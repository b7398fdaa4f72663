/*
 * memif_wire.h - the memif protocol, version 2.0, as both sides see it: control messages on a
 * SOCK_SEQPACKET unix socket, rings and buffers in shared memory. Byte order is the machine's.
 *
 *   server                            client (owns the memory)
 *     │ ── HELLO ───────────────────────> │
 *     │ <─────────────────────── INIT ─── │   then ACK
 *     │ <─── ADD_REGION + memfd ───────── │   then ACK, once per region
 *     │ <─── ADD_RING + eventfd ───────── │   then ACK, once per ring
 *     │ <──────────────────── CONNECT ─── │
 *     │ ── CONNECTED ───────────────────> │
 *
 * A region holds rings and packet buffers:
 *
 *   ┌─────────────────────┬────────┬──────────────────────┐
 *   │ cookie, flags, head │  tail  │ descriptors, 2^log2  │   one ring; the first two boxes
 *   └─────────────────────┴────────┴──────────────────────┘   are a cache line each
 *
 * Ring S2M: the client fills descriptors and moves head; the server empties them and moves tail.
 * Ring M2S: the client offers empty buffers and moves head; the server fills them and moves tail.
 * Who receives owns the flag MASK_INT: "do not ring, I am awake".
 *
 * Convoy's own addition, in the protocol's terms: when both programs' names end in "+vnet2", the
 * client announces a private header of 10 bytes for its rings, a struct virtio_net_hdr. It precedes
 * those packets alone whose first descriptor has the flag HEADER: checksums and TCP super-segments
 * cross in one piece, and a plain packet costs no line of the cache more. Everybody else sees plain
 * memif.
 */
#ifndef CONVOY_DRIVERS_MEMIF_WIRE_H
#define CONVOY_DRIVERS_MEMIF_WIRE_H

#include "base/compiler.h"

enum {
	MEMIF_COOKIE = 0x3e31f20,
	MEMIF_VERSION = 2 << 8,
	MEMIF_NAME_LEN = 32,
	MEMIF_SECRET_LEN = 24,
	MEMIF_REASON_LEN = 96,
	MEMIF_MESSAGE_LEN = 128,
};

enum memif_type {
	MEMIF_ACK = 1,
	MEMIF_HELLO = 2,
	MEMIF_INIT = 3,
	MEMIF_ADD_REGION = 4,
	MEMIF_ADD_RING = 5,
	MEMIF_CONNECT = 6,
	MEMIF_CONNECTED = 7,
	MEMIF_DISCONNECT = 8,
};

enum { MEMIF_MODE_ETHERNET = 0 };
enum { MEMIF_ADD_RING_S2M = 1 };  /* in memif_add_ring.flags */
enum { MEMIF_RING_MASK_INT = 1 }; /* in memif_ring.flags */

enum memif_descriptor_flag {
	MEMIF_DESCRIPTOR_NEXT = 1 << 0, /* the packet goes on */
	/* with our private header only, in a packet's first descriptor */
	MEMIF_DESCRIPTOR_HEADER = 1 << 1, /* a struct virtio_net_hdr precedes the packet */
	MEMIF_DESCRIPTOR_CSUM_OK = 1
				   << 2, /* none does: the checksum of layer 4 has been verified */
};

struct memif_hello {
	uint8_t name[MEMIF_NAME_LEN]; /* of the server's program */
	uint16_t min_version;
	uint16_t max_version;
	uint16_t max_region;
	uint16_t max_m2s_ring;
	uint16_t max_s2m_ring;
	uint8_t max_log2_ring_size;
} __attribute__((packed));

struct memif_init {
	uint16_t version;
	uint32_t id; /* of the interface at the server */
	uint8_t mode;
	uint8_t secret[MEMIF_SECRET_LEN];
	uint8_t name[MEMIF_NAME_LEN]; /* of the client's program */
} __attribute__((packed));

struct memif_add_region {
	uint16_t index;
	uint64_t size;
} __attribute__((packed));

struct memif_add_ring {
	uint16_t flags;
	uint16_t index;
	uint16_t region;
	uint32_t offset;
	uint8_t log2_ring_size;
	uint16_t private_header_size; /* bytes of private metadata before each packet */
} __attribute__((packed));

struct memif_connect {
	uint8_t interface_name[MEMIF_NAME_LEN];
} __attribute__((packed));

struct memif_disconnect {
	uint32_t code;
	uint8_t reason[MEMIF_REASON_LEN];
} __attribute__((packed));

struct memif_message {
	uint16_t type;
	union {
		struct memif_hello hello;
		struct memif_init init;
		struct memif_add_region add_region;
		struct memif_add_ring add_ring;
		struct memif_connect connect; /* CONNECT and CONNECTED */
		struct memif_disconnect disconnect;
		uint8_t bytes[MEMIF_MESSAGE_LEN - 2];
	};
} __attribute__((packed));
_Static_assert(sizeof(struct memif_hello) == 43, "as published");
_Static_assert(sizeof(struct memif_init) == 63, "as published");
_Static_assert(sizeof(struct memif_add_region) == 10, "as published");
_Static_assert(sizeof(struct memif_add_ring) == 13, "as published");
_Static_assert(sizeof(struct memif_message) == MEMIF_MESSAGE_LEN, "as published");

struct memif_descriptor {
	uint16_t flags;	   /* S2M: client. M2S: server */
	uint16_t region;   /* client */
	uint32_t length;   /* S2M: client. M2S: client (room), then server (bytes) */
	uint32_t offset;   /* client */
	uint32_t metadata; /* unused */
};
_Static_assert(sizeof(struct memif_descriptor) == 16, "as published");

struct memif_ring {
	uint32_t cookie;		 /* client, before CONNECT */
	uint16_t flags;			 /* who receives: server on S2M, client on M2S */
	uint16_t head;			 /* client */
	uint16_t tail cacheline_aligned; /* server */
	struct memif_descriptor descriptor[] cacheline_aligned;
};
_Static_assert(offsetof(struct memif_ring, head) == 6, "as published");
_Static_assert(offsetof(struct memif_ring, tail) == 64, "as published");
_Static_assert(sizeof(struct memif_ring) == 128, "as published");

#endif

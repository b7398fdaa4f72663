/*
 * memif.h - a wire of shared memory to another program: a second convoyd, VPP, DPDK.
 *
 * Several rings each way; either role. The client owns the memory, the server maps it after it has
 * checked that it cannot shrink. Every descriptor and index that the other side writes is loaded
 * once and checked; a violation ends the connection, never the stack. What arrives is copied before
 * it is looked at, unless the memory is a client's own buffers (zero copy), which is for
 * peers that may as well be part of the stack: README.md.
 */
#ifndef CONVOY_DRIVERS_MEMIF_H
#define CONVOY_DRIVERS_MEMIF_H

#include "engine/engine.h"

enum memif_role { MEMIF_SERVER, MEMIF_CLIENT };

enum {
	MEMIF_LOG2_RING_MIN = 4,
	MEMIF_LOG2_RING_MAX = 14,
	MEMIF_BUFFER_MIN = 256,
	MEMIF_BUFFER_MAX = 65536,
	MEMIF_QUEUES_MAX = INTERFACE_QUEUES_MAX,
};

struct memif_config {
	const char *name;	 /* of the interface */
	const uint8_t *mac;	 /* NULL: random */
	uint32_t mtu_bytes;	 /* 0: 1500 */
	uint8_t role;		 /* enum memif_role */
	const char *socket;	 /* path; a server replaces a stale socket there */
	uint32_t id;		 /* of the interface at the server */
	const char *secret;	 /* both sides the same, at most 24 bytes; NULL: none */
	uint32_t log2_ring_size; /* client: 2^n descriptors each way, 4 … 14; 0: 10 */
	uint32_t buffer_bytes;	 /* client: of each shared buffer, 256 … 65536; 0: 2048 */
	uint32_t n_queues;	 /* rings each way, at most; the fewer of both sides' count; 0: 1 */
	bool no_offload;	 /* plain memif, even with another Convoy */
	bool zero_copy;		 /* client: the server reads and writes our buffers themselves */
	bool trusted;		 /* server: map memory that the client could take away again */
};

/*
 * memif_create - main: the interface, without a link until the other side is there. A server
 * listens from now on, a client tries four times a second.
 * ERR_INVAL, ERR_RANGE (path too long, too much memory), ERR_UNSUPPORTED (zero copy with a private
 * buffer pool), ERR_BUSY (a live server has the socket), ERR_PERM,
 * ERR_NOENT, ERR_NOMEM, or what interface_add() says; @why says it in words.
 */
must_check
int memif_create(struct engine *e, const struct memif_config *config, struct interface **out,
		 char *why, size_t why_bytes);

/* For daemon/modules.c. */
extern const struct node_type memif_input_node;
extern const struct node_type memif_tx_node;

#endif

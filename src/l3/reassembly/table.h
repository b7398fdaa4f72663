/*
 * table.h - a worker's datagrams that wait for fragments, of one family.
 *
 * Bounded: REASSEMBLY_DATAGRAMS at a time, of at most DATAGRAM_FRAGMENTS pieces, for a time that
 * the family sets; and all tables together hold one part in REASSEMBLY_SHARE of the buffers, so
 * that fragments cannot take those of all other packets. When the table is full the oldest goes.
 * The families differ in what a key holds and in how headers are joined; the rest is here.
 */
#ifndef CONVOY_L3_REASSEMBLY_TABLE_H
#define CONVOY_L3_REASSEMBLY_TABLE_H

#include "engine/worker.h"
#include "l3/reassembly/datagram.h"

enum { REASSEMBLY_DATAGRAMS = 256, REASSEMBLY_BUCKETS = 128, REASSEMBLY_SHARE = 4 };

/* Reasons that the nodes of both families begin with. */
enum reassembly_reason {
	REASSEMBLY_DUPLICATE,
	REASSEMBLY_OVERLAP,
	REASSEMBLY_BAD,
	REASSEMBLY_TOO_MANY,
	REASSEMBLY_TIMEOUT,
	REASSEMBLY_EVICTED,
	REASSEMBLY_REASSEMBLED,
	N_REASSEMBLY_REASONS,
};

/* What the fragments of one datagram have in common; no padding, unused bytes zero. */
struct reassembly_key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint32_t fib;
	uint32_t if_index; /* of link-local addresses, else 0 */
	uint32_t protocol; /* IPv4 only */
};
_Static_assert(sizeof(struct reassembly_key) == 48, "no padding");

/* What a family does its own way. */
struct reassembly_family {
	const char *node_name;	/* of the reassembly node, which counts */
	const char *error_name; /* node that sends ICMP errors */
	uint64_t timeout_ns;
	/* Later fragments of a datagram that was dropped for an overlap are dropped too. */
	bool remember_overlaps;
	/* Say which error is due about @first, whose datagram stayed incomplete. */
	void (*condemn)(struct buf *first);
	/*
	 * The payloads stand behind the headers of @whole, the first fragment; make them those of a
	 * whole packet. False if the packet would be too long.
	 */
	bool (*finish)(struct buf *whole);
};

/* One fragment. b->l4_at is where its payload begins. */
struct reassembly_piece {
	struct buf *b;
	uint32_t offset;
	uint32_t header_len; /* that counts towards the 65535 bytes of the whole */
	bool more;
};

struct reassembly_table;

/* reassembly_table_new_or_null - @seed is the same on all workers: it selects among them. */
struct reassembly_table *reassembly_table_new_or_null(struct worker *w,
						      const struct reassembly_family *family,
						      uint64_t seed);
void reassembly_table_free(struct reassembly_table *t);

/* Buffers that pieces are in, and how many there may be. Main as well. */
struct reassembly_use {
	uint32_t n_bufs, bufs_max;
};
struct reassembly_use reassembly_use_of(const struct reassembly_table *t);

/*
 * reassembly_take - the fragment is the table's now: it waits, is dropped, or was the last one;
 * then the whole datagram goes to @next of @node. It may belong to another worker's table, where
 * it is handed to.
 */
void reassembly_take(struct reassembly_table *t, struct node *node, uint16_t next,
		     const struct reassembly_key *key, const struct reassembly_piece *piece);

#endif

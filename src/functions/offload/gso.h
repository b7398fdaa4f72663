/*
 * gso.h - cutting a TCP super-segment into segments, and filling checksums in: what a network
 * card would do, for interfaces whose card does not.
 */
#ifndef CONVOY_FUNCTIONS_GSO_H
#define CONVOY_FUNCTIONS_GSO_H

#include "engine/buf.h"

/* A super-segment that is being cut. */
struct gso {
	const struct buf *from;
	const struct buf *part; /* where the next payload byte is */
	uint32_t part_skip;
	uint32_t left;	 /* payload bytes not yet in a segment */
	uint32_t done;	 /* payload bytes that are */
	uint16_t l3_off; /* from the frame's first byte */
	uint16_t l4_off;
	uint16_t hdr_len; /* link, IP and TCP header */
	uint16_t ip_id;
	uint32_t seq;
	bool partial_csum; /* leave BUF_NEED_L4_CSUM set: the device fills it in */
};

/*
 * gso_begin - prepare to cut @b: a frame with l3_at, l4_at, gso_type and gso_size set.
 * @partial_csum: the device fills checksums in
 * False if the packet is no TCP segment with its headers in the first buffer.
 */
must_check
bool gso_begin(struct gso *g, const struct buf *b, bool partial_csum);

/* gso_more - true while payload is left. */
static inline bool gso_more(const struct gso *g)
{
	return g->left > 0;
}

/*
 * gso_next_or_zero - the next segment, a new buffer with the super-segment's lanes; 0 when the
 * pool is empty. The super-segment is only read.
 * FIN and PSH go to the last segment, CWR to the first; the IPv4 id counts up.
 */
must_check
uint32_t gso_next_or_zero(struct gso *g, struct buf_cache *c);

/*
 * csum_fill - complete the checksum of @b, which has BUF_NEED_L4_CSUM, and clear that flag.
 * False if csum_off does not lie in the first buffer. RFC 1071; a UDP sum of 0 becomes 0xffff.
 */
must_check
bool csum_fill(struct buf *b);

#endif

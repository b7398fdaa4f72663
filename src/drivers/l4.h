/*
 * l4.h - what drivers must know of a frame's TCP or UDP header, where the kernel leaves work to the
 * device and says so badly or in a way that the graph does not know.
 */
#ifndef CONVOY_DRIVERS_L4_H
#define CONVOY_DRIVERS_L4_H

#include "engine/buf.h"

/* Where the headers of a frame begin. */
struct l4 {
	uint16_t l3_off, l4_off;
	uint8_t family;	  /* 4 or 6 */
	uint8_t protocol; /* IP_TCP or IP_UDP */
	uint8_t csum_off; /* of the checksum in the transport header */
	uint32_t l4_len;  /* transport header and payload, as IP states it */
	uint64_t pseudo;  /* sum of the pseudo-header */
};

/*
 * l4_find - the transport header of an unfragmented IPv4 or IPv6 packet (without extension headers)
 * behind an Ethernet header and up to two VLAN tags. False if it is something else or all its
 * headers are not in the first @len bytes.
 */
must_check
bool l4_find(const uint8_t *frame, uint32_t len, struct l4 *out);

/*
 * l4_mark_partial - set BUF_NEED_L4_CSUM on the frame @b if its checksum field holds the
 * pseudo-header's sum alone: then it comes from a kernel that had left the checksum to its device.
 * A whole checksum that has this value by chance (one of 65536) is computed again, to the same end.
 */
void l4_mark_partial(struct buf *b);

/*
 * l4_split_udp - cut a super-datagram: @frame holds one UDP header and @gso_size bytes of payload
 * for each datagram, the last one fewer (Linux's UDP_SEGMENT, VIRTIO_NET_HDR_GSO_UDP_L4).
 * @idx: room for @max datagrams, which get BUF_NEED_L4_CSUM, their own lengths and IPv4 ids
 * Returns how many they are, 0 if it contradicts itself or makes more than @max, ERR_NOMEM.
 */
must_check
int l4_split_udp(struct buf_cache *c, const uint8_t *frame, uint32_t len, uint16_t gso_size,
		 uint32_t *idx, unsigned max);

#endif

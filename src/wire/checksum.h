/*
 * checksum.h - the Internet checksum: RFC 1071, updated in place by RFC 1624.
 *
 * A "sum" is a running one's-complement sum as a uint64_t, not yet folded, of 16-bit words in
 * memory order. Sums of consecutive pieces are added with +, as long as each piece starts at an
 * even offset of the whole; checksum_odd() turns a piece around that starts at an odd one.
 * 64 bits take 2^32 words before they could overflow.
 */
#ifndef CONVOY_WIRE_CHECKSUM_H
#define CONVOY_WIRE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

/* checksum_sum - the sum of @len bytes at @at, any alignment. An odd last byte is padded. */
uint64_t checksum_sum(const void *at, size_t len);

/* checksum_copy - copy @len bytes that do not overlap and return their sum, in one pass. */
uint64_t checksum_copy(void *to, const void *from, size_t len);

/* checksum_fold - @sum in 16 bits, memory order. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + sum);
}

/* checksum_odd - the sum of a piece, as seen from a whole in which it starts at an odd offset. */
static inline uint64_t checksum_odd(uint64_t sum)
{
	return __builtin_bswap16(checksum_fold(sum));
}

/* checksum_raw - the folded sum as it goes on the wire, not complemented: the seed that a device
 * wants to find in the checksum field when it completes the checksum itself. */
static inline be16 checksum_raw(uint64_t sum)
{
	uint16_t folded = checksum_fold(sum);
	be16 v;

	memcpy(v.b, &folded, 2);
	return v;
}

/* checksum_field - the value for the header's checksum field: the complement of the folded sum. */
static inline be16 checksum_field(uint64_t sum)
{
	return checksum_raw((uint16_t)~checksum_fold(sum));
}

/* checksum_is_good - true if @sum, which includes the checksum field, proves the data intact. */
static inline int checksum_is_good(uint64_t sum)
{
	/* A multiple of 65535: its product with the inverse of 65535 is a small number. */
	return sum != 0 && sum * 0xfffefffefffeffffu <= UINT64_MAX / 65535;
}

static inline uint64_t checksum_word16(be16 v)
{
	uint16_t n;

	memcpy(&n, v.b, 2);
	return n;
}

static inline uint64_t checksum_word32(be32 v)
{
	uint32_t n;

	memcpy(&n, v.b, 4);
	return n;
}

/*
 * checksum_update16, checksum_update32 - the checksum @field after one aligned word of the data
 * changed from @before to @after. RFC 1624, equation 3: HC' = ~(~HC + ~m + m').
 */
static inline be16 checksum_update16(be16 field, be16 before, be16 after)
{
	uint64_t sum = (uint16_t)~checksum_word16(field);

	sum += (uint16_t)~checksum_word16(before);
	sum += checksum_word16(after);
	return checksum_field(sum);
}

static inline be16 checksum_update32(be16 field, be32 before, be32 after)
{
	uint64_t sum = (uint16_t)~checksum_word16(field);

	sum += (uint32_t)~checksum_word32(before);
	sum += checksum_word32(after);
	return checksum_field(sum);
}

/*
 * checksum_pseudo4 - sum of the IPv4 pseudo-header of TCP and UDP (RFC 9293 §3.1, RFC 768).
 * @l4_len: length of transport header and payload
 */
static inline uint64_t checksum_pseudo4(be32 src, be32 dst, uint8_t protocol, uint16_t l4_len)
{
	be16 protocol_word = be16_of(protocol);

	return checksum_word32(src) + checksum_word32(dst) + checksum_word16(protocol_word) +
	       checksum_word16(be16_of(l4_len));
}

/* checksum_ip4_header - sum of a 20-byte IPv4 header; the carry goes around, add no more to it. */
static inline uint64_t checksum_ip4_header(const void *header)
{
	uint64_t sum, w;
	uint32_t last;

	memcpy(&sum, header, 8);
	memcpy(&w, (const uint8_t *)header + 8, 8);
	memcpy(&last, (const uint8_t *)header + 16, 4);
	sum += w;
	sum += sum < w;
	sum += last;
	sum += sum < last;
	return sum;
}

#endif

/* icmp6.h - the Internet Control Message Protocol for IPv6. RFC 4443. */
#ifndef CONVOY_WIRE_ICMP6_H
#define CONVOY_WIRE_ICMP6_H

#include "wire/ip6.h"

enum { ICMP6_HDR_LEN = 8 };

enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2, /* @rest is the next hop's MTU */
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER_PROBLEM = 4, /* @rest points to the byte, from the IPv6 header on */
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_MLD_QUERY = 130,
	ICMP6_MLD_REPORT = 131,
	ICMP6_MLD_DONE = 132,
	ICMP6_ROUTER_SOLICIT = 133, /* the next five: wire/nd.h */
	ICMP6_ROUTER_ADVERT = 134,
	ICMP6_NEIGHBOR_SOLICIT = 135,
	ICMP6_NEIGHBOR_ADVERT = 136,
	ICMP6_REDIRECT = 137,
	ICMP6_MLD2_REPORT = 143,
};

/* Codes of ICMP6_UNREACHABLE. */
enum icmp6_unreachable {
	ICMP6_NO_ROUTE = 0,
	ICMP6_ADMIN_PROHIBITED = 1,
	ICMP6_BEYOND_SCOPE = 2, /* of the source address */
	ICMP6_ADDRESS_UNREACHABLE = 3,
	ICMP6_PORT_UNREACHABLE = 4,
	ICMP6_SOURCE_POLICY = 5,
	ICMP6_REJECT_ROUTE = 6,
};

/* Codes of ICMP6_TIME_EXCEEDED. */
enum icmp6_time_exceeded {
	ICMP6_HOP_LIMIT_EXCEEDED = 0,
	ICMP6_REASSEMBLY_TIME_EXCEEDED = 1,
};

/* Codes of ICMP6_PARAMETER_PROBLEM. */
enum icmp6_parameter_problem {
	ICMP6_BAD_FIELD = 0,
	ICMP6_UNKNOWN_NEXT_HEADER = 1,
	ICMP6_UNKNOWN_OPTION = 2,
	ICMP6_INCOMPLETE_CHAIN = 3, /* RFC 7112: not all headers are in the first fragment */
};

struct icmp6_hdr {
	uint8_t type;
	uint8_t code;
	be16 checksum;
	be32 rest; /* identifier and sequence number, MTU, or pointer, by type */
};
_Static_assert(sizeof(struct icmp6_hdr) == ICMP6_HDR_LEN, "as on the wire");

/* icmp6_is_error - true for types that report on another packet, which they quote. §2.1 */
static inline bool icmp6_is_error(uint8_t type)
{
	return type < 128;
}

/* A message, parsed. */
struct icmp6 {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint32_t rest;
	struct slice payload;
};

/* icmp6_parse - ERR_SHORT under 8 bytes; the checksum is read, not verified. */
must_check
int icmp6_parse(struct slice in, struct icmp6 *out);

/* icmp6_emit - append the message with its checksum, which covers both addresses. */
void icmp6_emit(struct writer *w, const struct icmp6 *m, const struct ip6_addr *src,
		const struct ip6_addr *dst);

/* icmp6_print - one line: "icmp6 echo-request id 1 seq 2 len 56". */
void icmp6_print(struct writer *w, const struct icmp6 *m);

#endif

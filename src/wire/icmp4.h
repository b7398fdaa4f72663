/* icmp4.h - the Internet Control Message Protocol. RFC 792, RFC 1122 §3.2.2, RFC 1191. */
#ifndef CONVOY_WIRE_ICMP4_H
#define CONVOY_WIRE_ICMP4_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/writer.h"

enum { ICMP4_HDR_LEN = 8 };

enum icmp4_type {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_REDIRECT = 5,
	ICMP4_ECHO_REQUEST = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER_PROBLEM = 12,
	ICMP4_TIMESTAMP_REQUEST = 13,
	ICMP4_TIMESTAMP_REPLY = 14,
};

/* Codes of ICMP4_UNREACHABLE. */
enum icmp4_unreachable {
	ICMP4_NET_UNREACHABLE = 0,
	ICMP4_HOST_UNREACHABLE = 1,
	ICMP4_PROTOCOL_UNREACHABLE = 2,
	ICMP4_PORT_UNREACHABLE = 3,
	ICMP4_FRAG_NEEDED = 4, /* @rest carries the next hop's MTU in its lower half, RFC 1191 */
	ICMP4_SOURCE_ROUTE_FAILED = 5,
	ICMP4_NET_PROHIBITED = 9, /* RFC 1122 §3.2.2.1 */
	ICMP4_HOST_PROHIBITED = 10,
	ICMP4_ADMIN_PROHIBITED = 13, /* RFC 1812 §5.2.7.1 */
};

/* Codes of ICMP4_REDIRECT. */
enum icmp4_redirect {
	ICMP4_REDIRECT_HOST = 1, /* the only one that is sent: RFC 1812 §5.2.7.2 */
};

/* Codes of ICMP4_TIME_EXCEEDED. */
enum icmp4_time_exceeded {
	ICMP4_TTL_EXCEEDED = 0,
	ICMP4_REASSEMBLY_TIME_EXCEEDED = 1,
};

struct icmp4_hdr {
	uint8_t type;
	uint8_t code;
	be16 checksum;
	be32 rest; /* identifier and sequence number, MTU, or pointer, by type */
};
_Static_assert(sizeof(struct icmp4_hdr) == ICMP4_HDR_LEN, "as on the wire");

/* icmp4_is_error - true for types that report on another packet, which they quote. */
static inline bool icmp4_is_error(uint8_t type)
{
	return type == ICMP4_UNREACHABLE || type == 4 /* source quench, RFC 6633 */ ||
	       type == ICMP4_REDIRECT || type == ICMP4_TIME_EXCEEDED ||
	       type == ICMP4_PARAMETER_PROBLEM;
}

/* A message, parsed. */
struct icmp4 {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint32_t rest;
	struct slice payload;
};

/* icmp4_parse - ERR_SHORT under 8 bytes; the checksum is read, not verified. */
must_check
int icmp4_parse(struct slice in, struct icmp4 *out);

/* icmp4_emit - append the message with its checksum computed. */
void icmp4_emit(struct writer *w, const struct icmp4 *m);

/* icmp4_print - one line: "icmp echo-request id 1 seq 2 len 56". */
void icmp4_print(struct writer *w, const struct icmp4 *m);

#endif

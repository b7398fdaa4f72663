/* udp.h - the User Datagram Protocol. RFC 768. */
#ifndef CONVOY_WIRE_UDP_H
#define CONVOY_WIRE_UDP_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/writer.h"

enum { UDP_HDR_LEN = 8 };

struct udp_hdr {
	be16 sport;
	be16 dport;
	be16 len;      /* header and payload */
	be16 checksum; /* zero: the sender computed none (IPv4 only) */
};
_Static_assert(sizeof(struct udp_hdr) == UDP_HDR_LEN, "as on the wire");

/* A datagram, parsed. */
struct udp {
	uint16_t sport, dport;
	uint16_t checksum;
	struct slice payload;
};

/*
 * udp_parse - read a UDP header and find its payload.
 * @in:  from the first header byte to the end of the IP payload; borrowed
 * @out: written only on success
 *
 * Bytes past the UDP length are padding, left out of the payload.
 * Returns 0, ERR_SHORT if @in ends inside the header, ERR_FORMAT if the length
 * field is under 8 or past the end of @in. RFC 768; jumbograms are refused.
 */
must_check
int udp_parse(struct slice in, struct udp *out);

/* udp_emit - append header and payload; the checksum field is @u->checksum as it is. */
void udp_emit(struct writer *w, const struct udp *u);

/* udp_print - one line: "udp 1000 > 53 len 12". */
void udp_print(struct writer *w, const struct udp *u);

#endif

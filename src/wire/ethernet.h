/* ethernet.h - Ethernet II frames and MAC addresses. IEEE 802.3, RFC 894. */
#ifndef CONVOY_WIRE_ETHERNET_H
#define CONVOY_WIRE_ETHERNET_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/writer.h"

enum { ETHERNET_HDR_LEN = 14, MAC_BYTES = 6, MAC_TEXT_LEN = 17 };

enum ethernet_type {
	ETHERNET_IP4 = 0x0800,
	ETHERNET_ARP = 0x0806,
	ETHERNET_VLAN = 0x8100,
	ETHERNET_IP6 = 0x86dd,
	ETHERNET_MPLS = 0x8847,
	ETHERNET_QINQ = 0x88a8,
	ETHERNET_MIN_TYPE = 0x0600, /* smaller values are the length of an 802.3 frame */
};

struct mac {
	uint8_t b[MAC_BYTES];
};

struct ethernet_hdr {
	struct mac dst;
	struct mac src;
	be16 type;
};
_Static_assert(sizeof(struct ethernet_hdr) == ETHERNET_HDR_LEN, "as on the wire");

static const struct mac mac_broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

static inline bool mac_equal(const struct mac *a, const struct mac *b)
{
	uint32_t a4, b4;
	uint16_t a2, b2;

	memcpy(&a4, a->b, 4);
	memcpy(&b4, b->b, 4);
	memcpy(&a2, a->b + 4, 2);
	memcpy(&b2, b->b + 4, 2);
	return ((a4 ^ b4) | (uint32_t)(a2 ^ b2)) == 0;
}

/* mac_is_group - multicast or broadcast: an address of more than one station. */
static inline bool mac_is_group(const struct mac *m)
{
	return m->b[0] & 1;
}

static inline bool mac_is_zero(const struct mac *m)
{
	return (m->b[0] | m->b[1] | m->b[2] | m->b[3] | m->b[4] | m->b[5]) == 0;
}

/* mac_from_text - read "02:fe:00:00:00:01"; ERR_FORMAT for anything else. */
must_check
int mac_from_text(const char *text, struct mac *out);

/* mac_print - append the same form. */
void mac_print(struct writer *w, const struct mac *m);

/* A frame, parsed. */
struct ethernet {
	struct mac dst, src;
	uint16_t type;
	struct slice payload;
};

/* ethernet_parse - ERR_SHORT under 14 bytes; a length instead of a type is left to the caller. */
must_check
int ethernet_parse(struct slice in, struct ethernet *out);
void ethernet_emit(struct writer *w, const struct ethernet *e);

/* ethernet_print - one line: "SRC > DST type 0x0800 len 46". */
void ethernet_print(struct writer *w, const struct ethernet *e);

#endif

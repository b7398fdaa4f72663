/* ip4.h - the IPv4 header, its options, addresses and prefixes as text. RFC 791. */
#ifndef CONVOY_WIRE_IP4_H
#define CONVOY_WIRE_IP4_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/writer.h"
#include "wire/ip_protocol.h"

enum {
	IP4_HDR_LEN = 20,
	IP4_HDR_MAX_LEN = 60,
	IP4_VER_IHL = 0x45, /* version 4, no options */
	IP4_MIN_MTU = 68,
	IP4_MAX_LEN = 65535,
	IP4_DEFAULT_TTL = 64,
};

/* In the frag field. */
enum {
	IP4_DF = 0x4000,
	IP4_MF = 0x2000,
	IP4_OFFSET_MASK = 0x1fff, /* in units of 8 bytes */
};

struct ip4_hdr {
	uint8_t ver_ihl;
	uint8_t tos;
	be16 len;
	be16 id;
	be16 frag;
	uint8_t ttl;
	uint8_t protocol;
	be16 checksum;
	be32 src;
	be32 dst;
};
_Static_assert(sizeof(struct ip4_hdr) == IP4_HDR_LEN, "as on the wire");

/* ip4_hdr_len - length with options as the header states it: 0 to 60, so check it. */
static inline unsigned ip4_hdr_len(const struct ip4_hdr *h)
{
	return (unsigned)(h->ver_ihl & 15) * 4;
}

/* ip4_is_fragment - true for every part of a datagram that was cut, the first one too. */
static inline bool ip4_is_fragment(const struct ip4_hdr *h)
{
	return (host16(h->frag) & (IP4_MF | IP4_OFFSET_MASK)) != 0;
}

static inline unsigned ip4_fragment_offset(const struct ip4_hdr *h)
{
	return (host16(h->frag) & IP4_OFFSET_MASK) * 8u;
}

/* Classes of addresses, in host order. */
static inline bool ip4_is_multicast(uint32_t addr)
{
	return addr >> 28 == 14; /* 224/4 */
}

static inline bool ip4_is_loopback(uint32_t addr)
{
	return addr >> 24 == 127;
}

/* ip4_is_reserved - 240/4, the limited broadcast 255.255.255.255 included. */
static inline bool ip4_is_reserved(uint32_t addr)
{
	return addr >> 28 == 15;
}

/* ip4_is_this_network - 0/8: a host that does not know its address yet. RFC 1122 §3.2.1.3 (a). */
static inline bool ip4_is_this_network(uint32_t addr)
{
	return addr >> 24 == 0;
}

static inline uint32_t ip4_mask_of(unsigned prefix_len)
{
	return prefix_len == 0 ? 0 : ~0u << (32 - prefix_len);
}

/* An address and the number of its leading bits that count; host order. */
struct ip4_prefix {
	uint32_t addr;
	uint8_t len;
};

/* ip4_from_text - read "10.0.0.1"; ERR_FORMAT for anything else, leading zeros included. */
must_check
int ip4_from_text(const char *text, be32 *out);

/*
 * ip4_prefix_from_text - read "10.0.0.1/24" or "10.0.0.1" (a /32); host bits are kept.
 * Returns 0 or ERR_FORMAT.
 */
must_check
int ip4_prefix_from_text(const char *text, struct ip4_prefix *out);

void ip4_print_addr(struct writer *w, be32 addr);
void ip4_print_prefix(struct writer *w, const struct ip4_prefix *p);

enum ip4_option {
	IP4_OPT_END = 0,
	IP4_OPT_NOP = 1,
	IP4_OPT_RECORD_ROUTE = 7,
	IP4_OPT_TIMESTAMP = 68,
	IP4_OPT_LOOSE_ROUTE = 131,
	IP4_OPT_STRICT_ROUTE = 137,
	IP4_OPT_ROUTER_ALERT = 148,
};

/* Bits of ip4_options.has. */
enum {
	IP4_HAS_RECORD_ROUTE = 1,
	IP4_HAS_TIMESTAMP = 2,
	IP4_HAS_SOURCE_ROUTE = 4, /* loose or strict */
	IP4_HAS_ROUTER_ALERT = 8,
	IP4_HAS_UNKNOWN = 16,
};

struct ip4_options {
	uint8_t has;
	uint8_t fault_at; /* on ERR_FORMAT: offset from the first header byte, for ICMP */
};

/*
 * ip4_options_scan - which options are there, and are their lengths sound?
 * @in:  the option bytes behind a header of 20 bytes; borrowed
 * @out: always written
 * Returns 0, or ERR_FORMAT when a length is below 2 or past the end, or below 3 for a route or a
 * timestamp. Pointers inside options are not looked at.
 */
must_check
int ip4_options_scan(struct slice in, struct ip4_options *out);

/* A datagram or fragment, parsed; addresses in host order. */
struct ip4 {
	uint8_t tos;
	uint16_t id;
	uint16_t frag; /* flags and offset as in the header */
	uint8_t ttl;
	uint8_t protocol;
	uint16_t checksum;
	uint32_t src, dst;
	struct slice options;
	struct slice payload;
};

/*
 * ip4_parse - read one packet; bytes past its total length are padding.
 * The checksum is read, not verified. Returns 0, ERR_SHORT if @in ends inside the header,
 * ERR_FORMAT if the version is not 4 or a length does not fit.
 */
must_check
int ip4_parse(struct slice in, struct ip4 *out);

/* ip4_emit - append header (lengths and header checksum computed) and payload. Options must be a
 * multiple of 4 bytes, at most 40. */
void ip4_emit(struct writer *w, const struct ip4 *p);

/* ip4_print - one line: "10.0.0.1 > 10.0.0.2 proto 17 ttl 64 id 7 len 28 [DF]". */
void ip4_print(struct writer *w, const struct ip4 *p);

#endif

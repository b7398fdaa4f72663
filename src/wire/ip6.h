/* ip6.h - the IPv6 header, addresses and prefixes as text. RFC 8200, RFC 4291, RFC 5952. */
#ifndef CONVOY_WIRE_IP6_H
#define CONVOY_WIRE_IP6_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/writer.h"
#include "wire/checksum.h"
#include "wire/ip_protocol.h"

enum {
	IP6_HDR_LEN = 40,
	IP6_ADDR_BYTES = 16,
	IP6_MIN_MTU = 1280, /* RFC 8200 §5 */
	IP6_MAX_LEN = IP6_HDR_LEN + 65535,
	IP6_DEFAULT_HOP_LIMIT = 64,
	IP6_ADDR_TEXT_MAX = 45,	  /* characters, without an end */
	IP6_PREFIX_TEXT_MAX = 49, /* the same with "/128" behind it */
};

/* An address in the order of the wire; alignment 1. */
struct ip6_addr {
	uint8_t b[IP6_ADDR_BYTES];
};

/* An address and the number of its leading bits that count. */
struct ip6_prefix {
	struct ip6_addr addr;
	uint8_t len;
};

struct ip6_hdr {
	be32 ver_class_flow; /* 4 bits of version, 8 of traffic class, 20 of flow label */
	be16 payload_len;    /* everything behind this header */
	uint8_t next_header; /* enum ip_protocol */
	uint8_t hop_limit;
	struct ip6_addr src;
	struct ip6_addr dst;
};
_Static_assert(sizeof(struct ip6_hdr) == IP6_HDR_LEN, "as on the wire");

static inline unsigned ip6_version(const struct ip6_hdr *h)
{
	return h->ver_class_flow.b[0] >> 4;
}

static inline uint8_t ip6_traffic_class(const struct ip6_hdr *h)
{
	return (uint8_t)(host32(h->ver_class_flow) >> 20);
}

static inline uint32_t ip6_flow_label(const struct ip6_hdr *h)
{
	return host32(h->ver_class_flow) & 0xfffff;
}

/* ip6_first_word - the value of ver_class_flow. */
static inline be32 ip6_first_word(uint8_t traffic_class, uint32_t flow_label)
{
	return be32_of(6u << 28 | (uint32_t)traffic_class << 20 | (flow_label & 0xfffff));
}

/* ip6_high, ip6_low - the halves of an address, in host order. */
static inline uint64_t ip6_high(const struct ip6_addr *a)
{
	be64 v;

	memcpy(v.b, a->b, 8);
	return host64(v);
}

static inline uint64_t ip6_low(const struct ip6_addr *a)
{
	be64 v;

	memcpy(v.b, a->b + 8, 8);
	return host64(v);
}

static inline struct ip6_addr ip6_of(uint64_t high, uint64_t low)
{
	be64 h = be64_of(high), l = be64_of(low);
	struct ip6_addr a;

	memcpy(a.b, h.b, 8);
	memcpy(a.b + 8, l.b, 8);
	return a;
}

static inline bool ip6_equal(const struct ip6_addr *a, const struct ip6_addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a->b, 16);
	memcpy(y, b->b, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* Classes of addresses, RFC 4291 §2.4. */
static inline bool ip6_is_unspecified(const struct ip6_addr *a)
{
	uint64_t x[2];

	memcpy(x, a->b, 16);
	return (x[0] | x[1]) == 0;
}

static inline bool ip6_is_loopback(const struct ip6_addr *a)
{
	return ip6_high(a) == 0 && ip6_low(a) == 1;
}

static inline bool ip6_is_multicast(const struct ip6_addr *a)
{
	return a->b[0] == 0xff;
}

static inline bool ip6_is_link_local(const struct ip6_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80; /* fe80::/10 */
}

/* ip6_is_mapped - an IPv4 address in the form ::ffff:a.b.c.d; never on the wire. */
static inline bool ip6_is_mapped(const struct ip6_addr *a)
{
	return ip6_high(a) == 0 && ip6_low(a) >> 32 == 0xffff;
}

/* ip6_mapped, ip6_mapped_ip4 - an IPv4 address (host order) in that form, and back. */
static inline struct ip6_addr ip6_mapped(uint32_t ip4)
{
	return ip6_of(0, (uint64_t)0xffff << 32 | ip4);
}

static inline uint32_t ip6_mapped_ip4(const struct ip6_addr *a)
{
	return (uint32_t)ip6_low(a);
}

/* Scopes, RFC 4291 §2.7; unicast addresses have one of them too. */
enum ip6_scope {
	IP6_SCOPE_INTERFACE = 1,
	IP6_SCOPE_LINK = 2,
	IP6_SCOPE_SITE = 5,
	IP6_SCOPE_GLOBAL = 14,
};

/* ip6_scope_of - as RFC 6724 §3.1 has it: loopback counts as link-local. */
static inline unsigned ip6_scope_of(const struct ip6_addr *a)
{
	if (ip6_is_multicast(a))
		return a->b[1] & 15;
	return ip6_is_link_local(a) || ip6_is_loopback(a) ? IP6_SCOPE_LINK : IP6_SCOPE_GLOBAL;
}

/* ip6_solicited_node - the group in which neighbours ask for @a. RFC 4291 §2.7.1. */
static inline struct ip6_addr ip6_solicited_node(const struct ip6_addr *a)
{
	return ip6_of(0xff02000000000000, 0x00000001ff000000 | (ip6_low(a) & 0xffffff));
}

/* ff02::1 and ff02::2. */
static inline struct ip6_addr ip6_all_nodes(void)
{
	return ip6_of(0xff02000000000000, 1);
}

static inline struct ip6_addr ip6_all_routers(void)
{
	return ip6_of(0xff02000000000000, 2);
}

/* ip6_masked - the first @len bits of @a, the others zero. */
struct ip6_addr ip6_masked(const struct ip6_addr *a, unsigned len);

/* ip6_common_len - how many leading bits two addresses share, 0 to 128. */
unsigned ip6_common_len(const struct ip6_addr *a, const struct ip6_addr *b);

static inline bool ip6_prefix_has(const struct ip6_prefix *p, const struct ip6_addr *a)
{
	return ip6_common_len(&p->addr, a) >= p->len;
}

/*
 * ip6_from_text - read "2001:db8::1", also with an IPv4 address as its tail; no zone, no brackets.
 * Returns 0 or ERR_FORMAT.
 */
must_check
int ip6_from_text(const char *text, struct ip6_addr *out);

/*
 * ip6_prefix_from_text - read "2001:db8::1/64" or "2001:db8::1" (a /128); host bits are kept.
 * Returns 0 or ERR_FORMAT.
 */
must_check
int ip6_prefix_from_text(const char *text, struct ip6_prefix *out);

/* ip6_print_addr - the canonical form of RFC 5952. */
void ip6_print_addr(struct writer *w, const struct ip6_addr *a);
void ip6_print_prefix(struct writer *w, const struct ip6_prefix *p);

/*
 * ip6_pseudo_sum - checksum sum of the pseudo-header of upper layers, RFC 8200 §8.1.
 * @l4_len: length of the upper-layer header and its payload
 */
static inline uint64_t ip6_pseudo_sum(const struct ip6_addr *src, const struct ip6_addr *dst,
				      uint8_t protocol, uint32_t l4_len)
{
	uint64_t sum = checksum_word32(be32_of(l4_len)) + checksum_word16(be16_of(protocol));
	uint32_t s[4], d[4];

	memcpy(s, src->b, 16);
	memcpy(d, dst->b, 16);
	for (unsigned i = 0; i < 4; i++)
		sum += (uint64_t)s[i] + d[i];
	return sum;
}

/* A packet, parsed. Extension headers are part of the payload: wire/ip6_ext.h. */
struct ip6 {
	uint8_t traffic_class;
	uint32_t flow_label;
	uint8_t next_header;
	uint8_t hop_limit;
	struct ip6_addr src, dst;
	struct slice payload;
};

/*
 * ip6_parse - read one packet; bytes past its payload length are padding.
 * Returns 0, ERR_SHORT if @in ends inside the header, ERR_FORMAT if the version is not 6 or the
 * payload length is past the end of @in. Jumbograms (RFC 2675) are not read: their length is 0.
 */
must_check
int ip6_parse(struct slice in, struct ip6 *out);

/* ip6_emit - append header and payload, of at most 65535 bytes. */
void ip6_emit(struct writer *w, const struct ip6 *p);

/* ip6_print - one line: "2001:db8::1 > 2001:db8::2 next 17 hops 64 len 48". */
void ip6_print(struct writer *w, const struct ip6 *p);

#endif

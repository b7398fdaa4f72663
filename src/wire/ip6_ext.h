/*
 * ip6_ext.h - the chain of IPv6 extension headers, and the options in two of them. RFC 8200 §4.
 *
 *   IPv6 ─> hop-by-hop ─> destination ─> routing ─> fragment ─> destination ─> upper layer
 *
 * Bounded: IP6_EXT_MAX headers, IP6_OPTIONS_MAX options, as RFC 8504 §5.3 lets a node do.
 */
#ifndef CONVOY_WIRE_IP6_EXT_H
#define CONVOY_WIRE_IP6_EXT_H

#include "wire/ip6.h"

enum {
	IP6_EXT_MAX = 8,
	IP6_OPTIONS_MAX = 8, /* in one header, padding not counted */
	IP6_FRAGMENT_LEN = 8,
};

/* Bits of ip6_chain.has. */
enum {
	IP6_HAS_HOP_BY_HOP = 1,
	IP6_HAS_DESTINATION = 2, /* options, before or behind a fragment header */
	IP6_HAS_ROUTING = 4,
	IP6_HAS_FRAGMENT = 8,
	IP6_HAS_ROUTE_TO_GO = 16, /* a routing header with segments left */
};

/* All offsets count from the first byte of the IPv6 header. */
struct ip6_chain {
	uint8_t has;
	uint8_t protocol;	     /* of what stands at @l4_at; IP_NO_NEXT for nothing */
	uint16_t l4_at;		     /* where the upper layer begins */
	uint16_t next_at;	     /* of the next-header field that names @protocol */
	uint16_t fragment_at;	     /* of the fragment header; 0 for none */
	uint16_t before_fragment_at; /* of the next-header field that names the fragment header */
	uint16_t routing_at;	     /* of the routing header; 0 for none */
	uint16_t fault_at;	     /* on ERR_FORMAT: the byte that an ICMP error points to */
};

/*
 * ip6_walk - follow the chain of a packet whose fixed header is complete.
 * @in:  from the IPv6 header on, as far as the bytes can be read in one piece; borrowed
 * @out: always written, up to where the walk ended
 *
 * The walk ends at the upper layer, which ESP and AH count as, at "no next header", and behind the
 * header of a fragment that is not the first. Returns 0; ERR_SHORT when @in ends before the chain
 * does; ERR_FORMAT for a hop-by-hop header that is not the first (§4.1) or a second fragment
 * header; ERR_FULL for more than IP6_EXT_MAX headers.
 */
must_check
int ip6_walk(struct slice in, struct ip6_chain *out);

struct ip6_fragment_hdr {
	uint8_t next_header;
	uint8_t reserved;
	be16 offset_more; /* offset in the upper 13 bits, more fragments in the lowest */
	be32 id;
};
_Static_assert(sizeof(struct ip6_fragment_hdr) == IP6_FRAGMENT_LEN, "as on the wire");

static inline unsigned ip6_fragment_offset(const struct ip6_fragment_hdr *f)
{
	return host16(f->offset_more) & 0xfff8u;
}

static inline bool ip6_fragment_more(const struct ip6_fragment_hdr *f)
{
	return host16(f->offset_more) & 1;
}

enum ip6_option {
	IP6_OPT_PAD1 = 0,
	IP6_OPT_PADN = 1,
	IP6_OPT_ROUTER_ALERT = 5,
	IP6_OPT_JUMBO = 0xc2,
};

/* What to do about an option that is not known: its two upper bits, §4.2. */
enum ip6_option_action {
	IP6_OPTION_SKIP,
	IP6_OPTION_DISCARD,
	IP6_OPTION_REPORT,	   /* and tell the source */
	IP6_OPTION_REPORT_UNICAST, /* unless the destination is multicast */
};

struct ip6_options {
	enum ip6_option_action action; /* the first that is not to be skipped; else 0 */
	uint16_t fault_at; /* of that option, or of what is malformed, from the header's start */
	bool has_router_alert;
};

/*
 * ip6_options_scan - look at the options of a hop-by-hop or destination options header.
 * @header: the whole extension header; borrowed
 * @out:    always written
 * Returns 0, ERR_FORMAT when a length goes past the end, ERR_FULL for more than IP6_OPTIONS_MAX.
 */
must_check
int ip6_options_scan(struct slice header, struct ip6_options *out);

#endif

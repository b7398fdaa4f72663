/*
 * nd.h - the messages of Neighbor Discovery, which ICMPv6 carries. RFC 4861 §4; options RFC 4861
 * §4.6, RFC 4191 (preferences, routes), RFC 8106 (DNS servers).
 */
#ifndef CONVOY_WIRE_ND_H
#define CONVOY_WIRE_ND_H

#include "wire/ethernet.h"
#include "wire/icmp6.h"

enum {
	ND_HOP_LIMIT = 255,  /* proves that no router has forwarded the message */
	ND_PREFIXES_MAX = 8, /* that are read or written in one message */
	ND_ROUTES_MAX = 8,
	ND_SERVERS_MAX = 4,
	ND_OPTIONS_MAX = 32,			    /* in one message */
	ND_MESSAGE_MAX = IP6_MIN_MTU - IP6_HDR_LEN, /* bytes that nd_emit() needs at most */
};

#define ND_INFINITE 0xffffffffu /* seconds */

enum nd_option {
	ND_OPT_SOURCE_MAC = 1,
	ND_OPT_TARGET_MAC = 2,
	ND_OPT_PREFIX = 3,
	ND_OPT_REDIRECTED = 4,
	ND_OPT_MTU = 5,
	ND_OPT_NONCE = 14,   /* RFC 3971, for RFC 7527 */
	ND_OPT_ROUTE = 24,   /* RFC 4191 §2.3 */
	ND_OPT_SERVERS = 25, /* RFC 8106 */
};

/* Flags of a neighbor advertisement. */
enum { ND_ROUTER = 0x80, ND_SOLICITED = 0x40, ND_OVERRIDE = 0x20 };

/* Flags of a router advertisement. */
enum { ND_MANAGED = 0x80, ND_OTHER = 0x40 };

/* Of a router, or of a route by it. RFC 4191 §2.1. */
enum nd_preference { ND_LOW = -1, ND_MEDIUM, ND_HIGH };

/* Where it stands in the flags of a router advertisement, and in the second byte of a route. */
enum { ND_PREFERENCE_SHIFT = 3, ND_PREFERENCE_MASK = 3 };

/* Flags of a prefix. */
enum { ND_ON_LINK = 0x80, ND_AUTONOMOUS = 0x40 };

struct nd_prefix {
	struct ip6_prefix prefix;
	uint8_t flags;
	uint32_t valid_s;
	uint32_t preferred_s;
};

/* A prefix that a router leads to. */
struct nd_route {
	struct ip6_prefix prefix;
	enum nd_preference preference;
	uint32_t lifetime_s;
};

/* A message of any of the five types; what its type does not have is zero. */
struct nd {
	uint8_t type;		       /* enum icmp6_type */
	uint8_t flags;		       /* of an advertisement; without the preference */
	struct ip6_addr target;	       /* of neighbor messages and redirects */
	struct ip6_addr redirect;      /* a redirect's destination */
	uint8_t hop_limit;	       /* a router's: 0 says nothing */
	uint16_t lifetime_s;	       /* a router's: 0 is no default router */
	enum nd_preference preference; /* of a default router */
	uint32_t reachable_ms;	       /* 0 says nothing */
	uint32_t retransmit_ms;	       /* 0 says nothing */
	bool has_source_mac, has_target_mac;
	struct mac source_mac, target_mac;
	uint32_t mtu_bytes; /* 0: no such option */
	uint64_t nonce;	    /* of 6 bytes; 0: no such option */
	uint8_t n_prefixes;
	uint8_t n_routes;
	uint8_t n_servers;
	struct nd_prefix prefix[ND_PREFIXES_MAX];
	struct nd_route route[ND_ROUTES_MAX];
	uint32_t servers_s; /* lifetime of the DNS servers */
	struct ip6_addr server[ND_SERVERS_MAX];
	struct slice redirected; /* what a redirect that is written is about; borrowed */
};

static inline bool nd_is_type(uint8_t type)
{
	return type >= ICMP6_ROUTER_SOLICIT && type <= ICMP6_REDIRECT;
}

/*
 * nd_parse - read the ICMPv6 message @in from its type on, whose checksum is good.
 *
 * Unknown options are skipped, prefixes, routes and servers past what struct nd holds are left out,
 * as are routes whose length or preference is none (RFC 4191 §2.3). The preference of a router is
 * ND_MEDIUM if it is none, or without a lifetime (§2.2).
 * Returns 0; ERR_UNSUPPORTED for other types; ERR_SHORT if the fixed part is cut; ERR_FORMAT for a
 * code other than 0, an option of length 0 or past the end, a link address option that is too
 * short or a multicast target; ERR_FULL for more than ND_OPTIONS_MAX options. RFC 4861 §6.1, §7.1,
 * §8.1, as far as the message alone tells.
 */
must_check
int nd_parse(struct slice in, struct nd *out);

/* nd_emit - append the message with its checksum; of @m->redirected as much as fits, §8.2. */
void nd_emit(struct writer *w, const struct nd *m, const struct ip6_addr *src,
	     const struct ip6_addr *dst);

/* nd_print - one line: "who-has 2001:db8::1", "2001:db8::1 is-at 02:…", "router lifetime 1800". */
void nd_print(struct writer *w, const struct nd *m);

/* nd_group_mac - the MAC address of an IPv6 multicast group. RFC 2464 §7. */
static inline struct mac nd_group_mac(const struct ip6_addr *group)
{
	struct mac m = { { 0x33, 0x33 } };

	memcpy(m.b + 2, group->b + 12, 4);
	return m;
}

/* nd_eui64 - the interface identifier that belongs to a MAC address. RFC 4291 appendix A. */
static inline uint64_t nd_eui64(const struct mac *m)
{
	uint64_t high = (uint64_t)(m->b[0] ^ 2) << 16 | (uint64_t)m->b[1] << 8 | m->b[2];

	return high << 40 | (uint64_t)0xfffe << 24 | (uint64_t)m->b[3] << 16 |
	       (uint64_t)m->b[4] << 8 | m->b[5];
}

#endif

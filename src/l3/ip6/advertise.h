/*
 * advertise.h - a router tells the link that it is there: router advertisements. RFC 4861 §6.2,
 * RFC 8106 (DNS servers). Main thread.
 *
 * Sent from the link-local address, once that is usable: three quickly, then at random times
 * between the two intervals, and soon after a solicitation. The last one, when advertising ends,
 * says that this is no default router any more.
 */
#ifndef CONVOY_L3_IP6_ADVERTISE_H
#define CONVOY_L3_IP6_ADVERTISE_H

#include "l3/ip6/address.h"

enum {
	IP6_ADVERTISE_LIFETIME_S = 1800,
	IP6_ADVERTISE_MAX_S = 600, /* between two, at most */
	IP6_ADVERTISE_VALID_S = 2592000,
	IP6_ADVERTISE_PREFERRED_S = 604800,
};

struct ip6_advertise_options {
	uint16_t lifetime_s;		      /* as a default router; 0: not one */
	uint8_t hop_limit;		      /* 0 says nothing */
	bool managed, other;		      /* addresses, other things from DHCPv6 */
	uint32_t mtu_bytes;		      /* 0 says nothing */
	uint32_t reachable_ms, retransmit_ms; /* 0 say nothing */
	uint32_t interval_s; /* between two, at most: 4 to 1800; a third of it at least */
	uint8_t n_prefixes;  /* 0: those of the interface's own addresses */
	uint8_t n_servers;
	struct nd_prefix prefix[ND_PREFIXES_MAX];
	struct ip6_addr server[ND_SERVERS_MAX];
	uint32_t servers_s;
};
#define IP6_DEFAULT_ADVERTISE                                                                      \
	((struct ip6_advertise_options){ .lifetime_s = IP6_ADVERTISE_LIFETIME_S,                   \
					 .hop_limit = IP6_DEFAULT_HOP_LIMIT,                       \
					 .interval_s = IP6_ADVERTISE_MAX_S,                        \
					 .servers_s = IP6_ADVERTISE_LIFETIME_S })

struct ip6_advertiser {
	struct ip6_link *on;
	struct ip6_advertise_options options;
	struct timer timer;
	unsigned n_sent; /* since the link came up, or the options changed */
	bool is_known;	 /* the link has heard of us, and not that we end */
	uint64_t sent_ns;
	uint64_t n_total, n_solicited;
};

/*
 * ip6_advertise - begin, or go on with other options. ERR_NOENT without such an interface, or if it
 * does not speak IPv6; ERR_INVAL for an interval out of range, a lifetime below the interval that
 * is not 0, or an interface that is a host (autoconf); ERR_NOMEM.
 */
must_check
int ip6_advertise(struct engine *e, uint32_t if_index, const struct ip6_advertise_options *options);

/* ip6_advertise_end - ERR_NOENT if the interface does not advertise. */
must_check
int ip6_advertise_end(struct engine *e, uint32_t if_index);

/* ip6_advertisement_of - what is sent. */
struct nd ip6_advertisement_of(const struct ip6_advertiser *ad);

/* ip6_advertise_solicited - somebody on the link asks for routers. §6.2.6 */
void ip6_advertise_solicited(struct ip6_link *l);

/* Of link.c: the link came up, goes down, is no more. They do nothing where nobody advertises. */
void ip6_advertise_start(struct ip6_link *l);
void ip6_advertise_stop(struct ip6_link *l);
void ip6_advertise_free(struct ip6_link *l);

#endif

/* send.h - messages that main sends on a link: ARP requests, Neighbor Discovery, MLD. */
#ifndef CONVOY_L3_NEIGHBOR_SEND_H
#define CONVOY_L3_NEIGHBOR_SEND_H

#include "engine/engine.h"
#include "wire/arp.h"
#include "wire/nd.h"

/* arp_send_request - ask for @target, or announce it if it is @sender. ERR_NOENT, ERR_NOMEM. */
must_check
int arp_send_request(struct engine *e, uint32_t if_index, be32 sender, be32 target,
		     const struct mac *to);

/* An ICMPv6 message that is sent on a link, whatever the routes. */
struct icmp6_order {
	struct slice message; /* with its checksum; it and all headers fit into IP6_MIN_MTU bytes */
	struct ip6_addr src, dst;
	const struct mac *to; /* NULL: the one of @dst, which is a group then */
	uint8_t hop_limit;
	bool has_router_alert; /* in a hop-by-hop header: RFC 2711 */
	bool is_farewell;      /* goes out though the interface is told to go or to go down */
};

/*
 * icmp6_send_on - in this turn of worker 0. A farewell has to be sent while listeners are told
 * (interface_listen()). One of an interface that sends through others (a subinterface, a BVI) is
 * sent by these.
 * ERR_NOENT without such an interface, ERR_NOMEM.
 */
must_check
int icmp6_send_on(struct engine *e, uint32_t if_index, const struct icmp6_order *order);

/*
 * nd_send - a Neighbor Discovery message from @src to @dst, with a hop limit of 255.
 * @to: of the frame; NULL: the one of @dst, which is a group then
 * ERR_NOENT without such an interface, ERR_NOMEM.
 */
must_check
int nd_send(struct engine *e, uint32_t if_index, const struct nd *m, const struct ip6_addr *src,
	    const struct ip6_addr *dst, const struct mac *to);

/* nd_send_farewell - the same as the last word to a group: icmp6_order.is_farewell. */
must_check
int nd_send_farewell(struct engine *e, uint32_t if_index, const struct nd *m,
		     const struct ip6_addr *src, const struct ip6_addr *dst);

#endif

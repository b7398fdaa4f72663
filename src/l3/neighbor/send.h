/* send.h - messages that main sends on a link: ARP requests and Neighbor Discovery. */
#ifndef CONVOY_L3_NEIGHBOR_SEND_H
#define CONVOY_L3_NEIGHBOR_SEND_H

#include "engine/engine.h"
#include "wire/arp.h"
#include "wire/nd.h"

/* arp_send_request - ask for @target, or announce it if it is @sender. ERR_NOENT, ERR_NOMEM. */
must_check
int arp_send_request(struct engine *e, uint32_t if_index, be32 sender, be32 target,
		     const struct mac *to);

/*
 * nd_send - a Neighbor Discovery message from @src to @dst, with a hop limit of 255.
 * @to: of the frame; NULL: the one of @dst, which is a group then
 * ERR_NOENT without such an interface, ERR_NOMEM.
 */
must_check
int nd_send(struct engine *e, uint32_t if_index, const struct nd *m, const struct ip6_addr *src,
	    const struct ip6_addr *dst, const struct mac *to);

#endif

/*
 * proxy.h - addresses that an interface answers for though they are somebody else's: proxy ARP
 * (RFC 1027) and proxy Neighbor Discovery (RFC 4389, RFC 4861 §7.2.8). Packets that come for them
 * are forwarded like any other; a route has to lead there.
 */
#ifndef CONVOY_L3_NEIGHBOR_PROXY_H
#define CONVOY_L3_NEIGHBOR_PROXY_H

#include "l3/neighbor/neighbor.h"

enum { NEIGHBOR_PROXIES_MAX = 256 /* of one interface */ };

/* Published, never changed. Addresses as in neighbor.h. */
struct neighbor_proxies {
	struct rcu_later later;
	uint32_t n;
	struct ip6_addr addr[];
};

/*
 * neighbor_add_proxy - main: answer for @addr on the interface. ERR_NOENT without such an
 * interface; ERR_INVAL for an address that is no single host's; ERR_EXIST; ERR_FULL for more than
 * NEIGHBOR_PROXIES_MAX; ERR_NOMEM.
 */
must_check
int neighbor_add_proxy(struct engine *e, uint32_t if_index, const struct ip6_addr *addr);

/* neighbor_del_proxy - ERR_NOENT if it is none; ERR_NOMEM. */
must_check
int neighbor_del_proxy(struct engine *e, uint32_t if_index, const struct ip6_addr *addr);

/* neighbor_proxies_of_or_null - those of an interface, until the end of the turn. */
static inline const struct neighbor_proxies *neighbor_proxies_of_or_null(const struct engine *e,
									 uint32_t if_index)
{
	const struct neighbors *t = e->module[MODULE_NEIGHBOR];

	return t && if_index < INTERFACES_MAX ? rcu_load(t->proxies[if_index]) : NULL;
}

/* neighbor_is_proxy - main or workers: true if the interface answers for @addr. */
bool neighbor_is_proxy(const struct engine *e, uint32_t if_index, const struct ip6_addr *addr);

/* neighbor_proxy_listens - true if @group is that in which some proxied address is asked for. */
bool neighbor_proxy_listens(const struct engine *e, uint32_t if_index,
			    const struct ip6_addr *group);

/* Of neighbor.c: the interface is gone. */
void neighbor_drop_proxies(struct neighbors *t, uint32_t if_index);

#endif

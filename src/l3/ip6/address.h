/*
 * address.h - IPv6 on an interface: its addresses, their life, and the routes that come with them.
 *
 * For 2001:db8::1/64 on an interface that is up, once nobody else has shown up with it:
 *
 *   2001:db8::1/128   local
 *   2001:db8::/64     glean: resolve the destination on that link
 *
 * An interface that has IPv6 also has a link-local address, made of its MAC address or of a secret
 * (RFC 7217). Every address is tentative first: RFC 4862 §5.4. When the interface goes down, all of
 * them lose their routes, and are checked anew when it is back. Main thread.
 */
#ifndef CONVOY_L3_IP6_ADDRESS_H
#define CONVOY_L3_IP6_ADDRESS_H

#include "l3/ip6/heard.h"
#include "l3/ip6/ip6.h"
#include "wire/nd.h"

enum ip6_origin {
	IP6_MANUAL,	/* the operator's */
	IP6_LINK_LOCAL, /* made when IPv6 was switched on */
	IP6_AUTOCONF,	/* made of an advertised prefix */
};

enum ip6_interface_id { IP6_EUI64, IP6_STABLE };

/* How an interface does IPv6. */
struct ip6_link_options {
	enum ip6_interface_id interface_id; /* of addresses that are made here */
	bool autoconf;		  /* be a host: addresses and routes from advertisements */
	uint8_t duplicate_checks; /* RFC 4862 §5.1 DupAddrDetectTransmits; 0: none */
};
#define IP6_DEFAULT_OPTIONS ((struct ip6_link_options){ .duplicate_checks = 1 })

struct ip6_address {
	struct list link; /* of ip6_link.addresses */
	struct ip6_link *on;
	struct ip6_prefix prefix; /* with its host bits */
	enum ip6_origin origin;
	enum ip6_address_state state;
	bool is_local;	   /* its /128 is in the FIB */
	bool is_connected; /* its prefix is in the FIB, by this address */
	/* duplicate address detection, dad.c */
	struct timer dad;
	uint8_t n_checks;
	uint8_t n_retries; /* of stable identifiers that were taken */
	uint64_t nonce;
	/* lifetimes, autoconf.c; UINT64_MAX without end */
	struct timer life;
	uint64_t preferred_until_ns, valid_until_ns;
	uint32_t n_routers; /* who advertise its prefix; the one that spoke last first */
	struct ip6_addr router[IP6_ROUTERS_MAX];
};

struct ip6_advertiser; /* advertise.h */
struct ip6_host;       /* autoconf.h */
struct mld_link;       /* l3/mld/mld.h */

struct ip6_link {
	struct ip6_stack *stack;
	uint32_t if_index;
	bool is_up;
	bool is_implied; /* an address switched it on, and its going switches it off */
	struct ip6_link_options options;
	struct list addresses;
	unsigned n_addresses;
	struct ip6_heard heard;		   /* of routers, by a host */
	struct ip6_advertiser *advertiser; /* NULL: does not advertise */
	struct ip6_host *host;		   /* NULL: does not listen to advertisements */
	struct mld_link *mld;
};

/*
 * ip6_enable - switch IPv6 on, or change how it is done. ERR_NOENT without such an interface,
 * ERR_RANGE if its MTU is under 1280 (RFC 8200 §5), ERR_NOMEM, ERR_FULL.
 */
must_check
int ip6_enable(struct engine *e, uint32_t if_index, const struct ip6_link_options *options);

/* ip6_disable - switch it off: addresses, neighbours and routes go. ERR_NOENT if it is off. */
must_check
int ip6_disable(struct engine *e, uint32_t if_index);

/*
 * ip6_disable_unless_needed - nobody asks for IPv6 any more, but addresses may need it, in the
 * usual way. ERR_NOENT if it is off.
 */
must_check
int ip6_disable_unless_needed(struct engine *e, uint32_t if_index);

/*
 * ip6_add_address - give the interface an address, with its host bits; IPv6 is switched on if need
 * be. ERR_INVAL for one that no interface can have (multicast, loopback, unspecified, mapped, or
 * link-local with a length other than 64); ERR_EXIST if somebody in the VRF has it (on the link, if
 * it is link-local); ERR_FULL for more than IP6_ADDRESSES_MAX; else as ip6_enable().
 */
must_check
int ip6_add_address(struct engine *e, uint32_t if_index, struct ip6_prefix prefix);

/*
 * ip6_del_address - ERR_NOENT if the interface has no such address and length. IPv6 goes with the
 * last one if an address has switched it on.
 */
must_check
int ip6_del_address(struct engine *e, uint32_t if_index, struct ip6_prefix prefix);

/* ip6_is_on_link - true if @addr belongs to a prefix of the link, and is not ours there. */
bool ip6_is_on_link(const struct ip6_stack *s, uint32_t if_index, const struct ip6_addr *addr);

/* ip6_link_local_of - the usable link-local address; unspecified for none. Main or workers. */
struct ip6_addr ip6_link_local_of(const struct ip6_stack *s, uint32_t if_index);

const char *ip6_address_state_name(enum ip6_address_state state);
const char *ip6_origin_name(enum ip6_origin origin);

/* --- between the files of this folder --- */

/* ip6_address_new_or_null - a tentative one, that is checked if the link is up. Publishes the view.
 */
struct ip6_address *ip6_address_new_or_null(struct ip6_link *l, struct ip6_prefix prefix,
					    enum ip6_origin origin);

/* ip6_address_free - take its routes, forget it, publish the view. */
void ip6_address_free(struct ip6_address *a);

/* ip6_address_set_state - with the routes that the state has, and the view. */
void ip6_address_set_state(struct ip6_address *a, enum ip6_address_state state);

struct ip6_address *ip6_address_find_or_null(const struct ip6_link *l, const struct ip6_addr *addr);

/* ip6_publish_view - workers see what the link is like now. */
void ip6_publish_view(struct ip6_link *l);

/* ip6_withdraw_view - workers see that the link does not speak IPv6. */
void ip6_withdraw_view(struct ip6_link *l);

/* ip6_interface_id_of - 64 bits for an address of @prefix; @n_retries tells attempts apart. */
uint64_t ip6_interface_id_of(const struct ip6_link *l, const struct ip6_addr *prefix,
			     unsigned n_retries);

/* dad.c: begin to check an address of a link that is up; stop it. */
void ip6_dad_start(struct ip6_address *a);
void ip6_dad_stop(struct ip6_address *a);

/*
 * ip6_dad_conflict - somebody else showed up with @addr on the link. @nonce: of a solicitation, 0
 * for none: our own coming back is none (RFC 7527).
 */
void ip6_dad_conflict(struct ip6_stack *s, uint32_t if_index, const struct ip6_addr *addr,
		      uint64_t nonce);

/* Of l3/vrf: as ip4_addresses_leave() and ip4_addresses_join(). Nothing is checked anew. */
void ip6_addresses_leave(struct ip6_link *l);
void ip6_addresses_join(struct ip6_link *l);

/* Of ip6.c: begin and end to follow interfaces. */
void ip6_links_init(struct ip6_stack *s);
void ip6_links_deinit(struct ip6_stack *s);

#endif

/*
 * address.h - the IPv4 addresses of interfaces and the routes that come with them.
 *
 * For 10.0.0.1/24 on an interface that is up:
 *
 *   10.0.0.1/32     local
 *   10.0.0.0/24     glean: resolve the destination on that link
 *   10.0.0.0/32     broadcast (the old form), unless the prefix is a /31 or /32 (RFC 3021)
 *   10.0.0.255/32   broadcast
 *
 * An address stays local while its interface is down; the rest goes. Main thread.
 */
#ifndef CONVOY_L3_IP4_ADDRESS_H
#define CONVOY_L3_IP4_ADDRESS_H

#include "l3/ip4/ip4.h"

/*
 * ip4_add_address - give the interface @if_index the address of @prefix, with its host bits.
 * ERR_NOENT without such an interface; ERR_INVAL for an address that no interface can have
 * (multicast, loopback, the network's or broadcast address of a prefix under /31); ERR_EXIST if
 * somebody in the VRF has it; ERR_BUSY if another interface is on that very network; ERR_PERM if
 * the interface is unnumbered; ERR_NOMEM, ERR_FULL.
 */
must_check
int ip4_add_address(struct engine *e, uint32_t if_index, struct ip4_prefix prefix);

/* ip4_del_address - ERR_NOENT if the interface has no such address and length. */
must_check
int ip4_del_address(struct engine *e, uint32_t if_index, struct ip4_prefix prefix);

/*
 * ip4_set_unnumbered - the interface has no address of its own and uses those of @lender (0: ends
 * that): it asks for neighbours and sends ICMP errors as that one, and takes anybody who speaks on
 * its link for a neighbour there. Routes by it name the interface. RFC 1812 §2.2.7.
 * ERR_NOENT without such interfaces; ERR_BUSY if it has addresses; ERR_INVAL if @lender is itself
 * unnumbered, or the interface.
 */
must_check
int ip4_set_unnumbered(struct engine *e, uint32_t if_index, uint32_t lender);

/*
 * ip4_source_for - the address of the interface to use towards @next_hop: the one whose prefix
 * holds it, else the first; 0 without any. Host order.
 */
uint32_t ip4_source_for(const struct ip4_stack *s, uint32_t if_index, uint32_t next_hop);

/*
 * ip4_is_on_link - true if @addr belongs to a prefix of the interface, and is not ours there; on an
 * unnumbered link everybody may be.
 */
bool ip4_is_on_link(const struct ip4_stack *s, uint32_t if_index, uint32_t addr);

/*
 * Of l3/vrf: ip4_addresses_leave takes the routes of an interface's addresses out of its VRF, and
 * ip4_addresses_join puts them into the one that it is in then. The addresses stay.
 */
void ip4_addresses_leave(struct ip4_stack *s, uint32_t if_index);
void ip4_addresses_join(struct ip4_stack *s, uint32_t if_index);

/* Of ip4.c: begin and end to follow interfaces. */
void ip4_addresses_init(struct ip4_stack *s);
void ip4_addresses_deinit(struct ip4_stack *s);

#endif

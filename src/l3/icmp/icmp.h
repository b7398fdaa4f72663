/*
 * icmp.h - ICMP for IPv4: answers to pings, errors about packets that cannot be served, and the
 * errors that others send about ours.
 */
#ifndef CONVOY_L3_ICMP_H
#define CONVOY_L3_ICMP_H

#include "engine/node.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"

struct engine;

/*
 * icmp4_condemn - say which error icmp4-error shall send about @b. The caller counts its reason
 * (node_count) and sends @b to "icmp4-error", with its data from the IP header on.
 * @rest: the MTU of ICMP4_FRAG_NEEDED, the pointer of ICMP4_PARAMETER_PROBLEM, else 0
 */
static inline void icmp4_condemn(struct buf *b, uint8_t type, uint8_t code, uint16_t rest)
{
	b->icmp_error = (uint32_t)type << 24 | (uint32_t)code << 16 | rest;
}

/*
 * icmp4_is_about_error - is the packet whose header @ip, at the start of @b's data, is an ICMP
 * error itself, or one that cannot be read? No error and no redirect is sent about it: RFC 1812
 * §4.3.2.7.
 */
static inline bool icmp4_is_about_error(const struct buf *b, const struct ip4_hdr *ip)
{
	const struct icmp4_hdr *icmp = (const void *)((const uint8_t *)ip + ip4_hdr_len(ip));

	if (ip->protocol != IP_ICMP4)
		return false;
	return b->len < ip4_hdr_len(ip) + 1 || icmp4_is_error(icmp->type);
}

/*
 * icmp4_register_errors - have errors about our packets of IP protocol @protocol sent to the node
 * @node_name. They arrive with their data from the quoted IP header on, l3_at there as well, and
 * l4_at at what follows it, of which at least 8 bytes are there; buf.icmp_error says type, code and
 * rest as icmp4_condemn() would; l2_at is where the error's own header begins. Before the workers
 * start. ERR_NOENT without such a node.
 */
must_check
int icmp4_register_errors(struct engine *e, uint8_t protocol, const char *node_name);

/* icmp4_register_replies - have echo replies to us sent to the node @node_name. As above. */
must_check
int icmp4_register_replies(struct engine *e, const char *node_name);

/* icmp4_init - state of every worker; before they start, after ip4_init(). ERR_NOMEM. */
must_check
int icmp4_init(struct engine *e);
void icmp4_deinit(struct engine *e);

extern const struct node_type icmp4_input_node;
extern const struct node_type icmp4_error_node;

#endif

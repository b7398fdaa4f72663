/*
 * icmp6.h - ICMP for IPv6: answers to pings, errors about packets that cannot be served, and the
 * errors that others send about ours. Neighbor Discovery goes on to l3/neighbor.
 */
#ifndef CONVOY_L3_ICMP6_H
#define CONVOY_L3_ICMP6_H

#include "engine/node.h"
#include "wire/icmp6.h"

struct engine;

/*
 * icmp6_condemn - say which error icmp6-error shall send about @b. The caller counts its reason
 * (node_count) and sends @b to "icmp6-error", with its data from the IPv6 header on, or from
 * before.
 * @rest: the MTU of ICMP6_TOO_BIG, the pointer of ICMP6_PARAMETER_PROBLEM, else 0
 */
static inline void icmp6_condemn(struct buf *b, uint8_t type, uint8_t code, uint16_t rest)
{
	b->icmp_error = (uint32_t)type << 24 | (uint32_t)code << 16 | rest;
}

/*
 * icmp6_register_errors - have errors about our packets of protocol @protocol sent to the node
 * @node_name. They arrive with their data from the quoted IPv6 header on, l3_at there as well, and
 * l4_at at the header of @protocol, of which at least 8 bytes are there; buf.icmp_error says type,
 * code and rest as icmp6_condemn() would; l2_at is where the error's own header begins. Before the
 * workers start. ERR_NOENT without such a node.
 */
must_check
int icmp6_register_errors(struct engine *e, uint8_t protocol, const char *node_name);

/* icmp6_register_replies - have echo replies to us sent to the node @node_name. As above. */
must_check
int icmp6_register_replies(struct engine *e, const char *node_name);

/* icmp6_init - state of every worker; before they start, after ip6_init(). ERR_NOMEM. */
must_check
int icmp6_init(struct engine *e);
void icmp6_deinit(struct engine *e);

extern const struct node_type icmp6_input_node;
extern const struct node_type icmp6_error_node;

#endif

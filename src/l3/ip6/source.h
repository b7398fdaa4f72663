/*
 * source.h - which address to send from: RFC 6724 §5, pure.
 *
 * Rules 1 to 3, 5, 5.5, 6 and 8. Rules 4 and 7 compare home and temporary addresses, of which this
 * stack has none.
 */
#ifndef CONVOY_L3_IP6_SOURCE_H
#define CONVOY_L3_IP6_SOURCE_H

#include "l3/ip6/ip6.h"

/* An address of ours that may be used, and the interface that has it. */
struct ip6_candidate {
	const struct ip6_view_address *address; /* borrowed */
	uint32_t if_index;
};

/* Where a packet goes. */
struct ip6_towards {
	struct ip6_addr dst;
	uint32_t if_index;	  /* that it leaves by; 0: not known */
	struct ip6_addr next_hop; /* unspecified: none, or not known */
};

/* ip6_label_of - of the default policy table, RFC 6724 §2.1. */
unsigned ip6_label_of(const struct ip6_addr *a);

/* ip6_is_better_source - is @a the better of two candidates? */
bool ip6_is_better_source(const struct ip6_candidate *a, const struct ip6_candidate *b,
			  const struct ip6_towards *to);

#endif

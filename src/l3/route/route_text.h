/*
 * route_text.h - one route as a line of text. Pure.
 *
 *   10.0.0.0/8 via 192.0.2.1                          a next hop
 *   10.0.0.0/8 via 192.0.2.1@lan 3 via 192.0.2.2 1    several, with weights; "@lan" names the link
 *   10.0.0.0/8 via 192.0.2.1 dev lan weight 3         the same in words
 *   10.0.0.0/8 via @lan                               on the link itself, or "via dev lan"
 *   10.0.0.0/8 via 192.0.2.1 vrf blue                 a next hop of VRF blue
 *   10.0.0.0/8 via 192.0.2.1 via 192.0.2.2 resilient  flows stay when hops come and go
 *   10.0.0.0/8 lookup blue                            as VRF blue says
 *   10.0.0.0/8 blackhole                              or prohibit, or unreachable
 *
 * Blanks separate words; what follows a '#' is a remark.
 */
#ifndef CONVOY_L3_ROUTE_TEXT_H
#define CONVOY_L3_ROUTE_TEXT_H

#include "base/slice.h"
#include "l3/fib/fib.h"
#include "wire/ip_prefix.h"

enum { ROUTE_NAME_MAX = 32 };

struct route_text_hop {
	bool has_addr;
	struct ip6_addr addr;		/* IPv4 in the mapped form */
	char interface[ROUTE_NAME_MAX]; /* "" if not named */
	char vrf[ROUTE_NAME_MAX];	/* that it is in; "": the route's */
	uint32_t weight;		/* 1 to LOAD_BALANCE_WEIGHT_MAX */
};

/* Where to. */
struct route_text_to {
	bool is_dead;
	enum adjacency_kind dead;
	char vrf[ROUTE_NAME_MAX]; /* "" unless looked up there */
	bool resilient;
	unsigned n_hops;
	struct route_text_hop hop[LOAD_BALANCE_PATHS];
};

/* What is wrong with a line. */
struct route_text_fault {
	unsigned column; /* from 1 */
	const char *what;
};

/*
 * route_text_prefix - the first word of @line, which is taken off.
 * Returns 0; 1 for a line that says nothing; ERR_FORMAT with @fault: no prefix, or bits set behind
 * its length.
 */
must_check
int route_text_prefix(struct slice *line, struct ip_prefix *out, struct route_text_fault *fault);

/*
 * route_text_to - the rest of a line. @column: of its first byte, for @fault. @is_ip4: the family
 * that next hops have to be of. 0, or ERR_FORMAT.
 */
must_check
int route_text_to(struct slice rest, unsigned column, bool is_ip4, struct route_text_to *out,
		  struct route_text_fault *fault);

#endif

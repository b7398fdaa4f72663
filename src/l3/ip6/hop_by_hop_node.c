/*
 * ip6-hop-by-hop: packets with options for every router, off the fast path.
 *
 *   ip6-input ──> ip6-hop-by-hop ──┬──> [ip6-unicast arc] ──> ip6-lookup
 *                                  ├──> icmp6-error    an unknown option asks for it, or is
 * malformed └──> drop           see reasons[]
 *
 * No option is acted upon: router alerts are carried along, jumbograms refused. RFC 8200 §4.2,
 * §4.3; RFC 8504 §5.3 for the limits.
 */
#include "engine/feature.h"
#include "l3/icmp/icmp6.h"
#include "l3/ip6/ip6.h"
#include "l3/ip6/options.h"

enum { NEXT_DROP, NEXT_LOOKUP, NEXT_ICMP_ERROR };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOOKUP] = "ip6-lookup",
	[NEXT_ICMP_ERROR] = "icmp6-error",
};

enum { SHORT, OPTION, MALFORMED, TOO_MANY, N_REASONS };
static const struct reason reasons[] = {
	[SHORT] = { "short", "the header is cut, or not in the first buffer" },
	[OPTION] = { "option", "an unknown option that asks to be discarded" },
	[MALFORMED] = { "malformed", "the length of an option is wrong" },
	[TOO_MANY] = { "too-many", "more options than are looked at" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static uint16_t take(struct worker *w, struct node *node, struct buf *b)
{
	switch (ip6_check_options(b, IP6_HDR_LEN)) {
	case IP6_OPTIONS_FINE:
		return feature_start(w, b, ARC_IP6_UNICAST, NEXT_LOOKUP);
	case IP6_OPTIONS_REPORTED:
		node_count(node, OPTION, 1);
		return NEXT_ICMP_ERROR;
	case IP6_OPTIONS_MALFORMED:
		node_count(node, MALFORMED, 1);
		return NEXT_ICMP_ERROR;
	case IP6_OPTIONS_DISCARD:
		b->reason = OPTION;
		return NEXT_DROP;
	case IP6_OPTIONS_TOO_MANY:
		b->reason = TOO_MANY;
		return NEXT_DROP;
	default:
		b->reason = SHORT;
		return NEXT_DROP;
	}
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++)
		next[i] = take(w, node, b[i]);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip6_hop_by_hop_node = {
	.name = "ip6-hop-by-hop",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * ip4-options: packets whose header is longer than 20 bytes, off the fast path.
 *
 *   ip4-input ──> ip4-options ──┬──> [ip4-unicast arc] ──> ip4-lookup
 *                               ├──> icmp4-error    an option is malformed
 *                               └──> drop           source routes
 *
 * Options are carried along as they are: nothing is recorded in routes or timestamps, as RFC 7126
 * allows. Source routes are dropped, as it advises (§4.3, §4.4).
 */
#include "engine/feature.h"
#include "l3/icmp/icmp.h"
#include "l3/ip4/ip4.h"

enum { NEXT_DROP, NEXT_LOOKUP, NEXT_ICMP_ERROR };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOOKUP] = "ip4-lookup",
	[NEXT_ICMP_ERROR] = "icmp4-error",
};

enum { SOURCE_ROUTE, MALFORMED, N_REASONS };
static const struct reason reasons[] = {
	[SOURCE_ROUTE] = { "source-route", "loose and strict source routes are not followed" },
	[MALFORMED] = { "malformed", "the length of an option is wrong" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static uint16_t check(struct worker *w, struct node *node, struct buf *b)
{
	struct ip4_options options;
	struct slice in = slice_of(b->room + b->l3_at + IP4_HDR_LEN,
				   (size_t)(b->l4_at - b->l3_at) - IP4_HDR_LEN);

	if (ip4_options_scan(in, &options) != 0) {
		node_count(node, MALFORMED, 1);
		icmp4_condemn(b, ICMP4_PARAMETER_PROBLEM, 0, options.fault_at);
		return NEXT_ICMP_ERROR;
	}
	if (options.has & IP4_HAS_SOURCE_ROUTE) {
		b->reason = SOURCE_ROUTE;
		return NEXT_DROP;
	}
	return feature_start(w, b, ARC_IP4_UNICAST, NEXT_LOOKUP);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++)
		next[i] = check(w, node, b[i]);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip4_options_node = {
	.name = "ip4-options",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

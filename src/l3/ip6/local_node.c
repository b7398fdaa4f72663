/*
 * ip6-local: packets for us. Whole ones with sound headers and checksum go to whoever takes them.
 *
 *   ip6-lookup ──> ip6-local ──┬──> [ip6-local arc] ──> icmp6-input, transports …
 *                     ↑        ├──> ip6-reassembly   a fragment
 *                     │        ├──> icmp6-error      nobody takes it; a header is wrong
 *                     │        └──> drop             see reasons[]
 *                     └── ip6-reassembly, when the last fragment has come
 *
 * ip6-deliver ends the arc: it does the last step for packets that features have looked at.
 * RFC 8200 §4 (the chain of headers), §4.4 (routing), RFC 5095 (no source routes), RFC 4443 §3.1,
 * §3.4; RFC 8200 §8.1: UDP without a checksum is refused.
 */
#include "engine/feature.h"
#include "l3/icmp/icmp6.h"
#include "l3/ip6/ip6.h"
#include "l3/ip6/options.h"
#include "wire/ip6_ext.h"
#include "wire/udp.h"

enum { NEXT_DROP, NEXT_REASSEMBLY, NEXT_ICMP_ERROR };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_REASSEMBLY] = "ip6-reassembly",
	[NEXT_ICMP_ERROR] = "icmp6-error",
};

enum {
	BAD_SOURCE,
	SHORT,
	CHAIN,
	TOO_MANY,
	OPTION,
	ROUTING,
	NOTHING,
	BAD_L4_CHECKSUM,
	NO_PROTOCOL,
	N_REASONS,
};
static const struct reason reasons[] = {
	[BAD_SOURCE] = { "source", "the source is an address of ours" },
	[SHORT] = { "short", "the packet ends inside its headers" },
	[CHAIN] = { "chain", "extension headers in an order that is not allowed" },
	[TOO_MANY] = { "too-many", "more extension headers or options than are looked at" },
	[OPTION] = { "option", "an option that is unknown or malformed" },
	[ROUTING] = { "routing", "a routing header with segments left" },
	[NOTHING] = { "nothing", "no upper layer: \"no next header\"" },
	[BAD_L4_CHECKSUM] = { "l4-checksum", "ICMPv6, TCP or UDP checksum is wrong or missing" },
	[NO_PROTOCOL] = { "no-protocol", "nobody here takes this protocol" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { ROUTING_TYPE_AT = 2 };

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

static uint16_t complain(struct node *node, struct buf *b, uint16_t reason, uint8_t code,
			 unsigned at)
{
	node_count(node, reason, 1);
	icmp6_condemn(b, ICMP6_PARAMETER_PROBLEM, code, (uint16_t)at);
	return NEXT_ICMP_ERROR;
}

static bool has_good_checksum(struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);
	const struct udp_hdr *udp = buf_l4(b);

	if (b->ip_proto == IP_UDP && b->l4_at + (uint32_t)UDP_HDR_LEN <= (uint32_t)b->at + b->len &&
	    host16(udp->checksum) == 0)
		return false;
	return checksum_is_good(ip6_pseudo_sum(&ip->src, &ip->dst, b->ip_proto, ip6_l4_len(b)) +
				ip6_l4_sum(b));
}

/*
 * What came without a finished checksum never was on a wire: it is from the other side of a tap,
 * or from ourselves.
 */
static inline bool is_intact(struct buf *b)
{
	if (b->flags & (BUF_L4_CSUM_OK | BUF_NEED_L4_CSUM)) {
		b->flags |= BUF_L4_CSUM_OK;
		return true;
	}
	if (b->ip_proto != IP_TCP && b->ip_proto != IP_UDP && b->ip_proto != IP_ICMP6)
		return true;
	if (!has_good_checksum(b))
		return false;
	b->flags |= BUF_L4_CSUM_OK;
	return true;
}

static no_inline uint16_t refuse(struct node *node, struct buf *b)
{
	struct ip6_chain chain;

	if (b->ip_proto == IP_NO_NEXT)
		return drop(b, NOTHING);
	if (b->ip_proto == IP_UDP) {
		node_count(node, NO_PROTOCOL, 1);
		icmp6_condemn(b, ICMP6_UNREACHABLE, ICMP6_PORT_UNREACHABLE, 0);
		return NEXT_ICMP_ERROR;
	}
	if (ip6_walk(slice_of(buf_l3(b), (size_t)(b->at + b->len - b->l3_at)), &chain) != 0)
		return drop(b, NO_PROTOCOL);
	return complain(node, b, NO_PROTOCOL, ICMP6_UNKNOWN_NEXT_HEADER, chain.next_at);
}

static inline uint16_t deliver(const struct ip6_worker *iw, struct node *node, struct buf *b)
{
	uint16_t next = iw->stack->local_next[b->ip_proto];

	return likely(next) ? next : refuse(node, b);
}

/* Every options header of the chain; RFC 8200 §4.1 lets them stand in two places. */
static bool options_are_fine(struct buf *b, const struct ip6_chain *chain, uint16_t *verdict)
{
	const uint8_t *l3 = buf_l3(b);
	uint8_t kind = ((const struct ip6_hdr *)(const void *)l3)->next_header;

	for (unsigned at = IP6_HDR_LEN; at < chain->l4_at;) {
		unsigned len = kind == IP_FRAGMENT ? IP6_FRAGMENT_LEN : 8 + 8u * l3[at + 1];

		if (kind == IP_DESTINATION_OPTIONS) {
			*verdict = (uint16_t)ip6_check_options(b, at);
			if (*verdict != IP6_OPTIONS_FINE)
				return false;
		}
		kind = l3[at];
		at += len;
	}
	return true;
}

static uint16_t refuse_options(struct node *node, struct buf *b, uint16_t verdict)
{
	if (verdict == IP6_OPTIONS_TOO_MANY)
		return drop(b, TOO_MANY);
	if (verdict == IP6_OPTIONS_DISCARD || verdict == IP6_OPTIONS_SHORT)
		return drop(b, OPTION);
	node_count(node, OPTION, 1);
	return NEXT_ICMP_ERROR;
}

/* Look at the chain; NEXT_DROP with no reason set if the packet is fine. */
static no_inline uint16_t check_chain(struct node *node, struct buf *b)
{
	struct slice in = slice_of(buf_l3(b), (size_t)(b->at + b->len - b->l3_at));
	struct ip6_chain chain;
	int err = ip6_walk(in, &chain);
	uint16_t verdict;

	if (chain.fragment_at && err != ERR_FORMAT && err != ERR_FULL)
		return NEXT_REASSEMBLY;
	if (err == ERR_SHORT)
		return drop(b, SHORT);
	if (err == ERR_FULL)
		return drop(b, TOO_MANY);
	if (err != 0)
		return complain(node, b, CHAIN, ICMP6_UNKNOWN_NEXT_HEADER, chain.fault_at);
	if (!options_are_fine(b, &chain, &verdict))
		return refuse_options(node, b, verdict);
	if (chain.has & IP6_HAS_ROUTE_TO_GO)
		return complain(node, b, ROUTING, ICMP6_BAD_FIELD,
				chain.routing_at + ROUTING_TYPE_AT);
	b->l4_at = (uint16_t)(b->l3_at + chain.l4_at);
	b->ip_proto = chain.protocol;
	return NEXT_DROP;
}

static inline bool has_extensions(const struct ip6_hdr *ip)
{
	return ip->next_header != IP_TCP && ip->next_header != IP_UDP &&
	       ip->next_header != IP_ICMP6;
}

/* Who says that a packet from outside comes from us lies. */
static inline bool is_bad_source(const struct ip6_worker *iw, const struct buf *b,
				 const struct ip6_hdr *ip)
{
	return !(b->flags & BUF_LOCAL) && ip6_is_local(iw, b->fib, &ip->src, b->rx_if);
}

static inline uint16_t take(struct worker *w, const struct ip6_worker *iw, struct node *node,
			    struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);

	if (unlikely(is_bad_source(iw, b, ip)))
		return drop(b, BAD_SOURCE);
	b->l4_at = (uint16_t)(b->l3_at + IP6_HDR_LEN);
	b->ip_proto = ip->next_header;
	if (unlikely(has_extensions(ip))) {
		uint16_t next = check_chain(node, b);

		if (next != NEXT_DROP || b->reason != BUF_NO_REASON)
			return next;
	}
	if (unlikely(!is_intact(b)))
		return drop(b, BAD_L4_CHECKSUM);
	if (likely(!feature_any(w, ARC_IP6_LOCAL, b->rx_if)))
		return deliver(iw, node, b);
	return feature_from(w, b, ARC_IP6_LOCAL, 0);
}

static unsigned local_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct ip6_worker *iw = ip6_worker_of(w);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		prefetch_read(buf_l3(b[i + 4]));
		next[i] = take(w, iw, node, b[i]);
	}
	node_send(w, node, f, next);
	return f->n;
}

static unsigned deliver_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct ip6_worker *iw = ip6_worker_of(w);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++)
		next[i] = deliver(iw, node, b[i]);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip6_local_node = {
	.name = "ip6-local",
	.run = local_run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

const struct node_type ip6_deliver_node = {
	.name = "ip6-deliver",
	.run = deliver_run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

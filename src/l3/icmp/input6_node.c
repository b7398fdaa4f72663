/*
 * icmp6-input: messages for us.
 *
 *   ip6-local ──> icmp6-input ──┬──> nd-input         Neighbor Discovery
 *                               ├──> mld-input        Multicast Listener Discovery
 *                               ├──> ip6-lookup       echo requests, turned round in place
 *                               ├──> (a transport)    errors about its packets; echo replies
 *                               └──> drop             see reasons[]
 * RFC 4443 §4.2, §2.4; RFC 5927's advice: only what quotes a packet of ours is believed.
 */
#include "l3/icmp/icmp6.h"
#include "l3/ip6/ip6.h"
#include "wire/ip6_ext.h"
#include "wire/mld.h"
#include "wire/nd.h"

enum { NEXT_DROP, NEXT_LOOKUP, NEXT_ND, NEXT_MLD };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOOKUP] = "ip6-lookup",
	[NEXT_ND] = "nd-input",
	[NEXT_MLD] = "mld-input",
};

enum {
	SHORT,
	UNKNOWN_TYPE,
	QUOTE,
	NOT_OURS,
	NO_TAKER,
	NO_ADDRESS,
	BAD_MTU,
	ECHO_ANSWERED,
	MTU_LEARNT,
	N_REASONS
};
static const struct reason reasons[] = {
	[SHORT] = { "short", "shorter than its type needs" },
	[UNKNOWN_TYPE] = { "unknown-type", "messages of this type are not handled" },
	[QUOTE] = { "quote", "the packet quoted in an error is malformed" },
	[NOT_OURS] = { "not-ours", "an error about a packet that is not from us" },
	[NO_TAKER] = { "no-taker", "an error that no transport takes" },
	[NO_ADDRESS] = { "no-address", "no address of ours to answer an echo to a group from" },
	[BAD_MTU] = { "mtu", "too big: under 1280, or not less than the packet that it quotes" },
	[MTU_LEARNT] = { "mtu-learnt", "path MTUs that were lowered (not dropped)" },
	[ECHO_ANSWERED] = { "echo", "echo requests answered (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

/* Bytes of the message that can be read in one piece. */
static uint32_t readable(const struct buf *b)
{
	return (uint32_t)b->at + b->len - b->l4_at;
}

/* The checksum covers the addresses. RFC 1624. */
static void account_for_source(struct icmp6_hdr *icmp, const struct ip6_addr *before,
			       const struct ip6_addr *after)
{
	for (unsigned i = 0; i < IP6_ADDR_BYTES; i += 2)
		icmp->checksum = checksum_update16(icmp->checksum,
						   (be16){ { before->b[i], before->b[i + 1] } },
						   (be16){ { after->b[i], after->b[i + 1] } });
}

/* Turning the addresses round does not change the sum; the type does, and so does a group. */
static uint16_t answer_echo(struct worker *w, struct node *node, struct buf *b)
{
	const struct ip6_stack *s = ip6_worker_of(w)->stack;
	struct ip6_hdr *ip = buf_l3(b);
	struct icmp6_hdr *icmp = buf_l4(b);
	struct ip6_addr src = ip->dst;
	be16 before, after;

	memcpy(&before, icmp, 2);
	icmp->type = ICMP6_ECHO_REPLY;
	memcpy(&after, icmp, 2);
	icmp->checksum = checksum_update16(icmp->checksum, before, after);
	if (ip6_is_multicast(&src)) {
		src = ip6_source_on(s, b->rx_if, &ip->src);
		if (ip6_is_unspecified(&src))
			return drop(b, NO_ADDRESS);
		account_for_source(icmp, &ip->dst, &src);
	}
	ip->dst = ip->src;
	ip->src = src;
	b->tx_if = ip6_link_of(b);
	ip->hop_limit = ip6_hop_limit_on(s, b->tx_if);
	b->flags = BUF_LOCAL;
	b->flow_hash = 0;
	node_count(node, ECHO_ANSWERED, 1);
	return NEXT_LOOKUP;
}

/*
 * RFC 8201 §4: an MTU under 1280 is not believed, nor one that the packet would have fit into.
 * False if the message is to be dropped.
 */
static bool take_mtu(struct worker *w, struct node *node, const struct buf *b, uint32_t mtu_bytes,
		     const struct ip6_hdr *quoted)
{
	struct ip6_stack *s = ip6_worker_of(w)->stack;

	if (mtu_bytes < IP6_MIN_MTU ||
	    IP6_HDR_LEN + (uint32_t)host16(quoted->payload_len) <= mtu_bytes)
		return false;
	if (!(b->flags & BUF_LOCAL) &&
	    pmtu_learn(&s->path_mtus, b->fib, &quoted->dst, mtu_bytes, w->now_ns))
		node_count(node, MTU_LEARNT, 1);
	return true;
}

/* Hand the quoted packet to the transport that sent it. */
static uint16_t take_error(struct worker *w, struct node *node, struct buf *b)
{
	const struct ip6_worker *iw = ip6_worker_of(w);
	struct icmp6_hdr icmp = *(struct icmp6_hdr *)buf_l4(b);
	const struct ip6_hdr *quoted;
	struct ip6_chain chain;

	if (readable(b) < ICMP6_HDR_LEN + IP6_HDR_LEN)
		return drop(b, SHORT);
	quoted = (struct ip6_hdr *)((uint8_t *)buf_l4(b) + ICMP6_HDR_LEN);
	if (ip6_version(quoted) != 6 ||
	    ip6_walk(slice_of(quoted, readable(b) - ICMP6_HDR_LEN), &chain) != 0 ||
	    readable(b) < ICMP6_HDR_LEN + chain.l4_at + 8u)
		return drop(b, QUOTE);
	if (!ip6_is_local(iw, b->fib, &quoted->src, ip6_link_of(b)))
		return drop(b, NOT_OURS);
	if (icmp.type == ICMP6_TOO_BIG && !take_mtu(w, node, b, host32(icmp.rest), quoted))
		return drop(b, BAD_MTU);
	if (!iw->stack->error_next[chain.protocol])
		return drop(b, NO_TAKER);
	buf_pull(b, (unsigned)(b->l4_at - b->at) + ICMP6_HDR_LEN);
	b->l2_at = b->l3_at;
	b->l3_at = b->at;
	b->l4_at = (uint16_t)(b->at + chain.l4_at);
	icmp6_condemn(b, icmp.type, icmp.code,
		      (uint16_t)(host32(icmp.rest) > 0xffff ? 0xffff : host32(icmp.rest)));
	return iw->stack->error_next[chain.protocol];
}

static uint16_t take(struct worker *w, struct node *node, struct buf *b)
{
	const struct icmp6_hdr *icmp = buf_l4(b);

	if (readable(b) < ICMP6_HDR_LEN)
		return drop(b, SHORT);
	if (icmp->type == ICMP6_ECHO_REQUEST)
		return answer_echo(w, node, b);
	if (nd_is_type(icmp->type))
		return NEXT_ND;
	if (mld_is_type(icmp->type))
		return NEXT_MLD;
	if (icmp->type == ICMP6_ECHO_REPLY && ip6_worker_of(w)->stack->reply_next)
		return ip6_worker_of(w)->stack->reply_next;
	if (icmp6_is_error(icmp->type))
		return take_error(w, node, b);
	return drop(b, UNKNOWN_TYPE);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		prefetch_write(buf_l3(b[i + 4]));
		next[i] = take(w, node, b[i]);
	}
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type icmp6_input_node = {
	.name = "icmp6-input",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

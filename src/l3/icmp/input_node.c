/*
 * icmp4-input: messages for us.
 *
 *   ip4-local ──> icmp4-input ──┬──> ip4-lookup     echo requests, turned round in place
 *                               ├──> (a transport)  errors about its packets; echo replies
 *                               └──> drop           see reasons[]
 * RFC 792, RFC 1122 §3.2.2, RFC 5927 (only what quotes a packet of ours is believed).
 */
#include "l3/icmp/icmp.h"
#include "l3/ip4/ip4.h"
#include "wire/checksum.h"

enum { NEXT_DROP, NEXT_LOOKUP };
static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_LOOKUP] = "ip4-lookup" };

enum { SHORT, BROADCAST_ECHO, UNKNOWN_TYPE, QUOTE, NOT_OURS, NO_TAKER, ECHO_ANSWERED, N_REASONS };
static const struct reason reasons[] = {
	[SHORT] = { "short", "shorter than its type needs" },
	[BROADCAST_ECHO] = { "broadcast-echo", "echo requests to broadcast are not answered" },
	[UNKNOWN_TYPE] = { "unknown-type", "messages of this type are not handled" },
	[QUOTE] = { "quote", "the packet quoted in an error is malformed" },
	[NOT_OURS] = { "not-ours", "an error about a packet that is not from us" },
	[NO_TAKER] = { "no-taker", "an error that no transport takes" },
	[ECHO_ANSWERED] = { "echo", "echo requests answered (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

static bool came_to_broadcast(const struct worker *w, struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);

	return b->flags & (BUF_LINK_BROADCAST | BUF_LINK_MULTICAST) ||
	       !ip4_is_local(ip4_of(w)->fib, b->fib, ip->dst);
}

/*
 * An updated checksum of zero is right unless all that it covers is zero too, which RFC 1624 cannot
 * tell: then it has to be 0xffff. So sum afresh.
 */
static no_inline void finish_zero(struct buf *b, struct icmp4_hdr *icmp)
{
	icmp->checksum = checksum_field(ip4_l4_sum(b));
}

static uint16_t answer_echo(struct worker *w, struct node *node, struct buf *b)
{
	struct ip4_hdr *ip = buf_l3(b);
	struct icmp4_hdr *icmp = buf_l4(b);
	be16 before, after;
	be32 src = ip->src;

	if (came_to_broadcast(w, b))
		return drop(b, BROADCAST_ECHO);
	memcpy(&before, icmp, 2);
	icmp->type = ICMP4_ECHO_REPLY;
	memcpy(&after, icmp, 2);
	icmp->checksum = checksum_update16(icmp->checksum, before, after);
	if (host16(icmp->checksum) == 0)
		finish_zero(b, icmp);
	ip->src = ip->dst;
	ip->dst = src;
	ip->ttl = IP4_DEFAULT_TTL;
	ip->id = ip4_next_id(w);
	ip->frag = be16_of(0);
	ip->checksum = be16_of(0);
	ip->checksum = checksum_field(checksum_sum(ip, ip4_hdr_len(ip)));
	b->flags = BUF_LOCAL;
	b->flow_hash = 0;
	node_count(node, ECHO_ANSWERED, 1);
	return NEXT_LOOKUP;
}

/* Hand the quoted packet to the transport that sent it. */
static uint16_t take_error(struct worker *w, struct buf *b)
{
	const struct ip4_worker *iw = ip4_of(w);
	struct icmp4_hdr icmp = *(struct icmp4_hdr *)buf_l4(b);
	uint32_t first = (uint32_t)b->at + b->len - b->l4_at;
	const struct ip4_hdr *quoted;
	uint16_t rest = (uint16_t)host32(icmp.rest);

	if (first < ICMP4_HDR_LEN + IP4_HDR_LEN + 8)
		return drop(b, SHORT);
	quoted = (struct ip4_hdr *)((uint8_t *)buf_l4(b) + ICMP4_HDR_LEN);
	if (quoted->ver_ihl >> 4 != 4 || ip4_hdr_len(quoted) < IP4_HDR_LEN ||
	    first < ICMP4_HDR_LEN + ip4_hdr_len(quoted) + 8)
		return drop(b, QUOTE);
	if (!ip4_is_local(iw->fib, b->fib, quoted->src))
		return drop(b, NOT_OURS);
	if (!iw->stack->error_next[quoted->protocol])
		return drop(b, NO_TAKER);
	buf_pull(b, (unsigned)(b->l4_at - b->at) + ICMP4_HDR_LEN);
	b->l2_at = b->l3_at;
	b->l3_at = b->at;
	b->l4_at = (uint16_t)(b->at + ip4_hdr_len(quoted));
	icmp4_condemn(b, icmp.type, icmp.code, rest);
	return iw->stack->error_next[quoted->protocol];
}

static uint16_t take(struct worker *w, struct node *node, struct buf *b)
{
	const struct icmp4_hdr *icmp = buf_l4(b);

	if (b->l4_at + (uint32_t)ICMP4_HDR_LEN > (uint32_t)b->at + b->len)
		return drop(b, SHORT);
	if (icmp->type == ICMP4_ECHO_REQUEST)
		return answer_echo(w, node, b);
	if (icmp->type == ICMP4_ECHO_REPLY && ip4_of(w)->stack->reply_next)
		return ip4_of(w)->stack->reply_next;
	if (icmp4_is_error(icmp->type))
		return take_error(w, b);
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

const struct node_type icmp4_input_node = {
	.name = "icmp4-input",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * icmp6-error: turns a packet that cannot be served into the ICMPv6 error about it, if one is due.
 *
 *   ip6-rewrite, ip6-local, ip6-hold … ──> icmp6-error ──┬──> ip6-lookup   the error
 *                                                        └──> drop         see reasons[]
 *
 * When not to: RFC 4443 §2.4 (e). How much is quoted: as much as fits into 1280 bytes (§2.4 (c)).
 * From where: the address that was spoken to if it is ours, else the one that the way back suggests
 * (§2.2). How often: rate.h (§2.4 (f)).
 */
#include "l3/icmp/icmp6.h"
#include "l3/icmp/rate.h"
#include "l3/ip6/ip6.h"
#include "wire/ip6_ext.h"

enum { NEXT_DROP, NEXT_LOOKUP };
static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_LOOKUP] = "ip6-lookup" };

enum { ABOUT_ERROR, ABOUT_GROUP, BAD_SOURCE, NO_ADDRESS, RATE, SENT, N_REASONS };
static const struct reason reasons[] = {
	[ABOUT_ERROR] = { "about-error", "no error about an ICMPv6 error or redirect" },
	[ABOUT_GROUP] = { "about-group", "no error about a packet to multicast" },
	[BAD_SOURCE] = { "source", "no error to a source that is not a single host" },
	[NO_ADDRESS] = { "no-address", "no address of ours to send the error from" },
	[RATE] = { "rate", "enough errors for now" },
	[SENT] = { "sent", "errors sent (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { QUOTE_MAX_LEN = IP6_MIN_MTU - IP6_HDR_LEN - ICMP6_HDR_LEN };

static struct slice readable(struct buf *b)
{
	return slice_of(buf_l3(b), (size_t)(b->at + b->len - b->l3_at));
}

static bool is_later_fragment(struct buf *b, const struct ip6_chain *chain)
{
	const struct ip6_fragment_hdr *f = (void *)((uint8_t *)buf_l3(b) + chain->fragment_at);

	return chain->fragment_at && ip6_fragment_offset(f) != 0;
}

/*
 * §2.4 (e.1), (e.2): is the packet an ICMPv6 error itself? A later fragment does not tell; nothing
 * forbids errors about those.
 */
static bool is_error(struct buf *b)
{
	struct ip6_chain chain;
	const struct icmp6_hdr *icmp;

	if (ip6_walk(readable(b), &chain) != 0 || chain.protocol != IP_ICMP6 ||
	    is_later_fragment(b, &chain))
		return false;
	icmp = (void *)((uint8_t *)buf_l3(b) + chain.l4_at);
	return b->l3_at + chain.l4_at >= b->at + b->len || icmp6_is_error(icmp->type) ||
	       icmp->type == ICMP6_REDIRECT;
}

/* §2.4 (e.3): these two errors are due for groups as well. */
static bool may_be_about_group(const struct buf *b)
{
	uint8_t type = (uint8_t)(b->icmp_error >> 24), code = (uint8_t)(b->icmp_error >> 16);

	return type == ICMP6_TOO_BIG ||
	       (type == ICMP6_PARAMETER_PROBLEM && code == ICMP6_UNKNOWN_OPTION);
}

/* The reason not to send one, or SENT. */
static uint16_t objection(struct buf *b, const struct ip6_hdr *ip)
{
	if ((b->flags & (BUF_LINK_BROADCAST | BUF_LINK_MULTICAST) || ip6_is_multicast(&ip->dst)) &&
	    !may_be_about_group(b))
		return ABOUT_GROUP;
	if (ip6_is_unspecified(&ip->src) || ip6_is_multicast(&ip->src) ||
	    ip6_is_loopback(&ip->src) || ip6_is_mapped(&ip->src))
		return BAD_SOURCE;
	return is_error(b) ? ABOUT_ERROR : SENT;
}

static struct ip6_addr source_of(const struct ip6_worker *iw, const struct buf *b,
				 const struct ip6_hdr *ip)
{
	if (b->flags & BUF_LOCAL)
		return ip->src; /* about our own packet: it goes no further than ip6-local */
	if (!ip6_is_multicast(&ip->dst) && ip6_is_local(iw, b->fib, &ip->dst, ip6_link_of(b)))
		return ip->dst;
	return ip6_source_for(iw->stack, b->fib, ip6_link_of(b), &ip->src);
}

/* Cut the packet to what is quoted and put both headers before it. */
static void build(struct worker *w, struct buf *b, const struct ip6_addr *src,
		  const struct ip6_addr *dst)
{
	struct icmp6_hdr *icmp;
	struct ip6_hdr *ip;

	b->tx_if = ip6_link_of(b);
	if (b->total_len > QUOTE_MAX_LEN || b->next)
		buf_trim(&w->bufs, b, b->len < QUOTE_MAX_LEN ? b->len : QUOTE_MAX_LEN);
	icmp = buf_push(b, ICMP6_HDR_LEN);
	*icmp = (struct icmp6_hdr){ .type = (uint8_t)(b->icmp_error >> 24),
				    .code = (uint8_t)(b->icmp_error >> 16),
				    .rest = be32_of(b->icmp_error & 0xffff) };
	icmp->checksum = checksum_field(ip6_pseudo_sum(src, dst, IP_ICMP6, b->len) +
					checksum_sum(icmp, b->len));
	b->l4_at = b->at;
	ip = buf_push(b, IP6_HDR_LEN);
	*ip = (struct ip6_hdr){ .ver_class_flow = ip6_first_word(0, 0),
				.payload_len = be16_of((uint16_t)(b->len - IP6_HDR_LEN)),
				.next_header = IP_ICMP6,
				.hop_limit = ip6_hop_limit_on(ip6_worker_of(w)->stack, b->tx_if),
				.src = *src,
				.dst = *dst };
	b->l3_at = b->at;
	b->flags = BUF_LOCAL;
	b->gso_type = GSO_NONE;
	b->flow_hash = 0;
}

/* The data may start at another layer; bring it to the IPv6 header. */
static void start_at_l3(struct buf *b)
{
	if (b->at < b->l3_at)
		buf_pull(b, (unsigned)(b->l3_at - b->at));
	else if (b->at > b->l3_at)
		buf_push(b, (unsigned)(b->at - b->l3_at));
}

static uint16_t answer(struct worker *w, struct node *node, struct buf *b)
{
	const struct ip6_worker *iw = ip6_worker_of(w);
	const struct ip6_hdr *ip;
	struct ip6_addr src, dst;

	start_at_l3(b);
	ip = buf_l3(b);
	b->reason = objection(b, ip);
	if (b->reason != SENT)
		return NEXT_DROP;
	b->reason = RATE;
	dst = ip->src;
	if (!icmp_may_send(w->module[MODULE_ICMP6], ip6_high(&dst), w->now_ns))
		return NEXT_DROP;
	b->reason = NO_ADDRESS;
	src = source_of(iw, b, ip);
	if (ip6_is_unspecified(&src))
		return NEXT_DROP;
	b->reason = BUF_NO_REASON;
	build(w, b, &src, &dst);
	node_count(node, SENT, 1);
	return NEXT_LOOKUP;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++)
		next[i] = answer(w, node, b[i]);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type icmp6_error_node = {
	.name = "icmp6-error",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

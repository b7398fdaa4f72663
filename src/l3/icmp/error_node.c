/*
 * icmp4-error: turns a packet that cannot be served into the ICMP error about it, if one is due.
 *
 *   ip4-rewrite, ip4-local, ip4-hold … ──> icmp4-error ──┬──> ip4-lookup   the error
 *                                                        └──> drop         see reasons[]
 *
 * When not to: RFC 1122 §3.2.2, RFC 1812 §4.3.2.7. How much is quoted: as much as fits into 576
 * bytes (RFC 1812 §4.3.2.3). From where: the address that was spoken to if it is ours, else that
 * of the interface that the packet came by (§4.3.2.4). How often: rate.h.
 */
#include "l3/icmp/icmp.h"
#include "l3/icmp/rate.h"
#include "l3/ip4/ip4.h"
#include "wire/checksum.h"

enum { NEXT_DROP, NEXT_LOOKUP };
static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_LOOKUP] = "ip4-lookup" };

enum {
	ABOUT_ERROR,
	ABOUT_FRAGMENT,
	ABOUT_GROUP,
	BAD_SOURCE,
	NO_ADDRESS,
	RATE,
	SENT,
	N_REASONS,
};
static const struct reason reasons[] = {
	[ABOUT_ERROR] = { "about-error", "no error about an ICMP error" },
	[ABOUT_FRAGMENT] = { "about-fragment", "no error about a fragment that is not the first" },
	[ABOUT_GROUP] = { "about-group", "no error about a packet to broadcast or multicast" },
	[BAD_SOURCE] = { "source", "no error to a source that is not a single host" },
	[NO_ADDRESS] = { "no-address", "no address of ours to send the error from" },
	[RATE] = { "rate", "enough errors for now" },
	[SENT] = { "sent", "errors sent (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum {
	ERROR_MAX_LEN = 576,
	QUOTE_MAX_LEN = ERROR_MAX_LEN - IP4_HDR_LEN - ICMP4_HDR_LEN,
	TOS_INTERNETWORK_CONTROL = 0xc0, /* RFC 1812 §4.3.2.5 */
};

static bool is_single_host(const struct ip4_worker *iw, const struct buf *b, uint32_t addr)
{
	const struct vrf *v = fib_vrf_or_null(iw->fib, b->fib);

	if (!v || ip4_is_this_network(addr) || ip4_is_loopback(addr) || ip4_is_multicast(addr) ||
	    ip4_is_reserved(addr))
		return false;
	return fib_lookup(iw->fib, v, addr, 0)->kind != ADJACENCY_BROADCAST;
}

/* The reason not to send one, or SENT. */
static uint16_t objection(const struct ip4_worker *iw, struct buf *b, const struct ip4_hdr *ip)
{
	if (b->flags & (BUF_LINK_BROADCAST | BUF_LINK_MULTICAST) ||
	    ip4_is_multicast(host32(ip->dst)) || !is_single_host(iw, b, host32(ip->dst)))
		return ABOUT_GROUP;
	if (ip4_fragment_offset(ip) != 0)
		return ABOUT_FRAGMENT;
	if (icmp4_is_about_error(b, ip))
		return ABOUT_ERROR;
	if (!is_single_host(iw, b, host32(ip->src)))
		return BAD_SOURCE;
	return SENT;
}

static be32 source_of(const struct ip4_worker *iw, const struct buf *b, const struct ip4_hdr *ip)
{
	if (b->flags & BUF_LOCAL)
		return ip->src; /* about our own packet: it goes no further than ip4-local */
	if (ip4_is_local(iw->fib, b->fib, ip->dst))
		return ip->dst;
	return ip4_primary(iw->stack, b->rx_if);
}

static be32 rest_of(const struct buf *b)
{
	uint8_t type = (uint8_t)(b->icmp_error >> 24);
	uint32_t rest = b->icmp_error & 0xffff;

	return be32_of(type == ICMP4_PARAMETER_PROBLEM ? rest << 24 : rest);
}

/* Cut the packet to what is quoted and put both headers before it. */
static void build(struct worker *w, struct buf *b, be32 src, be32 dst)
{
	struct icmp4_hdr *icmp;
	struct ip4_hdr *ip;

	if (b->total_len > QUOTE_MAX_LEN || b->next)
		buf_trim(&w->bufs, b, b->len < QUOTE_MAX_LEN ? b->len : QUOTE_MAX_LEN);
	icmp = buf_push(b, ICMP4_HDR_LEN);
	*icmp = (struct icmp4_hdr){ .type = (uint8_t)(b->icmp_error >> 24),
				    .code = (uint8_t)(b->icmp_error >> 16),
				    .rest = rest_of(b) };
	icmp->checksum = checksum_field(checksum_sum(icmp, b->len));
	b->l4_at = b->at;
	ip = buf_push(b, IP4_HDR_LEN);
	*ip = (struct ip4_hdr){ .ver_ihl = IP4_VER_IHL,
				.tos = TOS_INTERNETWORK_CONTROL,
				.len = be16_of(b->len),
				.id = ip4_next_id(w),
				.ttl = IP4_DEFAULT_TTL,
				.protocol = IP_ICMP4,
				.src = src,
				.dst = dst };
	ip->checksum = checksum_field(checksum_ip4_header(ip));
	b->l3_at = b->at;
	b->flags = BUF_LOCAL;
	b->gso_type = GSO_NONE;
	b->flow_hash = 0;
}

/* The data may start at another layer; bring it to the IP header. */
static void start_at_l3(struct buf *b)
{
	if (b->at < b->l3_at)
		buf_pull(b, (unsigned)(b->l3_at - b->at));
	else if (b->at > b->l3_at)
		buf_push(b, (unsigned)(b->at - b->l3_at));
}

static uint16_t answer(struct worker *w, struct node *node, struct buf *b)
{
	const struct ip4_worker *iw = ip4_of(w);
	const struct ip4_hdr *ip;
	be32 src, dst;

	start_at_l3(b);
	ip = buf_l3(b);
	b->reason = objection(iw, b, ip);
	if (b->reason != SENT)
		return NEXT_DROP;
	src = source_of(iw, b, ip);
	dst = ip->src;
	if (host32(src) == 0)
		b->reason = NO_ADDRESS;
	else if (!icmp_may_send(w->module[MODULE_ICMP4], host32(dst), w->now_ns))
		b->reason = RATE;
	if (b->reason != SENT)
		return NEXT_DROP;
	b->reason = BUF_NO_REASON;
	build(w, b, src, dst);
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

const struct node_type icmp4_error_node = {
	.name = "icmp4-error",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * ip6-lookup: longest-prefix match in the packet's VRF; the adjacency says where to go.
 *
 *   ip6-input, transports ──> ip6-lookup ──┬──> ip6-rewrite   the neighbour's address is known
 *                                          ├──> ip6-hold      it is not: resolve it first
 *                                          ├──> ip6-local     for us, or for a group of ours
 *                                          ├──> icmp6-error   no route, prohibited
 *                                          └──> drop          see reasons[]
 *
 * Link-local destinations are looked up on their link, which they never leave: a packet from
 * outside is either for us or for nobody. RFC 4291 §2.5.6, RFC 4443 §3.1.
 */
#include "l3/icmp/icmp6.h"
#include "l3/ip6/ip6.h"
#include "l3/neighbor/proxy.h"
#include "wire/ip6_ext.h"

enum { NEXT_DROP, NEXT_REWRITE, NEXT_HOLD, NEXT_LOCAL, NEXT_ICMP_ERROR };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",	    [NEXT_REWRITE] = "ip6-rewrite",    [NEXT_HOLD] = "ip6-hold",
	[NEXT_LOCAL] = "ip6-local", [NEXT_ICMP_ERROR] = "icmp6-error",
};

enum { NO_ROUTE, BLACKHOLE, PROHIBITED, LINK_GROUP, NOT_JOINED, LINK_LOCAL, NO_SOURCE, N_REASONS };
static const struct reason reasons[] = {
	[NO_ROUTE] = { "no-route", "no route leads to the destination" },
	[BLACKHOLE] = { "blackhole", "the route says to drop" },
	[PROHIBITED] = { "prohibited", "the route says that it is forbidden" },
	[LINK_GROUP] = { "link-group", "came to a link group address, but is IP unicast" },
	[NOT_JOINED] = { "not-joined", "multicast that nobody here listens to" },
	[LINK_LOCAL] = { "link-local", "a link-local address of somebody else: not forwarded" },
	[NO_SOURCE] = { "no-source", "from the unspecified address: not forwarded" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/*
 * What tells the flows of two hosts apart: the upper layer, and its ports if it has some. It stands
 * behind extension headers, as far as ip6_walk() goes; all fragments of a datagram have the same
 * header first, and no ports.
 */
static uint32_t flow_of(struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);
	size_t readable = (size_t)(b->at + b->len - b->l3_at);
	struct ip6_chain chain = { .protocol = ip->next_header, .l4_at = IP6_HDR_LEN };
	be16 port[2];

	if (chain.protocol != IP_TCP && chain.protocol != IP_UDP &&
	    (ip6_walk(slice_of(ip, readable), &chain) != 0 || chain.has & IP6_HAS_FRAGMENT))
		return ip->next_header;
	if ((chain.protocol != IP_TCP && chain.protocol != IP_UDP) ||
	    chain.l4_at + sizeof(port) > readable)
		return chain.protocol;
	memcpy(port, (const uint8_t *)ip + chain.l4_at, sizeof(port));
	return (uint32_t)(host16(port[0]) ^ host16(port[1])) << 8 ^ chain.protocol;
}

/* The same for both directions of a flow, and for all fragments of a datagram. */
static uint32_t flow_hash(struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);
	uint64_t h;

	h = (ip6_high(&ip->src) ^ ip6_high(&ip->dst)) * 0x9e3779b97f4a7c15u;
	h = (h >> 32 ^ ip6_low(&ip->src) ^ ip6_low(&ip->dst)) * 0x9e3779b97f4a7c15u;
	h = (h >> 32 ^ flow_of(b)) * 0x9e3779b97f4a7c15u;
	return h >> 32 ? (uint32_t)(h >> 32) : 1; /* 0 is: not known */
}

static no_inline uint16_t refuse(struct node *node, struct buf *b, uint16_t reason, uint8_t code)
{
	node_count(node, reason, 1);
	icmp6_condemn(b, ICMP6_UNREACHABLE, code, 0);
	return NEXT_ICMP_ERROR;
}

static no_inline uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

/* What we send to groups does not come this way. */
static no_inline uint16_t take_group(const struct ip6_stack *s, struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);
	const struct ip6_view *view = ip6_view_or_null(s, b->rx_if);

	if (b->flags & BUF_LOCAL || !view)
		return drop(b, NOT_JOINED);
	if (!ip6_is_joined(view, &ip->dst) &&
	    !neighbor_proxy_listens(s->engine, b->rx_if, &ip->dst))
		return drop(b, NOT_JOINED);
	return NEXT_LOCAL;
}

/* What must not be forwarded, though a route leads on. */
static inline bool is_bound_to_link(const struct buf *b, const struct ip6_hdr *ip)
{
	return !(b->flags & BUF_LOCAL) && ip6_is_link_local(&ip->dst);
}

/* Whatever is not simply sent on. */
static no_inline uint16_t act(struct node *node, const struct ip6_stack *s,
			      const struct adjacency *a, struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);

	if (unlikely(b->flags & (BUF_LINK_BROADCAST | BUF_LINK_MULTICAST)) &&
	    a->kind != ADJACENCY_GROUP)
		return drop(b, LINK_GROUP);
	switch (a->kind) {
	case ADJACENCY_REWRITE:
		return is_bound_to_link(b, ip) ? drop(b, LINK_LOCAL) : NEXT_REWRITE;
	case ADJACENCY_LOCAL:
		return NEXT_LOCAL;
	case ADJACENCY_GLEAN:
	case ADJACENCY_INCOMPLETE:
		if (is_bound_to_link(b, ip))
			return drop(b, LINK_LOCAL);
		return ip6_is_unspecified(&ip->src) ? drop(b, NO_SOURCE) : NEXT_HOLD;
	case ADJACENCY_GROUP:
		return take_group(s, b);
	case ADJACENCY_PROHIBIT:
		return refuse(node, b, PROHIBITED, ICMP6_ADMIN_PROHIBITED);
	case ADJACENCY_UNREACHABLE:
		return refuse(node, b, NO_ROUTE, ICMP6_NO_ROUTE);
	default:
		return drop(b, BLACKHOLE);
	}
}

/* A next hop that is not on a link, or another VRF. */
static no_inline const struct adjacency *lead_on(const struct fib *f, const struct adjacency *a,
						 struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);

	if (b->flow_hash == 0)
		b->flow_hash = flow_hash(b);
	a = fib_follow(f, a, fib6_key_on(&ip->dst, ip6_link_of(b)), 6, b->flow_hash);
	b->adjacency = a->index;
	return a;
}

/* Where a packet goes whose prefix leads to load-balance @leaf. */
static inline uint16_t follow(const struct ip6_worker *iw, struct node *node, struct buf *b,
			      uint32_t leaf, const struct fib_key *dst)
{
	const struct fib *f = iw->fib;
	const struct adjacency *a;

	if (unlikely(load_balance_has_many(&f->load_balances, leaf)) && b->flow_hash == 0)
		b->flow_hash = flow_hash(b);
	b->adjacency = load_balance_pick(&f->load_balances, leaf, b->flow_hash);
	a = adjacency_at(&f->adjacencies, b->adjacency);
	if (likely(a->kind == ADJACENCY_REWRITE &&
		   !(b->flags & (BUF_LINK_BROADCAST | BUF_LINK_MULTICAST)) &&
		   !fib6_is_link_local(dst)))
		return NEXT_REWRITE;
	return act(node, iw->stack, adjacency_points_on(a) ? lead_on(f, a, b) : a, b);
}

static no_inline void refuse_all(struct node *node, struct buf **b, uint16_t *next, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		next[i] = refuse(node, b[i], NO_ROUTE, ICMP6_NO_ROUTE);
}

/* Packets of one VRF. */
static inline void look_up(const struct ip6_worker *iw, struct node *node, struct buf **b,
			   const struct fib_key *dst, uint16_t *next, unsigned n)
{
	const struct vrf *v = fib_vrf_or_null(iw->fib, b[0]->fib);
	uint32_t leaf[FRAME_MAX];

	if (unlikely(!v || n == 0)) {
		refuse_all(node, b, next, n);
		return;
	}
	trie_lookup6_many(&v->ip6.trie, dst, leaf, n);
	for (unsigned i = 0; i < n; i++)
		next[i] = follow(iw, node, b[i], leaf[i], &dst[i]);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	const struct ip6_worker *iw = ip6_worker_of(w);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct fib_key dst[FRAME_MAX];
	unsigned first = 0;

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		const struct ip6_hdr *ip = buf_l3(b[i]);

		buf_prefetch(b[i + 8]);
		prefetch_read(buf_l3(b[i + 4]));
		dst[i] = fib6_key_on(&ip->dst, ip6_link_of(b[i]));
		if (likely(b[i]->fib == b[first]->fib))
			continue;
		look_up(iw, node, b + first, dst + first, next + first, i - first);
		first = i;
	}
	look_up(iw, node, b + first, dst + first, next + first, f->n - first);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip6_lookup_node = {
	.name = "ip6-lookup",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * ip4-lookup: longest-prefix match in the packet's VRF; the adjacency says where to go.
 *
 *   ip4-input, transports ──> ip4-lookup ──┬──> ip4-rewrite   the neighbour's address is known
 *                                          ├──> ip4-hold      it is not: resolve it first
 *                                          ├──> ip4-local     for us
 *                                          ├──> icmp4-error   no route, prohibited
 *                                          └──> drop          see reasons[]
 * RFC 1812 §5.2.4, §5.3.4, §5.3.5.
 */
#include "l3/icmp/icmp.h"
#include "l3/ip4/ip4.h"

enum { NEXT_DROP, NEXT_REWRITE, NEXT_HOLD, NEXT_LOCAL, NEXT_ICMP_ERROR };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",	    [NEXT_REWRITE] = "ip4-rewrite",    [NEXT_HOLD] = "ip4-hold",
	[NEXT_LOCAL] = "ip4-local", [NEXT_ICMP_ERROR] = "icmp4-error",
};

enum { NO_ROUTE, BLACKHOLE, PROHIBITED, LINK_GROUP, BROADCAST, N_REASONS };
static const struct reason reasons[] = {
	[NO_ROUTE] = { "no-route", "no route leads to the destination" },
	[BLACKHOLE] = { "blackhole", "the route says to drop; multicast has none" },
	[PROHIBITED] = { "prohibited", "the route says that it is forbidden" },
	[LINK_GROUP] = { "link-group", "came to a link group address, but is IP unicast" },
	[BROADCAST] = { "broadcast", "broadcasts are neither forwarded nor sent" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/* The same for both directions of a flow. */
static uint32_t flow_hash(struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);
	uint32_t ports = 0;
	uint64_t h;

	if ((ip->protocol == IP_TCP || ip->protocol == IP_UDP) && !ip4_is_fragment(ip) &&
	    b->l4_at + 4u <= b->at + (uint32_t)b->len) {
		const be16 *port = buf_l4(b);

		ports = host16(port[0]) ^ host16(port[1]);
	}
	h = host32(ip->src) ^ host32(ip->dst);
	h = (h << 32 | ports << 8 | ip->protocol) * 0x9e3779b97f4a7c15u;
	return h >> 32 ? (uint32_t)(h >> 32) : 1; /* 0 is: not known */
}

static no_inline uint16_t refuse(struct node *node, struct buf *b, uint16_t reason, uint8_t code)
{
	node_count(node, reason, 1);
	icmp4_condemn(b, ICMP4_UNREACHABLE, code, 0);
	return NEXT_ICMP_ERROR;
}

static no_inline uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

static uint16_t take_broadcast(const struct adjacency *a, struct buf *b)
{
	if (b->flags & BUF_LOCAL || (a->if_index && a->if_index != b->rx_if))
		return drop(b, BROADCAST); /* RFC 2644 */
	return NEXT_LOCAL;
}

/* Whatever is not simply sent on. */
static no_inline uint16_t act(struct node *node, const struct adjacency *a, struct buf *b)
{
	if (unlikely(b->flags & (BUF_LINK_BROADCAST | BUF_LINK_MULTICAST)) &&
	    a->kind != ADJACENCY_BROADCAST && a->kind != ADJACENCY_BLACKHOLE)
		return drop(b, LINK_GROUP);
	switch (a->kind) {
	case ADJACENCY_REWRITE:
		return NEXT_REWRITE;
	case ADJACENCY_LOCAL:
		return NEXT_LOCAL;
	case ADJACENCY_GLEAN:
	case ADJACENCY_INCOMPLETE:
		return NEXT_HOLD;
	case ADJACENCY_BROADCAST:
		return take_broadcast(a, b);
	case ADJACENCY_PROHIBIT:
		return refuse(node, b, PROHIBITED, ICMP4_ADMIN_PROHIBITED);
	case ADJACENCY_UNREACHABLE:
		return refuse(node, b, NO_ROUTE, ICMP4_NET_UNREACHABLE);
	default:
		return drop(b, BLACKHOLE);
	}
}

/* A next hop that is not on a link, or another VRF. */
static no_inline const struct adjacency *lead_on(const struct fib *f, const struct adjacency *a,
						 struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);

	if (b->flow_hash == 0)
		b->flow_hash = flow_hash(b);
	a = fib_follow(f, a, fib_key_of_ip4(host32(ip->dst)), 4, b->flow_hash);
	b->adjacency = a->index;
	return a;
}

/* Where a packet goes whose prefix leads to load-balance @leaf. */
static inline uint16_t follow(const struct fib *f, struct node *node, struct buf *b, uint32_t leaf)
{
	const struct adjacency *a;

	if (unlikely(load_balance_has_many(&f->load_balances, leaf)) && b->flow_hash == 0)
		b->flow_hash = flow_hash(b);
	b->adjacency = load_balance_pick(&f->load_balances, leaf, b->flow_hash);
	a = adjacency_at(&f->adjacencies, b->adjacency);
	if (likely(a->kind == ADJACENCY_REWRITE &&
		   !(b->flags & (BUF_LINK_BROADCAST | BUF_LINK_MULTICAST))))
		return NEXT_REWRITE;
	return act(node, adjacency_points_on(a) ? lead_on(f, a, b) : a, b);
}

static no_inline void refuse_all(struct node *node, struct buf **b, uint16_t *next, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		next[i] = refuse(node, b[i], NO_ROUTE, ICMP4_NET_UNREACHABLE);
}

/* Packets of one VRF. */
static inline void look_up(const struct fib *f, struct node *node, struct buf **b,
			   const uint32_t *dst, uint16_t *next, unsigned n)
{
	const struct vrf *v = fib_vrf_or_null(f, b[0]->fib);
	uint32_t leaf[FRAME_MAX];

	if (unlikely(!v || n == 0)) {
		refuse_all(node, b, next, n);
		return;
	}
	trie_lookup4_many(&v->ip4.trie, dst, leaf, n);
	for (unsigned i = 0; i < n; i++)
		next[i] = follow(f, node, b[i], leaf[i]);
}

static unsigned ip4_lookup_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct fib *fib = ip4_of(w)->fib;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	uint32_t dst[FRAME_MAX];
	unsigned first = 0;

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		const struct ip4_hdr *ip = buf_l3(b[i]);

		buf_prefetch(b[i + 8]);
		prefetch_read(buf_l3(b[i + 4]));
		dst[i] = host32(ip->dst);
		if (likely(b[i]->fib == b[first]->fib))
			continue;
		look_up(fib, node, b + first, dst + first, next + first, i - first);
		first = i;
	}
	look_up(fib, node, b + first, dst + first, next + first, f->n - first);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip4_lookup_node = {
	.name = "ip4-lookup",
	.run = ip4_lookup_run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

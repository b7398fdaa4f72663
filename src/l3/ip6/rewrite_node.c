/*
 * ip6-rewrite: the last IPv6 node: hop limit, MTU, the neighbour's link header.
 *
 *   ip6-lookup ──> ip6-rewrite ──┬──> [ip6-output arc] ──> interface-output
 *                                ├──> ip6-fragment ──> ip6-rewrite     too long, and made here
 *                                ├──> icmp6-error   hop limit exceeded; too big; beyond its scope
 *                                └──> ip6-lookup    the adjacency has changed meanwhile
 *
 * Packets made here (BUF_LOCAL) keep their hop limit. About one that leaves as it came its source
 * may be told: l3/icmp/redirect.h. Routers do not cut packets: RFC 8200 §5.
 * RFC 8200 §3 (hop limit), RFC 4443 §3.1 code 2 (link-local sources stay on their link), §3.2.
 */
#include "engine/feature.h"
#include "l3/icmp/icmp6.h"
#include "l3/icmp/redirect.h"
#include "l3/ip6/ip6.h"
#include "l3/shortcut/shortcut.h"
#include "wire/ethernet.h"
#include "wire/tcp.h"

enum { NEXT_DROP, NEXT_OUTPUT, NEXT_FRAGMENT, NEXT_ICMP_ERROR, NEXT_LOOKUP };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_OUTPUT] = "interface-output",
	[NEXT_FRAGMENT] = "ip6-fragment",
	[NEXT_ICMP_ERROR] = "icmp6-error",
	[NEXT_LOOKUP] = "ip6-lookup",
};

enum { HOP_LIMIT, TOO_BIG, SCOPE, NO_SOURCE, REDIRECT, N_REASONS };
static const struct reason reasons[] = {
	[HOP_LIMIT] = { "hop-limit", "the hop limit ran out here" },
	[TOO_BIG] = { "too-big", "longer than the MTU" },
	[SCOPE] = { "scope", "a link-local source does not leave its link" },
	[NO_SOURCE] = { "no-source", "from the unspecified address: not forwarded" },
	[REDIRECT] = { "redirect", "redirects sent about packets (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static no_inline uint16_t expire(struct node *node, struct buf *b)
{
	node_count(node, HOP_LIMIT, 1);
	icmp6_condemn(b, ICMP6_TIME_EXCEEDED, ICMP6_HOP_LIMIT_EXCEEDED, 0);
	return NEXT_ICMP_ERROR;
}

/* It leaves by the interface that it came by: is there a better way for its source? */
static no_inline void redirect(struct worker *w, struct node *node, const struct adjacency *a,
			       struct buf *b)
{
	uint32_t idx = redirect6_or_zero(w, a, b);

	if (idx == 0)
		return;
	node_count(node, REDIRECT, 1);
	node_send_some(w, node, &idx, 1, NEXT_LOOKUP);
}

/* A super-segment is as long as the longest packet that it will be cut into. */
static uint32_t packet_len(struct buf *b)
{
	const struct tcp_hdr *tcp = buf_l4(b);

	if (b->gso_type == GSO_NONE)
		return b->total_len;
	return (uint32_t)(b->l4_at - b->l3_at) + tcp_hdr_len(tcp) + b->gso_size;
}

/* True if @b may go on after all; else @next says where it goes. */
static no_inline bool fits(struct node *node, uint32_t mtu_bytes, struct buf *b, uint16_t *next)
{
	if (packet_len(b) <= mtu_bytes)
		return true;
	if (b->gso_type == GSO_NONE && b->flags & BUF_LOCAL) {
		*next = NEXT_FRAGMENT;
		return false;
	}
	node_count(node, TOO_BIG, 1);
	icmp6_condemn(b, ICMP6_TOO_BIG, 0, (uint16_t)(mtu_bytes > 0xffff ? 0xffff : mtu_bytes));
	*next = NEXT_ICMP_ERROR;
	return false;
}

/* The source is of a kind that begins with 0x00 or 0xfe. True if @b may go on. */
static no_inline bool may_leave(struct node *node, const struct adjacency *a, struct buf *b,
				const struct ip6_hdr *ip, uint16_t *next)
{
	if (ip6_is_unspecified(&ip->src)) {
		b->reason = NO_SOURCE;
		*next = NEXT_DROP;
		return false;
	}
	if (!ip6_is_link_local(&ip->src) || a->if_index == b->rx_if)
		return true;
	node_count(node, SCOPE, 1);
	icmp6_condemn(b, ICMP6_UNREACHABLE, ICMP6_BEYOND_SCOPE, 0);
	*next = NEXT_ICMP_ERROR;
	return false;
}

static inline void put_link_header(struct buf *b, const struct adjacency *a)
{
	if (likely(a->rewrite_len == ETHERNET_HDR_LEN))
		memcpy(buf_push(b, ETHERNET_HDR_LEN), a->rewrite, ETHERNET_HDR_LEN);
	else
		memcpy(buf_push(b, a->rewrite_len), a->rewrite, a->rewrite_len);
	b->l2_at = b->at;
}

static inline bool is_special(const struct ip6_addr *a)
{
	return a->b[0] == 0 || a->b[0] == 0xfe;
}

/* Has an interface features on the way out? Neighbours in a frame mostly have the same one. */
struct exit_arc {
	uint32_t if_index;
	bool features;
};

static inline uint16_t rewrite(struct worker *w, struct ip6_worker *iw, struct node *node,
			       struct exit_arc *arc, struct buf *b)
{
	const struct adjacency *a = adjacency_at(&iw->fib->adjacencies, b->adjacency);
	struct ip6_hdr *ip = buf_l3(b);
	bool is_transit = !(b->flags & BUF_LOCAL);
	uint32_t mtu_bytes = a->mtu_bytes;
	uint16_t next;

	if (unlikely(a->kind != ADJACENCY_REWRITE))
		return NEXT_LOOKUP;
	if (likely(is_transit)) {
		if (unlikely(ip->hop_limit <= 1))
			return expire(node, b);
		if (unlikely(is_special(&ip->src)) && !may_leave(node, a, b, ip, &next))
			return next;
	} else if (b->total_len > IP6_MIN_MTU) {
		mtu_bytes = pmtu_of(&iw->stack->path_mtus, b->fib, &ip->dst, mtu_bytes, w->now_ns);
	}
	if (unlikely(b->total_len > mtu_bytes) && !fits(node, mtu_bytes, b, &next))
		return next;
	if (unlikely(is_transit & (a->if_index == b->rx_if)))
		redirect(w, node, a, b);
	ip->hop_limit = (uint8_t)(ip->hop_limit - is_transit);
	put_link_header(b, a);
	b->tx_if = a->if_index;
	iw->sent[b->adjacency]++;
	if (unlikely(a->if_index != arc->if_index))
		*arc = (struct exit_arc){ a->if_index,
					  feature_any(w, ARC_IP6_OUTPUT, a->if_index) };
	return unlikely(arc->features) ? feature_start(w, b, ARC_IP6_OUTPUT, NEXT_OUTPUT)
				       : NEXT_OUTPUT;
}

/* May others to where one of them goes take a shortcut? */
static no_inline void offer(struct worker *w, struct buf **b, const uint16_t *next, unsigned n)
{
	unsigned at = random_below(&w->random, n);

	if (next[at] == NEXT_OUTPUT && !(b[at]->flags & BUF_LOCAL))
		shortcut_offer6(w, b[at]);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct ip6_worker *iw = ip6_worker_of(w);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct exit_arc arc = { 0 };

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		prefetch_write(buf_l3(b[i + 4]));
		next[i] = rewrite(w, iw, node, &arc, b[i]);
	}
	if (unlikely(shortcuts_of_or_null(w->engine) != NULL))
		offer(w, b, next, f->n);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip6_rewrite_node = {
	.name = "ip6-rewrite",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

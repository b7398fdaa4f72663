/*
 * ip4-rewrite: the last IPv4 node: time to live, MTU, the neighbour's link header.
 *
 *   ip4-lookup ──> ip4-rewrite ──┬──> [ip4-output arc] ──> interface-output
 *                                ├──> ip4-fragment ──> ip4-rewrite     too long, may be cut
 *                                ├──> icmp4-error   TTL exceeded; too long, must not be cut
 *                                └──> ip4-lookup    the adjacency has changed meanwhile
 *
 * Packets made here (BUF_LOCAL) keep their TTL. About one that leaves as it came its source may be
 * told: l3/icmp/redirect.h. RFC 1812 §5.3.1, RFC 791 §3.2, RFC 1191 §4.
 */
#include "engine/feature.h"
#include "l3/icmp/icmp.h"
#include "l3/icmp/redirect.h"
#include "l3/ip4/ip4.h"
#include "l3/shortcut/shortcut.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/tcp.h"

enum { NEXT_DROP, NEXT_OUTPUT, NEXT_FRAGMENT, NEXT_ICMP_ERROR, NEXT_LOOKUP };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_OUTPUT] = "interface-output",
	[NEXT_FRAGMENT] = "ip4-fragment",
	[NEXT_ICMP_ERROR] = "icmp4-error",
	[NEXT_LOOKUP] = "ip4-lookup",
};

enum { TTL, TOO_BIG, REDIRECT, N_REASONS };
static const struct reason reasons[] = {
	[TTL] = { "ttl", "time to live ran out here" },
	[TOO_BIG] = { "too-big", "longer than the MTU and not to be fragmented" },
	[REDIRECT] = { "redirect", "redirects sent about packets (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static no_inline uint16_t expire(struct node *node, struct buf *b)
{
	node_count(node, TTL, 1);
	icmp4_condemn(b, ICMP4_TIME_EXCEEDED, ICMP4_TTL_EXCEEDED, 0);
	return NEXT_ICMP_ERROR;
}

/* It leaves by the interface that it came by: is there a better way for its source? */
static no_inline void redirect(struct worker *w, struct node *node, const struct adjacency *a,
			       struct buf *b)
{
	uint32_t idx = redirect4_or_zero(w, a, b);

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
static no_inline bool fits(struct node *node, const struct adjacency *a, struct buf *b,
			   uint16_t *next)
{
	const struct ip4_hdr *ip = buf_l3(b);

	if (packet_len(b) <= a->mtu_bytes)
		return true;
	if (b->gso_type == GSO_NONE && !(host16(ip->frag) & IP4_DF)) {
		*next = NEXT_FRAGMENT;
		return false;
	}
	node_count(node, TOO_BIG, 1);
	icmp4_condemn(b, ICMP4_UNREACHABLE, ICMP4_FRAG_NEEDED,
		      (uint16_t)(a->mtu_bytes > 0xffff ? 0xffff : a->mtu_bytes));
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

/*
 * One less, and the checksum, its complement, one more: the TTL is the upper byte of its 16-bit
 * word. RFC 1624, equation 3, where the difference is 0x0100; the carry goes around.
 */
static inline void decrement_ttl(struct ip4_hdr *ip)
{
	uint32_t sum = (uint32_t)host16(ip->checksum) + 0x0100;

	ip->checksum = be16_of((uint16_t)(sum + (sum >= 0xffff)));
	ip->ttl--;
}

/* Has an interface features on the way out? Neighbours in a frame mostly have the same one. */
struct exit_arc {
	uint32_t if_index;
	bool features;
};

static inline uint16_t rewrite(struct worker *w, struct ip4_worker *iw, struct node *node,
			       struct exit_arc *arc, struct buf *b)
{
	const struct adjacency *a = adjacency_at(&iw->fib->adjacencies, b->adjacency);
	struct ip4_hdr *ip = buf_l3(b);
	bool is_transit = !(b->flags & BUF_LOCAL);
	uint16_t next;

	if (unlikely(a->kind != ADJACENCY_REWRITE))
		return NEXT_LOOKUP;
	if (likely(is_transit) && unlikely(ip->ttl <= 1))
		return expire(node, b);
	if (unlikely(b->total_len > a->mtu_bytes) && !fits(node, a, b, &next))
		return next;
	if (likely(is_transit)) {
		if (unlikely(a->if_index == b->rx_if))
			redirect(w, node, a, b);
		decrement_ttl(ip);
	}
	put_link_header(b, a);
	b->tx_if = a->if_index;
	iw->sent[b->adjacency]++;
	if (unlikely(a->if_index != arc->if_index))
		*arc = (struct exit_arc){ a->if_index,
					  feature_any(w, ARC_IP4_OUTPUT, a->if_index) };
	return unlikely(arc->features) ? feature_start(w, b, ARC_IP4_OUTPUT, NEXT_OUTPUT)
				       : NEXT_OUTPUT;
}

/* May others to where one of them goes take a shortcut? */
static no_inline void offer(struct worker *w, struct buf **b, const uint16_t *next, unsigned n)
{
	unsigned at = random_below(&w->random, n);

	if (next[at] == NEXT_OUTPUT && !(b[at]->flags & BUF_LOCAL))
		shortcut_offer4(w, b[at]);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct ip4_worker *iw = ip4_of(w);
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

const struct node_type ip4_rewrite_node = {
	.name = "ip4-rewrite",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * ip4-local: packets for us. Whole ones with a sound checksum go to whoever takes their protocol.
 *
 *   ip4-lookup ──> ip4-local ──┬──> [ip4-local arc] ──> icmp4-input, tcp4-input, udp4-input …
 *                     ↑        ├──> ip4-reassembly   a fragment
 *                     │        ├──> icmp4-error      nobody takes its protocol or port
 *                     │        └──> drop             see reasons[]
 *                     └── ip4-reassembly, when the last fragment has come
 *
 * ip4-deliver ends the arc: it does the last step for packets that features have looked at.
 * RFC 1122 §3.2.1.3 (sources), §3.2.2.1 (unreachable protocol), §4.1.3.1 (port).
 */
#include "engine/feature.h"
#include "l3/icmp/icmp.h"
#include "l3/ip4/ip4.h"
#include "wire/checksum.h"
#include "wire/udp.h"

enum { NEXT_DROP, NEXT_REASSEMBLY, NEXT_ICMP_ERROR };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_REASSEMBLY] = "ip4-reassembly",
	[NEXT_ICMP_ERROR] = "icmp4-error",
};

enum { BAD_SOURCE, BAD_L4_CHECKSUM, NO_PROTOCOL, N_REASONS };
static const struct reason reasons[] = {
	[BAD_SOURCE] = { "source", "the source is an address of ours or a broadcast address" },
	[BAD_L4_CHECKSUM] = { "l4-checksum", "ICMP, TCP or UDP checksum is wrong" },
	[NO_PROTOCOL] = { "no-protocol", "nobody here takes this protocol" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

uint64_t ip4_l4_sum(struct buf *b)
{
	uint64_t sum = 0;
	bool odd = false;
	uint32_t at = b->l4_at;

	for (; b; b = buf_next_or_null(b), at = b ? b->at : 0) {
		uint32_t len = (uint32_t)b->at + b->len - at;
		uint64_t part = checksum_sum(b->room + at, len);

		sum += odd ? checksum_odd(part) : part;
		odd ^= len & 1;
	}
	return sum;
}

/* A UDP datagram whose sender computed no checksum. */
static bool udp_has_no_checksum(struct buf *b)
{
	const struct udp_hdr *udp = buf_l4(b);

	return b->len >= (unsigned)(b->l4_at - b->at) + UDP_HDR_LEN && host16(udp->checksum) == 0;
}

static bool has_good_checksum(struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);
	uint64_t sum = ip4_l4_sum(b);

	if (ip->protocol != IP_ICMP4)
		sum += checksum_pseudo4(ip->src, ip->dst, ip->protocol, (uint16_t)ip4_l4_len(b));
	return checksum_is_good(sum);
}

/*
 * What came without a finished checksum never was on a wire: it is from the other side of a tap,
 * or from ourselves.
 */
static inline bool is_intact(struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);

	if (b->flags & (BUF_L4_CSUM_OK | BUF_NEED_L4_CSUM)) {
		b->flags |= BUF_L4_CSUM_OK;
		return true;
	}
	if (ip->protocol != IP_TCP && ip->protocol != IP_UDP && ip->protocol != IP_ICMP4)
		return true;
	if (ip->protocol == IP_UDP && udp_has_no_checksum(b))
		return true;
	if (!has_good_checksum(b))
		return false;
	b->flags |= BUF_L4_CSUM_OK;
	return true;
}

/* Who says that a packet from outside comes from us, or from everybody, lies. */
static inline bool is_bad_source(const struct ip4_worker *iw, struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);
	const struct vrf *v = fib_vrf_or_null(iw->fib, b->fib);
	uint8_t kind;

	if (b->flags & BUF_LOCAL || !v)
		return false;
	kind = fib_lookup(iw->fib, v, host32(ip->src), 0)->kind;
	return kind == ADJACENCY_LOCAL || kind == ADJACENCY_BROADCAST;
}

static no_inline uint16_t refuse(struct node *node, struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);

	node_count(node, NO_PROTOCOL, 1);
	icmp4_condemn(b, ICMP4_UNREACHABLE,
		      ip->protocol == IP_UDP ? ICMP4_PORT_UNREACHABLE : ICMP4_PROTOCOL_UNREACHABLE,
		      0);
	return NEXT_ICMP_ERROR;
}

static inline uint16_t deliver(const struct ip4_worker *iw, struct node *node, struct buf *b)
{
	uint16_t next = iw->stack->local_next[((struct ip4_hdr *)buf_l3(b))->protocol];

	return likely(next) ? next : refuse(node, b);
}

static inline uint16_t take(struct worker *w, const struct ip4_worker *iw, struct node *node,
			    struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);

	if (unlikely(ip4_is_fragment(ip)))
		return NEXT_REASSEMBLY;
	if (unlikely(is_bad_source(iw, b))) {
		b->reason = BAD_SOURCE;
		return NEXT_DROP;
	}
	b->l4_at = (uint16_t)(b->l3_at + ip4_hdr_len(ip));
	if (unlikely(!is_intact(b))) {
		b->reason = BAD_L4_CHECKSUM;
		return NEXT_DROP;
	}
	if (likely(!feature_any(w, ARC_IP4_LOCAL, b->rx_if)))
		return deliver(iw, node, b);
	return feature_from(w, b, ARC_IP4_LOCAL, 0);
}

static unsigned local_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct ip4_worker *iw = ip4_of(w);
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
	const struct ip4_worker *iw = ip4_of(w);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++)
		next[i] = deliver(iw, node, b[i]);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip4_local_node = {
	.name = "ip4-local",
	.run = local_run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

const struct node_type ip4_deliver_node = {
	.name = "ip4-deliver",
	.run = deliver_run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

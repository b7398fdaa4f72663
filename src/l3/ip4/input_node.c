/*
 * ip4-input: the first IPv4 node. Checks the header, sends each packet on.
 *
 *   ethernet-input ──> ip4-input ──┬──> [ip4-unicast arc] ──> ip4-lookup   the common case
 *                                  ├──> ip4-options    header longer than 20 bytes
 *                                  └──> drop           see reasons[]
 * RFC 791 §3.1, RFC 1812 §5.2.2, RFC 1122 §3.2.1.3.
 */
#include "engine/feature.h"
#include "l3/ip4/ip4.h"
#include "wire/checksum.h"

enum { NEXT_DROP, NEXT_LOOKUP, NEXT_OPTIONS };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOOKUP] = "ip4-lookup",
	[NEXT_OPTIONS] = "ip4-options",
};

enum { SHORT, BAD_VERSION, BAD_HEADER, BAD_LENGTH, BAD_CHECKSUM, BAD_SOURCE, BAD_TTL, N_REASONS };
static const struct reason reasons[] = {
	[SHORT] = { "short", "shorter than an IPv4 header" },
	[BAD_VERSION] = { "version", "version field is not 4" },
	[BAD_HEADER] = { "header", "header length is under 20 or past the packet" },
	[BAD_LENGTH] = { "length", "total length is under the header's or past the frame" },
	[BAD_CHECKSUM] = { "checksum", "header checksum is wrong" },
	[BAD_SOURCE] = { "source", "source is 0/8, 127/8, multicast or reserved" },
	[BAD_TTL] = { "ttl", "time to live is zero" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

/* RFC 1122 §3.2.1.3: addresses that no packet on a wire may come from. */
static inline bool is_bad_source(be32 src)
{
	uint32_t top = host32(src) >> 24;

	return (top == 0) | (top == 127) | (top >= 224);
}

static inline bool has_good_checksum(const struct buf *b, const struct ip4_hdr *ip, unsigned len)
{
	if (b->flags & BUF_IP_CSUM_OK)
		return true;
	return checksum_is_good(len == IP4_HDR_LEN ? checksum_ip4_header(ip)
						   : checksum_sum(ip, len));
}

/* What packets of one interface have in common; neighbours in a frame mostly have the same. */
struct link {
	uint32_t if_index;
	uint32_t fib;
	bool features;
};

static no_inline struct link link_of(const struct worker *w, uint32_t if_index)
{
	return (struct link){ if_index, ip4_vrf_of(ip4_of(w)->stack, if_index),
			      feature_any(w, ARC_IP4_UNICAST, if_index) };
}

static inline void set_lanes(const struct link *link, struct buf *b, const struct ip4_hdr *ip,
			     unsigned hdr_len)
{
	b->l4_at = (uint16_t)(b->l3_at + hdr_len);
	b->fib = link->fib;
	b->ip_proto = ip->protocol;
}

static inline uint16_t go_on(const struct worker *w, const struct link *link, struct buf *b)
{
	return unlikely(link->features) ? feature_start(w, b, ARC_IP4_UNICAST, NEXT_LOOKUP)
					: NEXT_LOOKUP;
}

/* Some test failed, or there are options or padding: find out which. */
static no_inline uint16_t check_odd(struct worker *w, const struct link *link, struct buf *b,
				    const struct ip4_hdr *ip)
{
	unsigned hdr_len, len;

	if (b->len < IP4_HDR_LEN)
		return drop(b, SHORT);
	hdr_len = ip4_hdr_len(ip);
	len = host16(ip->len);
	if (ip->ver_ihl >> 4 != 4)
		return drop(b, BAD_VERSION);
	if (hdr_len < IP4_HDR_LEN || hdr_len > b->len)
		return drop(b, BAD_HEADER);
	if (len < hdr_len || len > b->total_len)
		return drop(b, BAD_LENGTH);
	if (!has_good_checksum(b, ip, hdr_len))
		return drop(b, BAD_CHECKSUM);
	if (is_bad_source(ip->src))
		return drop(b, BAD_SOURCE);
	if (ip->ttl == 0)
		return drop(b, BAD_TTL);
	if (len < b->total_len)
		buf_trim(&w->bufs, b, len); /* padding of short frames */
	set_lanes(link, b, ip, hdr_len);
	return hdr_len > IP4_HDR_LEN ? NEXT_OPTIONS : go_on(w, link, b);
}

static inline uint16_t check(struct worker *w, const struct link *link, struct buf *b)
{
	const struct ip4_hdr *ip = buf_l3(b);

	if (unlikely(b->len < IP4_HDR_LEN || ip->ver_ihl != IP4_VER_IHL || ip->ttl == 0 ||
		     host16(ip->len) != b->total_len || is_bad_source(ip->src)))
		return check_odd(w, link, b, ip);
	if (unlikely(!has_good_checksum(b, ip, IP4_HDR_LEN)))
		return drop(b, BAD_CHECKSUM);
	set_lanes(link, b, ip, IP4_HDR_LEN);
	return go_on(w, link, b);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct link link;

	frame_bufs(f, b);
	link = link_of(w, b[0]->rx_if);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		buf_prefetch_data(b[i + 4]);
		if (unlikely(b[i]->rx_if != link.if_index))
			link = link_of(w, b[i]->rx_if);
		next[i] = check(w, &link, b[i]);
	}
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip4_input_node = {
	.name = "ip4-input",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

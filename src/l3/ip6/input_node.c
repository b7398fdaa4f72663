/*
 * ip6-input: the first IPv6 node. Checks the header, sends each packet on.
 *
 *   ethernet-input ──> ip6-input ──┬──> [ip6-unicast arc] ──> ip6-lookup   the common case
 *                                  ├──> ip6-hop-by-hop   options for every router
 *                                  └──> drop             see reasons[]
 *
 * The lanes l4_at and ip_proto name the upper layer, behind extension headers; of a fragment that
 * is not the first they name the fragment (IP_FRAGMENT). RFC 8200 §3, §4; RFC 4291 §2.5, §2.7.
 */
#include "engine/feature.h"
#include "l3/ip6/ip6.h"
#include "wire/ip6_ext.h"

enum { NEXT_DROP, NEXT_LOOKUP, NEXT_HOP_BY_HOP };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOOKUP] = "ip6-lookup",
	[NEXT_HOP_BY_HOP] = "ip6-hop-by-hop",
};

enum { SHORT, DISABLED, BAD_VERSION, BAD_LENGTH, JUMBO, BAD_SOURCE, BAD_DESTINATION, N_REASONS };
static const struct reason reasons[] = {
	[SHORT] = { "short", "shorter than an IPv6 header" },
	[DISABLED] = { "disabled", "the interface does not speak IPv6" },
	[BAD_VERSION] = { "version", "version field is not 6" },
	[BAD_LENGTH] = { "length", "payload length is past the frame" },
	[JUMBO] = { "jumbo", "jumbograms are not supported" },
	[BAD_SOURCE] = { "source", "source is multicast, loopback or IPv4-mapped" },
	[BAD_DESTINATION] = { "destination",
			      "destination is unspecified, loopback, IPv4-mapped, or "
			      "a group of no link" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

/* Addresses that begin with 0x00 or 0xff have to be looked at more closely. */
static inline bool is_special(const struct ip6_addr *a)
{
	return (uint8_t)(a->b[0] + 1) < 2;
}

/* Extension headers that IPv6 itself knows, RFC 8200 §4. */
static inline bool is_extension(uint8_t next)
{
	const uint64_t them = (uint64_t)1 << IP_HOP_BY_HOP | (uint64_t)1 << IP_ROUTING |
			      (uint64_t)1 << IP_FRAGMENT | (uint64_t)1 << IP_DESTINATION_OPTIONS;

	return next < 64 && (them >> next & 1);
}

/* What packets of one interface have in common; neighbours in a frame mostly have the same. */
struct link {
	uint32_t if_index;
	uint32_t fib; /* IP6_OFF: none of them is welcome */
	bool features;
};

static no_inline struct link link_of(const struct worker *w, uint32_t if_index)
{
	return (struct link){ if_index, ip6_vrf_of(ip6_worker_of(w)->stack, if_index),
			      feature_any(w, ARC_IP6_UNICAST, if_index) };
}

static inline void set_lanes(const struct link *link, struct buf *b, const struct ip6_hdr *ip)
{
	b->l4_at = (uint16_t)(b->l3_at + IP6_HDR_LEN);
	b->fib = link->fib;
	b->ip_proto = ip->next_header;
}

static inline uint16_t go_on(const struct worker *w, const struct link *link, struct buf *b)
{
	return unlikely(link->features) ? feature_start(w, b, ARC_IP6_UNICAST, NEXT_LOOKUP)
					: NEXT_LOOKUP;
}

/* Who only forwards need not understand the chain; what it cannot read it leaves alone. */
static void set_upper_layer(struct buf *b)
{
	struct ip6_chain chain;

	if (ip6_walk(slice_of(buf_l3(b), (size_t)(b->at + b->len - b->l3_at)), &chain) != 0)
		return;
	b->l4_at = (uint16_t)(b->l3_at + chain.l4_at);
	b->ip_proto = chain.protocol;
	if (chain.fragment_at) {
		const struct ip6_fragment_hdr *f =
			(void *)((uint8_t *)buf_l3(b) + chain.fragment_at);

		if (ip6_fragment_offset(f) != 0)
			b->ip_proto = IP_FRAGMENT;
	}
}

static bool is_bad_source(const struct ip6_addr *a)
{
	return ip6_is_multicast(a) || ip6_is_loopback(a) || ip6_is_mapped(a);
}

/* RFC 4291 §2.7: groups of scope 0 are never sent, those of scope 1 never on a link. */
static bool is_bad_destination(const struct ip6_addr *a)
{
	if (ip6_is_multicast(a))
		return ip6_scope_of(a) <= IP6_SCOPE_INTERFACE;
	return ip6_is_unspecified(a) || ip6_is_loopback(a) || ip6_is_mapped(a);
}

/* Some test failed, or something is rare: find out what. */
static no_inline uint16_t check_odd(struct worker *w, const struct link *link, struct buf *b,
				    const struct ip6_hdr *ip)
{
	uint32_t len;

	if (link->fib == IP6_OFF)
		return drop(b, DISABLED);
	if (b->len < IP6_HDR_LEN)
		return drop(b, SHORT);
	if (ip6_version(ip) != 6)
		return drop(b, BAD_VERSION);
	len = IP6_HDR_LEN + (uint32_t)host16(ip->payload_len);
	if (len == IP6_HDR_LEN && ip->next_header == IP_HOP_BY_HOP)
		return drop(b, JUMBO);
	if (len > b->total_len)
		return drop(b, BAD_LENGTH);
	if (is_bad_source(&ip->src))
		return drop(b, BAD_SOURCE);
	if (is_bad_destination(&ip->dst))
		return drop(b, BAD_DESTINATION);
	if (len < b->total_len)
		buf_trim(&w->bufs, b, len); /* padding of short frames */
	set_lanes(link, b, ip);
	if (is_extension(ip->next_header))
		set_upper_layer(b);
	return ip->next_header == IP_HOP_BY_HOP ? NEXT_HOP_BY_HOP : go_on(w, link, b);
}

/* Version 6, in the upper half of the first byte. */
static inline bool is_version6(const struct ip6_hdr *ip)
{
	return (ip->ver_class_flow.b[0] & 0xf0) == 0x60;
}

static inline uint16_t check(struct worker *w, const struct link *link, struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);

	if (unlikely(b->len < IP6_HDR_LEN || link->fib == IP6_OFF || !is_version6(ip) ||
		     IP6_HDR_LEN + (uint32_t)host16(ip->payload_len) != b->total_len ||
		     is_special(&ip->src) || is_special(&ip->dst) || is_extension(ip->next_header)))
		return check_odd(w, link, b, ip);
	set_lanes(link, b, ip);
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

const struct node_type ip6_input_node = {
	.name = "ip6-input",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * ip6-reassembly: fragments for us wait here until their packet is whole.
 *
 *   ip6-local ──> ip6-reassembly ──┬──> ip6-local        the whole packet, without fragment header
 *                                  ├──> ip6-reassembly   of another worker
 *                                  ├──> icmp6-error      a length is wrong, headers are missing, or
 *                                  │                     time is up and the first piece is there
 *                                  └──> drop             see reasons[]
 *
 * RFC 8200 §4.5. Overlaps spoil the packet, with what else comes of it (RFC 5722). A packet that is
 * a single "atomic" fragment never meets others (RFC 6946). A first fragment has the whole chain of
 * headers (RFC 7112).
 */
#include "l3/icmp/icmp6.h"
#include "l3/reassembly/reassembly.h"
#include "wire/ip6_ext.h"

enum { NEXT_DROP, NEXT_LOCAL, NEXT_ICMP_ERROR };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOCAL] = "ip6-local",
	[NEXT_ICMP_ERROR] = "icmp6-error",
};

enum { ODD_LENGTH = N_REASSEMBLY_REASONS, TOO_LONG, CHAIN, ATOMIC, N_REASONS };
static const struct reason reasons[] = {
	[REASSEMBLY_DUPLICATE] = { "duplicate", "the same fragment came before" },
	[REASSEMBLY_OVERLAP] = { "overlap", "fragments overlap: the whole packet goes" },
	[REASSEMBLY_BAD] = { "bad", "empty, or too long together" },
	[REASSEMBLY_TOO_MANY] = { "too-many", "the packet has more than 64 fragments" },
	[REASSEMBLY_TIMEOUT] = { "timeout", "the rest did not come within 60 seconds" },
	[REASSEMBLY_EVICTED] = { "evicted", "made room for a newer packet" },
	[REASSEMBLY_REASSEMBLED] = { "reassembled", "packets put together (not dropped)" },
	[ODD_LENGTH] = { "odd-length", "a fragment that is not the last, not a multiple of 8" },
	[TOO_LONG] = { "too-long", "a fragment that ends past 65535 bytes" },
	[CHAIN] = { "chain", "the first fragment does not hold all headers" },
	[ATOMIC] = { "atomic", "fragments that were whole packets (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { PAYLOAD_LEN_AT = 4, OFFSET_AT = 2 /* in the fragment header */ };

/* Take the fragment header out: what stands before it moves up. */
static bool finish(struct buf *whole)
{
	uint8_t *l3 = buf_l3(whole);
	unsigned before = (unsigned)(whole->l4_at - whole->l3_at) - IP6_FRAGMENT_LEN;
	struct ip6_chain chain;
	struct ip6_hdr *ip;

	/* Up to the fragment header the chain is sound, or the packet would not be here. */
	if (ip6_walk(slice_of(l3, (size_t)(whole->l4_at - whole->l3_at)), &chain) != 0)
		invariant(chain.fragment_at != 0);
	l3[chain.before_fragment_at] = l3[before]; /* the fragment header's own next header */
	memmove(l3 + IP6_FRAGMENT_LEN, l3, before);
	buf_pull(whole, IP6_FRAGMENT_LEN);
	whole->l3_at = (uint16_t)(whole->l3_at + IP6_FRAGMENT_LEN);
	ip = buf_l3(whole);
	ip->payload_len = be16_of((uint16_t)(whole->total_len - IP6_HDR_LEN));
	return whole->total_len <= IP6_MAX_LEN;
}

static void condemn(struct buf *first)
{
	icmp6_condemn(first, ICMP6_TIME_EXCEEDED, ICMP6_REASSEMBLY_TIME_EXCEEDED, 0);
}

const struct reassembly_family reassembly_ip6 = {
	.node_name = "ip6-reassembly",
	.error_name = "icmp6-error",
	.timeout_ns = REASSEMBLY6_NS,
	.remember_overlaps = true,
	.condemn = condemn,
	.finish = finish,
};

static struct reassembly_key key_of(const struct buf *b, const struct ip6_hdr *ip,
				    const struct ip6_fragment_hdr *fragment)
{
	struct reassembly_key k = { .id = host32(fragment->id), .fib = b->fib };

	memcpy(k.src, ip->src.b, sizeof(k.src));
	memcpy(k.dst, ip->dst.b, sizeof(k.dst));
	if (ip6_scope_of(&ip->src) == IP6_SCOPE_LINK || ip6_scope_of(&ip->dst) == IP6_SCOPE_LINK)
		k.if_index = b->rx_if;
	return k;
}

static uint16_t refuse(struct node *node, struct buf *b, uint16_t reason, uint8_t code, unsigned at)
{
	node_count(node, reason, 1);
	icmp6_condemn(b, ICMP6_PARAMETER_PROBLEM, code, (uint16_t)at);
	return NEXT_ICMP_ERROR;
}

static struct slice readable(struct buf *b)
{
	return slice_of(buf_l3(b), (size_t)(b->at + b->len - b->l3_at));
}

/* Where the fragment goes at once; NEXT_DROP with @piece filled in if it is to wait for others. */
static uint16_t look(struct node *node, struct buf *b, struct reassembly_piece *piece)
{
	const struct ip6_fragment_hdr *fragment;
	struct ip6_chain chain;
	int err = ip6_walk(readable(b), &chain);
	uint32_t len;

	fragment = (void *)((uint8_t *)buf_l3(b) + chain.fragment_at);
	b->l4_at = (uint16_t)(b->l3_at + chain.fragment_at + IP6_FRAGMENT_LEN);
	len = b->total_len - (uint32_t)(b->l4_at - b->at);
	*piece = (struct reassembly_piece){ .b = b,
					    .offset = ip6_fragment_offset(fragment),
					    .header_len = chain.fragment_at - IP6_HDR_LEN,
					    .more = ip6_fragment_more(fragment) };
	if (err == ERR_SHORT && piece->more)
		return refuse(node, b, CHAIN, ICMP6_INCOMPLETE_CHAIN, 0);
	if (piece->more && len % 8 != 0)
		return refuse(node, b, ODD_LENGTH, ICMP6_BAD_FIELD, PAYLOAD_LEN_AT);
	if (piece->offset + len + piece->header_len > 65535)
		return refuse(node, b, TOO_LONG, ICMP6_BAD_FIELD, chain.fragment_at + OFFSET_AT);
	if (piece->more || piece->offset > 0)
		return NEXT_DROP;
	node_count(node, ATOMIC, 1);
	finish(b);
	b->flags |= BUF_REASSEMBLED;
	return NEXT_LOCAL;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct reassembly_table *t = reassembly_of(w)->ip6;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		struct ip6_hdr *ip = buf_l3(b[i]);
		struct reassembly_piece piece;
		uint16_t next = look(node, b[i], &piece);
		struct reassembly_key key;

		if (next != NEXT_DROP) {
			node_send_some(w, node, &b[i]->self, 1, next);
			continue;
		}
		key = key_of(b[i], ip, (void *)(b[i]->room + b[i]->l4_at - IP6_FRAGMENT_LEN));
		reassembly_take(t, node, NEXT_LOCAL, &key, &piece);
	}
	return f->n;
}

const struct node_type ip6_reassembly_node = {
	.name = "ip6-reassembly",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * ip6-fragment: cuts packets of ours that are longer than the MTU of where they go. RFC 8200 §4.5.
 *
 *   ip6-rewrite ──> ip6-fragment ──┬──> ip6-rewrite   the pieces
 *                                  └──> drop          see reasons[]
 *
 * Only packets made here come here, so each has its headers in its first buffer. What routers on
 * the way must see stays before the fragment header: the fixed header with hop-by-hop options and
 * routing. Every piece is a copy; the original is freed.
 */
#include "l3/ip6/ip6.h"
#include "wire/ip6_ext.h"

enum { NEXT_DROP, NEXT_REWRITE };
static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_REWRITE] = "ip6-rewrite" };

enum { NO_BUFFER, MTU, FRAGMENTED, N_REASONS };
static const struct reason reasons[] = {
	[NO_BUFFER] = { "no-buffer", "no buffer for a fragment" },
	[MTU] = { "mtu", "the MTU leaves no room for a fragment" },
	[FRAGMENTED] = { "fragmented", "packets that were cut (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { PIECES_MAX = 1024, NEXT_HEADER_AT = 6 };

struct cut {
	struct buf *whole;
	unsigned kept;	     /* bytes before the fragment header */
	unsigned next_at;    /* of the next-header field that shall name it */
	uint8_t next_header; /* of what is cut */
	uint32_t id;
	uint32_t mtu_bytes;
};

/* Find the end of what every piece repeats. */
static void find_kept(struct cut *c)
{
	const uint8_t *l3 = buf_l3(c->whole);
	unsigned readable = (unsigned)(c->whole->at + c->whole->len - c->whole->l3_at);

	c->kept = IP6_HDR_LEN;
	c->next_at = NEXT_HEADER_AT;
	c->next_header = l3[NEXT_HEADER_AT];
	while ((c->next_header == IP_HOP_BY_HOP || c->next_header == IP_ROUTING) &&
	       c->kept + 8 <= readable) {
		c->next_at = c->kept;
		c->next_header = l3[c->kept];
		c->kept += 8 + 8 * (unsigned)l3[c->kept + 1];
	}
}

/* Append @len bytes of the whole, from @skip bytes after its first on. */
static int append_range(struct worker *w, const struct cut *c, struct buf *piece, uint32_t skip,
			uint32_t len)
{
	struct buf *from = c->whole;
	int err = 0;

	for (; skip >= from->len; from = buf_next_or_null(from))
		skip -= from->len;
	while (len > 0 && err == 0) {
		uint32_t n = from->len - skip < len ? from->len - skip : len;

		err = buf_append_bytes(&w->bufs, piece, buf_data(from) + skip, n);
		len -= n;
		skip = 0;
		from = buf_next_or_null(from);
	}
	return err;
}

static void copy_lanes(struct buf *to, const struct buf *from)
{
	to->flags = from->flags & ~(unsigned)(BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK);
	to->rx_if = from->rx_if;
	to->tx_if = from->tx_if;
	to->fib = from->fib;
	to->flow_hash = from->flow_hash;
	to->adjacency = from->adjacency;
	to->rx_ns = from->rx_ns;
	to->ip_proto = IP_FRAGMENT;
}

/* The piece with bytes @at to @at + @len of what is cut; 0 without a buffer. */
static uint32_t make_piece(struct worker *w, const struct cut *c, uint32_t at, uint32_t len,
			   bool more)
{
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct ip6_fragment_hdr *fragment;
	struct buf *piece;
	uint8_t *l3;

	if (!idx)
		return 0;
	piece = buf_at(w->bufs.pool->base, idx);
	l3 = buf_append(piece, c->kept);
	memcpy(l3, buf_l3(c->whole), c->kept);
	l3[c->next_at] = IP_FRAGMENT;
	((struct ip6_hdr *)(void *)l3)->payload_len =
		be16_of((uint16_t)(c->kept - IP6_HDR_LEN + IP6_FRAGMENT_LEN + len));
	fragment = buf_append(piece, IP6_FRAGMENT_LEN);
	*fragment = (struct ip6_fragment_hdr){ .next_header = c->next_header,
					       .offset_more = be16_of((uint16_t)(at | more)),
					       .id = be32_of(c->id) };
	piece->l3_at = piece->at;
	piece->l4_at = (uint16_t)(piece->at + piece->len);
	copy_lanes(piece, c->whole);
	if (append_range(w, c, piece, c->kept + at, len) != 0) {
		buf_free_one(&w->bufs, idx);
		return 0;
	}
	return idx;
}

/* Who cuts a packet whose checksum a device was to fill in has to do it himself. */
static void finish_l4_checksum(struct buf *b)
{
	if (b->flags & BUF_NEED_L4_CSUM) {
		be16 field = checksum_field(ip6_l4_sum(b));

		memcpy((uint8_t *)buf_l4(b) + b->csum_off, &field, 2);
	}
}

static unsigned cut(struct worker *w, struct node *node, const struct cut *c, uint32_t *pieces)
{
	uint32_t payload = c->whole->total_len - c->kept;
	uint32_t headers = c->kept + IP6_FRAGMENT_LEN;
	uint32_t room = c->mtu_bytes < headers ? 0 : (c->mtu_bytes - headers) & ~7u;
	unsigned n = 0;

	if (room == 0 || payload / room >= PIECES_MAX) {
		node_count(node, MTU, 1);
		return 0;
	}
	for (uint32_t at = 0; at < payload; at += room) {
		bool more = at + room < payload;

		pieces[n] = make_piece(w, c, at, more ? room : payload - at, more);
		if (pieces[n] == 0) {
			node_count(node, NO_BUFFER, 1);
			buf_free(&w->bufs, pieces, n);
			return 0;
		}
		n++;
	}
	node_count(node, FRAGMENTED, 1);
	return n;
}

/* Of the whole way, as far as it is known. RFC 8201 */
static uint32_t mtu_of(const struct worker *w, const struct adjacency *a, struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);

	return pmtu_of(&ip6_worker_of(w)->stack->path_mtus, b->fib, &ip->dst, a->mtu_bytes,
		       w->now_ns);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct ip6_worker *iw = ip6_worker_of(w);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint32_t pieces[PIECES_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		const struct adjacency *a = adjacency_at(&iw->fib->adjacencies, b[i]->adjacency);
		struct cut c = { .whole = b[i],
				 .id = iw->next_fragment_id,
				 .mtu_bytes = mtu_of(w, a, b[i]) };
		unsigned n;

		/* Not a guess for who sees one of them: RFC 7739. */
		iw->next_fragment_id += 1 + random_below(&w->random, 16);
		finish_l4_checksum(b[i]);
		find_kept(&c);
		n = cut(w, node, &c, pieces);
		for (unsigned at = 0; at < n; at += FRAME_MAX)
			node_send_some(w, node, pieces + at,
				       n - at < FRAME_MAX ? n - at : FRAME_MAX, NEXT_REWRITE);
		buf_free_one(&w->bufs, b[i]->self);
	}
	return f->n;
}

const struct node_type ip6_fragment_node = {
	.name = "ip6-fragment",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

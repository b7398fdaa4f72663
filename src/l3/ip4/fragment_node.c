/*
 * ip4-fragment: cuts packets that are longer than the MTU of where they go. RFC 791 §3.2.
 *
 *   ip4-rewrite ──> ip4-fragment ──┬──> ip4-rewrite   the pieces
 *                                  └──> drop          see reasons[]
 *
 * Every piece is a copy with headers of its own; the original is freed. Options that are not
 * marked to be copied stay with the first piece.
 */
#include "l3/ip4/ip4.h"
#include "wire/checksum.h"

enum { NEXT_DROP, NEXT_REWRITE };
static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_REWRITE] = "ip4-rewrite" };

enum { NO_BUFFER, MTU, FRAGMENTED, N_REASONS };
static const struct reason reasons[] = {
	[NO_BUFFER] = { "no-buffer", "no buffer for a fragment" },
	[MTU] = { "mtu", "the MTU leaves no room for a fragment" },
	[FRAGMENTED] = { "fragmented", "packets that were cut (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { OPTION_COPIED = 0x80, PIECES_MAX = 1024 };

struct cut {
	struct buf *whole;
	unsigned hdr_len;		/* of the whole */
	uint8_t later[IP4_HDR_MAX_LEN]; /* header of all pieces but the first */
	unsigned later_len;
	uint32_t mtu_bytes;
};

/* The header for later pieces: options that travel with every fragment, padded. */
static void make_later_header(struct cut *c)
{
	const uint8_t *header = buf_l3(c->whole);
	unsigned at = IP4_HDR_LEN;
	unsigned n = IP4_HDR_LEN;

	memcpy(c->later, header, IP4_HDR_LEN);
	while (at + 1 < c->hdr_len && header[at] != IP4_OPT_END) {
		unsigned len = header[at] == IP4_OPT_NOP ? 1 : header[at + 1];

		if (len == 0 || at + len > c->hdr_len)
			break;
		if (header[at] & OPTION_COPIED) {
			memcpy(c->later + n, header + at, len);
			n += len;
		}
		at += len;
	}
	while (n % 4 != 0)
		c->later[n++] = IP4_OPT_END;
	c->later_len = n;
}

/* Append @len bytes of the whole, from @skip bytes after its header on. */
static int append_range(struct worker *w, struct cut *c, struct buf *piece, uint32_t skip,
			uint32_t len)
{
	struct buf *from = c->whole;
	int err = 0;

	skip += c->hdr_len;
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
	to->fib = from->fib;
	to->flow_hash = from->flow_hash;
	to->adjacency = from->adjacency;
	to->rx_ns = from->rx_ns;
	to->ip_proto = from->ip_proto;
}

/* The piece with payload bytes @at to @at + @len; 0 without a buffer. */
static uint32_t make_piece(struct worker *w, struct cut *c, uint32_t at, uint32_t len, bool last)
{
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	unsigned hdr_len = at == 0 ? c->hdr_len : c->later_len;
	uint16_t was_frag = host16(((struct ip4_hdr *)buf_l3(c->whole))->frag);
	struct buf *piece;
	struct ip4_hdr *ip;

	if (!idx)
		return 0;
	piece = buf_at(w->bufs.pool->base, idx);
	ip = buf_append(piece, hdr_len);
	memcpy(ip, at == 0 ? buf_l3(c->whole) : (void *)c->later, hdr_len);
	ip->ver_ihl = (uint8_t)(0x40 | hdr_len / 4);
	ip->len = be16_of((uint16_t)(hdr_len + len));
	ip->frag = be16_of((uint16_t)((was_frag & IP4_MF) | (last ? 0 : IP4_MF) |
				      ((was_frag & IP4_OFFSET_MASK) + at / 8)));
	ip->checksum = be16_of(0);
	ip->checksum = checksum_field(checksum_sum(ip, hdr_len));
	piece->l3_at = piece->at;
	piece->l4_at = (uint16_t)(piece->at + hdr_len);
	copy_lanes(piece, c->whole);
	if (append_range(w, c, piece, at, len) != 0) {
		buf_free_one(&w->bufs, idx);
		return 0;
	}
	return idx;
}

/* Who cuts a packet whose checksum a device was to fill in has to do it himself. */
static void finish_l4_checksum(struct buf *b)
{
	if (b->flags & BUF_NEED_L4_CSUM) {
		be16 field = checksum_field(ip4_l4_sum(b));

		memcpy((uint8_t *)buf_l4(b) + b->csum_off, &field, 2);
	}
}

static unsigned cut(struct worker *w, struct node *node, struct cut *c, uint32_t *pieces)
{
	uint32_t payload = c->whole->total_len - c->hdr_len;
	uint32_t room = c->mtu_bytes < c->hdr_len ? 0 : (c->mtu_bytes - c->hdr_len) & ~7u;
	unsigned n = 0;

	if (room == 0 || payload / room >= PIECES_MAX) {
		node_count(node, MTU, 1);
		return 0;
	}
	for (uint32_t at = 0; at < payload; at += room) {
		bool last = at + room >= payload;

		pieces[n] = make_piece(w, c, at, last ? payload - at : room, last);
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

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	const struct fib *fib = ip4_of(w)->fib;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint32_t pieces[PIECES_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		const struct adjacency *a = adjacency_at(&fib->adjacencies, b[i]->adjacency);
		struct cut c = { .whole = b[i],
				 .hdr_len = ip4_hdr_len(buf_l3(b[i])),
				 .mtu_bytes = a->mtu_bytes };
		unsigned n;

		finish_l4_checksum(b[i]);
		make_later_header(&c);
		n = cut(w, node, &c, pieces);
		for (unsigned at = 0; at < n; at += FRAME_MAX)
			node_send_some(w, node, pieces + at,
				       n - at < FRAME_MAX ? n - at : FRAME_MAX, NEXT_REWRITE);
		buf_free_one(&w->bufs, b[i]->self);
	}
	return f->n;
}

const struct node_type ip4_fragment_node = {
	.name = "ip4-fragment",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

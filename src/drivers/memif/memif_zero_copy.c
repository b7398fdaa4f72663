/*
 * memif_zero_copy.c - a client whose second region is the buffer pool: packets are received into
 * the stack's own buffers and sent from them.
 *
 *   descriptor at place p ── lent[p] ──> buffer        lent[] is ours alone, the ring is not
 *
 * A buffer that the ring has is nobody else's until its descriptor comes back. What the other side
 * says of it is checked, the bytes are as it wants them until the packet is gone: see README.md.
 */
#include <string.h>

#include "drivers/memif/memif_ring_private.h"
#include "drivers/vnet.h"
#include "engine/node.h"

static uint32_t *lent_at(const struct memif_queue *q, uint16_t at)
{
	return &q->lent[at & (q->size - 1)];
}

static struct buf *buf_of(const struct memif_queue *q, uint32_t idx)
{
	return buf_at(q->view->pool->base, idx);
}

/* The place of @room byte @at of the buffer @idx in the pool's region. */
static uint32_t offset_of(uint32_t idx, uint32_t at)
{
	return idx * BUF_LINE + (uint32_t)offsetof(struct buf, room) + at;
}

/* --- receive --- */

bool memif_zc_offer(struct memif_queue *q, struct buf_cache *c)
{
	uint32_t idx[FRAME_MAX];

	for (;;) {
		unsigned lacks = q->size - (uint16_t)(q->offered - q->at), got;

		if (lacks == 0)
			return true;
		got = buf_alloc(c, idx, lacks < FRAME_MAX ? lacks : FRAME_MAX);
		for (unsigned i = 0; i < got; i++, q->offered++) {
			*lent_at(q, q->offered) = idx[i];
			*memif_place(q, q->offered) = (struct memif_descriptor){
				.region = MEMIF_POOL_REGION,
				.length = BUF_DATA,
				.offset = offset_of(idx[i], BUF_HEADROOM),
			};
		}
		if (got == 0)
			return false;
	}
}

/* Take the buffer at position @at off the ring, @len bytes long. Its lanes are as buf_alloc() left
 * them. */
static force_inline struct buf *take_buffer(struct memif_queue *q, uint16_t at, uint32_t len)
{
	struct buf *b = buf_of(q, *lent_at(q, at));

	*lent_at(q, at) = 0;
	b->at = b->l2_at = BUF_HEADROOM;
	b->len = (uint16_t)len;
	b->total_len = len;
	return b;
}

unsigned memif_zc_take_plain(struct memif_queue *q, struct buf_cache *c, uint32_t *idx, unsigned n,
			     struct memif_taken *t)
{
	uint16_t not_plain = memif_not_plain(q->view);
	uint16_t len[FRAME_MAX], flags[FRAME_MAX];
	unsigned n_plain;

	(void)c;
	n = n < FRAME_MAX ? n : FRAME_MAX;
	for (n_plain = 0; n_plain < n; n_plain++) {
		uint16_t at = (uint16_t)(q->at + n_plain);
		struct memif_descriptor d = memif_load(q, at);

		if (unlikely((d.flags & not_plain) ||
			     d.length - MEMIF_PACKET_MIN > BUF_DATA - MEMIF_PACKET_MIN))
			break;
		idx[n_plain] = *lent_at(q, at);
		buf_prefetch(buf_of(q, idx[n_plain]));
		buf_prefetch_data(buf_of(q, idx[n_plain]));
		len[n_plain] = (uint16_t)d.length;
		flags[n_plain] = d.flags;
	}
	for (unsigned i = 0; i < n_plain; i++) {
		struct buf *b = take_buffer(q, (uint16_t)(q->at + i), len[i]);

		b->flags = memif_lanes_of(q->view, flags[i]);
		t->n_bytes += len[i];
	}
	q->at = (uint16_t)(q->at + n_plain);
	return n_plain;
}

/*
 * Join the descriptors of one packet, @n at most, to a chain. It is the caller's even if it breaks
 * the rules.
 */
static int join(struct memif_queue *q, unsigned n, struct buf **first, uint16_t *flags)
{
	struct buf *last = NULL;
	uint32_t total = 0;

	*first = NULL;
	for (bool more = true; more; n--) {
		struct memif_descriptor d = memif_load(q, q->at);
		struct buf *b;

		if (n == 0 || d.length > BUF_DATA)
			return ERR_PROTOCOL; /* a packet is published whole */
		b = take_buffer(q, q->at++, d.length);
		b->flags = 0;
		total += d.length;
		if (last)
			last->next = b->self;
		else
			*first = b;
		*flags = last ? *flags : d.flags;
		last = b;
		more = d.flags & MEMIF_DESCRIPTOR_NEXT;
	}
	(*first)->total_len = total;
	return total > BUF_CHAIN_BYTES ? ERR_FORMAT : 0;
}

int memif_zc_take_one(struct memif_queue *q, struct buf_cache *c, unsigned n, uint32_t *idx)
{
	const uint8_t *header = NULL;
	uint16_t flags = 0;
	struct buf *b;
	int err = join(q, n, &b, &flags);

	if (!err && q->view->vnet && (flags & MEMIF_DESCRIPTOR_HEADER)) {
		header = buf_pull_or_null(b, MEMIF_HEADER_BYTES);
		err = header ? 0 : ERR_FORMAT;
	}
	if (!err)
		err = memif_finish(q->view, b, header, flags);
	if (err && b)
		buf_free_one(c, b->self);
	if (err)
		return err;
	*idx = b->self;
	return 1;
}

/* --- send --- */

void memif_zc_free_sent(struct memif_queue *q, struct buf_cache *c, uint16_t end)
{
	for (uint16_t at = q->theirs; at != end; at++) {
		uint32_t idx = *lent_at(q, at);

		*lent_at(q, at) = 0;
		buf_free_one(c, idx);
	}
}

static force_inline void lend(struct memif_queue *q, struct buf *b, uint32_t at, uint32_t len,
			      uint16_t flags)
{
	*memif_place(q, q->at) = (struct memif_descriptor){
		.flags = flags,
		.region = MEMIF_POOL_REGION,
		.length = len,
		.offset = offset_of(b->self, at),
	};
	*lent_at(q, q->at) = b->self;
	b->next = 0; /* each comes back by itself */
	q->at++;
}

unsigned memif_zc_put_plain(struct memif_queue *q, struct buf *const *b, unsigned n,
			    uint64_t *n_bytes)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		if (unlikely(!memif_is_plain(b[i])))
			break;
		*n_bytes += b[i]->len;
		lend(q, b[i], b[i]->at, b[i]->len, memif_flags_of(q->view, b[i]));
	}
	return i;
}

int memif_zc_put(struct memif_queue *q, struct buf_cache *c, struct buf *b, unsigned room)
{
	bool offload = (b->flags & BUF_NEED_L4_CSUM) || b->gso_type != GSO_NONE;
	bool apart = offload && b->at < MEMIF_HEADER_BYTES;
	struct virtio_net_hdr header;
	uint16_t flags = memif_flags_of(q->view, b);
	uint32_t at = b->at, len = b->len;

	if (b->next && buf_unshare(c, b) < 0) /* what is lent has no other holder */
		return ERR_NOMEM;
	if (buf_chain_count(b) + apart > room)
		return ERR_FULL;
	if (offload && !vnet_of_buf(&header, b))
		return ERR_FORMAT;
	if (apart) { /* no headroom is left: a buffer for the header alone */
		uint32_t idx = buf_alloc_one_or_zero(c);

		if (!idx)
			return ERR_NOMEM;
		memcpy(buf_of(q, idx)->room, &header, sizeof(header));
		lend(q, buf_of(q, idx), 0, sizeof(header),
		     MEMIF_DESCRIPTOR_HEADER | MEMIF_DESCRIPTOR_NEXT);
		flags = 0;
	} else if (offload) {
		at -= MEMIF_HEADER_BYTES;
		len += MEMIF_HEADER_BYTES;
		memcpy(b->room + at, &header, sizeof(header));
		flags = MEMIF_DESCRIPTOR_HEADER;
	}
	for (struct buf *next; b; b = next) {
		next = buf_next_or_null(b);
		lend(q, b, at, len, flags | (next ? MEMIF_DESCRIPTOR_NEXT : 0));
		at = next ? next->at : 0;
		len = next ? next->len : 0;
		flags = 0;
	}
	return 0;
}

unsigned memif_ring_reclaim(struct memif_queue *q, uint32_t *idx)
{
	unsigned n = 0;

	for (uint32_t place = 0; q->lent && place < q->size; place++) {
		if (q->lent[place])
			idx[n++] = q->lent[place];
		q->lent[place] = 0;
	}
	return n;
}

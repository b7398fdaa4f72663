/*
 * memif_batch.c - plain packets, many at a time. What is read from descriptors of a batch is
 * checked before the first byte moves; the first packet that is not plain ends the batch and
 * memif_ring.c handles it.
 *
 * Lines of the other core are what costs here (300 clocks and more each): they are asked for
 * LINES_AHEAD packets early, all lines of a long packet one packet early, and copied whole on their
 * way in. On the way out only the packet's own bytes are written, so that the other side sees
 * nothing of ours that follows it.
 */
#include <string.h>

#include "drivers/memif/memif_ring_private.h"
#include "engine/node.h"

enum {
	LINES_AHEAD = 16, /* of the other core, under way at once */
	SMALL = 256, /* longer packets are left to memcpy() and what the processor prefetches */
};

/* Whole lines, @n bytes and what else is in the last: both sides must have room for that. */
static force_inline void copy_lines(uint8_t *restrict to, const uint8_t *restrict from, uint32_t n)
{
	if (unlikely(n > SMALL)) {
		memcpy(to, from, n);
		return;
	}
	for (uint32_t at = 0; at < n; at += BUF_LINE)
		memcpy(to + at, from + at, BUF_LINE);
}

/* Exactly @n bytes. */
static force_inline void copy_bytes(uint8_t *restrict to, const uint8_t *restrict from, uint32_t n)
{
	enum { HALF = BUF_LINE / 2 };

	if (unlikely(n > 2 * BUF_LINE || n < HALF)) {
		memcpy(to, from, n);
	} else if (n <= BUF_LINE) { /* two pieces that may overlap */
		memcpy(to, from, HALF);
		memcpy(to + n - HALF, from + n - HALF, HALF);
	} else {
		memcpy(to, from, BUF_LINE);
		memcpy(to + n - BUF_LINE, from + n - BUF_LINE, BUF_LINE);
	}
}

/*
 * Ask for all lines of a long packet but the first. Passing 1,536 bytes from core to core took 68
 * clocks a line so, 98 with what the processor prefetches by itself.
 */
static force_inline void prefetch_long(const uint8_t *from, uint32_t n, bool to_write)
{
	for (uint32_t at = BUF_LINE; unlikely(n > SMALL) && at < n; at += BUF_LINE) {
		if (to_write)
			prefetch_write(from + at);
		else
			prefetch_read(from + at);
	}
}

static force_inline uint32_t lines_of(uint32_t n)
{
	return (n + BUF_LINE - 1) & ~(uint32_t)(BUF_LINE - 1);
}

/* --- receive --- */

/* Plain packets as their descriptors have them. */
struct survey {
	const uint8_t *from[FRAME_MAX + LINES_AHEAD];
	uint16_t len[FRAME_MAX + 1], flags[FRAME_MAX];
};

/* Look at up to @n descriptors; returns how many are of plain packets. */
static unsigned survey(const struct memif_queue *q, struct survey *s, unsigned n)
{
	const struct memif_view *v = q->view;
	uint16_t not_plain = memif_not_plain(v);
	uint32_t most = BUF_DATA;
	unsigned i;

	if (v->is_client && v->buffer_bytes < most)
		most = v->buffer_bytes;
	for (i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(q->at + i);
		struct memif_descriptor d = memif_load(q, at);

		if (unlikely((d.flags & not_plain) ||
			     d.length - MEMIF_PACKET_MIN > most - MEMIF_PACKET_MIN))
			break;
		if (v->is_client)
			s->from[i] = v->region[0].base + memif_own_offset(q, at);
		else if (likely(memif_in_region(v, &d, lines_of(d.length))))
			s->from[i] = v->region[d.region].base + d.offset;
		else
			break; /* a violation, or the very end of its region */
		if (i < LINES_AHEAD)
			prefetch_read(s->from[i]);
		s->len[i] = (uint16_t)d.length;
		s->flags[i] = d.flags;
	}
	return i;
}

unsigned memif_take_plain(struct memif_queue *q, struct buf_cache *c, uint32_t *idx, unsigned n,
			  struct memif_taken *t)
{
	struct survey s;
	unsigned got;

	if (q->lent)
		return memif_zc_take_plain(q, c, idx, n, t);
	n = survey(q, &s, n < FRAME_MAX ? n : FRAME_MAX);
	if (n == 0)
		return 0;
	got = buf_alloc(c, idx, n);
	if (unlikely(got < n))
		t->err = ERR_NOMEM;
	for (unsigned i = 0; i < LINES_AHEAD; i++)
		s.from[n + i] = s.from[n - 1];
	s.len[n] = 0;
	for (unsigned i = 0; i < got; i++) {
		struct buf *b = buf_at(c->pool->base, idx[i]);

		prefetch_read(s.from[i + LINES_AHEAD]);
		prefetch_long(s.from[i + 1], s.len[i + 1], false);
		buf_prefetch_data(buf_at(c->pool->base, idx[i + 4 < got ? i + 4 : i]));
		copy_lines(b->room + BUF_HEADROOM, s.from[i], s.len[i]);
		b->at = b->l2_at = BUF_HEADROOM;
		b->len = s.len[i];
		b->total_len = s.len[i];
		b->flags = memif_lanes_of(q->view, s.flags[i]);
		t->n_bytes += s.len[i];
	}
	q->at = (uint16_t)(q->at + got);
	return got;
}

/* --- send --- */

/* Where plain packets go: our own buffers, or those that the client has offered. */
struct places {
	uint8_t *to[FRAME_MAX + LINES_AHEAD];
	uint32_t room[FRAME_MAX];
};

static unsigned find_places(const struct memif_queue *q, struct places *p, unsigned n)
{
	const struct memif_view *v = q->view;
	unsigned i;

	for (i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(q->at + i);
		struct memif_descriptor d;

		if (v->is_client) {
			p->to[i] = v->region[0].base + memif_own_offset(q, at);
			p->room[i] = v->buffer_bytes;
		} else {
			d = memif_load(q, at);
			if (unlikely(!memif_in_region(v, &d, d.length)))
				break;
			p->to[i] = v->region[d.region].base + d.offset;
			p->room[i] = d.length;
		}
		if (i < LINES_AHEAD)
			prefetch_write(p->to[i]);
	}
	for (unsigned more = 0; more < LINES_AHEAD && i > 0; more++)
		p->to[i + more] = p->to[i - 1];
	return i;
}

static force_inline void write_descriptor(const struct memif_queue *q, uint16_t at,
					  const struct buf *b)
{
	struct memif_descriptor *d = memif_place(q, at);

	if (q->view->is_client) {
		*d = (struct memif_descriptor){ .flags = memif_flags_of(q->view, b),
						.length = b->len,
						.offset = memif_own_offset(q, at) };
		return;
	}
	d->length = b->len;
	d->flags = memif_flags_of(q->view, b);
}

unsigned memif_ring_put_plain(struct memif_queue *q, struct buf_cache *c, struct buf *const *b,
			      unsigned n, uint64_t *n_bytes)
{
	int room = memif_n_room(q, c, n);
	struct places p;
	unsigned i;

	if (room <= 0)
		return 0;
	n = n < (unsigned)room ? n : (unsigned)room;
	if (q->lent)
		return memif_zc_put_plain(q, b, n, n_bytes);
	n = find_places(q, &p, n < FRAME_MAX ? n : FRAME_MAX);
	for (i = 0; i < n; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		buf_prefetch_data(b[i + PREFETCH_AHEAD / 2]);
		prefetch_write(p.to[i + LINES_AHEAD]);
		prefetch_long(p.to[i + 1], b[i + 1]->len, true);
		if (unlikely(!memif_is_plain(b[i]) || b[i]->len > p.room[i]))
			break;
		copy_bytes(p.to[i], buf_data(b[i]), b[i]->len);
		write_descriptor(q, (uint16_t)(q->at + i), b[i]);
		*n_bytes += b[i]->len;
	}
	q->at = (uint16_t)(q->at + i);
	return i;
}

/*
 * memif_ring.c - a ring's positions and bells, and any packet into and out of it: checked copies
 * between shared memory and buffers.
 */
#include <string.h>

#include "drivers/memif/memif_ring_private.h"
#include "drivers/vnet.h"

_Static_assert(MEMIF_HEADER_BYTES == sizeof(struct virtio_net_hdr), "the header is virtio's");

/* Where descriptor @at of @q has its bytes and how many; NULL if that is outside the regions. */
static uint8_t *bytes_of(const struct memif_queue *q, uint16_t at, struct memif_descriptor *d)
{
	const struct memif_view *v = q->view;

	*d = memif_load(q, at);
	if (v->is_client) /* we know where our buffers are, whatever the ring says */
		return d->length <= v->buffer_bytes ? v->region[0].base + memif_own_offset(q, at)
						    : NULL;
	return memif_in_region(v, d, d->length) ? v->region[d->region].base + d->offset : NULL;
}

int memif_n_waiting(const struct memif_queue *q)
{
	bool client = q->view->is_client;
	uint16_t theirs = client ? __atomic_load_n(&q->ring->tail, __ATOMIC_ACQUIRE)
				 : __atomic_load_n(&q->ring->head, __ATOMIC_ACQUIRE);
	uint16_t n = (uint16_t)(theirs - q->at);
	uint32_t most = client ? (uint16_t)(q->offered - q->at) : q->size;

	return n <= most ? n : ERR_PROTOCOL;
}

bool memif_ring_ready(const struct memif_queue *q)
{
	return memif_n_waiting(q) != 0;
}

/* --- receive --- */

/* A chain that grows at its end. */
struct growing {
	struct buf_cache *cache;
	struct buf *first, *last;
};

static bool grow(struct growing *g, const uint8_t *from, uint32_t n)
{
	while (n) {
		uint32_t room = buf_tailroom(g->last), step = n < room ? n : room;

		if (step == 0) {
			g->last->next = buf_alloc_one_or_zero(g->cache);
			if (!g->last->next)
				return false;
			g->last = buf_next_or_null(g->last);
			g->last->at = 0;
			continue;
		}
		memcpy(buf_end(g->last), from, step);
		g->last->len = (uint16_t)(g->last->len + step);
		g->first->total_len += step;
		from += step;
		n -= step;
	}
	return true;
}

/*
 * Copy one packet's descriptors, @n_left at most, into the chain and move past them. *@flags: the
 * first one's; where it has HEADER those bytes go to @header.
 */
static int copy_in(struct memif_queue *q, struct growing *g, uint8_t header[MEMIF_HEADER_BYTES],
		   unsigned n_left, uint16_t *flags)
{
	uint32_t header_left = 0;
	uint64_t total = 0; /* as they say; all of them may say 2^32 - 1 */
	bool too_long = false;
	uint16_t at = q->at;

	for (bool first = true;; first = false) {
		struct memif_descriptor d;
		const uint8_t *from = bytes_of(q, at, &d);
		uint32_t step;

		if (!from || n_left-- == 0)
			return ERR_PROTOCOL;
		at++;
		if (first) {
			*flags = d.flags;
			if (q->view->vnet && (d.flags & MEMIF_DESCRIPTOR_HEADER))
				header_left = MEMIF_HEADER_BYTES;
		}
		step = d.length < header_left ? d.length : header_left;
		memcpy(header + MEMIF_HEADER_BYTES - header_left, from, step);
		header_left -= step;
		total += d.length - step;
		too_long |= total > BUF_CHAIN_BYTES;
		if (!too_long && !grow(g, from + step, d.length - step))
			return ERR_NOMEM;
		if (!(d.flags & MEMIF_DESCRIPTOR_NEXT))
			break;
		if (n_left == 0)
			return ERR_PROTOCOL; /* a packet is published whole */
	}
	q->at = at;
	return too_long || header_left ? ERR_FORMAT : 0;
}

int memif_finish(const struct memif_view *v, struct buf *b, const uint8_t *header, uint16_t flags)
{
	struct virtio_net_hdr h;

	if (b->len < MEMIF_PACKET_MIN)
		return ERR_FORMAT;
	b->l2_at = b->at;
	if (!header) {
		b->flags |= memif_lanes_of(v, flags);
		return 0;
	}
	memcpy(&h, header, sizeof(h));
	return vnet_to_buf(&h, b) ? 0 : ERR_FORMAT;
}

/* The next packet, whatever it is: 1, ERR_NOMEM, ERR_FORMAT (skipped), ERR_PROTOCOL. */
static int take_one(struct memif_queue *q, struct buf_cache *c, unsigned n, uint32_t *idx)
{
	uint8_t header[MEMIF_HEADER_BYTES] = { 0 };
	struct growing g = { .cache = c };
	uint16_t flags = 0;
	int err;

	if (q->lent)
		return memif_zc_take_one(q, c, n, idx);
	*idx = buf_alloc_one_or_zero(c);
	if (!*idx)
		return ERR_NOMEM;
	g.first = g.last = buf_at(c->pool->base, *idx);
	err = copy_in(q, &g, header, n, &flags);
	if (!err)
		err = memif_finish(
			q->view, g.first,
			q->view->vnet && (flags & MEMIF_DESCRIPTOR_HEADER) ? header : NULL, flags);
	if (err)
		buf_free_one(c, *idx);
	return err ? err : 1;
}

void memif_ring_take(struct memif_queue *q, struct buf_cache *c, uint32_t *idx, unsigned max,
		     struct memif_taken *t)
{
	int waiting = memif_n_waiting(q);
	uint16_t end = (uint16_t)(q->at + (waiting > 0 ? waiting : 0));

	*t = (struct memif_taken){ .err = waiting < 0 ? waiting : 0 };
	while (!t->err && q->at != end && t->n < max) {
		unsigned left = (uint16_t)(end - q->at), want = max - t->n;
		unsigned n = memif_take_plain(q, c, idx + t->n, left < want ? left : want, t);
		int one;

		t->n += n;
		if (n || t->err)
			continue;
		one = take_one(q, c, left, &idx[t->n]);
		if (one == 1)
			t->n_bytes += buf_at(c->pool->base, idx[t->n++])->total_len;
		else if (one == ERR_FORMAT)
			t->n_bad++;
		else
			t->err = one;
	}
}

bool memif_ring_release(struct memif_queue *q, struct buf_cache *c)
{
	const struct memif_view *v = q->view;
	bool all = true;

	if (!v->is_client) {
		__atomic_store_n(&q->ring->tail, q->at, __ATOMIC_RELEASE);
		return true;
	}
	if (q->lent)
		all = memif_zc_offer(q, c);
	for (; (uint16_t)(q->offered - q->at) < q->size && !q->lent; q->offered++)
		*memif_place(q, q->offered) =
			(struct memif_descriptor){ .length = v->buffer_bytes,
						   .offset = memif_own_offset(q, q->offered) };
	__atomic_store_n(&q->ring->head, q->offered, __ATOMIC_RELEASE);
	return all;
}

/* --- send --- */

int memif_ring_reap(struct memif_queue *q, struct buf_cache *c)
{
	uint16_t theirs;

	if (!q->view->is_client) {
		theirs = __atomic_load_n(&q->ring->head, __ATOMIC_ACQUIRE);
		if ((uint16_t)(theirs - q->at) > q->size)
			return ERR_PROTOCOL;
	} else {
		theirs = __atomic_load_n(&q->ring->tail, __ATOMIC_ACQUIRE);
		if ((uint16_t)(q->at - theirs) > (uint16_t)(q->at - q->theirs))
			return ERR_PROTOCOL; /* it goes forward, up to what we have filled */
		if (q->lent)
			memif_zc_free_sent(q, c, theirs);
	}
	q->theirs = theirs;
	return 0;
}

/* As far as their position is known. */
static unsigned known_room(const struct memif_queue *q)
{
	return q->view->is_client ? q->size - (uint16_t)(q->at - q->theirs)
				  : (uint16_t)(q->theirs - q->at);
}

int memif_n_room(struct memif_queue *q, struct buf_cache *c, unsigned want)
{
	int err = known_room(q) < want ? memif_ring_reap(q, c) : 0;

	return err ? err : (int)known_room(q);
}

/* Where the next byte to send goes. */
struct filling {
	const struct memif_queue *q;
	uint8_t *to; /* NULL: no descriptor is open */
	uint32_t room, filled;
	unsigned n_left;
	uint16_t at, flags; /* of the descriptor that is open */
};

/* Close the open descriptor; @more: the packet goes on in the next one. */
static void close_descriptor(struct filling *f, bool more)
{
	struct memif_descriptor *d = memif_place(f->q, f->at);

	if (f->q->view->is_client) {
		d->region = 0;
		d->offset = memif_own_offset(f->q, f->at);
	}
	d->length = f->filled;
	d->flags = f->flags | (more ? MEMIF_DESCRIPTOR_NEXT : 0);
	f->flags = 0;
	f->at++;
	f->to = NULL;
}

static int open_descriptor(struct filling *f)
{
	const struct memif_view *v = f->q->view;
	struct memif_descriptor d;

	if (f->n_left == 0)
		return ERR_FULL;
	f->n_left--;
	f->filled = 0;
	f->room = v->buffer_bytes;
	if (v->is_client) {
		f->to = v->region[0].base + memif_own_offset(f->q, f->at);
		return 0;
	}
	f->to = bytes_of(f->q, f->at, &d);
	f->room = d.length;
	return f->to ? 0 : ERR_PROTOCOL;
}

static int fill(struct filling *f, const void *from, uint32_t n)
{
	const uint8_t *at = from;

	while (n) {
		uint32_t step;
		int err;

		if (f->to && f->room == 0)
			close_descriptor(f, true);
		err = f->to ? 0 : open_descriptor(f);
		if (err)
			return err;
		step = n < f->room ? n : f->room;
		memcpy(f->to, at, step);
		f->to += step;
		f->filled += step;
		f->room -= step;
		at += step;
		n -= step;
	}
	return 0;
}

/* Copy @b into as many of @room descriptors as it takes. */
static int copy_out(struct memif_queue *q, struct buf *b, unsigned room)
{
	struct filling f = { .q = q, .at = q->at, .n_left = room };
	struct virtio_net_hdr header;
	int err = 0;

	if ((b->flags & BUF_NEED_L4_CSUM) || b->gso_type != GSO_NONE) {
		if (!vnet_of_buf(&header, b))
			return ERR_FORMAT;
		f.flags = MEMIF_DESCRIPTOR_HEADER;
		err = fill(&f, &header, sizeof(header));
	} else {
		f.flags = memif_flags_of(q->view, b);
	}
	for (struct buf *part = b; part && !err; part = buf_next_or_null(part))
		err = fill(&f, buf_data(part), part->len);
	if (err)
		return err;
	if (f.to)
		close_descriptor(&f, false);
	q->at = f.at;
	return 0;
}

int memif_ring_put(struct memif_queue *q, struct buf_cache *c, struct buf *b)
{
	const struct memif_view *v = q->view;
	int room, err;

	if (!v->vnet && ((b->flags & BUF_NEED_L4_CSUM) || b->gso_type != GSO_NONE))
		return ERR_UNSUPPORTED;
	room = memif_n_room(q, c, q->size);
	if (room < 0)
		return room;
	err = q->lent ? memif_zc_put(q, c, b, (unsigned)room) : copy_out(q, b, (unsigned)room);
	return err == ERR_FULL && (uint32_t)room == q->size ? ERR_RANGE : err;
}

void memif_ring_publish(struct memif_queue *q)
{
	uint16_t *position = q->view->is_client ? &q->ring->head : &q->ring->tail;

	__atomic_store_n(position, q->at, __ATOMIC_RELEASE);
	/* The other side clears MASK_INT, fences, looks at the position, sleeps. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&q->ring->flags, __ATOMIC_RELAXED) & MEMIF_RING_MASK_INT))
		memif_ring_bell(&q->view->ringer, q->bell_fd);
}

void memif_ring_sleepy(struct memif_queue *q, bool ring_me)
{
	__atomic_store_n(&q->ring->flags, ring_me ? 0 : MEMIF_RING_MASK_INT, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void memif_ring_prepare(struct memif_queue *q)
{
	*q->ring = (struct memif_ring){ .cookie = MEMIF_COOKIE };
	q->at = q->offered = q->theirs = 0;
}

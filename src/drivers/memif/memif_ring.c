/* memif_ring.c - the data path of memif: checked copies between shared memory and buffers. */
#include <string.h>
#include <unistd.h>

#include "drivers/memif/memif_ring.h"
#include "drivers/vnet.h"

enum { VNET_BYTES = sizeof(struct virtio_net_hdr), ETHERNET_BYTES = 14 };

/* The fields that a descriptor had at one moment. */
static struct memif_descriptor load(const struct memif_queue *q, uint16_t at)
{
	const struct memif_descriptor *d = &q->ring->descriptor[at & (q->size - 1)];
	struct memif_descriptor copy = { 0 };

	copy.flags = __atomic_load_n(&d->flags, __ATOMIC_RELAXED);
	copy.region = __atomic_load_n(&d->region, __ATOMIC_RELAXED);
	copy.length = __atomic_load_n(&d->length, __ATOMIC_RELAXED);
	copy.offset = __atomic_load_n(&d->offset, __ATOMIC_RELAXED);
	return copy;
}

static uint32_t own_offset(const struct memif_view *v, const struct memif_queue *q, uint16_t at)
{
	return q->buffers_at + (at & (q->size - 1)) * v->buffer_bytes;
}

/* Where descriptor @at of @q has its bytes and how many; NULL if that is outside the regions. */
static uint8_t *bytes_of(const struct memif_view *v, const struct memif_queue *q, uint16_t at,
			 struct memif_descriptor *d)
{
	*d = load(q, at);
	if (v->is_client) /* we know where our buffers are, whatever the ring says */
		return d->length <= v->buffer_bytes ? v->region[0].base + own_offset(v, q, at)
						    : NULL;
	if (d->region >= v->n_regions || d->offset > v->region[d->region].size ||
	    d->length > v->region[d->region].size - d->offset)
		return NULL;
	return v->region[d->region].base + d->offset;
}

/* Descriptors that the other side has filled; more than there can be is a violation. */
static int n_waiting(const struct memif_view *v)
{
	const struct memif_queue *q = &v->rx;
	uint16_t theirs = v->is_client ? __atomic_load_n(&q->ring->tail, __ATOMIC_ACQUIRE)
				       : __atomic_load_n(&q->ring->head, __ATOMIC_ACQUIRE);
	uint16_t n = (uint16_t)(theirs - q->at);
	uint32_t most = v->is_client ? (uint16_t)(q->offered - q->at) : q->size;

	return n <= most ? n : ERR_PROTOCOL;
}

bool memif_ring_ready(const struct memif_view *v)
{
	return n_waiting(v) != 0;
}

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

/* Copy one packet's descriptors, @n at most, into the chain and move past them. */
static int copy_in(struct memif_view *v, struct growing *g, uint8_t header[VNET_BYTES],
		   unsigned n_left)
{
	uint32_t header_left = v->vnet ? VNET_BYTES : 0, total = 0;
	bool too_long = false;
	uint16_t at = v->rx.at;

	for (;;) {
		struct memif_descriptor d;
		const uint8_t *from = bytes_of(v, &v->rx, at, &d);
		uint32_t step;

		if (!from || n_left-- == 0)
			return ERR_PROTOCOL;
		at++;
		step = d.length < header_left ? d.length : header_left;
		memcpy(header + VNET_BYTES - header_left, from, step);
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
	v->rx.at = at;
	return too_long || header_left ? ERR_FORMAT : 0;
}

int memif_ring_take(struct memif_view *v, struct buf_cache *c, uint32_t *idx)
{
	int waiting = n_waiting(v), err;
	struct virtio_net_hdr header = { 0 };
	struct growing g = { .cache = c };
	uint8_t header_bytes[VNET_BYTES];
	uint32_t first;

	if (waiting <= 0)
		return waiting;
	first = buf_alloc_one_or_zero(c);
	if (!first)
		return ERR_NOMEM;
	g.first = g.last = buf_at(c->pool->base, first);
	err = copy_in(v, &g, header_bytes, (unsigned)waiting);
	if (!err && g.first->len < ETHERNET_BYTES)
		err = ERR_FORMAT;
	g.first->l2_at = g.first->at;
	if (!err && v->vnet) {
		memcpy(&header, header_bytes, VNET_BYTES);
		err = vnet_to_buf(&header, g.first) ? 0 : ERR_FORMAT;
	}
	if (err) {
		buf_free_one(c, first);
		return err;
	}
	*idx = first;
	return 1;
}

void memif_ring_release(struct memif_view *v)
{
	struct memif_queue *q = &v->rx;
	uint16_t size = (uint16_t)q->size;

	if (!v->is_client) {
		__atomic_store_n(&q->ring->tail, q->at, __ATOMIC_RELEASE);
		return;
	}
	for (; (uint16_t)(q->offered - q->at) < size; q->offered++) {
		struct memif_descriptor *d = &q->ring->descriptor[q->offered & (q->size - 1)];

		*d = (struct memif_descriptor){ .length = v->buffer_bytes,
						.offset = own_offset(v, q, q->offered) };
	}
	__atomic_store_n(&q->ring->head, q->offered, __ATOMIC_RELEASE);
}

/* Descriptors that we may fill; a position that cannot be is a violation. */
static int n_room(const struct memif_view *v)
{
	const struct memif_queue *q = &v->tx;
	uint16_t theirs, n;

	if (v->is_client) {
		theirs = __atomic_load_n(&q->ring->tail, __ATOMIC_ACQUIRE);
		n = (uint16_t)(q->at - theirs); /* not yet emptied */
		return n <= q->size ? (int)(q->size - n) : ERR_PROTOCOL;
	}
	theirs = __atomic_load_n(&q->ring->head, __ATOMIC_ACQUIRE);
	n = (uint16_t)(theirs - q->at);
	return n <= q->size ? n : ERR_PROTOCOL;
}

/* Where the next byte to send goes. */
struct filling {
	struct memif_view *v;
	uint8_t *to; /* NULL: no descriptor is open */
	uint32_t room, filled;
	unsigned n_left;
	uint16_t at;
};

/* Close the open descriptor; @more: the packet goes on in the next one. */
static void close_descriptor(struct filling *f, bool more)
{
	const struct memif_queue *q = &f->v->tx;
	struct memif_descriptor *d = &q->ring->descriptor[f->at & (q->size - 1)];

	if (f->v->is_client) {
		d->region = 0;
		d->offset = own_offset(f->v, q, f->at);
	}
	d->length = f->filled;
	d->flags = more ? MEMIF_DESCRIPTOR_NEXT : 0;
	f->at++;
	f->to = NULL;
}

static int open_descriptor(struct filling *f)
{
	struct memif_descriptor d;

	if (f->n_left == 0)
		return ERR_FULL;
	f->n_left--;
	f->filled = 0;
	f->room = f->v->buffer_bytes;
	if (f->v->is_client) {
		f->to = f->v->region[0].base + own_offset(f->v, &f->v->tx, f->at);
		return 0;
	}
	f->to = bytes_of(f->v, &f->v->tx, f->at, &d);
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

int memif_ring_put(struct memif_view *v, struct buf *b)
{
	int room = n_room(v), err = 0;
	struct filling f = { .v = v, .at = v->tx.at };
	struct virtio_net_hdr header;

	if (room < 0)
		return room;
	f.n_left = (unsigned)room;
	if (!v->vnet && ((b->flags & BUF_NEED_L4_CSUM) || b->gso_type != GSO_NONE))
		return ERR_UNSUPPORTED;
	if (v->vnet && !vnet_of_buf(&header, b))
		return ERR_FORMAT;
	if (v->vnet)
		err = fill(&f, &header, sizeof(header));
	for (struct buf *part = b; part && !err; part = buf_next_or_null(part))
		err = fill(&f, buf_data(part), part->len);
	if (err)
		return err == ERR_FULL && (uint32_t)room == v->tx.size ? ERR_RANGE : err;
	if (f.to)
		close_descriptor(&f, false);
	v->tx.at = f.at;
	return 0;
}

static void ring_bell(int fd)
{
	uint64_t one = 1;

	/* It fails when the counter is full, and then it is readable anyhow. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

void memif_ring_publish(struct memif_view *v)
{
	struct memif_queue *q = &v->tx;
	uint16_t *position = v->is_client ? &q->ring->head : &q->ring->tail;

	__atomic_store_n(position, q->at, __ATOMIC_RELEASE);
	/* The other side clears MASK_INT, fences, looks at the position, sleeps. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&q->ring->flags, __ATOMIC_RELAXED) & MEMIF_RING_MASK_INT))
		ring_bell(q->bell_fd);
}

void memif_ring_sleepy(struct memif_view *v, bool ring_me)
{
	__atomic_store_n(&v->rx.ring->flags, ring_me ? 0 : MEMIF_RING_MASK_INT, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void memif_ring_prepare(struct memif_view *v)
{
	struct memif_queue *both[] = { &v->rx, &v->tx };

	for (unsigned i = 0; i < count_of(both); i++) {
		*both[i]->ring = (struct memif_ring){ .cookie = MEMIF_COOKIE };
		both[i]->at = both[i]->offered = 0;
	}
}

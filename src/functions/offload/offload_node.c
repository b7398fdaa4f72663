/*
 * offload_node.c - segments and checksums in software, on both arcs.
 *
 *   … ──> offload ──┬──> the rest of the arc, the device     the last feature before a device that
 *                   └──> drop                                lacks checksum or segmentation offload
 *
 *   driver ──> wire-input ──┬──> the rest of the arc         received super-segments as a wire
 * would └──> drop                        have carried them; for impairments
 */
#include "functions/offload/gso.h"
#include "functions/offload/offload.h"
#include "wire/vlan.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { NO_BUFFERS, BAD_LANES, CUT, N_REASONS };
static const struct reason reasons[] = {
	[NO_BUFFERS] = { "no-buffers",
			 "the buffer pool is empty, the rest of a super-segment is lost" },
	[BAD_LANES] = { "lanes", "offload is asked for where there is no such header" },
	[CUT] = { "segments", "segments made (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/* Packets on their way out, in order; sent when full and at the end. */
struct outbox {
	struct worker *w;
	struct node *node;
	struct frame f;
	uint16_t next[FRAME_MAX];
};

static void flush(struct outbox *o)
{
	node_send(o->w, o->node, &o->f, o->next);
	o->f.n = 0;
}

static void put(struct outbox *o, uint32_t idx, uint16_t next)
{
	o->f.idx[o->f.n] = idx;
	o->next[o->f.n++] = next;
	if (o->f.n == FRAME_MAX)
		flush(o);
}

static void put_drop(struct outbox *o, struct buf *b, uint16_t reason)
{
	b->reason = reason;
	put(o, b->self, NEXT_DROP);
}

static no_inline void cut(struct outbox *o, struct buf *b, bool partial_csum)
{
	struct gso g;

	if (!gso_begin(&g, b, partial_csum)) {
		put_drop(o, b, BAD_LANES);
		return;
	}
	while (gso_more(&g)) {
		uint32_t idx = gso_next_or_zero(&g, &o->w->bufs);

		if (!idx) {
			put_drop(o, b, NO_BUFFERS);
			return;
		}
		node_count(o->node, CUT, 1);
		put(o, idx, feature_next(o->w, buf_at(o->w->bufs.pool->base, idx)));
	}
	buf_free_one(&o->w->bufs, b->self);
}

static inline void handle(struct outbox *o, struct buf *b)
{
	const struct interface *i = interface_get_or_null(o->w->engine, b->tx_if);
	uint32_t caps = CAP_CSUM | CAP_TSO; /* gone: the arc's end drops it */

	if (i)
		caps = __atomic_load_n(&i->caps, __ATOMIC_RELAXED);

	if (b->gso_type != GSO_NONE && !(caps & CAP_TSO)) {
		cut(o, b, caps & CAP_CSUM);
		return;
	}
	if ((b->flags & BUF_NEED_L4_CSUM) && !(caps & CAP_CSUM) && !csum_fill(b)) {
		put_drop(o, b, BAD_LANES);
		return;
	}
	put(o, b->self, feature_next(o->w, b));
}

/* Find the IP header of a received frame, which no node has looked at yet. */
static bool find_l3(struct buf *b)
{
	struct vlan_tags tags;

	if (vlan_parse(slice_of(buf_data(b), b->len), &tags) != 0)
		return false;
	b->l3_at = (uint16_t)(b->at + tags.l3_at);
	return tags.type == (b->gso_type == GSO_TCP4 ? ETHERNET_IP4 : ETHERNET_IP6);
}

static inline void handle_received(struct outbox *o, struct buf *b)
{
	/* Who promised a good checksum did not know what may happen to it from here on. */
	b->flags &= ~(uint32_t)BUF_L4_CSUM_OK;
	if (b->gso_type != GSO_NONE && !find_l3(b)) {
		put_drop(o, b, BAD_LANES);
		return;
	}
	if (b->gso_type != GSO_NONE) {
		cut(o, b, false);
		return;
	}
	if ((b->flags & BUF_NEED_L4_CSUM) && !csum_fill(b)) {
		put_drop(o, b, BAD_LANES);
		return;
	}
	put(o, b->self, feature_next(o->w, b));
}

static force_inline unsigned run_with(struct worker *w, struct node *node, struct frame *f,
				      void (*handle_one)(struct outbox *o, struct buf *b))
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct outbox o;

	o.w = w;
	o.node = node;
	o.f.n = 0;
	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		handle_one(&o, b[i]);
	}
	flush(&o);
	return f->n;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	return run_with(w, node, f, handle);
}

static unsigned run_received(struct worker *w, struct node *node, struct frame *f)
{
	return run_with(w, node, f, handle_received);
}

const struct node_type offload_node = {
	.name = "offload",
	.run = run,
	.skippable = true,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

const struct node_type wire_input_node = {
	.name = "wire-input",
	.run = run_received,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

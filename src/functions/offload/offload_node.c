/*
 * offload_node.c - the last feature before a device that lacks checksum or segmentation offload.
 *
 *   … ──> offload ──┬──> the rest of the arc, the device     segments with their checksums
 *                   └──> drop
 */
#include "functions/offload/gso.h"
#include "functions/offload/offload.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { NO_BUFFERS, BAD_LANES, CUT, N_REASONS };
static const struct reason reasons[] = {
	[NO_BUFFERS] = { "no-buffers",
			 "the buffer pool is empty, the rest of a super-segment is lost" },
	[BAD_LANES] = { "lanes", "offload is asked for where there is no such header" },
	[CUT] = { "segments", "segments made (no drop)" },
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
	uint32_t caps = i ? i->caps : CAP_CSUM | CAP_TSO; /* gone: the arc's end drops it */

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

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct outbox o;

	o.w = w;
	o.node = node;
	o.f.n = 0;
	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		handle(&o, b[i]);
	}
	flush(&o);
	return f->n;
}

const struct node_type offload_node = {
	.name = "offload",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * spread: the feature on the device-input arc that gives each flow to one of the workers.
 *
 *   driver ──> … ──> spread ──┬──> the rest of the arc, on this worker
 *                             └──> the rest of the arc, on another
 *
 * Packets of one flow that came by one queue stay in order: one ring leads from here to each
 * worker.
 */
#include "engine/engine.h"
#include "engine/feature.h"
#include "engine/handoff.h"
#include "functions/spread/spread.h"

enum { MOVED, N_REASONS };
static const struct reason reasons[] = {
	[MOVED] = { "moved", "packets handed to another worker (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static inline uint32_t worker_for(const struct buf *b, uint32_t n_workers)
{
	uint32_t hash = spread_hash(slice_of(b->room + b->at, b->len));

	return (uint32_t)((uint64_t)hash * n_workers >> 32);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint32_t n_workers = w->engine->n_workers;
	uint16_t next[FRAME_MAX];
	unsigned n_in = f->n, n = 0;

	frame_bufs(f, b);
	for (unsigned i = 0; i < n_in; i++) {
		uint32_t to;
		uint16_t then;

		buf_prefetch(b[i + PREFETCH_AHEAD]);
		buf_prefetch_data(b[i + PREFETCH_AHEAD / 2]);
		to = worker_for(b[i], n_workers);
		then = feature_next(w, b[i]);
		if (to != w->index) {
			handoff_send(w, to, then & (uint16_t)~NEXT_NODE, f->idx[i]);
			continue;
		}
		next[n] = then;
		f->idx[n++] = f->idx[i];
	}
	f->n = n;
	node_count(node, MOVED, n_in - n);
	if (n > 0)
		node_send(w, node, f, next);
	return n_in;
}

const struct node_type spread_node = {
	.name = "spread",
	.run = run,
	.skippable = true,
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

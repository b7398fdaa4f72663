/*
 * gro_node.c - the feature "gro" on the device-input arc.
 *
 *   driver ──> gro ──> the rest of the arc, ethernet-input     fewer, longer packets
 *
 * A run lasts no longer than the burst that the driver handed over, so nothing waits for a timer.
 */
#include "functions/offload/gro.h"
#include "functions/offload/offload.h"

enum { JOINED, N_REASONS };
static const struct reason reasons[] = {
	[JOINED] = { "joined", "segments appended to another (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct gro g;
	unsigned n_in = f->n, n = 0;

	g.n = 0;
	frame_bufs(f, b);
	for (unsigned i = 0; i < n_in; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		buf_prefetch_data(b[i + PREFETCH_AHEAD / 2]);
		if (gro_add(&g, b[i]))
			continue;
		next[n] = feature_next(w, b[i]);
		f->idx[n++] = f->idx[i];
	}
	gro_finish(&g);
	f->n = n;
	node_count(node, JOINED, n_in - n);
	node_send(w, node, f, next);
	return n_in;
}

const struct node_type gro_node = {
	.name = "gro",
	.run = run,
	.skippable = true,
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * capture_node.c - the features "capture-in" and "capture-out": copy, then pass everything on.
 *
 *   driver ──> capture-in ──> …          … ──> capture-out ──> the interface's transmit node
 */
#include "functions/capture/capture_private.h"
#include "functions/capture/pcapng.h"

enum { LOST, N_REASONS };
static const struct reason reasons[] = {
	[LOST] = { "lost", "copies that found the ring full (the packets went on)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static void copy(struct worker *w, struct node *node, struct capture *c, const struct buf *b,
		 unsigned direction)
{
	struct record_ring *ring = &c->ring[w->index];
	uint32_t len = b->total_len;
	struct capture_record *r;

	len = len < c->config.snap_bytes ? len : c->config.snap_bytes;
	r = record_ring_reserve_or_null(ring, (uint32_t)sizeof(*r) + len);
	if (!r) {
		c->n_lost[w->index]++;
		node_count(node, LOST, 1);
		return;
	}
	len = buf_copy_out(b, 0, r->bytes, len);
	if (c->filtered && bpf_filter(c->filter.bf_insns, r->bytes, b->total_len, len) == 0)
		return;
	r->at_ns = w->now_ns;
	r->wire_len = b->total_len;
	r->direction = direction;
	record_ring_commit(ring, (uint32_t)sizeof(*r) + len);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f, unsigned direction)
{
	const struct captures *all = w->engine->module[MODULE_CAPTURE];
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct capture *last = NULL;

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		uint32_t index = direction == PCAPNG_IN ? b[i]->rx_if : b[i]->tx_if;
		struct capture *c = rcu_load(all->by_interface[index]);

		if (c && !__atomic_load_n(&c->ended, __ATOMIC_RELAXED)) {
			copy(w, node, c, b[i], direction);
			if (last && last != c)
				mailbox_wake(&last->bell);
			last = c;
		}
		next[i] = feature_next(w, b[i]);
	}
	if (last)
		mailbox_wake(&last->bell);
	node_send(w, node, f, next);
	return f->n;
}

static unsigned run_in(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, PCAPNG_IN);
}

static unsigned run_out(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, PCAPNG_OUT);
}

const struct node_type capture_in_node = {
	.name = "capture-in",
	.run = run_in,
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

const struct node_type capture_out_node = {
	.name = "capture-out",
	.run = run_out,
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

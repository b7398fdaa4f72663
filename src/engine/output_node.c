/*
 * output_node.c - interface-output: every packet that leaves by an interface passes here.
 *
 *   ip4-rewrite, arp, … ──> interface-output ──┬──> [arc interface-output] ──> "NAME-tx"
 *                                              └──> drop
 */
#include "engine/engine.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { NO_INTERFACE, DOWN, N_REASONS };
static const struct reason reasons[] = {
	[NO_INTERFACE] = { "no-interface", "the interface to send by is gone" },
	[DOWN] = { "down", "the interface to send by is down" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static inline uint16_t choose(const struct worker *w, struct buf *b)
{
	const struct interface *i = interface_get_or_null(w->engine, b->tx_if);

	if (unlikely(!i || !__atomic_load_n(&i->up, __ATOMIC_RELAXED))) {
		b->reason = i ? DOWN : NO_INTERFACE;
		return NEXT_DROP;
	}
	return feature_start(w, b, ARC_INTERFACE_OUTPUT, next_node(i->tx_node));
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		next[i] = choose(w, b[i]);
	}
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type interface_output_node = {
	.name = "interface-output",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

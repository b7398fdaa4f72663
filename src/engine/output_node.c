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

/* Where packets for one interface go; neighbours in a frame mostly have the same. */
struct way {
	uint32_t if_index;
	uint16_t next;
	uint16_t reason; /* with NEXT_DROP */
	bool features;
};

static no_inline struct way way_to(const struct worker *w, uint32_t if_index)
{
	const struct interface *i = interface_get_or_null(w->engine, if_index);
	struct way way = { .if_index = if_index, .next = NEXT_DROP };

	if (!i || !__atomic_load_n(&i->up, __ATOMIC_RELAXED)) {
		way.reason = i ? DOWN : NO_INTERFACE;
		return way;
	}
	way.next = next_node(i->tx_node);
	way.features = feature_any(w, ARC_INTERFACE_OUTPUT, if_index);
	return way;
}

static inline uint16_t choose(const struct worker *w, const struct way *way, struct buf *b)
{
	if (unlikely(way->next == NEXT_DROP))
		b->reason = way->reason;
	if (unlikely(way->features))
		return feature_start(w, b, ARC_INTERFACE_OUTPUT, way->next);
	return way->next;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct way way;

	frame_bufs(f, b);
	way = way_to(w, b[0]->tx_if);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		if (unlikely(b[i]->tx_if != way.if_index))
			way = way_to(w, b[i]->tx_if);
		next[i] = choose(w, &way, b[i]);
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

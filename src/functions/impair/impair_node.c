/*
 * impair_node.c - the features "impair-in" and "impair-out".
 *
 *   … ──> impair ──┬──> the rest of the arc    now, or when the timer lets it out
 *                  ├──> the owning worker      hand-off
 *                  └──> drop                   loss, too many under way
 */
#include "engine/handoff.h"
#include "functions/impair/impair_private.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { LOSS, FULL, DUPLICATED, CORRUPTED, NO_BUFFERS, REORDERED, N_REASONS };
static const struct reason reasons[] = {
	[LOSS] = { "loss", "lost on purpose" },
	[FULL] = { "full", "more packets under way than are allowed" },
	[DUPLICATED] = { "duplicated", "sent twice (not dropped)" },
	[CORRUPTED] = { "corrupted", "one bit was turned (not dropped)" },
	[NO_BUFFERS] = { "no-buffers", "the buffer pool is empty: not corrupted (not dropped)" },
	[REORDERED] = { "reordered", "held back longer than others (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { ETHERNET_BYTES = 14 };

/* A copy of its own suffers, not those of other ports that share the bytes. */
static void corrupt(struct worker *w, struct node *node, struct impair_line *l, struct buf *b)
{
	uint32_t at;

	if (b->total_len <= ETHERNET_BYTES)
		return;
	if (buf_unshare(&w->bufs, b) != 0) {
		node_count(node, NO_BUFFERS, 1);
		return;
	}
	node_count(node, CORRUPTED, 1);
	at = ETHERNET_BYTES + random_below(&l->random, b->total_len - ETHERNET_BYTES);
	while (at >= b->len) {
		at -= b->len;
		b = buf_next_or_null(b);
	}
	buf_data(b)[at] ^= (uint8_t)(1u << random_below(&l->random, 8));
}

static void hold(struct worker *w, struct node *node, struct impair_path *p, uint32_t idx,
		 uint64_t release_ns)
{
	if (!impair_line_hold(&p->line, idx, release_ns))
		node_drop(w, node, idx, FULL);
}

static void meet(struct worker *w, struct node *node, struct impair_path *p, struct buf *b)
{
	uint64_t release_ns = 0;
	unsigned fate = impair_line_judge(&p->line, w->now_ns, b->total_len, &release_ns);

	if (fate & (IMPAIR_LOST | IMPAIR_FULL)) {
		node_drop(w, node, b->self, fate & IMPAIR_LOST ? LOSS : FULL);
		return;
	}
	if (fate & IMPAIR_DUPLICATED) {
		uint32_t copy = buf_clone_or_zero(&w->bufs, b);

		node_count(node, DUPLICATED, 1);
		if (copy)
			hold(w, node, p, copy, release_ns);
	}
	if (fate & IMPAIR_CORRUPTED) {
		corrupt(w, node, &p->line, b);
	}
	if (fate & IMPAIR_REORDERED)
		node_count(node, REORDERED, 1);
	hold(w, node, p, b->self, release_ns);
}

/* Let out what is due at @until_ns and set the timer for the rest. */
static void let_out(struct worker *w, struct impair_path *p, uint64_t until_ns)
{
	struct node *node = &w->graph.node[p->node];
	uint32_t idx;

	while (impair_line_due(&p->line, until_ns, &idx)) {
		uint16_t next = feature_next(w, buf_at(w->bufs.pool->base, idx));

		node_send_some(w, node, &idx, 1, next);
	}
	if (p->line.n_held)
		timer_set(&w->wheel, &p->timer, impair_line_next_ns(&p->line));
	else
		timer_cancel(&w->wheel, &p->timer);
}

void impair_flush(struct worker *w, struct impair_path *p)
{
	let_out(w, p, UINT64_MAX);
}

void impair_timer_expired(struct timer *t, uint64_t now_ns)
{
	struct impair_path *p = container_of(t, struct impair_path, timer);

	let_out(p->worker, p, now_ns);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f, enum impair_side side)
{
	const struct impairs *all = w->engine->module[MODULE_IMPAIR];
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct impair_path *last = NULL;

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		uint32_t index = side == IMPAIR_IN ? b[i]->rx_if : b[i]->tx_if;
		struct impair_path *p = rcu_load(all->path[index][side]);

		buf_prefetch(b[i + PREFETCH_AHEAD]);
		if (p && p->worker != w) {
			handoff_send(w, p->worker->index, node->id, f->idx[i]);
			continue;
		}
		if (!p || !p->line.held) { /* cleared a moment ago, or not yet set */
			node_send_some(w, node, &f->idx[i], 1, feature_next(w, b[i]));
			continue;
		}
		if (last && last != p)
			let_out(w, last, w->now_ns);
		last = p;
		meet(w, node, p, b[i]);
	}
	if (last)
		let_out(w, last, w->now_ns);
	return f->n;
}

static unsigned run_in(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, IMPAIR_IN);
}

static unsigned run_out(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, IMPAIR_OUT);
}

const struct node_type impair_in_node = {
	.name = "impair-in",
	.run = run_in,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

const struct node_type impair_out_node = {
	.name = "impair-out",
	.run = run_out,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

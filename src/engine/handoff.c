/*
 * handoff.c - rings between workers.
 *
 * Ring [from][to] is written at `tail` by worker `from` and read at `head` by worker `to`. The
 * sender keeps its own tail and publishes it once a turn; then it wakes the receiver.
 */
#include <stdlib.h>

#include "engine/engine.h"
#include "engine/handoff.h"

enum { SLOT_MASK = HANDOFF_SLOTS - 1 };

struct handoff_ring {
	uint32_t tail
		cacheline_aligned; /* published by the sender; pairs with receive()'s acquire */
	uint32_t head
		cacheline_aligned; /* published by the receiver; pairs with send()'s acquire */
	uint32_t own_tail cacheline_aligned; /* the sender's */
	uint32_t seen_head;		     /* the sender's */
	bool touched;			     /* the sender's: sent to in this turn */
	uint64_t slot[HANDOFF_SLOTS];	     /* {node:32, buffer:32} */
};

/* The rings that lead to one worker. */
struct handoff {
	struct handoff_ring *from[WORKERS_MAX];
};

enum { FULL, N_REASONS };
static const struct reason reasons[] = {
	[FULL] = { "full", "the ring to the other worker has no room" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

int handoff_init(struct engine *e)
{
	if (e->n_workers == 1)
		return 0;
	for (uint32_t to = 0; to < e->n_workers; to++) {
		struct handoff *h = calloc(1, sizeof(*h));

		e->worker[to]->handoff = h;
		if (!h)
			return ERR_NOMEM;
		for (uint32_t from = 0; from < e->n_workers; from++) {
			if (from == to)
				continue;
			h->from[from] = aligned_alloc(64, sizeof(struct handoff_ring));
			if (!h->from[from])
				return ERR_NOMEM;
			*h->from[from] = (struct handoff_ring){ 0 };
		}
	}
	return 0;
}

/* Packets that were never taken over go back to the pool. */
static void empty_ring(struct engine *e, struct handoff_ring *r, uint32_t from)
{
	for (uint32_t at = r->head; at != r->own_tail; at++)
		buf_free_one(&e->worker[from]->bufs, (uint32_t)r->slot[at & SLOT_MASK]);
}

void handoff_deinit(struct engine *e)
{
	for (uint32_t to = 0; to < e->n_workers; to++) {
		struct handoff *h = e->worker[to] ? e->worker[to]->handoff : NULL;

		for (uint32_t from = 0; h && from < e->n_workers; from++) {
			if (!h->from[from])
				continue;
			empty_ring(e, h->from[from], from);
			free(h->from[from]);
		}
		free(h);
		if (e->worker[to])
			e->worker[to]->handoff = NULL;
	}
}

void handoff_send(struct worker *w, uint32_t to, uint16_t node_id, uint32_t idx)
{
	struct handoff_ring *r = w->engine->worker[to]->handoff->from[w->index];

	if (unlikely(r->own_tail - r->seen_head == HANDOFF_SLOTS)) {
		r->seen_head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
		if (r->own_tail - r->seen_head == HANDOFF_SLOTS) {
			node_drop(w, &w->graph.node[w->engine->handoff], idx, FULL);
			return;
		}
	}
	buf_at(w->bufs.pool->base, idx)->trace = 0;
	r->slot[r->own_tail++ & SLOT_MASK] = (uint64_t)node_id << 32 | idx;
	r->touched = true;
	w->n_handed_over++;
}

void handoff_flush(struct worker *w)
{
	if (likely(w->n_handed_over == 0))
		return;
	w->n_handed_over = 0;
	for (uint32_t to = 0; to < w->engine->n_workers; to++) {
		struct handoff_ring *r;

		if (to == w->index)
			continue;
		r = w->engine->worker[to]->handoff->from[w->index];
		if (!r->touched)
			continue;
		r->touched = false;
		__atomic_store_n(&r->tail, r->own_tail, __ATOMIC_RELEASE);
		worker_wake(w->engine->worker[to]);
	}
}

static unsigned receive_from(struct worker *w, struct handoff_ring *r)
{
	uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	uint32_t head = r->head;
	unsigned n = tail - head;

	if (n == 0)
		return 0;
	for (; head != tail; head++) {
		uint64_t slot = r->slot[head & SLOT_MASK];

		node_send_to(w, (uint16_t)(slot >> 32), (uint32_t)slot);
	}
	__atomic_store_n(&r->head, head, __ATOMIC_RELEASE);
	return n;
}

unsigned handoff_receive(struct worker *w)
{
	unsigned n = 0;

	if (!w->handoff)
		return 0;
	for (uint32_t from = 0; from < w->engine->n_workers; from++)
		if (from != w->index)
			n += receive_from(w, w->handoff->from[from]);
	w->graph.node[w->engine->handoff].n_vectors += n;
	return n;
}

bool handoff_waiting(const struct worker *w)
{
	for (uint32_t from = 0; w->handoff && from < w->engine->n_workers; from++) {
		const struct handoff_ring *r = w->handoff->from[from];

		if (r && __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) != r->head)
			return true;
	}
	return false;
}

/* Holds the counters; packets pass it by and go straight to the node that the sender named. */
static unsigned handoff_run(struct worker *w, struct node *node, struct frame *f)
{
	node_drop_all(w, node, f, BUF_NO_REASON);
	return f->n;
}

const struct node_type handoff_node = {
	.name = "handoff",
	.run = handoff_run,
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

/*
 * node.c - moving packets between nodes, and running the nodes.
 *
 * A packet sent to a node is appended to that node's filling frame on this worker. A frame becomes
 * pending when its first packet arrives and is run first come, first served, so packets for one
 * node keep their order. A full frame stays pending and the next packet opens another.
 */
#include <string.h>

#include "engine/engine.h"
#include "engine/trace.h"

static struct frame *frame_take(struct graph_runtime *r)
{
	struct frame *f = r->free_frames;

	if (likely(f != NULL)) {
		r->free_frames = f->next_free;
		return f;
	}
	invariant(r->n_frames < r->frames_max);
	return &r->frames[r->n_frames++];
}

static void frame_give(struct graph_runtime *r, struct frame *f)
{
	f->next_free = r->free_frames;
	r->free_frames = f;
}

static struct frame *frame_open(struct worker *w, struct node *to)
{
	struct graph_runtime *r = &w->graph;
	struct frame *f = frame_take(r);

	f->n = 0;
	f->node = to->id;
	f->base = w->bufs.pool->base;
	f->input = NULL;
	to->filling = f;
	r->pending[r->pending_tail++ & r->pending_mask] = f;
	return f;
}

static void enqueue(struct worker *w, uint16_t node_id, const uint32_t *idx, unsigned n)
{
	struct node *to = &w->graph.node[node_id];

	while (n) {
		struct frame *f = to->filling ? to->filling : frame_open(w, to);
		unsigned step = FRAME_MAX - f->n;

		step = step < n ? step : n;
		memcpy(&f->idx[f->n], idx, step * sizeof(*idx));
		f->n += step;
		idx += step;
		n -= step;
		if (f->n == FRAME_MAX)
			to->filling = NULL;
	}
}

/* Count what @node condemns, before the packets go to the drop node. */
static void count_drops(struct worker *w, struct node *node, const uint32_t *idx, unsigned n)
{
	unsigned n_reasons = node->type->n_reasons;

	for (unsigned i = 0; i < n; i++) {
		struct buf *b = buf_at(w->bufs.pool->base, idx[i]);

		node->reasons[b->reason < n_reasons ? b->reason : n_reasons]++;
		b->drop_node = node->id;
	}
}

static void send_run(struct worker *w, struct node *node, const uint32_t *idx, unsigned n,
		     uint16_t next)
{
	uint16_t to = next & NEXT_NODE ? (uint16_t)(next & ~NEXT_NODE) : node->next[next];

	if (unlikely(to == w->graph.graph->drop))
		count_drops(w, node, idx, n);
	if (unlikely(w->trace != NULL))
		trace_sent(w, node, idx, n, to);
	*graph_edge(&w->graph, node->id, to) += n;
	enqueue(w, to, idx, n);
}

/* The end of the run of equal values that begins at @start. Mostly all are: four at a time. */
static inline unsigned run_end(const uint16_t *next, unsigned start, unsigned n)
{
	uint64_t same = next[start] * 0x0001000100010001u, four;
	unsigned end = start + 1;

	for (; end + 4 <= n; end += 4) {
		memcpy(&four, &next[end], sizeof(four));
		if (four != same)
			break;
	}
	while (end < n && next[end] == next[start])
		end++;
	return end;
}

void node_send(struct worker *w, struct node *node, const struct frame *f, const uint16_t *next)
{
	for (unsigned start = 0, end; start < f->n; start = end) {
		end = run_end(next, start, f->n);
		send_run(w, node, &f->idx[start], end - start, next[start]);
	}
}

void node_send_all(struct worker *w, struct node *node, const struct frame *f, uint16_t next)
{
	if (f->n)
		send_run(w, node, f->idx, f->n, next);
}

void node_send_some(struct worker *w, struct node *node, const uint32_t *idx, unsigned n,
		    uint16_t next)
{
	if (n)
		send_run(w, node, idx, n, next);
}

void node_send_to(struct worker *w, uint16_t node_id, uint32_t idx)
{
	enqueue(w, node_id, &idx, 1);
}

void node_drop(struct worker *w, struct node *node, uint32_t idx, uint16_t reason)
{
	buf_at(w->bufs.pool->base, idx)->reason = reason;
	send_run(w, node, &idx, 1, next_node(w->graph.graph->drop));
}

void node_drop_all(struct worker *w, struct node *node, const struct frame *f, uint16_t reason)
{
	for (unsigned i = 0; i < f->n; i++)
		buf_at(f->base, f->idx[i])->reason = reason;
	node_send_all(w, node, f, next_node(w->graph.graph->drop));
}

unsigned graph_run_input(struct worker *w, struct input *in)
{
	struct node *node = &w->graph.node[in->node];
	struct frame *f = w->graph.input_frame;
	uint64_t began = cpu_cycles();
	unsigned n;

	f->n = 0;
	f->node = node->id;
	f->base = w->bufs.pool->base;
	f->input = in;
	n = node->type->run(w, node, f);
	/* A poll that found nothing is time spent, but no call of the node on packets. */
	node->n_calls += n > 0;
	node->n_vectors += n;
	node->n_cycles += cpu_cycles() - began;
	return n;
}

unsigned graph_dispatch(struct worker *w)
{
	struct graph_runtime *r = &w->graph;
	unsigned n_packets = 0;
	uint64_t began;

	if (!graph_pending(r))
		return 0;
	began = cpu_cycles();
	while (graph_pending(r)) {
		struct frame *f = r->pending[r->pending_head++ & r->pending_mask];
		struct node *node = &r->node[f->node];
		struct node_tap *tap;
		uint64_t ended;

		if (node->filling == f)
			node->filling = NULL;
		if (unlikely(w->trace != NULL))
			trace_entered(w, node, f);
		tap = rcu_load(node->tap);
		if (unlikely(tap != NULL))
			tap->seen(w, node, f, tap);
		n_packets += f->n;
		node->n_calls++;
		node->n_vectors += f->n;
		node->type->run(w, node, f);
		frame_give(r, f);
		ended = cpu_cycles();
		node->n_cycles += ended - began;
		began = ended;
	}
	return n_packets;
}

static unsigned drop_run(struct worker *w, struct node *node, struct frame *f)
{
	(void)node;
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

const struct node_type drop_node = { .name = "drop", .run = drop_run };

/*
 * node.h - the node seam: a step that packets take, many at a time.
 *
 * A node type is a const descriptor in the file that implements it. daemon/modules.c lists all of
 * them; graph.h resolves the names of next nodes once. Each worker has its own `struct node` for
 * each type, with counters that only it writes.
 *
 *   enum { NEXT_DROP, NEXT_LOOKUP };
 *   static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_LOOKUP] = "ip4-lookup" };
 *
 *   const struct node_type ip4_input_node = {
 *           .name = "ip4-input", .run = ip4_input_run,
 *           .next_names = next_names, .n_next = count_of(next_names),
 *           .reasons = reasons, .n_reasons = count_of(reasons),
 *   };
 *
 * A run function looks at every packet of its frame and gives each of them away exactly once:
 * node_send() with one next index per packet, or node_drop(), or a buf_free() of its own, or by
 * keeping it in a queue of its own. The frame is the engine's, but the node may overwrite its `idx`
 * and `n`, to leave packets out.
 *
 * To condemn a packet, set `b->reason` to an index in the node's own reasons[] and send it to
 * "drop"; node_send() counts it under "NODE.REASON".
 */
#ifndef CONVOY_ENGINE_NODE_H
#define CONVOY_ENGINE_NODE_H

#include "engine/buf.h"

struct worker;
struct node;
struct frame;
struct input;
struct writer;
struct trace_hop;
struct engine;

enum {
	FRAME_MAX = 256,    /* packets in a frame, at most */
	PREFETCH_AHEAD = 8, /* how far beyond the end frame_bufs() may be read */
	NEXT_NODE = 0x8000, /* a next index with this bit names a node id, see next_node() */
	NODE_NAME_MAX = 48,
};

enum node_kind {
	NODE_INTERNAL, /* runs when packets were sent to it */
	NODE_INPUT,    /* brings packets in: run by the worker's inputs, engine/worker.h */
};

/* Why packets were dropped or an event was counted: "NODE.NAME" in `show errors`. */
struct reason {
	const char *name; /* one word, stable: tools match it */
	const char *text; /* a phrase for people */
};

struct node_type {
	const char *name; /* unique in the graph */
	enum node_kind kind;
	/*
	 * Work off @f. Returns the number of packets that count as work done: f->n for an internal
	 * node, what it brought in for an input (its @f comes empty, for its use).
	 */
	unsigned (*run)(struct worker *w, struct node *node, struct frame *f);
	const char *const *next_names; /* index in here = next index; resolved by name */
	uint16_t n_next;
	uint16_t n_reasons;
	const struct reason *reasons;
	/*
	 * Of a feature: packets that the kernel forwards for us need not pass it, since it neither
	 * refuses nor changes nor watches any: engine/shortcut.h.
	 */
	bool skippable;
	/*
	 * Main: print what this node says of a traced packet, before the packet itself; NULL when
	 * it has nothing to add. @hop holds the packet as it entered the node, and the note that
	 * the node left: engine/trace.h.
	 */
	void (*trace_print)(struct writer *out, const struct engine *e,
			    const struct trace_hop *hop);
};

/* Somebody who looks at all packets as they enter a node: embedded in its owner. */
struct node_tap {
	/* On the worker, before the node runs. It may not change packets or frame. */
	void (*seen)(struct worker *w, struct node *node, const struct frame *f,
		     struct node_tap *tap);
};

/* A node on one worker. The counters are written by that worker only and summed by readers. */
struct node {
	const struct node_type *type;
	const char *name;     /* of this instance: the type's, or "tap0-tx" */
	void *instance;	      /* what graph_add_instance() was given: an interface, a tunnel */
	const uint16_t *next; /* next index to node id */
	uint16_t id;
	struct frame *filling; /* pending frame that still has room */
	struct node_tap *tap;  /* published by graph_set_tap(); mostly NULL */
	uint64_t *reasons;     /* [type->n_reasons + 1]; the last counts drops without a reason */
	uint64_t n_calls, n_vectors, n_cycles;
	uint32_t trace_left; /* packets still to be marked here: `trace add` */
};

/* Up to FRAME_MAX packets on their way to one node. */
struct frame {
	unsigned n;
	uint16_t node;	     /* id of the node that they go to */
	void *base;	     /* of the buffer pool */
	struct input *input; /* input nodes: whose turn it is; NULL for the others */
	struct frame *next_free;
	uint32_t idx[FRAME_MAX];
};

/*
 * frame_bufs - turn the frame's indices into pointers.
 * @b gets f->n pointers, then PREFETCH_AHEAD times the last one, so that a loop may prefetch
 * b[i + PREFETCH_AHEAD] without a test. @f must not be empty.
 */
static inline void frame_bufs(const struct frame *f, struct buf *b[FRAME_MAX + PREFETCH_AHEAD])
{
	for (unsigned i = 0; i < f->n; i++)
		b[i] = buf_at(f->base, f->idx[i]);
	for (unsigned i = 0; i < PREFETCH_AHEAD; i++)
		b[f->n + i] = b[f->n - 1];
}

/* next_node - a next index for node_send() that names any node by its id. */
static inline uint16_t next_node(uint16_t node_id)
{
	return (uint16_t)(NEXT_NODE | node_id);
}

/*
 * node_send - send each packet of @f on: packet i to next[i].
 * @next: f->n indices in the type's next_names, or next_node() values. Runs of equal values move
 *        in bulk. Order is kept among the packets for one destination.
 * Packets for "drop" are counted under their `reason` in @node.
 */
void node_send(struct worker *w, struct node *node, const struct frame *f, const uint16_t *next);

/* node_send_all - the same with one next index for every packet of the frame. */
void node_send_all(struct worker *w, struct node *node, const struct frame *f, uint16_t next);

/* node_send_some - the same for @n indices that need not be the frame's. */
void node_send_some(struct worker *w, struct node *node, const uint32_t *idx, unsigned n,
		    uint16_t next);

/*
 * node_send_to - start a packet at node @node_id: for timers, transports and hand-off, outside of
 * any run function or inside one. It runs in the same turn.
 */
void node_send_to(struct worker *w, uint16_t node_id, uint32_t idx);

/* node_drop - count @reason of @node once for the packet at @idx and free it. */
void node_drop(struct worker *w, struct node *node, uint32_t idx, uint16_t reason);

/* node_drop_all - the same for each packet of @f. */
void node_drop_all(struct worker *w, struct node *node, const struct frame *f, uint16_t reason);

/* node_count - count @n events of @reason in @node without dropping anything. */
static inline void node_count(struct node *node, uint16_t reason, uint64_t n)
{
	node->reasons[reason] += n;
}

#endif

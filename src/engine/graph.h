/*
 * graph.h - the directed graph of nodes: one table of types, one runtime copy for each worker.
 *
 * The table comes from daemon/modules.c, in any order. Names of next nodes are resolved once, all
 * of them must exist. Instances (one transmit node per interface) may be added while workers run:
 * room for them is set aside, and nobody knows an id before graph_add_instance() returns it.
 */
#ifndef CONVOY_ENGINE_GRAPH_H
#define CONVOY_ENGINE_GRAPH_H

#include "engine/node.h"

enum { GRAPH_NODES_MAX = 2048, NODE_NONE = 0xffff };

struct engine;

/* What workers share: descriptions. */
struct graph_entry {
	const struct node_type *type;
	void *instance;
	uint16_t *next;
	char name[NODE_NAME_MAX];
};

struct graph {
	uint32_t n_nodes; /* released after a new entry is complete on every worker */
	uint16_t drop;	  /* id of the node named "drop" */
	struct graph_entry entry[GRAPH_NODES_MAX];
};

/*
 * A worker's copy: its nodes, the frames on their way, spare frames. There is a frame for each
 * node and for each 256 buffers of the pool, so that they never run out; untouched memory until
 * used.
 */
struct graph_runtime {
	const struct graph *graph;
	struct node *node;	/* [GRAPH_NODES_MAX] */
	struct frame **pending; /* ring, room for every frame */
	uint32_t pending_head, pending_tail, pending_mask;
	uint32_t n_frames, frames_max; /* cut from `frames` so far */
	struct frame *frames;
	struct frame *free_frames;
	struct frame *input_frame; /* for the input that is running */
	uint64_t *edge; /* packets by [from][to]; address space, touched where edges are */
};

/*
 * graph_init - resolve @types into @g.
 * ERR_NOENT when a next name or "drop" is missing, ERR_EXIST for a name given twice, ERR_FULL;
 * each with a line in the log that names the node.
 */
must_check
int graph_init(struct graph *g, const struct node_type *const *types, unsigned n_types);
void graph_deinit(struct graph *g);

/* graph_runtime_init - a worker's copy of every node of @g, buffers from @pool; ERR_NOMEM. */
must_check
int graph_runtime_init(struct graph_runtime *r, const struct graph *g, const struct buf_pool *pool);
/* graph_runtime_deinit - frees the copy; packets still on their way must have been dispatched. */
void graph_runtime_deinit(struct graph_runtime *r);

/* graph_run_input - give one input its turn; returns the work that it reports. */
unsigned graph_run_input(struct worker *w, struct input *in);

/* graph_pending - true while frames wait for dispatch. */
static inline bool graph_pending(const struct graph_runtime *r)
{
	return r->pending_head != r->pending_tail;
}

/* graph_edge - how many packets @from has sent to @to on this worker; counted once a run of them.
 */
static inline uint64_t *graph_edge(const struct graph_runtime *r, uint32_t from, uint32_t to)
{
	return &r->edge[(size_t)from * GRAPH_NODES_MAX + to];
}

/* graph_node_id - the id of the node @name, NODE_NONE if there is none. */
uint16_t graph_node_id(const struct graph *g, const char *name);

/*
 * graph_add_instance - one more node of @type, with its own name, counters and @instance.
 * Main thread, any time. Returns its id, or ERR_FULL, ERR_EXIST, ERR_NOENT, ERR_NOMEM.
 */
must_check
int graph_add_instance(struct engine *e, const struct node_type *type, const char *name,
		       void *instance);

/*
 * graph_remove_instance - forget the name of node @id, so that it can be used again. Workers may
 * still send to it until they have passed a quiescent state; the id is reused by the next instance
 * of the same type.
 */
void graph_remove_instance(struct engine *e, uint16_t id);

/*
 * graph_set_tap - main: @tap sees what enters node @id, on every worker; NULL: nobody does. The one
 * before may be in use until every worker has passed a quiescent state. ERR_BUSY if there is
 * another; ERR_INVAL for an input, which nothing enters.
 */
must_check
int graph_set_tap(struct engine *e, uint16_t id, struct node_tap *tap);

/* graph_has_taps - main: somebody looks at what enters some node. */
bool graph_has_taps(const struct engine *e);

/* graph_dispatch - run every pending frame and those that they cause; returns packets handled. */
unsigned graph_dispatch(struct worker *w);

#endif

/* graph.c - from a table of node types to a graph with ids, and its copies for the workers. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/shortcut.h"

uint16_t graph_node_id(const struct graph *g, const char *name)
{
	for (uint32_t id = 0; id < g->n_nodes; id++)
		if (strcmp(g->entry[id].name, name) == 0)
			return (uint16_t)id;
	return NODE_NONE;
}

static int add_entry(struct graph *g, uint32_t id, const struct node_type *type, const char *name,
		     void *instance)
{
	struct graph_entry *e = &g->entry[id];

	if (strlen(name) >= sizeof(e->name))
		return ERR_RANGE;
	if (graph_node_id(g, name) != NODE_NONE)
		return ERR_EXIST;
	memset(e, 0, sizeof(*e));
	e->type = type;
	e->instance = instance;
	strcpy(e->name, name);
	return 0;
}

static int resolve(struct graph *g, struct graph_entry *e)
{
	e->next = calloc(e->type->n_next + 1u, sizeof(*e->next));
	if (!e->next)
		return ERR_NOMEM;
	for (unsigned i = 0; i < e->type->n_next; i++) {
		e->next[i] = graph_node_id(g, e->type->next_names[i]);
		if (e->next[i] == NODE_NONE) {
			log_error("graph.next", "node=%s next=%s error=no such node", e->name,
				  e->type->next_names[i]);
			return ERR_NOENT;
		}
	}
	return 0;
}

int graph_init(struct graph *g, const struct node_type *const *types, unsigned n_types)
{
	int err = 0;

	memset(g, 0, sizeof(*g));
	if (n_types > GRAPH_NODES_MAX)
		return ERR_FULL;
	for (unsigned i = 0; i < n_types; i++) {
		err = add_entry(g, i, types[i], types[i]->name, NULL);
		if (err) {
			log_error("graph.node", "node=%s error=%s", types[i]->name, err_text(err));
			return err;
		}
		g->n_nodes++;
	}
	for (unsigned i = 0; i < n_types && !err; i++)
		err = resolve(g, &g->entry[i]);
	g->drop = graph_node_id(g, "drop");
	if (!err && g->drop == NODE_NONE) {
		log_error("graph.node", "node=drop error=no such node");
		err = ERR_NOENT;
	}
	if (err)
		graph_deinit(g);
	return err;
}

void graph_deinit(struct graph *g)
{
	for (uint32_t id = 0; id < g->n_nodes; id++)
		free(g->entry[id].next);
	g->n_nodes = 0;
}

static int add_runtime_node(struct graph_runtime *r, const struct graph_entry *e, uint16_t id)
{
	struct node *node = &r->node[id];

	if (!node->reasons)
		node->reasons = calloc(e->type->n_reasons + 1u, sizeof(*node->reasons));
	if (!node->reasons)
		return ERR_NOMEM;
	node->type = e->type;
	node->name = e->name;
	node->instance = e->instance;
	node->next = e->next;
	node->id = id;
	return 0;
}

#define EDGES_BYTES ((size_t)GRAPH_NODES_MAX * GRAPH_NODES_MAX * sizeof(uint64_t))

static void *map_or_null(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int graph_runtime_init(struct graph_runtime *r, const struct graph *g, const struct buf_pool *pool)
{
	uint32_t ring = 1;
	int err = 0;

	memset(r, 0, sizeof(*r));
	r->graph = g;
	r->frames_max = GRAPH_NODES_MAX + pool->n_buffers / FRAME_MAX + 2;
	while (ring <= r->frames_max)
		ring *= 2;
	r->pending_mask = ring - 1;
	r->node = map_or_null(GRAPH_NODES_MAX * sizeof(*r->node));
	r->frames = map_or_null(r->frames_max * sizeof(*r->frames));
	r->pending = map_or_null(ring * sizeof(*r->pending));
	r->edge = map_or_null(EDGES_BYTES);
	if (!r->node || !r->frames || !r->pending || !r->edge) {
		graph_runtime_deinit(r);
		return ERR_NOMEM;
	}
	r->input_frame = &r->frames[r->n_frames++];
	for (uint32_t id = 0; id < g->n_nodes && !err; id++)
		err = add_runtime_node(r, &g->entry[id], (uint16_t)id);
	if (err)
		graph_runtime_deinit(r);
	return err;
}

void graph_runtime_deinit(struct graph_runtime *r)
{
	for (uint32_t id = 0; r->node && id < r->graph->n_nodes; id++)
		free(r->node[id].reasons);
	if (r->node)
		munmap(r->node, GRAPH_NODES_MAX * sizeof(*r->node));
	if (r->frames)
		munmap(r->frames, r->frames_max * sizeof(*r->frames));
	if (r->pending)
		munmap(r->pending, (r->pending_mask + 1) * sizeof(*r->pending));
	if (r->edge)
		munmap(r->edge, EDGES_BYTES);
	memset(r, 0, sizeof(*r));
}

/* The id of an instance of @type that was removed; it keeps its next ids and reason arrays. */
static uint32_t find_removed(const struct graph *g, const struct node_type *type)
{
	for (uint32_t id = 0; id < g->n_nodes; id++)
		if (g->entry[id].type == type && g->entry[id].name[0] == '\0')
			return id;
	return g->n_nodes;
}

int graph_add_instance(struct engine *e, const struct node_type *type, const char *name,
		       void *instance)
{
	struct graph *g = &e->graph;
	uint32_t id = find_removed(g, type);
	uint16_t *next = g->entry[id % GRAPH_NODES_MAX].next;
	int err;

	if (id == GRAPH_NODES_MAX)
		return ERR_FULL;
	if (id == g->n_nodes)
		next = NULL;
	err = add_entry(g, id, type, name, instance);
	if (err)
		return err;
	g->entry[id].next = next;
	if (!next)
		err = resolve(g, &g->entry[id]);
	for (uint32_t i = 0; i < e->n_workers && !err; i++)
		err = add_runtime_node(&e->worker[i]->graph, &g->entry[id], (uint16_t)id);
	if (err && id == g->n_nodes) {
		free(g->entry[id].next);
		for (uint32_t i = 0; i < e->n_workers; i++) {
			free(e->worker[i]->graph.node[id].reasons);
			e->worker[i]->graph.node[id].reasons = NULL;
		}
	}
	if (err)
		return err;
	if (id == g->n_nodes)
		__atomic_store_n(&g->n_nodes, id + 1, __ATOMIC_RELEASE);
	return (int)id;
}

int graph_set_tap(struct engine *e, uint16_t id, struct node_tap *tap)
{
	if (e->graph.entry[id].type->kind == NODE_INPUT)
		return ERR_INVAL;
	if (tap && e->worker[0]->graph.node[id].tap)
		return ERR_BUSY;
	for (uint32_t i = 0; i < e->n_workers; i++)
		rcu_publish(e->worker[i]->graph.node[id].tap, tap);
	shortcuts_doubt(e);
	return 0;
}

bool graph_has_taps(const struct engine *e)
{
	for (uint32_t id = 0; id < e->graph.n_nodes; id++)
		if (e->worker[0]->graph.node[id].tap)
			return true;
	return false;
}

/* Only what was counted is touched. */
static void clear_edges(struct graph_runtime *r, uint32_t id, uint32_t n_nodes)
{
	for (uint32_t other = 0; other < n_nodes; other++) {
		if (*graph_edge(r, id, other))
			*graph_edge(r, id, other) = 0;
		if (*graph_edge(r, other, id))
			*graph_edge(r, other, id) = 0;
	}
}

void graph_remove_instance(struct engine *e, uint16_t id)
{
	e->graph.entry[id].name[0] = '\0';
	for (uint32_t i = 0; i < e->n_workers; i++) {
		struct node *node = &e->worker[i]->graph.node[id];

		memset(node->reasons, 0, (node->type->n_reasons + 1u) * sizeof(*node->reasons));
		node->n_calls = node->n_vectors = node->n_cycles = 0;
		clear_edges(&e->worker[i]->graph, id, e->graph.n_nodes);
	}
}

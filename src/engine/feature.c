/* feature.c - resolving arcs, and switching features per interface. */
#include <string.h>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/shortcut.h"

/* What stands for an arc that the table does not have: packets that enter it are dropped. */
static const struct feature_arc absent = { .name = "absent", .end = "drop" };

static int resolve_arc(struct arc *a, const struct graph *g)
{
	const struct feature_arc *desc = a->desc;

	a->end = NODE_NONE;
	if (desc->n_nodes > FEATURES_MAX)
		return ERR_FULL;
	for (unsigned i = 0; i < desc->n_nodes; i++) {
		a->node[i] = graph_node_id(g, desc->nodes[i]);
		if (a->node[i] == NODE_NONE) {
			log_error("feature.arc", "arc=%s feature=%s error=no such node", desc->name,
				  desc->nodes[i]);
			return ERR_NOENT;
		}
	}
	if (!desc->end)
		return 0;
	a->end = graph_node_id(g, desc->end);
	if (a->end == NODE_NONE) {
		log_error("feature.arc", "arc=%s end=%s error=no such node", desc->name, desc->end);
		return ERR_NOENT;
	}
	return 0;
}

int feature_table_init(struct feature_table *t, const struct graph *g,
		       const struct feature_arc *const *arcs, unsigned n_arcs)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < N_ARCS; i++)
		t->arc[i] = (struct arc){ .desc = &absent, .end = g->drop };
	for (unsigned i = 0; i < n_arcs; i++) {
		struct arc *a = &t->arc[arcs[i]->id];
		int err;

		if (a->desc != &absent)
			return ERR_EXIST;
		a->desc = arcs[i];
		err = resolve_arc(a, g);
		if (err)
			return err;
	}
	return 0;
}

static int find_feature(const struct arc *a, const char *name)
{
	for (int i = 0; i < a->desc->n_nodes; i++)
		if (strcmp(a->desc->nodes[i], name) == 0)
			return i;
	return ERR_NOENT;
}

int feature_enable(struct engine *e, enum arc_id arc, const char *name, uint32_t if_index, bool on)
{
	struct arc *a = &e->features.arc[arc];
	int pos = find_feature(a, name);
	uint64_t word;

	if (pos < 0)
		return pos;
	if (if_index == 0 || if_index >= INTERFACES_MAX)
		return ERR_INVAL;
	word = a->enabled[if_index] & ~((uint64_t)1 << pos);
	if (on)
		word |= (uint64_t)1 << pos;
	__atomic_store_n(&a->enabled[if_index], word, __ATOMIC_RELEASE);
	shortcuts_doubt(e);
	if (arc == ARC_L2_INPUT && e->interfaces.slot[if_index])
		interface_settle_input(e->interfaces.slot[if_index]);
	return 0;
}

bool feature_enabled(const struct engine *e, enum arc_id arc, const char *name, uint32_t if_index)
{
	const struct arc *a = &e->features.arc[arc];
	int pos = find_feature(a, name);

	return pos >= 0 && if_index < INTERFACES_MAX && (a->enabled[if_index] >> pos & 1);
}

bool feature_bars_shortcuts(const struct engine *e, enum arc_id arc, uint32_t if_index)
{
	const struct arc *a = &e->features.arc[arc];
	uint64_t left = a->enabled[if_index];

	for (; left; left &= left - 1)
		if (!e->graph.entry[a->node[__builtin_ctzll(left)]].type->skippable)
			return true;
	return false;
}

/* A port that left l2 a moment ago has none: drop. */
static uint16_t l2_node_of(const struct engine *e, const struct interface *i)
{
	uint16_t node = __atomic_load_n(&i->l2_node, __ATOMIC_RELAXED);

	return node == NODE_NONE ? e->graph.drop : node;
}

uint16_t feature_end(const struct engine *e, const struct arc *a, const struct buf *b)
{
	bool is_input = a->desc->id == ARC_DEVICE_INPUT;
	const struct interface *i;

	if (a->end != NODE_NONE && !is_input)
		return next_node(a->end);
	i = interface_get_or_null(e, feature_if(a, b));
	if (!i)
		return next_node(e->graph.drop);
	if (is_input)
		return next_node(__atomic_load_n(&i->input_node, __ATOMIC_RELAXED));
	return next_node(a->desc->side == ARC_TX ? i->tx_node : l2_node_of(e, i));
}

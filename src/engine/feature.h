/*
 * feature.h - feature arcs: ordered detours that each interface can enable one by one.
 *
 * An arc is a const table of node names, in the order in which packets visit them, and the node
 * that follows when all are done. Each interface has one word for each arc, a bit per feature. No
 * bit set: one load and one branch at the start of the arc, nothing else.
 *
 *   ip4-input ──> [acl-in] ──> [nat-in] ──> ip4-lookup        arc "ip4-unicast"
 *
 * The node before the arc calls feature_start(), each feature calls feature_next(); both return a
 * next index for node_send().
 */
#ifndef CONVOY_ENGINE_FEATURE_H
#define CONVOY_ENGINE_FEATURE_H

#include "engine/worker.h"

enum { FEATURES_MAX = 64 /* per arc */ };

/* Which of the packet's interfaces decides what is enabled. */
enum arc_side { ARC_RX, ARC_TX };

/*
 * The arcs of the whole stack. The number is the index of the arc in the daemon's table and in
 * `buf.feature_arc`; the order of features within each is in the arc's own table.
 */
enum arc_id {
	ARC_DEVICE_INPUT, /* driver ──> the interface's input_node, ethernet-input by default */
	ARC_INTERFACE_OUTPUT, /* interface-output ──> the interface's transmit node */
	ARC_IP4_UNICAST,      /* ip4-input ──> ip4-lookup */
	ARC_IP4_OUTPUT,	      /* ip4-rewrite ──> interface-output */
	ARC_IP4_LOCAL,	      /* ip4-local ──> the transports */
	ARC_IP6_UNICAST,
	ARC_IP6_OUTPUT,
	ARC_IP6_LOCAL,
	ARC_L2_INPUT,  /* frames of a port of l2 ──> its l2_node */
	ARC_L2_OUTPUT, /* frames from l2 to a port ──> interface-output */
	N_ARCS,
};

struct feature_arc {
	enum arc_id id;
	const char *name;
	enum arc_side side;
	const char *const *nodes; /* names of feature nodes, in the order of travel */
	uint16_t n_nodes;
	/* Node after the last feature; NULL: the interface's transmit node, or its l2_node. */
	const char *end;
};

/* An arc with its names resolved. */
struct arc {
	const struct feature_arc *desc; /* never NULL: an absent arc has no features, and drops */
	uint16_t node[FEATURES_MAX];
	uint16_t end;
	uint64_t enabled[INTERFACES_MAX]; /* [interface index]; stored by main, loaded by workers */
};

struct feature_table {
	struct arc arc[N_ARCS];
};

/*
 * feature_table_init - resolve the arcs against the graph. ERR_NOENT for an unknown node,
 * ERR_FULL for more than FEATURES_MAX, ERR_EXIST for an arc given twice.
 */
must_check
int feature_table_init(struct feature_table *t, const struct graph *g,
		       const struct feature_arc *const *arcs, unsigned n_arcs);

/*
 * feature_enable - switch the feature node @name of arc @arc on or off for one interface.
 * Main thread; takes effect within a turn. Returns 0, ERR_NOENT if the arc has no such feature,
 * ERR_INVAL for an interface index out of range.
 */
must_check
int feature_enable(struct engine *e, enum arc_id arc, const char *name, uint32_t if_index, bool on);

bool feature_enabled(const struct engine *e, enum arc_id arc, const char *name, uint32_t if_index);

/*
 * feature_bars_shortcuts - main: something is enabled on @arc that a packet must not pass by:
 * any node but those that say `skippable`.
 */
bool feature_bars_shortcuts(const struct engine *e, enum arc_id arc, uint32_t if_index);

/* feature_end - where packets on @arc go after the last feature, for packet @b. */
uint16_t feature_end(const struct engine *e, const struct arc *a, const struct buf *b);

static inline uint32_t feature_if(const struct arc *a, const struct buf *b)
{
	return a->desc->side == ARC_RX ? b->rx_if : b->tx_if;
}

/* feature_any - true if the interface has any feature of the arc enabled. */
static inline bool feature_any(const struct worker *w, enum arc_id arc, uint32_t if_index)
{
	return __atomic_load_n(&w->features->arc[arc].enabled[if_index], __ATOMIC_RELAXED) != 0;
}

/* feature_from - the first enabled feature at or after position @pos, or the arc's end. */
static inline uint16_t feature_from(const struct worker *w, struct buf *b, enum arc_id arc,
				    unsigned pos)
{
	const struct arc *a = &w->features->arc[arc];
	uint64_t left = __atomic_load_n(&a->enabled[feature_if(a, b)], __ATOMIC_RELAXED);

	left = pos < FEATURES_MAX ? left >> pos << pos : 0;
	if (!left)
		return feature_end(w->engine, a, b);
	b->feature_arc = (uint8_t)arc;
	b->feature_pos = (uint8_t)__builtin_ctzll(left);
	return next_node(a->node[b->feature_pos]);
}

/*
 * feature_start - let @b begin the travel along @arc.
 * @otherwise: the caller's own next index, returned when the interface has nothing enabled
 */
static inline uint16_t feature_start(const struct worker *w, struct buf *b, enum arc_id arc,
				     uint16_t otherwise)
{
	const struct arc *a = &w->features->arc[arc];

	if (likely(!__atomic_load_n(&a->enabled[feature_if(a, b)], __ATOMIC_RELAXED)))
		return otherwise;
	return feature_from(w, b, arc, 0);
}

/* feature_next - where a feature node sends @b when it has no objection. */
static inline uint16_t feature_next(const struct worker *w, struct buf *b)
{
	return feature_from(w, b, (enum arc_id)b->feature_arc, b->feature_pos + 1u);
}

#endif

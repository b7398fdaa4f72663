/*
 * l2-input: the beginning of the arc of that name, for ports that have a feature enabled on it.
 *
 *   device-input ──> l2-input ──> [arc l2-input] ──> the port's l2_node: bridge-input, xconnect
 *
 * Frames of ports without features do not come here: interface_settle_input().
 */
#include "engine/engine.h"
#include "l2/ethernet/ethernet.h"
#include "l2/l2_trace.h"

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	uint16_t next[FRAME_MAX];

	for (unsigned i = 0; i < f->n; i++)
		next[i] = feature_from(w, buf_at(f->base, f->idx[i]), ARC_L2_INPUT, 0);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type l2_input_node = { .name = "l2-input",
					 .run = run,
					 .trace_print = l2_trace_received };

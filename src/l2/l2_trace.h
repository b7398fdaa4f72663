/* l2_trace.h - what nodes of l2 say of traced frames: interfaces by name, addresses. */
#ifndef CONVOY_L2_L2_TRACE_H
#define CONVOY_L2_L2_TRACE_H

#include "engine/engine.h"
#include "engine/trace.h"

/* l2_trace_interface - its name, or "gone". */
void l2_trace_interface(struct writer *out, const struct engine *e, uint32_t if_index);

/* l2_trace_macs - ", SOURCE > DESTINATION" of the frame; nothing for one that is too short. */
void l2_trace_macs(struct writer *out, const struct trace_hop *hop);

/* l2_trace_received - the interface that the frame came by, and its addresses: for trace_print. */
void l2_trace_received(struct writer *out, const struct engine *e, const struct trace_hop *hop);

#endif

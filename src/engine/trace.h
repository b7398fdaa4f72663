/*
 * trace.h - what happened to single packets: each node that they met, with what they looked like.
 *
 * `trace add 10 tap-input` marks the next ten packets that pass that node. From then on the engine
 * notes each node that a marked packet enters (nodes need no code for it) and where it was sent.
 * A worker without a trace pays one test per frame.
 */
#ifndef CONVOY_ENGINE_TRACE_H
#define CONVOY_ENGINE_TRACE_H

#include "base/writer.h"
#include "engine/worker.h"

enum {
	TRACE_HOPS = 24,	  /* per packet; later ones are not noted */
	TRACE_BYTES = 96,	  /* of the packet, per hop */
	TRACE_PACKETS_MAX = 1024, /* per worker */
};

/* A marked packet as it entered one node. */
struct trace_hop {
	uint16_t node;
	uint16_t next;	 /* node that it was sent to; NODE_NONE: consumed, kept or not yet sent */
	uint16_t reason; /* set when next is drop */
	uint16_t n_bytes;
	uint64_t at_ns;
	uint32_t cycles;	    /* since the packet's mark */
	uint8_t lanes[128];	    /* both lines of the buffer: trace_buf() */
	uint8_t bytes[TRACE_BYTES]; /* from the first byte of its data */
};

#endif

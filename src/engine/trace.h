/*
 * trace.h - what happened to single packets: each node that they met, with what they looked like.
 *
 * `trace add 10 tap-input` marks the next ten packets that pass that node on each worker. From then
 * on the engine notes each node that a marked packet enters (nodes need no code for it) and where
 * it was sent. A worker without a trace pays one test per frame.
 *
 * A node may note something about a marked packet (`b->trace` is not 0) in `b->note`, which is 0
 * when it runs; its trace_print() finds it in the hop.
 *
 * With a filter only packets that match are marked. A worker appends to its own store and releases
 * each packet's hop count; main reads only what is complete. Marks carry a generation, so that
 * those of a cleared store mean nothing.
 */
#ifndef CONVOY_ENGINE_TRACE_H
#define CONVOY_ENGINE_TRACE_H

#include "base/writer.h"
#include "engine/packet_filter.h"
#include "engine/worker.h"

enum {
	TRACE_HOPS = 24,	 /* per packet; later ones are not noted */
	TRACE_BYTES = 96,	 /* of the packet, per hop */
	TRACE_PACKETS_MAX = 250, /* per worker */
};

/* A marked packet as it entered one node; for an input node, as it left it. */
struct trace_hop {
	uint8_t lanes[offsetof(struct buf, room)]; /* both lines of the buffer: trace_buf() */
	uint8_t bytes[TRACE_BYTES];		   /* from the first byte of its data */
	uint64_t at_ns;				   /* of the turn */
	uint64_t cycles;			   /* time stamp counter */
	uint16_t node;
	uint16_t next;	 /* node that it was sent to; NODE_NONE: consumed, kept or not yet sent */
	uint16_t reason; /* when it was sent to drop */
	uint32_t note;	 /* `buf.note` as the node left it; 0 if it did not */
	uint16_t n_bytes;
};

struct trace_packet {
	uint32_t n_hops; /* released by the worker */
	struct trace_hop hop[TRACE_HOPS];
};

/* The store of one worker. */
struct trace {
	const struct packet_filter *filter; /* which packets to mark; NULL: all */
	uint32_t generation;		    /* 1 … 0xffff */
	uint32_t n_packets;		    /* released by the worker */
	uint32_t max_packets;
	struct trace_packet packet[];
};

static inline const struct buf *trace_buf(const struct trace_hop *hop)
{
	return (const struct buf *)(const void *)hop->lanes;
}

/*
 * trace_add - main: mark the next @n packets at each worker that pass @node. What was traced
 * before is cleared.
 * @filter: which packets; taken, also on failure. NULL: all
 * Returns 0; ERR_INVAL for n of 0 or beyond TRACE_PACKETS_MAX, ERR_NOMEM, ERR_BUSY while an
 * earlier change is under way.
 */
must_check
int trace_add(struct engine *e, uint16_t node, uint32_t n, struct packet_filter *filter);

/* trace_clear - main: stop and forget. ERR_NOMEM, ERR_BUSY. */
must_check
int trace_clear(struct engine *e);

/*
 * trace_when_changed - main: call @done once the change that was asked for last holds on every
 * worker; at once if it does. One caller is remembered; NULL forgets it.
 */
void trace_when_changed(struct engine *e, void (*done)(void *arg), void *arg);

/* trace_store_or_null - main: what worker @index has noted; good until trace_add or trace_clear. */
const struct trace *trace_store_or_null(const struct engine *e, uint32_t index);

/* trace_is_on - main: there are stores, filled or not. */
bool trace_is_on(const struct engine *e);

/* trace_deinit - free the stores; workers have stopped. */
void trace_deinit(struct engine *e);

/* trace_entered, trace_sent - called by node.c while w->trace is set. */
void trace_entered(struct worker *w, struct node *node, const struct frame *f);
void trace_sent(struct worker *w, struct node *node, const uint32_t *idx, unsigned n, uint16_t to);

#endif

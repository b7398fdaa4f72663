/*
 * gro.h - joining TCP segments, over IPv4 or IPv6, that follow each other into one packet.
 *
 * Only what could have been cut from one super-segment is joined: same headers but for sequence
 * number, id, checksum and the last one's PSH, no gap, all of one size except the last. Segments
 * that carry anything else (SYN, FIN, RST, URG, IP options or extensions, fragments, bad checksums)
 * end the flow's run and pass unchanged, so no packet overtakes another of its flow.
 */
#ifndef CONVOY_FUNCTIONS_GRO_H
#define CONVOY_FUNCTIONS_GRO_H

#include "engine/buf.h"

enum { GRO_FLOWS = 16 /* runs open at the same time within a burst */ };

struct gro_flow {
	struct buf *first; /* NULL: unused */
	struct buf *last;  /* the chain's last buffer */
	uint32_t next_seq;
	uint32_t n_segments;
	uint16_t size; /* payload of each segment */
	uint16_t hdr_len;
	bool ip6;
};

/* The runs of one burst. */
struct gro {
	struct gro_flow flow[GRO_FLOWS];
	unsigned n;
};

/*
 * gro_add - offer one received frame, `at` its Ethernet header.
 * True: it was appended to an earlier packet of the burst, whose index is the one to send.
 * False: send it on itself; it may have begun a run, and then later segments are appended to it.
 */
must_check
bool gro_add(struct gro *g, struct buf *b);

/* gro_finish - close all runs: give the joined packets their lengths and offload lanes. */
void gro_finish(struct gro *g);

#endif

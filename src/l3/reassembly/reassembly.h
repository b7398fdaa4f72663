/*
 * reassembly.h - IPv4 fragments for us become datagrams again.
 *
 * Each worker has its own table; the fragments of one datagram meet on the worker that their
 * addresses and identification select. Bounded: REASSEMBLY_DATAGRAMS at a time, of at most
 * DATAGRAM_FRAGMENTS pieces, for REASSEMBLY_NS. When the table is full the oldest goes.
 */
#ifndef CONVOY_L3_REASSEMBLY_H
#define CONVOY_L3_REASSEMBLY_H

#include "base/clock.h"
#include "engine/node.h"

struct engine;

enum { REASSEMBLY_DATAGRAMS = 256, REASSEMBLY_BUCKETS = 128 };
#define REASSEMBLY_NS ((uint64_t)30 * NS_PER_S)

/* reassembly_init - after ip4_init(), before the workers start. ERR_NOMEM. */
must_check
int reassembly_init(struct engine *e);
void reassembly_deinit(struct engine *e);

extern const struct node_type ip4_reassembly_node;

#endif

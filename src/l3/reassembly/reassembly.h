/*
 * reassembly.h - fragments for us become packets again, in both families: table.h has the bounds.
 *
 * Each worker has its own tables; the fragments of one datagram meet on the worker that their
 * addresses and identification select.
 */
#ifndef CONVOY_L3_REASSEMBLY_H
#define CONVOY_L3_REASSEMBLY_H

#include "base/clock.h"
#include "engine/worker.h"
#include "l3/reassembly/table.h"

struct engine;

#define REASSEMBLY4_NS ((uint64_t)30 * NS_PER_S)
#define REASSEMBLY6_NS ((uint64_t)60 * NS_PER_S) /* RFC 8200 §4.5 */

/* A worker's. */
struct reassembly {
	struct reassembly_table *ip4, *ip6;
};

static inline struct reassembly *reassembly_of(const struct worker *w)
{
	return w->module[MODULE_REASSEMBLY];
}

/* reassembly_init - after ip4_init() and ip6_init(), before the workers start. ERR_NOMEM. */
must_check
int reassembly_init(struct engine *e);
void reassembly_deinit(struct engine *e);

extern const struct reassembly_family reassembly_ip4;
extern const struct reassembly_family reassembly_ip6;

extern const struct node_type ip4_reassembly_node;
extern const struct node_type ip6_reassembly_node;

#endif

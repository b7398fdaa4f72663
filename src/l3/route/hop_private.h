/* hop_private.h - between hop.c, via.c and sweep.c, and nobody else. */
#ifndef CONVOY_L3_ROUTE_HOP_PRIVATE_H
#define CONVOY_L3_ROUTE_HOP_PRIVATE_H

#include "engine/engine.h"
#include "l3/route/hop.h"

enum { ROUTE_HOP_BUCKETS = 4096 };

struct hop {
	struct list bucket_link, all_link, loop_link;
	enum adjacency_kind kind; /* VIA, LOOKUP, GLEAN, dead, or INCOMPLETE: pinned on @if_index */
	uint32_t vrf;		  /* of VIA and LOOKUP */
	uint32_t if_index;
	struct ip6_addr addr;
	uint32_t adjacency;
	/* Of a VIA: */
	struct list follow_link; /* of load_balance_followers() */
	uint32_t load_balance;	 /* that it leads to, held; LOAD_BALANCE_NONE: to nothing */
	uint32_t pinned_on;	 /* the link that its address is on; 0: on none */
};

/* Routes over next hops that are gone, being taken out of the tables. */
struct hop_sweep {
	struct mail mail;
	bool is_under_way;
	uint64_t *gone;	    /* bits by adjacency, each of which is referenced; NULL: none */
	unsigned n_loads;   /* that may still put routes over them */
	uint32_t vrf;	    /* where it is: table … */
	unsigned family;    /* … 4 or 6 … */
	struct fib_key key; /* … and prefix */
	unsigned len;
};

struct route_hops {
	struct engine *engine;
	struct fib *fib;
	struct fib_watcher watcher;
	struct interface_listener listener;
	uint64_t n_stored;
	uint32_t n;
	struct list all;
	struct list loops; /* VIAs that were found to lead to themselves */
	struct list bucket[ROUTE_HOP_BUCKETS];
	struct rib via4[VRFS_MAX], via6[VRFS_MAX]; /* VIAs by address; owner is the hop */
	struct hop_sweep sweep;
};

static inline struct route_hops *hops_of(const struct engine *e)
{
	return e->module[MODULE_ROUTE];
}

static inline bool hop_is_ip4(const struct hop *h)
{
	return ip6_is_mapped(&h->addr);
}

/* hop_via_add - make the VIA @h, and find out where it leads. ERR_NOMEM. */
must_check
int hop_via_add(struct route_hops *t, struct hop *h);

/* hop_via_remove - it follows nothing any more; its adjacency stays. */
void hop_via_remove(struct route_hops *t, struct hop *h);

/* hop_vias_init, hop_vias_deinit - begin and end to follow the FIB. */
void hop_vias_init(struct route_hops *t);
void hop_vias_deinit(struct route_hops *t);

/* hop_forget - let it go; load-balances over it keep the adjacency until they are buried. */
void hop_forget(struct route_hops *t, struct hop *h);

/* hop_sweep_add - routes over the adjacency are to go; hop_sweep_start() begins. ERR_NOMEM. */
must_check
int hop_sweep_add(struct route_hops *t, uint32_t adjacency);
void hop_sweep_start(struct route_hops *t);
void hop_sweep_deinit(struct route_hops *t);

#endif

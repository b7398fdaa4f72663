/*
 * load_balance.h - one or several paths behind a set of prefixes.
 *
 *   flow hash ──> bucket[hash & mask] ──> adjacency
 *
 * Buckets hold adjacency indices in proportion to the paths' weights; a flow stays in its bucket.
 * Every bucket is valid at all times and its number never changes, so buckets are filled in place,
 * one store each, and readers need no more than the mask. When a path fails, its buckets alone go
 * to the others, and come back with it. A resilient one also keeps flows where they are when the
 * operator takes a path away or adds one: who gets which bucket is decided for each bucket by
 * itself (rendezvous hashing), among RESILIENT_BUCKETS, so shares are right to a few percent only.
 *
 * A path that leads to another load-balance, over a next hop that is not on a link, is an
 * adjacency of the kind VIA: adjacency.h.
 */
#ifndef CONVOY_L3_FIB_LOAD_BALANCE_H
#define CONVOY_L3_FIB_LOAD_BALANCE_H

#include "base/list.h"
#include "l3/fib/adjacency.h"

enum {
	LOAD_BALANCE_PATHS = 64,
	LOAD_BALANCE_MIN_BUCKETS = 64, /* of several paths */
	LOAD_BALANCE_MAX_BUCKETS = 4096,
	LOAD_BALANCE_WEIGHT_MAX = 255,
	LOAD_BALANCES_MAX = 1 << 20, /* as many as a trie's leaves can name */
	LOAD_BALANCE_NONE = 0,	     /* leads to ADJACENCY_NONE */
};

struct fib_path {
	uint32_t adjacency;
	uint32_t weight; /* up to LOAD_BALANCE_WEIGHT_MAX; 0 counts as 1 */
};

struct load_balance_info; /* main's: paths, references */

/* What workers read, 16 bytes. */
struct load_balance {
	uint32_t mask;	/* number of buckets less one, 0 for one path */
	uint32_t only;	/* the adjacency, while @mask is 0 */
	uint32_t first; /* bucket in the table's, else */
	uint32_t spare;
};

struct load_balance_table {
	struct load_balance *at;	 /* [LOAD_BALANCES_MAX], never moves */
	uint32_t *bucket;		 /* of all, never moves */
	struct load_balance_info **info; /* [LOAD_BALANCES_MAX], main's */
	struct list *by_paths;		 /* hash table of infos; main's */
	uint32_t n;			 /* indices ever used */
	uint32_t n_used;
	uint32_t first_free;
	uint32_t n_buckets;	   /* ever used */
	uint32_t free_buckets[16]; /* by the logarithm of their number */
	uint64_t n_stores;	   /* into buckets that readers may see, and that changed */
	struct adjacency_table *adjacencies;
	void (*life)(struct load_balance_table *t, uint32_t index, void *context);
	void *life_context;
};

/* load_balance_table_init - with LOAD_BALANCE_NONE in it; ERR_NOMEM. */
must_check
int load_balance_table_init(struct load_balance_table *t, struct adjacency_table *adjacencies);
void load_balance_table_deinit(struct load_balance_table *t);

/*
 * load_balance_get - the load-balance with exactly these paths, in this order, counted once more;
 * a new one if there is none. ERR_INVAL for no path, ERR_RANGE for too great a weight, ERR_FULL for
 * too many paths or load-balances, ERR_NOMEM.
 */
must_check
int load_balance_get(struct load_balance_table *t, const struct fib_path *paths, unsigned n_paths,
		     bool resilient, uint32_t *out);

/* load_balance_hold - count one more reference to what is referenced already. */
void load_balance_hold(struct load_balance_table *t, uint32_t index);

/* load_balance_put - one reference less; the last one gone frees the index later. */
void load_balance_put(struct load_balance_table *t, uint32_t index);

/*
 * load_balance_refill - a path may have become usable or useless: move the flows of every
 * load-balance that uses @adjacency, and no others.
 */
void load_balance_refill(struct load_balance_table *t, uint32_t adjacency);

/*
 * load_balance_paths - the paths of @index, dead ones too; returns their number. Borrowed: by main,
 * or by a worker that a lookup has given @index, until the end of the turn.
 */
unsigned load_balance_paths(const struct load_balance_table *t, uint32_t index,
			    const struct fib_path **paths);
bool load_balance_is_resilient(const struct load_balance_table *t, uint32_t index);

/* load_balance_has_many - true if the flow decides. */
static inline bool load_balance_has_many(const struct load_balance_table *t, uint32_t index)
{
	return t->at[index].mask != 0;
}

/* load_balance_is_dead - true while none of its paths is usable. Main. */
bool load_balance_is_dead(const struct load_balance_table *t, uint32_t index);

/* load_balance_followers - a list for who leads to @index, which it holds: l3/route/via.c. */
struct list *load_balance_followers(const struct load_balance_table *t, uint32_t index);

/* load_balance_watch - @life is called when one that has followers dies, or is back. NULL: no more.
 */
void load_balance_watch(struct load_balance_table *t,
			void (*life)(struct load_balance_table *t, uint32_t index, void *context),
			void *context);

/* load_balance_pick - the adjacency index for a flow. */
static inline uint32_t load_balance_pick(const struct load_balance_table *t, uint32_t index,
					 uint32_t flow_hash)
{
	const struct load_balance *lb = &t->at[index];

	if (likely(lb->mask == 0))
		return __atomic_load_n(&lb->only, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&t->bucket[lb->first + (flow_hash & lb->mask)], __ATOMIC_ACQUIRE);
}

#endif

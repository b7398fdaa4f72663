/*
 * load_balance.h - one or several paths behind a set of prefixes.
 *
 * Eight buckets hold adjacency indices in proportion to the paths' weights; a flow stays in its
 * bucket. Every bucket is valid at all times, so they are filled in place, one store each, and
 * readers need no more than the mask.
 */
#ifndef CONVOY_L3_FIB_LOAD_BALANCE_H
#define CONVOY_L3_FIB_LOAD_BALANCE_H

#include "l3/fib/adjacency.h"

enum {
	LOAD_BALANCE_PATHS = 8,
	LOAD_BALANCE_BUCKETS = 8,
	LOAD_BALANCES_MAX = 1 << 20,
	LOAD_BALANCE_NONE = 0, /* leads to ADJACENCY_NONE */
};

struct fib_path {
	uint32_t adjacency;
	uint32_t weight; /* 0 counts as 1 */
};

struct load_balance_info; /* main's: paths, references */

struct load_balance {
	uint32_t mask; /* 0 for one path, else LOAD_BALANCE_BUCKETS - 1 */
	uint32_t bucket[LOAD_BALANCE_BUCKETS];
	uint32_t spare;
	struct load_balance_info *info;
	uint8_t pad[16];
};
_Static_assert(sizeof(struct load_balance) == 64, "one cache line");

struct load_balance_table {
	struct load_balance *at; /* [LOAD_BALANCES_MAX], never moves */
	uint32_t n;		 /* indices ever used */
	uint32_t n_used;
	uint32_t first_free;
	struct adjacency_table *adjacencies;
};

/* load_balance_table_init - with LOAD_BALANCE_NONE in it; ERR_NOMEM. */
must_check
int load_balance_table_init(struct load_balance_table *t, struct adjacency_table *adjacencies);
void load_balance_table_deinit(struct load_balance_table *t);

/*
 * load_balance_get - the load-balance with exactly these paths, in this order, counted once more;
 * a new one if there is none. ERR_INVAL for no path, ERR_FULL for too many paths or load-balances,
 * ERR_NOMEM.
 */
must_check
int load_balance_get(struct load_balance_table *t, const struct fib_path *paths, unsigned n_paths,
		     uint32_t *out);

/* load_balance_put - one reference less; the last one gone frees the index later. */
void load_balance_put(struct load_balance_table *t, uint32_t index);

/*
 * load_balance_refill - a path may have become usable or useless: spread the flows of every
 * load-balance that uses @adjacency over its usable paths.
 */
void load_balance_refill(struct load_balance_table *t, uint32_t adjacency);

/* load_balance_paths - the paths of @index; returns their number. Borrowed. Main. */
unsigned load_balance_paths(const struct load_balance_table *t, uint32_t index,
			    const struct fib_path **paths);

/* load_balance_has_many - true if the flow decides. */
static inline bool load_balance_has_many(const struct load_balance_table *t, uint32_t index)
{
	return __atomic_load_n(&t->at[index].mask, __ATOMIC_RELAXED) != 0;
}

/* load_balance_pick - the adjacency index for a flow. */
static inline uint32_t load_balance_pick(const struct load_balance_table *t, uint32_t index,
					 uint32_t flow_hash)
{
	const struct load_balance *lb = &t->at[index];
	uint32_t mask = __atomic_load_n(&lb->mask, __ATOMIC_RELAXED);

	return __atomic_load_n(&lb->bucket[flow_hash & mask], __ATOMIC_ACQUIRE);
}

#endif

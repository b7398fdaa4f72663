/* load_balance.c - sets of paths, shared among prefixes and spread over buckets. */
#include "l3/fib/load_balance.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "l3/fib/fib_yard.h"

struct load_balance_info {
	uint32_t refs;
	uint32_t index;
	uint32_t n_paths;
	uint32_t next_free;
	struct load_balance_table *table;
	struct fib_grave grave;
	struct fib_path paths[LOAD_BALANCE_PATHS];
};

static bool is_usable(const struct load_balance_table *t, const struct fib_path *p)
{
	return adjacency_at(t->adjacencies, p->adjacency)->kind != ADJACENCY_UNREACHABLE;
}

static uint32_t weight_of(const struct fib_path *p)
{
	return p->weight ? p->weight : 1;
}

/*
 * Give each bucket to the path that is furthest behind its share: with weights 3 and 1, buckets
 * 0 1 0 0 0 1 0 0. Paths that lead nowhere take part only when all of them do.
 */
static void fill(struct load_balance_table *t, struct load_balance *lb)
{
	const struct load_balance_info *info = lb->info;
	int64_t behind[LOAD_BALANCE_PATHS] = { 0 };
	bool any = false;

	for (unsigned i = 0; i < info->n_paths; i++)
		any |= is_usable(t, &info->paths[i]);
	for (unsigned b = 0; b < LOAD_BALANCE_BUCKETS; b++) {
		unsigned best = LOAD_BALANCE_PATHS;
		int64_t total = 0;

		for (unsigned i = 0; i < info->n_paths; i++) {
			if (any && !is_usable(t, &info->paths[i]))
				continue;
			behind[i] += weight_of(&info->paths[i]);
			total += weight_of(&info->paths[i]);
			if (best == LOAD_BALANCE_PATHS || behind[i] > behind[best])
				best = i;
		}
		behind[best] -= total;
		__atomic_store_n(&lb->bucket[b], info->paths[best].adjacency, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&lb->mask, info->n_paths > 1 ? LOAD_BALANCE_BUCKETS - 1u : 0u,
			 __ATOMIC_RELEASE);
}

static bool has_paths(const struct load_balance_info *info, const struct fib_path *paths,
		      unsigned n_paths)
{
	if (info->n_paths != n_paths)
		return false;
	for (unsigned i = 0; i < n_paths; i++)
		if (info->paths[i].adjacency != paths[i].adjacency ||
		    weight_of(&info->paths[i]) != weight_of(&paths[i]))
			return false;
	return true;
}

int load_balance_table_init(struct load_balance_table *t, struct adjacency_table *adjacencies)
{
	struct fib_path none = { ADJACENCY_NONE, 1 };
	uint32_t index;
	void *at = mmap(NULL, LOAD_BALANCES_MAX * sizeof(struct load_balance),
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return ERR_NOMEM;
	*t = (struct load_balance_table){ .at = at, .adjacencies = adjacencies };
	if (load_balance_get(t, &none, 1, &index) != 0) {
		load_balance_table_deinit(t);
		return ERR_NOMEM;
	}
	invariant(index == LOAD_BALANCE_NONE);
	return 0;
}

void load_balance_table_deinit(struct load_balance_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->at[i].info);
	if (t->at)
		munmap(t->at, LOAD_BALANCES_MAX * sizeof(struct load_balance));
	*t = (struct load_balance_table){ 0 };
}

static struct load_balance *new_or_null(struct load_balance_table *t, const struct fib_path *paths,
					unsigned n_paths)
{
	struct load_balance *lb;
	struct load_balance_info *info;

	if (t->first_free) {
		lb = &t->at[t->first_free];
		info = lb->info;
		t->first_free = info->next_free;
	} else {
		info = calloc(1, sizeof(*info));
		if (!info || t->n == LOAD_BALANCES_MAX) {
			free(info);
			return NULL;
		}
		info->index = t->n++;
		info->table = t;
		lb = &t->at[info->index];
		lb->info = info;
	}
	info->refs = 1;
	info->n_paths = n_paths;
	memcpy(info->paths, paths, n_paths * sizeof(*paths));
	for (unsigned i = 0; i < n_paths; i++)
		adjacency_get(t->adjacencies, paths[i].adjacency);
	t->n_used++;
	fill(t, lb);
	return lb;
}

int load_balance_get(struct load_balance_table *t, const struct fib_path *paths, unsigned n_paths,
		     uint32_t *out)
{
	struct load_balance *lb;

	if (n_paths == 0)
		return ERR_INVAL;
	if (n_paths > LOAD_BALANCE_PATHS)
		return ERR_FULL;
	for (uint32_t i = 0; i < t->n; i++) {
		struct load_balance_info *info = t->at[i].info;

		if (info->refs > 0 && has_paths(info, paths, n_paths)) {
			info->refs++;
			*out = i;
			return 0;
		}
	}
	lb = new_or_null(t, paths, n_paths);
	if (!lb)
		return t->n == LOAD_BALANCES_MAX ? ERR_FULL : ERR_NOMEM;
	*out = lb->info->index;
	return 0;
}

static void bury(struct fib_grave *g)
{
	struct load_balance_info *info = container_of(g, struct load_balance_info, grave);
	struct load_balance_table *t = info->table;

	for (unsigned i = 0; i < info->n_paths; i++)
		adjacency_put(t->adjacencies, info->paths[i].adjacency);
	info->n_paths = 0;
	info->next_free = t->first_free;
	t->first_free = info->index;
}

void load_balance_put(struct load_balance_table *t, uint32_t index)
{
	struct load_balance_info *info = t->at[index].info;

	invariant(info->refs > 0);
	if (--info->refs > 0)
		return;
	t->n_used--;
	fib_retire(t->adjacencies->yard, &info->grave, bury);
}

void load_balance_refill(struct load_balance_table *t, uint32_t adjacency)
{
	for (uint32_t i = 0; i < t->n; i++) {
		struct load_balance_info *info = t->at[i].info;

		for (unsigned p = 0; info->refs > 0 && p < info->n_paths; p++) {
			if (info->paths[p].adjacency == adjacency) {
				fill(t, &t->at[i]);
				break;
			}
		}
	}
}

unsigned load_balance_paths(const struct load_balance_table *t, uint32_t index,
			    const struct fib_path **paths)
{
	*paths = t->at[index].info->paths;
	return t->at[index].info->n_paths;
}

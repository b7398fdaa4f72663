/* load_balance.c - sets of paths, shared among prefixes and spread over buckets. */
#include "l3/fib/load_balance.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "l3/fib/fib_yard.h"

enum {
	HASH_SLOTS = 1 << 16,
	BUCKETS_MAX = 1 << 28, /* address space, not memory */
	BUCKETS_PER_SHARE = 16,
};

/* That @info has a path over an adjacency: a link in that one's list of users. */
struct use {
	struct list link;
	struct load_balance_info *info;
};

struct load_balance_info {
	struct list hash_link;
	struct load_balance_table *table;
	struct fib_grave grave;
	uint32_t refs;
	uint32_t index;
	uint32_t hash;
	uint32_t next_free;
	uint8_t n_paths;
	bool resilient;
	bool is_dead; /* no path is usable */
	struct list followers;
	struct fib_path *paths; /* [n_paths] */
	struct use *uses;	/* [n_paths] */
	uint8_t *home;		/* [buckets]: the path that has it while all are usable */
};

static bool is_usable(const struct load_balance_table *t, const struct fib_path *p)
{
	return adjacency_at(t->adjacencies, p->adjacency)->kind != ADJACENCY_UNREACHABLE;
}

static uint32_t weight_of(const struct fib_path *p)
{
	return p->weight ? p->weight : 1;
}

/* --- who gets which bucket --- */

/* Deals buckets to paths by their weights, one after the other. */
struct dealer {
	int64_t behind[LOAD_BALANCE_PATHS];
};

/*
 * The path that is furthest behind its share, of those that may take part: with weights 3 and 1,
 * 0 1 0 0 0 1 0 0 …
 */
static unsigned deal(struct dealer *d, const struct load_balance_info *info, const bool *may)
{
	unsigned best = LOAD_BALANCE_PATHS;
	int64_t total = 0;

	for (unsigned i = 0; i < info->n_paths; i++) {
		if (!may[i])
			continue;
		d->behind[i] += weight_of(&info->paths[i]);
		total += weight_of(&info->paths[i]);
		if (best == LOAD_BALANCE_PATHS || d->behind[i] > d->behind[best])
			best = i;
	}
	d->behind[best] -= total;
	return best;
}

static uint32_t mix(uint32_t a, uint32_t b)
{
	uint64_t h = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u;

	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	return (uint32_t)(h >> 32);
}

/* -log2 of @x / 2^32 in units of 2^-16, straight between powers of two. */
static uint32_t minus_log2(uint32_t x)
{
	unsigned zeros = (unsigned)__builtin_clz(x | 1);
	uint32_t fraction = (x | 1) << zeros << 1 >> 16; /* behind the first one */

	return ((zeros + 1) << 16) - fraction;
}

/* The path with the least of "exponential with rate weight", drawn for it and this bucket. */
static unsigned rendezvous(const struct load_balance_info *info, unsigned bucket, const bool *may)
{
	unsigned best = LOAD_BALANCE_PATHS;
	uint64_t least = 0;

	for (unsigned i = 0; i < info->n_paths; i++) {
		uint32_t draw = mix(info->paths[i].adjacency, bucket);
		uint64_t score;

		if (!may[i])
			continue;
		score = ((uint64_t)minus_log2(draw) << 16) / weight_of(&info->paths[i]);
		if (best == LOAD_BALANCE_PATHS || score < least) {
			best = i;
			least = score;
		}
	}
	return best;
}

static unsigned give(const struct load_balance_info *info, struct dealer *d, unsigned bucket,
		     const bool *may)
{
	return info->resilient ? rendezvous(info, bucket, may) : deal(d, info, may);
}

static uint32_t n_buckets_of(const struct load_balance *lb)
{
	return lb->mask ? lb->mask + 1 : 0;
}

static void choose_homes(struct load_balance_table *t, struct load_balance_info *info)
{
	bool all[LOAD_BALANCE_PATHS];
	struct dealer d = { 0 };

	memset(all, true, sizeof(all));
	for (uint32_t b = 0; b < n_buckets_of(&t->at[info->index]); b++)
		info->home[b] = (uint8_t)give(info, &d, b, all);
}

static void store(struct load_balance_table *t, uint32_t *place, uint32_t adjacency)
{
	if (*place == adjacency)
		return;
	__atomic_store_n(place, adjacency, __ATOMIC_RELEASE); /* pairs with load_balance_pick() */
	t->n_stores++;
}

/*
 * Buckets are at home, unless home is useless: then with a path that is not. When all are useless,
 * all are at home.
 */
static void fill_buckets(struct load_balance_table *t, const struct load_balance_info *info,
			 const bool *usable, bool any)
{
	struct load_balance *lb = &t->at[info->index];
	struct dealer d = { 0 };

	if (lb->mask == 0) {
		store(t, &lb->only, info->paths[0].adjacency);
		return;
	}
	for (uint32_t b = 0; b < n_buckets_of(lb); b++) {
		unsigned path = info->home[b];

		if (any && !usable[path])
			path = give(info, &d, b, usable);
		store(t, &t->bucket[lb->first + b], info->paths[path].adjacency);
	}
}

static void fill(struct load_balance_table *t, struct load_balance_info *info)
{
	bool usable[LOAD_BALANCE_PATHS], any = false;

	for (unsigned i = 0; i < info->n_paths; i++)
		any |= usable[i] = is_usable(t, &info->paths[i]);
	fill_buckets(t, info, usable, any);
	if (info->is_dead == !any)
		return;
	info->is_dead = !any;
	if (t->life && !list_empty(&info->followers))
		t->life(t, info->index, t->life_context);
}

/* --- the table --- */

static void *reserve_or_null(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int load_balance_table_init(struct load_balance_table *t, struct adjacency_table *adjacencies)
{
	struct fib_path none = { ADJACENCY_NONE, 1 };
	uint32_t index;

	*t = (struct load_balance_table){ .adjacencies = adjacencies, .n_buckets = 1 };
	t->at = reserve_or_null(LOAD_BALANCES_MAX * sizeof(*t->at));
	t->bucket = reserve_or_null(BUCKETS_MAX * sizeof(*t->bucket));
	t->info = reserve_or_null(LOAD_BALANCES_MAX * sizeof(struct load_balance_info *));
	t->by_paths = malloc(HASH_SLOTS * sizeof(*t->by_paths));
	if (!t->at || !t->bucket || !t->info || !t->by_paths)
		goto fail;
	for (unsigned i = 0; i < HASH_SLOTS; i++)
		list_init(&t->by_paths[i]);
	if (load_balance_get(t, &none, 1, false, &index) != 0)
		goto fail;
	invariant(index == LOAD_BALANCE_NONE);
	return 0;
fail:
	load_balance_table_deinit(t);
	return ERR_NOMEM;
}

static void free_info(struct load_balance_info *info)
{
	free(info->paths);
	free(info->uses);
	free(info->home);
	info->paths = NULL;
	info->uses = NULL;
	info->home = NULL;
}

void load_balance_table_deinit(struct load_balance_table *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		free_info(t->info[i]);
		free(t->info[i]);
	}
	if (t->at)
		munmap(t->at, LOAD_BALANCES_MAX * sizeof(*t->at));
	if (t->bucket)
		munmap(t->bucket, BUCKETS_MAX * sizeof(*t->bucket));
	if (t->info)
		munmap(t->info, LOAD_BALANCES_MAX * sizeof(struct load_balance_info *));
	free(t->by_paths);
	*t = (struct load_balance_table){ 0 };
}

static unsigned log2_of(uint32_t n)
{
	return 31u - (unsigned)__builtin_clz(n);
}

/* @n buckets, a power of two, that are adjacent; 0 when there are none. */
static uint32_t take_buckets_or_zero(struct load_balance_table *t, uint32_t n)
{
	uint32_t at = t->free_buckets[log2_of(n)];

	if (at) {
		t->free_buckets[log2_of(n)] = t->bucket[at];
	} else if (n <= BUCKETS_MAX - t->n_buckets) {
		at = t->n_buckets;
		t->n_buckets += n;
	}
	return at;
}

static void give_buckets(struct load_balance_table *t, uint32_t at, uint32_t n)
{
	t->bucket[at] = t->free_buckets[log2_of(n)];
	t->free_buckets[log2_of(n)] = at;
}

/* Enough for the lightest path to have BUCKETS_PER_SHARE of them; 0 for one path. */
static uint32_t n_buckets_for(const struct fib_path *paths, unsigned n_paths, bool resilient)
{
	uint32_t least = LOAD_BALANCE_WEIGHT_MAX, sum = 0, n = LOAD_BALANCE_MIN_BUCKETS;

	if (n_paths == 1)
		return 0;
	if (resilient)
		return LOAD_BALANCE_MAX_BUCKETS;
	for (unsigned i = 0; i < n_paths; i++) {
		sum += weight_of(&paths[i]);
		if (weight_of(&paths[i]) < least)
			least = weight_of(&paths[i]);
	}
	while (n < BUCKETS_PER_SHARE * sum / least && n < LOAD_BALANCE_MAX_BUCKETS)
		n *= 2;
	return n;
}

static int info_new(struct load_balance_table *t, struct load_balance_info **out)
{
	struct load_balance_info *info;

	if (t->first_free) {
		info = t->info[t->first_free];
		t->first_free = info->next_free;
		*out = info;
		return 0;
	}
	if (t->n == LOAD_BALANCES_MAX)
		return ERR_FULL;
	info = calloc(1, sizeof(*info));
	if (!info)
		return ERR_NOMEM;
	info->index = t->n++;
	info->table = t;
	list_init(&info->hash_link);
	list_init(&info->followers);
	t->info[info->index] = info;
	*out = info;
	return 0;
}

static void info_give(struct load_balance_info *info)
{
	free_info(info);
	info->next_free = info->table->first_free;
	info->table->first_free = info->index;
}

/* Buckets and main's lists of @info, whose paths are there. */
static int make_room(struct load_balance_table *t, struct load_balance_info *info, uint32_t n)
{
	struct load_balance *lb = &t->at[info->index];
	uint32_t first = 0;

	info->paths = calloc(info->n_paths, sizeof(*info->paths));
	info->uses = calloc(info->n_paths, sizeof(*info->uses));
	info->home = n ? calloc(n, 1) : NULL;
	if (!info->paths || !info->uses || (n && !info->home))
		return ERR_NOMEM;
	if (n) {
		first = take_buckets_or_zero(t, n);
		if (first == 0)
			return ERR_FULL;
	}
	*lb = (struct load_balance){ .mask = n ? n - 1 : 0, .first = first };
	return 0;
}

static int new_one(struct load_balance_table *t, const struct fib_path *paths, unsigned n_paths,
		   bool resilient, uint32_t hash, uint32_t *out)
{
	struct load_balance_info *info;
	int err = info_new(t, &info);

	if (err != 0)
		return err;
	info->n_paths = (uint8_t)n_paths;
	info->resilient = resilient;
	err = make_room(t, info, n_buckets_for(paths, n_paths, resilient));
	if (err != 0) {
		info_give(info);
		return err;
	}
	info->refs = 1;
	info->hash = hash;
	memcpy(info->paths, paths, n_paths * sizeof(*paths));
	for (unsigned i = 0; i < n_paths; i++) {
		info->uses[i].info = info;
		adjacency_get(t->adjacencies, paths[i].adjacency);
		list_push(adjacency_users(t->adjacencies, paths[i].adjacency), &info->uses[i].link);
	}
	list_push(&t->by_paths[hash & (HASH_SLOTS - 1)], &info->hash_link);
	t->n_used++;
	choose_homes(t, info);
	fill(t, info);
	*out = info->index;
	return 0;
}

static bool has_paths(const struct load_balance_info *info, const struct fib_path *paths,
		      unsigned n_paths, bool resilient)
{
	if (info->n_paths != n_paths || info->resilient != resilient)
		return false;
	for (unsigned i = 0; i < n_paths; i++)
		if (info->paths[i].adjacency != paths[i].adjacency ||
		    weight_of(&info->paths[i]) != weight_of(&paths[i]))
			return false;
	return true;
}

int load_balance_get(struct load_balance_table *t, const struct fib_path *paths, unsigned n_paths,
		     bool resilient, uint32_t *out)
{
	uint32_t hash = resilient;

	if (n_paths == 0)
		return ERR_INVAL;
	if (n_paths > LOAD_BALANCE_PATHS)
		return ERR_FULL;
	for (unsigned i = 0; i < n_paths; i++) {
		if (paths[i].weight > LOAD_BALANCE_WEIGHT_MAX)
			return ERR_RANGE;
		hash = mix(hash, paths[i].adjacency ^ weight_of(&paths[i]) << 20);
	}
	list_for_each(link, &t->by_paths[hash & (HASH_SLOTS - 1)]) {
		struct load_balance_info *info =
			container_of(link, struct load_balance_info, hash_link);

		if (info->hash == hash && has_paths(info, paths, n_paths, resilient)) {
			info->refs++;
			*out = info->index;
			return 0;
		}
	}
	return new_one(t, paths, n_paths, resilient, hash, out);
}

void load_balance_hold(struct load_balance_table *t, uint32_t index)
{
	invariant(t->info[index]->refs > 0);
	t->info[index]->refs++;
}

/* No worker knows the index now. */
static void bury(struct fib_grave *g)
{
	struct load_balance_info *info = container_of(g, struct load_balance_info, grave);
	struct load_balance_table *t = info->table;
	struct load_balance *lb = &t->at[info->index];

	for (unsigned i = 0; i < info->n_paths; i++)
		adjacency_put(t->adjacencies, info->paths[i].adjacency);
	if (lb->mask)
		give_buckets(t, lb->first, lb->mask + 1);
	info_give(info);
}

void load_balance_put(struct load_balance_table *t, uint32_t index)
{
	struct load_balance_info *info = t->info[index];

	invariant(info->refs > 0);
	if (--info->refs > 0)
		return;
	t->n_used--;
	list_remove(&info->hash_link);
	for (unsigned i = 0; i < info->n_paths; i++)
		list_remove(&info->uses[i].link);
	fib_retire(t->adjacencies->yard, &info->grave, bury);
}

void load_balance_refill(struct load_balance_table *t, uint32_t adjacency)
{
	list_for_each(link, adjacency_users(t->adjacencies, adjacency))
		fill(t, container_of(link, struct use, link)->info);
}

unsigned load_balance_paths(const struct load_balance_table *t, uint32_t index,
			    const struct fib_path **paths)
{
	*paths = t->info[index]->paths;
	return t->info[index]->n_paths;
}

bool load_balance_is_resilient(const struct load_balance_table *t, uint32_t index)
{
	return t->info[index]->resilient;
}

bool load_balance_is_dead(const struct load_balance_table *t, uint32_t index)
{
	return t->info[index]->is_dead;
}

struct list *load_balance_followers(const struct load_balance_table *t, uint32_t index)
{
	return &t->info[index]->followers;
}

void load_balance_watch(struct load_balance_table *t,
			void (*life)(struct load_balance_table *t, uint32_t index, void *context),
			void *context)
{
	t->life = life;
	t->life_context = context;
}

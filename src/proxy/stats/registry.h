/* registry.h - inside the stats folder: how groups are kept, for the printers. */
#ifndef CONVOY_PROXY_STATS_REGISTRY_H
#define CONVOY_PROXY_STATS_REGISTRY_H

#include "base/arena.h"
#include "proxy/stats/stats.h"

enum { STAT_GROUP_BUCKETS = 4096 };

struct stat_group {
	struct stat_group *next;
	struct stat_group *next_in_bucket;
	struct stat_scope scope; /* value cleaned; strings in the arena */
	const struct stat_layout *layout;
	uint8_t *blocks; /* one per worker and one for the main thread, block_bytes apart */
	size_t block_bytes;
	uint8_t *zero;	   /* what stats_reset_counters() found; shaped like a block */
	uint8_t *last;	   /* histograms at the last flush, and */
	uint8_t *interval; /* what the interval before it added; both shaped like a block */
};

struct stat_pages {
	struct stat_pages *next;
	size_t size, used;
};

struct stats {
	struct arena arena;
	struct stat_pages *pages;			/* what blocks are cut from, newest first */
	struct stat_group *groups;			/* newest first */
	struct stat_group *buckets[STAT_GROUP_BUCKETS]; /* the same by hash of scope and layout */
	unsigned n_workers;
};

/* One value that has a line of its own in the output. */
struct stat_sample {
	const struct stat_group *group;
	const struct stat_field *field;
	unsigned status;	     /* STAT_STATUS_CODES: which; otherwise 0 */
	uint64_t value;		     /* counters and gauges */
	char *name;		     /* full name, in the list's arena */
	struct histogram *histogram; /* STAT_TIME: totals, in the list's arena */
	struct histogram *interval;
};

struct stat_samples {
	struct arena arena;
	struct stat_sample *items; /* sorted by name */
	size_t n, room;
};

/* stats_collect - sum everything that @q wants; stats_release() frees it. ERR_NOMEM. */
must_check
int stats_collect(struct stats *s, const struct stats_query *q, struct stat_samples *out);
void stats_release(struct stat_samples *l);

#endif

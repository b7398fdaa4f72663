/*
 * stats.h - Envoy's counters, gauges and histograms.
 *
 * Who counts writes down a struct of plain uint64_t and a layout that names its members. Groups
 * are made while a configuration is put together: one struct per worker and one for the main
 * thread. Each thread touches its own; the main thread sums them when somebody asks:
 *
 *   struct cluster_stats { uint64_t upstream_rq_total; ... };             the hot path:
 *   group = stats_group(s, stat_scope_cluster("web"), &layout) stat_inc(&st->upstream_rq_total) st
 * = stat_group_block(group, worker_idx)
 *
 *   cluster.web.upstream_rq_total: 12 envoy_cluster_upstream_rq_total{envoy_cluster_name="web"} 12
 *   prefix  value  field
 */
#ifndef CONVOY_PROXY_STATS_STATS_H
#define CONVOY_PROXY_STATS_STATS_H

#include <stdio.h>

#include "base/compiler.h"
#include "proxy/stats/histogram.h"

enum stat_kind {
	STAT_COUNTER,	   /* [uint64_t] */
	STAT_GAUGE,	   /* [uint64_t], may wrap below 0 in one thread; the sum is what counts */
	STAT_TIME,	   /* [struct histogram] of µs, shown in ms as Envoy does */
	STAT_STATUS_CODES, /* [struct status_codes]: "NAME_200", "NAME_404" … once they occur */
};

enum { STATUS_CODE_FIRST = 100, STATUS_CODES = 500 };

struct status_codes {
	uint64_t n[STATUS_CODES]; /* of status STATUS_CODE_FIRST + index */
};

struct stat_field {
	const char *name; /* "upstream_rq_total"; may contain dots */
	enum stat_kind kind;
	uint32_t offset;
};

struct stat_layout {
	size_t size; /* of the struct */
	const struct stat_field *fields;
	uint32_t n_fields;
};

/* Where a group's names begin, and the tag that Prometheus gets instead of the value. */
struct stat_scope {
	const char *prefix; /* "cluster" */
	const char *tag;    /* "envoy_cluster_name"; NULL if there is no value */
	const char *value;  /* "web"; ':' becomes '_' */
};

static inline struct stat_scope stat_scope_cluster(const char *name)
{
	return (struct stat_scope){ "cluster", "envoy_cluster_name", name };
}

static inline struct stat_scope stat_scope_http(const char *stat_prefix)
{
	return (struct stat_scope){ "http", "envoy_http_conn_manager_prefix", stat_prefix };
}

static inline struct stat_scope stat_scope_listener(const char *address)
{
	return (struct stat_scope){ "listener", "envoy_listener_address", address };
}

/* "server", "http1", "cluster_manager", "listener_manager" … */
static inline struct stat_scope stat_scope_plain(const char *prefix)
{
	return (struct stat_scope){ prefix, NULL, NULL };
}

static inline void stat_add(uint64_t *stat, uint64_t n)
{
	__atomic_store_n(stat, *stat + n, __ATOMIC_RELAXED);
}

static inline void stat_inc(uint64_t *stat)
{
	stat_add(stat, 1);
}

static inline void stat_dec(uint64_t *stat)
{
	stat_add(stat, (uint64_t)-1);
}

static inline void stat_set(uint64_t *stat, uint64_t value)
{
	__atomic_store_n(stat, value, __ATOMIC_RELAXED);
}

static inline void stat_status(struct status_codes *codes, unsigned status)
{
	if (status - STATUS_CODE_FIRST < STATUS_CODES)
		stat_inc(&codes->n[status - STATUS_CODE_FIRST]);
}

struct stats;
struct stat_group;

/* stats_new_or_null - for @n_workers threads beside the main one. */
struct stats *stats_new_or_null(unsigned n_workers);
void stats_free(struct stats *s);

/*
 * stats_group_or_null - the group of @scope and @layout, made on first use, all zero.
 * The same scope and layout give the same group: two connection managers with one stat_prefix
 * share their counts. @scope is copied, @layout is borrowed for good. Main thread only.
 */
struct stat_group *stats_group_or_null(struct stats *s, struct stat_scope scope,
				       const struct stat_layout *layout);

/* STATS_MAIN, as a worker's index, is the main thread's own struct. */
enum { STATS_MAIN = UINT32_MAX };

/* stat_group_block - the struct of worker @worker_idx, or of the main thread. */
void *stat_group_block(struct stat_group *g, unsigned worker_idx);

/* stats_flush - end the interval that histograms report beside their totals. Main thread. */
void stats_flush(struct stats *s);

/* stats_reset_counters - counters and histograms show 0 from now on; gauges stay. */
void stats_reset_counters(struct stats *s);

/* stats_value - the sum of one counter or gauge by its full name ("cluster.web.upstream_rq_total");
 * false if there is none. Walks the registry: for tests and the admin pages. */
bool stats_value(struct stats *s, const char *name, uint64_t *value);

struct stats_query {
	bool used_only; /* leave out what is 0 */
	/* NULL: all; else called with each full name */
	bool (*wanted)(void *context, const char *name);
	void *context;
};

/* Write everything in one of Envoy's forms: /stats, ?format=json, ?format=prometheus. */
void stats_print_text(struct stats *s, const struct stats_query *q, FILE *out);
void stats_print_json(struct stats *s, const struct stats_query *q, FILE *out);
void stats_print_prometheus(struct stats *s, const struct stats_query *q, FILE *out);

#endif

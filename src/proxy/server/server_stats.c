/* server_stats.c - the names of the process' own statistics. */
#include "proxy/server/server_stats.h"

#include <stddef.h>

static const struct stat_field server_fields[] = {
	{ "live", STAT_GAUGE, offsetof(struct server_stats, live) },
	{ "state", STAT_GAUGE, offsetof(struct server_stats, state) },
	{ "uptime", STAT_GAUGE, offsetof(struct server_stats, uptime) },
	{ "concurrency", STAT_GAUGE, offsetof(struct server_stats, concurrency) },
	{ "total_connections", STAT_GAUGE, offsetof(struct server_stats, total_connections) },
	{ "parent_connections", STAT_GAUGE, offsetof(struct server_stats, parent_connections) },
	{ "memory_allocated", STAT_GAUGE, offsetof(struct server_stats, memory_allocated) },
	{ "memory_heap_size", STAT_GAUGE, offsetof(struct server_stats, memory_heap_size) },
	{ "memory_physical_size", STAT_GAUGE, offsetof(struct server_stats, memory_physical_size) },
	{ "hot_restart_epoch", STAT_GAUGE, offsetof(struct server_stats, hot_restart_epoch) },
	{ "version", STAT_GAUGE, offsetof(struct server_stats, version) },
};
const struct stat_layout server_stats_layout = { sizeof(struct server_stats), server_fields,
						 count_of(server_fields) };

static const struct stat_field cluster_manager_fields[] = {
	{ "active_clusters", STAT_GAUGE, offsetof(struct cluster_manager_stats, active_clusters) },
	{ "warming_clusters", STAT_GAUGE,
	  offsetof(struct cluster_manager_stats, warming_clusters) },
	{ "cluster_added", STAT_COUNTER, offsetof(struct cluster_manager_stats, cluster_added) },
	{ "cluster_modified", STAT_COUNTER,
	  offsetof(struct cluster_manager_stats, cluster_modified) },
	{ "cluster_removed", STAT_COUNTER,
	  offsetof(struct cluster_manager_stats, cluster_removed) },
};
const struct stat_layout cluster_manager_stats_layout = { sizeof(struct cluster_manager_stats),
							  cluster_manager_fields,
							  count_of(cluster_manager_fields) };

static const struct stat_field listener_manager_fields[] = {
	{ "total_listeners_active", STAT_GAUGE,
	  offsetof(struct listener_manager_stats, total_listeners_active) },
	{ "total_listeners_warming", STAT_GAUGE,
	  offsetof(struct listener_manager_stats, total_listeners_warming) },
	{ "total_listeners_draining", STAT_GAUGE,
	  offsetof(struct listener_manager_stats, total_listeners_draining) },
	{ "listener_added", STAT_COUNTER, offsetof(struct listener_manager_stats, listener_added) },
	{ "listener_create_success", STAT_COUNTER,
	  offsetof(struct listener_manager_stats, listener_create_success) },
	{ "listener_create_failure", STAT_COUNTER,
	  offsetof(struct listener_manager_stats, listener_create_failure) },
	{ "workers_started", STAT_GAUGE, offsetof(struct listener_manager_stats, workers_started) },
};
const struct stat_layout listener_manager_stats_layout = { sizeof(struct listener_manager_stats),
							   listener_manager_fields,
							   count_of(listener_manager_fields) };

static const struct stat_field listener_fields[] = {
	{ "downstream_cx_total", STAT_COUNTER,
	  offsetof(struct server_listener_stats, counts.downstream_cx_total) },
	{ "downstream_cx_active", STAT_GAUGE,
	  offsetof(struct server_listener_stats, counts.downstream_cx_active) },
	{ "downstream_cx_destroy", STAT_COUNTER,
	  offsetof(struct server_listener_stats, counts.downstream_cx_destroy) },
	{ "downstream_cx_overflow", STAT_COUNTER,
	  offsetof(struct server_listener_stats, counts.downstream_cx_overflow) },
	{ "downstream_cx_accept_error", STAT_COUNTER, /* ours; Envoy aborts there */
	  offsetof(struct server_listener_stats, counts.accept_errors) },
	{ "downstream_cx_length_ms", STAT_TIME,
	  offsetof(struct server_listener_stats, downstream_cx_length_ms) },
};
const struct stat_layout server_listener_stats_layout = { sizeof(struct server_listener_stats),
							  listener_fields,
							  count_of(listener_fields) };

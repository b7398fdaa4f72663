/* server_stats.h - "server.", "cluster_manager.", "listener_manager." and each "listener.". */
#ifndef CONVOY_PROXY_SERVER_SERVER_STATS_H
#define CONVOY_PROXY_SERVER_SERVER_STATS_H

#include "proxy/listener/listener.h"
#include "proxy/stats/stats.h"

/* Filled in by the main thread when somebody looks. */
struct server_stats {
	uint64_t live, state, uptime, concurrency, total_connections, parent_connections;
	uint64_t memory_allocated, memory_heap_size, memory_physical_size;
	uint64_t hot_restart_epoch, version;
};

struct cluster_manager_stats {
	uint64_t active_clusters, warming_clusters;
	uint64_t cluster_added, cluster_modified, cluster_removed;
};

struct listener_manager_stats {
	uint64_t total_listeners_active, total_listeners_warming, total_listeners_draining;
	uint64_t listener_added, listener_create_success, listener_create_failure;
	uint64_t workers_started;
};

/* One listener on one worker. */
struct server_listener_stats {
	struct listener_stats counts;
	struct histogram downstream_cx_length_ms;
};

extern const struct stat_layout server_stats_layout;
extern const struct stat_layout cluster_manager_stats_layout;
extern const struct stat_layout listener_manager_stats_layout;
extern const struct stat_layout server_listener_stats_layout;

#endif

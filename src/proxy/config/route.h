/*
 * route.h - envoy.config.route.v3: which cluster a request goes to, as configured.
 * The matcher that is compiled from it lives in proxy/route. All of it is immutable and lives as
 * long as the snapshot (snapshot.h).
 */
#ifndef CONVOY_PROXY_CONFIG_ROUTE_H
#define CONVOY_PROXY_CONFIG_ROUTE_H

#include "proxy/config/address.h"

enum route_match_kind { ROUTE_MATCH_NONE, ROUTE_MATCH_PREFIX, ROUTE_MATCH_PATH };

struct route_match_config {
	uint8_t kind;	  /* enum route_match_kind; NONE is refused by the loader */
	const char *text; /* the prefix or the path, without a query */
	bool case_sensitive;
};

enum route_priority { ROUTE_PRIORITY_DEFAULT, ROUTE_PRIORITY_HIGH, ROUTE_N_PRIORITIES };

/* No cluster of that name: only where validate_clusters is false. */
enum { ROUTE_CLUSTER_UNKNOWN = UINT32_MAX };

struct route_action_config {
	const char *cluster;
	uint32_t cluster_idx; /* into bootstrap_config.clusters, or ROUTE_CLUSTER_UNKNOWN */
	uint64_t timeout_ns;  /* from the end of the request; 0 is off; default 15 s */
	uint64_t
		idle_timeout_ns; /* CONFIG_UNSET_NS: the connection manager's stream_idle_timeout */
	uint16_t cluster_not_found_status; /* 503 (default), 404 or 500 */
	uint8_t priority;		   /* enum route_priority */
};

struct direct_response_config {
	uint32_t status;  /* 200 to 599 */
	const char *body; /* "" when absent; not text, use body_len */
	uint32_t body_len;
};

enum route_kind { ROUTE_NONE, ROUTE_FORWARD, ROUTE_DIRECT_RESPONSE };

struct route_config {
	const char *name; /* "" when absent */
	struct route_match_config match;
	uint8_t kind; /* enum route_kind; NONE is refused by the loader */
	struct route_action_config forward;
	struct direct_response_config direct_response;
	const struct config_node *at;
};

struct virtual_host_config {
	const char *name;
	/* "*", "exact.name", "*.suffix", "*-suffix" or "prefix.*"; lower case, unique in the table
	 */
	const char *const *domains;
	uint32_t n_domains;
	const struct route_config *routes;
	uint32_t n_routes;
	const struct config_node *at;
};

struct route_table_config {
	const char *name; /* "" when absent */
	const struct virtual_host_config *virtual_hosts;
	uint32_t n_virtual_hosts;
	bool validate_clusters; /* default true for a static table */
	bool ignore_port_in_host_matching;
	uint32_t max_direct_response_body_bytes; /* default 4096 */
	const struct config_node *at;
};

#endif

/* bootstrap.h - envoy.config.bootstrap.v3.Bootstrap: the whole file, decoded. */
#ifndef CONVOY_PROXY_CONFIG_BOOTSTRAP_H
#define CONVOY_PROXY_CONFIG_BOOTSTRAP_H

#include "proxy/config/cluster.h"
#include "proxy/config/listener.h"

struct node_config {
	const char *id;	     /* "" when absent */
	const char *cluster; /* "" when absent */
	const char *region, *zone, *sub_zone;
};

enum text_match_kind { TEXT_MATCH_NONE, TEXT_EXACT, TEXT_PREFIX, TEXT_SUFFIX, TEXT_CONTAINS };

/* envoy.type.matcher.v3.StringMatcher */
struct text_match_config {
	uint8_t kind; /* enum text_match_kind; NONE is refused by the loader */
	const char *text;
	bool ignore_case;
};

struct admin_config {
	bool enabled; /* an address is given */
	struct address_config address;
	const struct access_log_config *access_logs;
	uint32_t n_access_logs;
	const struct text_match_config *allow_paths; /* none: every path is allowed */
	uint32_t n_allow_paths;
};

/* The convoy socket interface, under either of its names. */
struct convoy_interface_config {
	const char *control_socket; /* NULL: the library's own choice */
};

struct bootstrap_config {
	struct node_config node;
	struct admin_config admin;
	const struct listener_config *listeners;
	uint32_t n_listeners;
	const struct cluster_config *clusters;
	uint32_t n_clusters;
	uint64_t stats_flush_interval_ns; /* default 5 s */
	struct dns_resolver_config dns;
	uint8_t default_socket_interface; /* KERNEL or CONVOY, never DEFAULT */
	struct convoy_interface_config convoy_interface;
	const struct config_node *at;
};

#endif

/* listener.h - envoy.config.listener.v3.Listener with the filter chains under it. */
#ifndef CONVOY_PROXY_CONFIG_LISTENER_H
#define CONVOY_PROXY_CONFIG_LISTENER_H

#include "proxy/config/address.h"
#include "proxy/config/http.h"

enum network_filter_kind { NETWORK_FILTER_HCM };

struct network_filter_config {
	const char *name;
	uint8_t kind; /* enum network_filter_kind */
	const struct hcm_config *hcm;
	const struct config_node *at;
};

/* The transport socket is plain bytes (raw_buffer); there is no choice yet. */
struct filter_chain_config {
	const char *name; /* "" when absent */
	const struct network_filter_config *filters;
	uint32_t n_filters; /* at least 1; a terminal filter is last, and only there */
	const struct config_node *at;
};

enum traffic_direction { TRAFFIC_UNSPECIFIED, TRAFFIC_INBOUND, TRAFFIC_OUTBOUND };

struct listener_config {
	const char *name; /* the address as text when absent */
	/* Under "listener.": stat_prefix if given, else the address with ':' turned into '_'. */
	const char *stat_prefix;
	struct address_config address;
	const struct filter_chain_config *filter_chains;
	uint32_t n_filter_chains; /* exactly 1: matching is refused by the loader */
	uint32_t per_connection_buffer_limit_bytes; /* default 1 MiB */
	uint32_t tcp_backlog_size;		    /* 0: the default of listener.h */
	uint8_t traffic_direction;		    /* enum traffic_direction */
	const struct config_node *at;
};

#endif

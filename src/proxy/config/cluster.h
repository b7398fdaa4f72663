/* cluster.h - envoy.config.cluster.v3.Cluster and its endpoints. */
#ifndef CONVOY_PROXY_CONFIG_CLUSTER_H
#define CONVOY_PROXY_CONFIG_CLUSTER_H

#include "proxy/config/address.h"
#include "proxy/config/http.h"

enum cluster_type { CLUSTER_STATIC, CLUSTER_STRICT_DNS };
enum dns_family { DNS_AUTO, DNS_V4_ONLY, DNS_V6_ONLY, DNS_V4_PREFERRED, DNS_ALL };

/* envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig */
struct dns_resolver_config {
	bool given;			      /* false: the bootstrap's resolver, or the system's */
	const struct address_config *servers; /* IP addresses; none: those of resolv.conf */
	uint32_t n_servers;
	bool use_tcp;
	bool no_search;		  /* names are asked as they are */
	uint64_t query_timeout_s; /* 0: the library's default */
	uint32_t query_tries;	  /* 0: the library's default */
};

struct endpoint_config {
	struct address_config address; /* STATIC: an IP address or a pipe; STRICT_DNS: any name */
	const char *hostname;	       /* "" when absent */
	uint32_t weight;	       /* 1 or more */
	const struct config_node *at;
};

/* One per route priority; Envoy's defaults are 1024, 1024, 1024 and 3. */
struct circuit_breaker_config {
	uint32_t max_connections;
	uint32_t max_pending_requests;
	uint32_t max_requests;
	uint32_t max_retries;
};

struct cluster_config {
	const char *name;
	const char *stat_name;			    /* alt_stat_name or name, ':' turned into '_' */
	uint8_t type;				    /* enum cluster_type */
	uint64_t connect_timeout_ns;		    /* default 5 s */
	uint32_t per_connection_buffer_limit_bytes; /* default 1 MiB */
	const struct endpoint_config *endpoints;
	uint32_t n_endpoints;
	struct circuit_breaker_config breakers[ROUTE_N_PRIORITIES];
	uint64_t dns_refresh_rate_ns;	      /* default 5 s */
	uint64_t dns_failure_refresh_rate_ns; /* after a failure; defaults to dns_refresh_rate */
	uint64_t dns_failure_refresh_max_ns;  /* it doubles up to here; 0: it stays */
	bool respect_dns_ttl;
	uint8_t dns_family; /* enum dns_family */
	struct dns_resolver_config dns;
	struct http_options_config common;
	struct http1_options_config http1;
	const struct config_node *at;
};

#endif

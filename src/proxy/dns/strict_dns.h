/*
 * strict_dns.h - keeps a STRICT_DNS cluster's hosts as the names of its endpoints resolve.
 *
 * Each endpoint is asked for by itself, again and again; each address found is a host. What an
 * endpoint last resolved to stays while its name cannot be resolved. Main thread.
 */
#ifndef CONVOY_PROXY_DNS_STRICT_DNS_H
#define CONVOY_PROXY_DNS_STRICT_DNS_H

#include "proxy/dns/resolver.h"
#include "proxy/upstream/clusters.h"

struct strict_dns;

/* Counted by the main thread, with Envoy's names under "cluster.NAME.". */
struct strict_dns_stats {
	uint64_t update_attempt;
	uint64_t update_success;
	uint64_t update_failure;
	uint64_t update_empty;
	uint64_t update_no_rebuild; /* an answer that changed nothing */
};
extern const struct stat_layout strict_dns_stats_layout;

struct strict_dns_ops {
	/* The cluster's hosts are now @hosts; borrowed. Called only when they changed. */
	void (*changed)(void *context, uint32_t cluster_idx, const struct host_spec *hosts,
			unsigned n_hosts);
	/* Every endpoint was asked for once, with whatever result. Called once. */
	void (*ready)(void *context, uint32_t cluster_idx);
};

/*
 * strict_dns_new_or_null - begin to resolve; the callbacks come in later turns.
 * @config, @resolver, @stats, @ops: borrowed until strict_dns_free()
 */
struct strict_dns *strict_dns_new_or_null(struct dispatcher *d, struct dns_resolver *resolver,
					  const struct cluster_config *config, uint32_t cluster_idx,
					  struct strict_dns_stats *stats,
					  const struct strict_dns_ops *ops, void *context);

/* strict_dns_free - before its resolver. */
void strict_dns_free(struct strict_dns *s);

#endif

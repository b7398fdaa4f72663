/* clusters.c - the shared half of clusters, each worker's half, and the coming and going of hosts.
 */
#include "proxy/upstream/clusters.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "proxy/upstream/upstream_internal.h"

static const char *interface_name(enum socket_interface_choice choice)
{
	switch (choice) {
	case SOCKET_INTERFACE_KERNEL:
		return SOCKET_NAME_KERNEL;
	case SOCKET_INTERFACE_CONVOY:
		return SOCKET_NAME_CONVOY;
	default:
		return NULL;
	}
}

static bool find_interfaces(struct cluster_shared *c, const struct socket_registry *sockets)
{
	const struct cluster_config *config = c->config;

	c->interfaces = calloc(config->n_endpoints + 1, sizeof(struct socket_interface *));
	if (!c->interfaces)
		return false;
	for (uint32_t i = 0; i < config->n_endpoints; i++) {
		uint8_t choice = config->endpoints[i].address.socket.socket_interface;

		c->interfaces[i] = socket_registry_find_or_null(sockets, interface_name(choice));
		if (c->interfaces[i])
			continue;
		log_error("cluster.socket_interface", "cluster=%s endpoint=%u error=missing",
			  config->name, i);
		return false;
	}
	return true;
}

static struct http1_settings http1_settings_of(const struct cluster_config *config)
{
	return (struct http1_settings){
		.max_head_bytes = 80 * 1024, /* Envoy's limit for responses */
		.max_headers = config->common.max_headers_count,
		.enable_trailers = config->http1.enable_trailers,
		.allow_chunked_length = config->http1.allow_chunked_length,
		.proper_case_words = config->http1.proper_case_words,
	};
}

struct clusters *clusters_new_or_null(const struct bootstrap_config *bootstrap, struct stats *stats,
				      const struct socket_registry *sockets)
{
	struct clusters *cs = calloc(1, sizeof(*cs));
	size_t bytes = (bootstrap->n_clusters + 1u) * sizeof(*cs->at);

	if (!cs)
		return NULL;
	cs->bootstrap = bootstrap;
	cs->at = aligned_alloc(_Alignof(struct cluster_shared), bytes);
	if (!cs->at)
		goto fail;
	memset(cs->at, 0, bytes);
	for (uint32_t i = 0; i < bootstrap->n_clusters; i++) {
		struct cluster_shared *c = &cs->at[i];

		c->config = &bootstrap->clusters[i];
		c->http1 = http1_settings_of(c->config);
		c->stats = stats_group_or_null(stats, stat_scope_cluster(c->config->stat_name),
					       &cluster_stats_layout);
		if (!c->stats || !find_interfaces(c, sockets))
			goto fail;
	}
	return cs;
fail:
	clusters_free(cs);
	return NULL;
}

void clusters_free(struct clusters *cs)
{
	if (!cs)
		return;
	for (uint32_t i = 0; cs->at && i < cs->bootstrap->n_clusters; i++)
		free(cs->at[i].interfaces);
	free(cs->at);
	free(cs);
}

static struct cluster_worker *worker_of(const struct dispatcher *d)
{
	return dispatcher_slot(d, DISPATCHER_SLOT_CLUSTERS);
}

struct cluster *cluster_of(const struct dispatcher *d, uint32_t cluster_idx)
{
	return &worker_of(d)->clusters[cluster_idx];
}

const struct cluster_config *cluster_config(const struct cluster *c)
{
	return c->shared->config;
}

struct cluster_stats *cluster_stats(const struct cluster *c)
{
	return c->stats;
}

struct upstream_host *host_get(struct upstream_host *h)
{
	h->n_refs++;
	return h;
}

void host_put(struct upstream_host *h)
{
	if (--h->n_refs)
		return;
	if (h->former)
		h->cluster->n_former--;
	free(h);
}

static struct upstream_host *new_host_or_null(struct cluster *c, const struct host_spec *spec)
{
	struct upstream_host *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->cluster = c;
	h->address = spec->address;
	h->endpoint = spec->endpoint;
	h->interface = c->shared->interfaces[spec->endpoint - c->shared->config->endpoints];
	list_init(&h->idle);
	list_init(&h->busy);
	list_init(&h->pending);
	h->n_refs = 1;
	return h;
}

/* Take the host of @spec out of the cluster's present list; NULL if it is new. */
static struct upstream_host *take_present(struct cluster *c, const struct host_spec *spec)
{
	for (unsigned i = 0; i < c->n_hosts; i++) {
		struct upstream_host *h = c->hosts[i];

		if (h && h->endpoint == spec->endpoint &&
		    address_equal(&h->address, &spec->address)) {
			c->hosts[i] = NULL;
			return h;
		}
	}
	return NULL;
}

static void close_in(struct list *connections, bool also_with_request)
{
	list_for_each(link, connections) {
		struct upstream_connection *c =
			container_of(link, struct upstream_connection, link);

		if (also_with_request || !c->request)
			connection_close(c->connection, CONNECTION_NO_FLUSH);
	}
}

/*
 * Requests that wait are still served here; connections that nobody waits for go now, the others
 * when they are done. @all: everything goes.
 */
static void retire(struct upstream_host *h, bool all)
{
	h->former = true;
	h->cluster->n_former++;
	if (all)
		pool_fail_pending(h, UPSTREAM_CONNECT_FAILED);
	close_in(&h->idle, all);
	if (all || list_empty(&h->pending))
		close_in(&h->busy, all);
	host_put(h);
}

static bool weights_differ(const struct cluster *c)
{
	for (unsigned i = 1; i < c->n_hosts; i++)
		if (c->hosts[i]->endpoint->weight != c->hosts[0]->endpoint->weight)
			return true;
	return false;
}

static int set_hosts(struct cluster *c, const struct host_spec *specs, unsigned n)
{
	struct upstream_host **hosts = calloc(n + 1u, sizeof(struct upstream_host *));
	struct upstream_host **before = c->hosts;
	unsigned n_before = c->n_hosts;
	bool changed = n != n_before;

	if (!hosts)
		return ERR_NOMEM;
	for (unsigned i = 0; i < n; i++) {
		hosts[i] = take_present(c, &specs[i]);
		if (hosts[i])
			continue;
		changed = true;
		hosts[i] = new_host_or_null(c, &specs[i]);
		invariant(hosts[i]); /* a worker that is out of memory ends */
	}
	c->hosts = hosts;
	c->n_hosts = n;
	c->weighted = weights_differ(c);
	for (unsigned i = 0; i < n_before; i++)
		if (before[i])
			retire(before[i], false);
	free(before);
	if (!c->counts_members)
		return 0;
	if (changed)
		stat_inc(&c->stats->membership_change);
	stat_set(&c->stats->membership_total, n);
	stat_set(&c->stats->membership_healthy, n);
	return 0;
}

int clusters_set_hosts(struct dispatcher *d, uint32_t cluster_idx, const struct host_spec *hosts,
		       unsigned n_hosts)
{
	return set_hosts(cluster_of(d, cluster_idx), hosts, n_hosts);
}

static int address_of_config(struct address *out, const struct address_config *config)
{
	if (config->kind == ADDRESS_PIPE)
		return address_of_path(out, config->pipe.path);
	return address_parse_ip(out, config->socket.address, config->socket.port);
}

static int add_static_hosts(struct cluster *c)
{
	const struct cluster_config *config = c->shared->config;
	struct host_spec *specs = calloc(config->n_endpoints + 1u, sizeof(*specs));
	int err = specs ? 0 : ERR_NOMEM;

	for (uint32_t i = 0; i < config->n_endpoints && !err; i++) {
		specs[i].endpoint = &config->endpoints[i];
		err = address_of_config(&specs[i].address, &config->endpoints[i].address);
	}
	if (!err)
		err = set_hosts(c, specs, config->n_endpoints);
	free(specs);
	return err;
}

int clusters_worker_start(struct clusters *cs, struct dispatcher *d, unsigned worker_idx)
{
	uint32_t n = cs->bootstrap->n_clusters;
	struct cluster_worker *w = calloc(1, sizeof(*w) + n * sizeof(w->clusters[0]));
	int err = 0;

	if (!w)
		return ERR_NOMEM;
	w->shared = cs;
	dispatcher_set_slot(d, DISPATCHER_SLOT_CLUSTERS, w);
	for (uint32_t i = 0; i < n; i++) {
		struct cluster *c = &w->clusters[i];

		c->shared = &cs->at[i];
		c->stats = stat_group_block(cs->at[i].stats, worker_idx);
		c->dispatcher = d;
		c->counts_members = worker_idx == 0;
		c->next = worker_idx; /* so that workers do not start at the same host */
	}
	for (uint32_t i = 0; i < n && !err; i++)
		if (cs->at[i].config->type == CLUSTER_STATIC)
			err = add_static_hosts(&w->clusters[i]);
	if (err)
		clusters_worker_stop(d);
	return err;
}

void clusters_worker_stop(struct dispatcher *d)
{
	struct cluster_worker *w = worker_of(d);

	if (!w)
		return;
	for (uint32_t i = 0; i < w->shared->bootstrap->n_clusters; i++) {
		struct cluster *c = &w->clusters[i];

		for (unsigned k = 0; k < c->n_hosts; k++)
			retire(c->hosts[k], true);
		free(c->hosts);
		invariant(c->n_former == 0);
	}
	dispatcher_set_slot(d, DISPATCHER_SLOT_CLUSTERS, NULL);
	free(w);
}

unsigned clusters_report(struct dispatcher *d, uint32_t cluster_idx, struct host_report *out,
			 unsigned max)
{
	const struct cluster *c = cluster_of(d, cluster_idx);

	for (unsigned i = 0; i < c->n_hosts && i < max; i++) {
		const struct upstream_host *h = c->hosts[i];

		out[i] = (struct host_report){
			.address = h->address,
			.endpoint = h->endpoint,
			.cx_active = h->cx_active,
			.cx_connect_fail = h->cx_connect_fail,
			.cx_total = h->cx_total,
			.rq_active = h->rq_active,
			.rq_error = h->rq_error,
			.rq_success = h->rq_success,
			.rq_timeout = h->rq_timeout,
			.rq_total = h->rq_total,
		};
	}
	return c->n_hosts;
}

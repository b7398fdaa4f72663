/*
 * discovery.c - a new answer becomes an immutable, counted set of hosts, which each worker gets by
 * a message and copies into its own half of the cluster.
 */
#include "proxy/server/discovery.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "proxy/dns/strict_dns.h"

struct host_set {
	atomic_uint references;
	uint32_t cluster_idx;
	unsigned n_hosts;
	struct host_spec hosts[];
};

struct followed {
	struct strict_dns *dns; /* NULL: not a DNS cluster */
	struct dns_resolver *own_resolver;
	struct host_set *latest; /* NULL: no hosts yet */
};

struct discovery {
	struct server *server;
	struct dns_resolver *resolver; /* the bootstrap's */
	void (*ready)(struct server *s);
	struct task nothing_to_do;
	unsigned n_waiting;
	unsigned n_clusters;
	struct followed clusters[];
};

static struct host_set *get_set(struct host_set *set)
{
	atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
	return set;
}

static void put_set(struct host_set *set)
{
	if (set && atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) == 1)
		free(set);
}

static void apply_on_worker(struct server_worker *w, void *argument)
{
	struct host_set *set = argument;

	if (clusters_set_hosts(proxy_worker_dispatcher(w->thread), set->cluster_idx, set->hosts,
			       set->n_hosts))
		log_error("dns.apply", "error=%s", err_text(ERR_NOMEM));
	put_set(set);
}

static void changed(void *context, uint32_t cluster_idx, const struct host_spec *hosts,
		    unsigned n_hosts)
{
	struct discovery *d = context;
	struct followed *f = &d->clusters[cluster_idx];
	struct host_set *set = malloc(sizeof(*set) + n_hosts * sizeof(*hosts));

	if (!set) {
		log_error("dns.publish", "error=%s", err_text(ERR_NOMEM));
		return;
	}
	atomic_init(&set->references, 1);
	set->cluster_idx = cluster_idx;
	set->n_hosts = n_hosts;
	if (n_hosts)
		memcpy(set->hosts, hosts, n_hosts * sizeof(*hosts));
	put_set(f->latest);
	f->latest = set;
	log_info("dns.hosts", "cluster=%s hosts=%u",
		 d->server->bootstrap->clusters[cluster_idx].name, n_hosts);
	for (unsigned i = 0; i < d->server->n_workers_running; i++)
		get_set(set);
	server_on_workers(d->server, apply_on_worker, set);
}

static void resolved(void *context, uint32_t cluster_idx unused_arg)
{
	struct discovery *d = context;

	if (!--d->n_waiting)
		d->ready(d->server);
}

static const struct strict_dns_ops dns_ops = { changed, resolved };

static void all_ready(struct task *t)
{
	struct discovery *d = container_of(t, struct discovery, nothing_to_do);

	d->ready(d->server);
}

static int follow(struct discovery *d, uint32_t idx)
{
	const struct cluster_config *c = &d->server->bootstrap->clusters[idx];
	struct followed *f = &d->clusters[idx];
	struct stat_group *g;

	if (c->type != CLUSTER_STRICT_DNS)
		return 0;
	if (c->dns.given) {
		f->own_resolver = dns_resolver_new_or_null(d->server->dispatcher, &c->dns);
		if (!f->own_resolver)
			return ERR_IO;
	}
	g = stats_group_or_null(d->server->stats, stat_scope_cluster(c->stat_name),
				&strict_dns_stats_layout);
	if (!g)
		return ERR_NOMEM;
	f->dns = strict_dns_new_or_null(d->server->dispatcher,
					f->own_resolver ? f->own_resolver : d->resolver, c, idx,
					stat_group_block(g, STATS_MAIN), &dns_ops, d);
	if (!f->dns)
		return ERR_NOMEM;
	d->n_waiting++;
	return 0;
}

struct discovery *discovery_new_or_null(struct server *s, void (*ready)(struct server *s))
{
	unsigned n = s->bootstrap->n_clusters;
	struct discovery *d = calloc(1, sizeof(*d) + n * sizeof(d->clusters[0]));
	int err = 0;

	if (!d)
		return NULL;
	d->server = s;
	d->ready = ready;
	d->n_clusters = n;
	task_init(&d->nothing_to_do, all_ready);
	d->resolver = dns_resolver_new_or_null(s->dispatcher, &s->bootstrap->dns);
	if (!d->resolver)
		err = ERR_IO;
	for (uint32_t i = 0; i < n && !err; i++)
		err = follow(d, i);
	if (err) {
		discovery_free(d);
		return NULL;
	}
	if (!d->n_waiting)
		dispatcher_next_turn(s->dispatcher, &d->nothing_to_do);
	return d;
}

void discovery_free(struct discovery *d)
{
	if (!d)
		return;
	task_cancel(&d->nothing_to_do);
	for (unsigned i = 0; i < d->n_clusters; i++) {
		strict_dns_free(d->clusters[i].dns);
		dns_resolver_free(d->clusters[i].own_resolver);
		put_set(d->clusters[i].latest);
	}
	dns_resolver_free(d->resolver);
	free(d);
}

int discovery_apply(const struct discovery *d, struct dispatcher *dispatcher)
{
	int err = 0;

	for (uint32_t i = 0; i < d->n_clusters && !err; i++) {
		const struct host_set *set = d->clusters[i].latest;

		if (set)
			err = clusters_set_hosts(dispatcher, i, set->hosts, set->n_hosts);
	}
	return err;
}

unsigned discovery_n_waiting(const struct discovery *d)
{
	return d->n_waiting;
}

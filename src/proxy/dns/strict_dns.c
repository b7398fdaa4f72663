/* strict_dns.c - the names of one cluster, each on its own timer. */
#include "proxy/dns/strict_dns.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

struct target {
	struct strict_dns *owner;
	const struct endpoint_config *endpoint;
	struct dns_query *query; /* NULL: none under way */
	struct timer timer;
	struct address *addresses;
	unsigned n_addresses;
	uint64_t failure_delay_ns; /* 0: the last answer was good */
	bool asked_once;
};

struct strict_dns {
	struct dispatcher *dispatcher;
	struct dns_resolver *resolver;
	const struct cluster_config *config;
	uint32_t cluster_idx;
	struct strict_dns_stats *stats;
	const struct strict_dns_ops *ops;
	void *context;
	unsigned n_waiting; /* targets that were never answered */
	struct task start;
	unsigned n_targets;
	struct target targets[];
};

static const struct stat_field fields[] = {
	{ "update_attempt", STAT_COUNTER, offsetof(struct strict_dns_stats, update_attempt) },
	{ "update_success", STAT_COUNTER, offsetof(struct strict_dns_stats, update_success) },
	{ "update_failure", STAT_COUNTER, offsetof(struct strict_dns_stats, update_failure) },
	{ "update_empty", STAT_COUNTER, offsetof(struct strict_dns_stats, update_empty) },
	{ "update_no_rebuild", STAT_COUNTER, offsetof(struct strict_dns_stats, update_no_rebuild) },
};
const struct stat_layout strict_dns_stats_layout = { sizeof(struct strict_dns_stats), fields,
						     count_of(fields) };

static void publish(struct strict_dns *s)
{
	struct host_spec *hosts;
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_targets; i++)
		n += s->targets[i].n_addresses;
	hosts = calloc(n + 1, sizeof(*hosts));
	if (!hosts) {
		log_error("dns.publish", "cluster=%s error=%s", s->config->name,
			  err_text(ERR_NOMEM));
		return;
	}
	n = 0;
	for (unsigned i = 0; i < s->n_targets; i++)
		for (unsigned k = 0; k < s->targets[i].n_addresses; k++) {
			hosts[n].address = s->targets[i].addresses[k];
			hosts[n].address.port = s->targets[i].endpoint->address.socket.port;
			hosts[n++].endpoint = s->targets[i].endpoint;
		}
	s->ops->changed(s->context, s->cluster_idx, hosts, n);
	free(hosts);
}

static bool same_addresses(const struct target *t, const struct dns_answer *a)
{
	for (unsigned i = 0; i < a->n; i++)
		if (i >= t->n_addresses || !address_equal(&t->addresses[i], &a->addresses[i]))
			return false;
	return a->n == t->n_addresses;
}

/* True if the target's addresses are others than before. */
static bool take_answer(struct target *t, const struct dns_answer *a)
{
	struct address *copy;

	if (same_addresses(t, a)) {
		stat_inc(&t->owner->stats->update_no_rebuild);
		return false;
	}
	copy = malloc((a->n + 1) * sizeof(*copy));
	if (!copy)
		return false;
	if (a->n)
		memcpy(copy, a->addresses, a->n * sizeof(*copy));
	free(t->addresses);
	t->addresses = copy;
	t->n_addresses = a->n;
	return true;
}

/* Doubles from failure to failure up to the configured end. */
static uint64_t next_failure_delay(struct target *t)
{
	const struct cluster_config *c = t->owner->config;
	uint64_t delay = t->failure_delay_ns * 2;

	if (!t->failure_delay_ns)
		delay = c->dns_failure_refresh_rate_ns;
	else if (delay > c->dns_failure_refresh_max_ns)
		delay = c->dns_failure_refresh_max_ns;
	if (delay < c->dns_failure_refresh_rate_ns)
		delay = c->dns_failure_refresh_rate_ns;
	t->failure_delay_ns = delay;
	return delay;
}

static uint64_t delay_after(struct target *t, const struct dns_answer *a)
{
	const struct cluster_config *c = t->owner->config;

	if (a->outcome != DNS_FOUND)
		return next_failure_delay(t);
	t->failure_delay_ns = 0;
	if (c->respect_dns_ttl && a->ttl_s)
		return (uint64_t)a->ttl_s * NS_PER_S;
	return c->dns_refresh_rate_ns;
}

static void count(struct strict_dns_stats *stats, const struct dns_answer *a)
{
	if (a->outcome == DNS_FOUND)
		stat_inc(&stats->update_success);
	else
		stat_inc(&stats->update_failure);
	if (a->outcome == DNS_NOT_FOUND)
		stat_inc(&stats->update_empty);
}

static void answered(void *context, const struct dns_answer *a)
{
	struct target *t = context;
	struct strict_dns *s = t->owner;
	bool changed = false, first = !t->asked_once;

	t->query = NULL;
	t->asked_once = true;
	count(s->stats, a);
	if (a->outcome == DNS_FOUND)
		changed = take_answer(t, a);
	else if (!t->failure_delay_ns)
		log_warn("dns.failure", "cluster=%s name=%s reason=\"%s\"", s->config->name,
			 t->endpoint->address.socket.address, a->reason);
	dispatcher_timer_set(s->dispatcher, &t->timer, delay_after(t, a));
	if (changed)
		publish(s);
	if (first && !--s->n_waiting)
		s->ops->ready(s->context, s->cluster_idx);
}

static void ask(struct target *t)
{
	struct strict_dns *s = t->owner;

	stat_inc(&s->stats->update_attempt);
	t->query = dns_resolve_or_null(s->resolver, t->endpoint->address.socket.address,
				       s->config->dns_family, answered, t);
	if (!t->query)
		dispatcher_timer_set(s->dispatcher, &t->timer, next_failure_delay(t));
}

static void time_to_ask(struct timer *timer, uint64_t now_ns unused_arg)
{
	ask(container_of(timer, struct target, timer));
}

/* A name that is an address needs nobody's answer, and never changes. */
static bool take_literal(struct target *t)
{
	struct address a;

	if (address_config_resolve(&t->endpoint->address, &a))
		return false;
	t->addresses = malloc(sizeof(a));
	if (!t->addresses)
		return false;
	t->addresses[0] = a;
	t->n_addresses = 1;
	return true;
}

static void start(struct task *task)
{
	struct strict_dns *s = container_of(task, struct strict_dns, start);
	bool any_literal = false;

	s->n_waiting = s->n_targets;
	for (unsigned i = 0; i < s->n_targets; i++) {
		if (!take_literal(&s->targets[i])) {
			ask(&s->targets[i]);
			continue;
		}
		any_literal = true;
		s->n_waiting--;
	}
	if (any_literal)
		publish(s);
	if (!s->n_waiting)
		s->ops->ready(s->context, s->cluster_idx);
}

struct strict_dns *strict_dns_new_or_null(struct dispatcher *d, struct dns_resolver *resolver,
					  const struct cluster_config *config, uint32_t cluster_idx,
					  struct strict_dns_stats *stats,
					  const struct strict_dns_ops *ops, void *context)
{
	struct strict_dns *s = calloc(1, sizeof(*s) + config->n_endpoints * sizeof(s->targets[0]));

	if (!s)
		return NULL;
	s->dispatcher = d;
	s->resolver = resolver;
	s->config = config;
	s->cluster_idx = cluster_idx;
	s->stats = stats;
	s->ops = ops;
	s->context = context;
	s->n_targets = config->n_endpoints;
	for (unsigned i = 0; i < s->n_targets; i++) {
		s->targets[i].owner = s;
		s->targets[i].endpoint = &config->endpoints[i];
		timer_init(&s->targets[i].timer, time_to_ask);
	}
	task_init(&s->start, start);
	dispatcher_next_turn(d, &s->start);
	return s;
}

void strict_dns_free(struct strict_dns *s)
{
	if (!s)
		return;
	task_cancel(&s->start);
	for (unsigned i = 0; i < s->n_targets; i++) {
		struct target *t = &s->targets[i];

		if (t->query)
			dns_query_cancel(t->query);
		dispatcher_timer_cancel(s->dispatcher, &t->timer);
		free(t->addresses);
	}
	free(s);
}

/* report_page.c - /clusters /listeners /server_info /memory. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/version.h"
#include "proxy/admin/page.h"

enum { MAX_HOSTS = 4096 };

/* What one worker says of one cluster's hosts. */
struct report {
	uint32_t cluster_idx;
	unsigned n;
	struct host_report hosts[MAX_HOSTS];
};

static void ask_worker(struct proxy_worker *w, void *argument)
{
	struct report *r = argument;

	r->n = clusters_report(proxy_worker_dispatcher(w), r->cluster_idx, r->hosts, MAX_HOSTS);
	if (r->n > MAX_HOSTS)
		r->n = MAX_HOSTS;
}

static struct host_report *find_or_add(struct report *sum, const struct host_report *h)
{
	for (unsigned i = 0; i < sum->n; i++)
		if (address_equal(&sum->hosts[i].address, &h->address) &&
		    sum->hosts[i].endpoint == h->endpoint)
			return &sum->hosts[i];
	if (sum->n == MAX_HOSTS)
		return NULL;
	sum->hosts[sum->n] = (struct host_report){ .address = h->address, .endpoint = h->endpoint };
	return &sum->hosts[sum->n++];
}

static void add(struct report *sum, const struct report *one)
{
	for (unsigned i = 0; i < one->n; i++) {
		const struct host_report *from = &one->hosts[i];
		struct host_report *to = find_or_add(sum, from);

		if (!to)
			return;
		to->cx_active += from->cx_active;
		to->cx_connect_fail += from->cx_connect_fail;
		to->cx_total += from->cx_total;
		to->rq_active += from->rq_active;
		to->rq_error += from->rq_error;
		to->rq_success += from->rq_success;
		to->rq_timeout += from->rq_timeout;
		to->rq_total += from->rq_total;
	}
}

static void collect(struct server *s, uint32_t cluster_idx, struct report *sum, struct report *one)
{
	sum->n = 0;
	one->cluster_idx = cluster_idx;
	for (unsigned i = 0; i < s->n_workers_running; i++) {
		proxy_worker_call(s->workers[i].thread, ask_worker, one);
		add(sum, one);
	}
}

static void print_limits(FILE *out, const struct cluster_config *c)
{
	static const char *const names[] = { "default_priority", "high_priority" };

	fprintf(out, "%s::observability_name::%s\n", c->name, c->stat_name);
	for (unsigned i = 0; i < ROUTE_N_PRIORITIES; i++) {
		const struct circuit_breaker_config *b = &c->breakers[i];

		fprintf(out, "%s::%s::max_connections::%u\n", c->name, names[i],
			b->max_connections);
		fprintf(out, "%s::%s::max_pending_requests::%u\n", c->name, names[i],
			b->max_pending_requests);
		fprintf(out, "%s::%s::max_requests::%u\n", c->name, names[i], b->max_requests);
		fprintf(out, "%s::%s::max_retries::%u\n", c->name, names[i], b->max_retries);
	}
	fprintf(out, "%s::added_via_api::false\n", c->name);
}

static const char *hostname_of(const struct endpoint_config *e)
{
	struct address ip;

	if (*e->hostname)
		return e->hostname;
	return address_config_resolve(&e->address, &ip) ? e->address.socket.address : "";
}

static void print_host(FILE *out, const struct cluster_config *c, const struct host_report *h)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{ "cx_active", h->cx_active },	 { "cx_connect_fail", h->cx_connect_fail },
		{ "cx_total", h->cx_total },	 { "rq_active", h->rq_active },
		{ "rq_error", h->rq_error },	 { "rq_success", h->rq_success },
		{ "rq_timeout", h->rq_timeout }, { "rq_total", h->rq_total },
	};
	char address[ADDRESS_TEXT_MAX];

	address_print(&h->address, address);
	for (unsigned i = 0; i < count_of(counts); i++)
		fprintf(out, "%s::%s::%s::%" PRIu64 "\n", c->name, address, counts[i].name,
			counts[i].value);
	fprintf(out, "%s::%s::hostname::%s\n", c->name, address, hostname_of(h->endpoint));
	fprintf(out, "%s::%s::health_flags::healthy\n", c->name, address);
	fprintf(out, "%s::%s::weight::%u\n", c->name, address, h->endpoint->weight);
	fprintf(out, "%s::%s::priority::0\n", c->name, address);
}

static json_t *stat_json(const char *name, uint64_t value, bool gauge)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value); /* protobuf's JSON has u64 as text */
	return json_pack("{s:s, s:s, s:s}", "name", name, "value", text, "type",
			 gauge ? "GAUGE" : "COUNTER");
}

static json_t *address_json(const struct address *a)
{
	char ip[ADDRESS_TEXT_MAX];

	if (a->family == ADDRESS_UNIX)
		return json_pack("{s:{s:s}}", "pipe", "path", a->path);
	address_print_ip(a, ip);
	return json_pack("{s:{s:s, s:i}}", "socket_address", "address", ip, "port_value",
			 (int)a->port);
}

static json_t *host_json(const struct host_report *h)
{
	json_t *counts = json_pack("[o, o, o, o, o, o, o, o]",
				   stat_json("cx_connect_fail", h->cx_connect_fail, false),
				   stat_json("cx_total", h->cx_total, false),
				   stat_json("rq_error", h->rq_error, false),
				   stat_json("rq_success", h->rq_success, false),
				   stat_json("rq_timeout", h->rq_timeout, false),
				   stat_json("rq_total", h->rq_total, false),
				   stat_json("cx_active", h->cx_active, true),
				   stat_json("rq_active", h->rq_active, true));

	return json_pack("{s:o, s:o, s:{s:s}, s:i, s:s}", "address", address_json(&h->address),
			 "stats", counts, "health_status", "eds_health_status", "HEALTHY", "weight",
			 (int)h->endpoint->weight, "hostname", hostname_of(h->endpoint));
}

static void print_json(FILE *out, json_t *root)
{
	json_dumpf(root, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(root);
}

void admin_show_clusters(const struct admin_request *r, struct admin_answer *a)
{
	const struct bootstrap_config *b = r->server->bootstrap;
	struct report *sum = malloc(sizeof(*sum)), *one = malloc(sizeof(*one));
	json_t *all = NULL;
	char format[16];

	if (admin_query(r, "format", format, sizeof(format)) && !strcmp(format, "json"))
		all = json_array();
	for (uint32_t i = 0; sum && one && i < b->n_clusters; i++) {
		json_t *hosts = all ? json_array() : NULL;

		collect(r->server, i, sum, one);
		if (!all)
			print_limits(a->body, &b->clusters[i]);
		for (unsigned k = 0; k < sum->n; k++) {
			if (all)
				json_array_append_new(hosts, host_json(&sum->hosts[k]));
			else
				print_host(a->body, &b->clusters[i], &sum->hosts[k]);
		}
		if (all)
			json_array_append_new(all, json_pack("{s:s, s:b, s:o}", "name",
							     b->clusters[i].name, "added_via_api",
							     0, "host_statuses", hosts));
	}
	if (all) {
		a->content_type = "application/json";
		print_json(a->body, json_pack("{s:o}", "cluster_statuses", all));
	}
	free(sum);
	free(one);
}

void admin_show_listeners(const struct admin_request *r, struct admin_answer *a)
{
	const struct server *s = r->server;
	json_t *all = NULL;
	char format[16], address[ADDRESS_TEXT_MAX];

	if (admin_query(r, "format", format, sizeof(format)) && !strcmp(format, "json"))
		all = json_array();
	for (unsigned i = 0; i < s->bootstrap->n_listeners; i++) {
		const struct server_listener *l = &s->listeners[i];

		address_print(&l->spec.address, address);
		if (all)
			json_array_append_new(all, json_pack("{s:s, s:o}", "name", l->config->name,
							     "local_address",
							     address_json(&l->spec.address)));
		else
			fprintf(a->body, "%s::%s\n", l->config->name, address);
	}
	if (!all)
		return;
	a->content_type = "application/json";
	print_json(a->body, json_pack("{s:o}", "listener_statuses", all));
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

static json_t *options_json(const struct proxy_options *o)
{
	char drain[24];

	snprintf(drain, sizeof(drain), "%us", o->drain_time_s);
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "base_id",
			 (json_int_t)o->base_id, "config_path", or_else(o->config_path, ""),
			 "config_yaml", or_else(o->config_yaml, ""), "log_level", o->log_level_text,
			 "log_path", or_else(o->log_path, ""), "service_cluster",
			 or_else(o->service_cluster, ""), "service_node",
			 or_else(o->service_node, ""), "service_zone", or_else(o->service_zone, ""),
			 "mode", "Serve", "concurrency", (json_int_t)o->concurrency,
			 "restart_epoch", (json_int_t)o->restart_epoch, "drain_time", drain);
}

void admin_show_server_info(const struct admin_request *r, struct admin_answer *a)
{
	const struct server *s = r->server;
	const struct node_config *n = &s->bootstrap->node;
	uint64_t up_s = (clock_now_ns(&clock_monotonic) - s->started_ns) / NS_PER_S;
	char uptime[32];
	json_t *node;

	snprintf(uptime, sizeof(uptime), "%" PRIu64 "s", up_s);
	node = json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:s}", "id",
			 or_else(s->options->service_node, n->id), "cluster",
			 or_else(s->options->service_cluster, n->cluster), "locality", "region",
			 n->region, "zone", or_else(s->options->service_zone, n->zone), "sub_zone",
			 n->sub_zone, "user_agent_name", "convoy-proxy");
	a->content_type = "application/json";
	print_json(a->body,
		   json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "version", convoy_version(),
			     "state", server_state_text(s->state), "uptime_current_epoch", uptime,
			     "uptime_all_epochs", uptime, "hot_restart_version", "disabled",
			     "command_line_options", options_json(s->options), "node", node));
}

void admin_show_memory(const struct admin_request *r, struct admin_answer *a)
{
	const struct server_stats *st = r->server->own_stats;
	char allocated[24], heap[24], physical[24];

	server_update_stats(r->server);
	snprintf(allocated, sizeof(allocated), "%" PRIu64, st->memory_allocated);
	snprintf(heap, sizeof(heap), "%" PRIu64, st->memory_heap_size);
	snprintf(physical, sizeof(physical), "%" PRIu64, st->memory_physical_size);
	a->content_type = "application/json";
	print_json(a->body, json_pack("{s:s, s:s, s:s}", "allocated", allocated, "heap_size", heap,
				      "total_physical_bytes", physical));
}

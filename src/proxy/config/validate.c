/* validate.c - what takes more than one part of the configuration to check. */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/config/messages.h"

/* Names with where they stand, to be sorted. */
struct named {
	const char *name;
	const struct config_node *at;
	uint32_t idx;
};

static int compare_named(const void *a, const void *b)
{
	const struct named *l = a, *r = b;
	int order = strcmp(l->name, r->name);

	return order ? order : l->idx < r->idx ? -1 : l->idx > r->idx;
}

static int check_unique(struct config_decoder *d, struct named *names, uint32_t n, const char *what)
{
	qsort(names, n, sizeof(*names), compare_named);
	for (uint32_t i = 1; i < n; i++)
		if (!strcmp(names[i - 1].name, names[i].name))
			return config_fail(d->error, names[i].at,
					   "%s \"%.80s\" is given twice, first in line %u", what,
					   names[i].name, names[i - 1].at->line);
	return 0;
}

static const struct config_node *member_or_self(const struct config_node *n, const char *name)
{
	const struct config_node *member = config_member_or_null(n, name);

	return member ? member : n;
}

static uint32_t find_cluster(const struct named *sorted, uint32_t n, const char *name)
{
	struct named key = { .name = name };
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (strcmp(sorted[mid].name, key.name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && !strcmp(sorted[low].name, name) ? sorted[low].idx : ROUTE_CLUSTER_UNKNOWN;
}

static int link_route(struct config_decoder *d, const struct route_table_config *t,
		      struct route_config *r, const struct named *clusters, uint32_t n)
{
	const struct config_node *at = config_member_or_null(r->at, "route");

	if (r->kind != ROUTE_FORWARD)
		return 0;
	r->forward.cluster_idx = find_cluster(clusters, n, r->forward.cluster);
	if (r->forward.cluster_idx == ROUTE_CLUSTER_UNKNOWN && t->validate_clusters)
		return config_fail(d->error, member_or_self(at, "cluster"),
				   "there is no cluster \"%.80s\"", r->forward.cluster);
	return 0;
}

static int link_table(struct config_decoder *d, const struct route_table_config *t,
		      const struct named *clusters, uint32_t n)
{
	int err = 0;

	for (uint32_t v = 0; v < t->n_virtual_hosts; v++) {
		const struct virtual_host_config *host = &t->virtual_hosts[v];

		for (uint32_t i = 0; i < host->n_routes && !err; i++)
			err = link_route(d, t, (struct route_config *)&host->routes[i], clusters,
					 n);
	}
	return err;
}

static int check_endpoint(struct config_decoder *d, const struct bootstrap_config *b,
			  const struct cluster_config *c, const struct endpoint_config *e)
{
	bool convoy = b->default_socket_interface == SOCKET_INTERFACE_CONVOY;
	struct address ip;
	int err = address_config_resolve(&e->address, &ip);

	if (err == ERR_RANGE)
		return config_fail(d->error, e->address.at, "the path of the pipe is too long");
	if (e->address.kind == ADDRESS_PIPE && convoy)
		return config_fail(d->error, e->address.at,
				   "pipes need the kernel's sockets: the convoy socket interface "
				   "has none");
	if (c->type == CLUSTER_STRICT_DNS && e->address.kind == ADDRESS_PIPE)
		return config_fail(d->error, e->address.at,
				   "a STRICT_DNS cluster needs socket addresses");
	if (c->type == CLUSTER_STATIC && err)
		return config_fail(
			d->error,
			member_or_self(config_member_or_null(e->address.at, "socket_address"),
				       "address"),
			"\"%.80s\" is not an IP address, as a STATIC cluster needs "
			"(STRICT_DNS resolves names)",
			e->address.socket.address);
	if (e->address.kind == ADDRESS_SOCKET && !e->address.socket.port)
		return config_fail(
			d->error,
			member_or_self(config_member_or_null(e->address.at, "socket_address"),
				       "port_value"),
			"an endpoint needs a port other than 0");
	return 0;
}

static int check_cluster(struct config_decoder *d, const struct bootstrap_config *b,
			 const struct cluster_config *c)
{
	int err = 0;

	for (uint32_t i = 0; i < c->n_endpoints && !err; i++)
		err = check_endpoint(d, b, c, &c->endpoints[i]);
	return err;
}

static int check_listen_address(struct config_decoder *d, const struct address_config *a)
{
	struct address ip;
	int err = address_config_resolve(a, &ip);

	if (err == ERR_RANGE)
		return config_fail(d->error, a->at, "the path of the pipe is too long");
	if (err)
		return config_fail(
			d->error,
			member_or_self(config_member_or_null(a->at, "socket_address"), "address"),
			"\"%.80s\" is not an IP address", a->socket.address);
	return 0;
}

/* Listeners and the admin page: names and addresses, the latter in their printed form. */
static int check_listeners(struct config_decoder *d, const struct bootstrap_config *b,
			   struct named *names)
{
	uint32_t n = 0;
	int err = 0;

	for (uint32_t i = 0; i < b->n_listeners; i++)
		names[i] = (struct named){ b->listeners[i].name, b->listeners[i].at, i };
	err = check_unique(d, names, b->n_listeners, "listener");
	for (uint32_t i = 0; i <= b->n_listeners && !err; i++) {
		const struct address_config *a =
			i < b->n_listeners ? &b->listeners[i].address : &b->admin.address;
		struct address ip;
		char *text;

		if (a->kind == ADDRESS_UNSET)
			continue;
		err = check_listen_address(d, a);
		if (err || (a->kind == ADDRESS_SOCKET && !a->socket.port))
			continue;
		text = arena_alloc_or_null(d->arena, ADDRESS_TEXT_MAX);
		if (!text || address_config_resolve(a, &ip))
			return ERR_NOMEM;
		address_print(&ip, text);
		names[n++] = (struct named){ text, a->at, i };
	}
	return err ? err : check_unique(d, names, n, "address");
}

int bootstrap_validate(struct config_decoder *d, struct bootstrap_config *b)
{
	uint32_t most = b->n_clusters > b->n_listeners + 1 ? b->n_clusters : b->n_listeners + 1;
	struct named *names = malloc(most * sizeof(*names));
	int err;

	if (!names)
		return ERR_NOMEM;
	err = check_listeners(d, b, names);
	for (uint32_t i = 0; i < b->n_clusters; i++)
		names[i] = (struct named){ b->clusters[i].name,
					   member_or_self(b->clusters[i].at, "name"), i };
	if (!err)
		err = check_unique(d, names, b->n_clusters, "cluster");
	for (uint32_t i = 0; i < b->n_clusters && !err; i++)
		err = check_cluster(d, b, &b->clusters[i]);
	for (uint32_t i = 0; i < b->n_listeners && !err; i++)
		err = link_table(d, b->listeners[i].filter_chains[0].filters[0].hcm->route_table,
				 names, b->n_clusters);
	free(names);
	return err;
}

/* net_config.c - the tables of net.yaml. */
#include "daemon/net_config.h"

#include "base/name.h"
#include "control/config_decode.h"
#include "daemon/net_config_tables.h"

enum {
	WORKERS_LIMIT = 64,
	BUFFERS_MIN = 1024,
	BUFFERS_LIMIT = 1 << 22,
	MTU_MIN = 68,
	MTU_LIMIT = 65521,
	ADDRESSES_LIMIT = 64,
};

#define SPIN_LIMIT_NS 10000000ull

/* --- values of their own kind --- */

static int take_mac(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_interface *i = holder;
	const char *text;
	int err = config_take_string(d, n, &text);

	if (err < 0)
		return err;
	if (mac_from_text(text, &i->mac) < 0 || mac_is_group(&i->mac) || mac_is_zero(&i->mac))
		return config_fail(d->error, n,
				   "\"%.40s\" is no MAC address of an interface; "
				   "expected one like 02:00:00:00:00:01",
				   text);
	i->has_mac = true;
	return 0;
}

int net_check_name(struct config_decoder *d, const struct config_node *n, const char *name,
		   size_t room)
{
	if (name_is_good(name, room))
		return 0;
	return config_fail(d->error, config_member_or_null(n, "name"),
			   "a name has 1 to %zu printable ASCII characters, no blanks", room - 1);
}

int net_take_prefix(struct config_decoder *d, const struct config_node *n, struct ip_prefix *out)
{
	const char *text;
	int err = config_take_string(d, n, &text);

	if (err < 0)
		return err;
	if (ip_prefix_from_text(text, out) == 0)
		return 0;
	return config_fail(d->error, n,
			   "\"%.60s\" is no prefix; expected one like 10.0.0.1/24 or "
			   "2001:db8::1/64",
			   text);
}

static int take_prefixes(struct config_decoder *d, const struct config_node *n,
			 const struct ip_prefix **out, uint32_t *n_out)
{
	uint32_t count = n->kind == CONFIG_LIST ? n->n_items : 1;
	const struct config_node *item = n->kind == CONFIG_LIST ? n->first : n;
	struct ip_prefix *list;

	if (count > ADDRESSES_LIMIT)
		return config_fail(d->error, n, "more than %d addresses", ADDRESSES_LIMIT);
	list = arena_alloc_or_null(d->arena, count * sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	for (uint32_t k = 0; k < count; k++, item = item->next) {
		int err = net_take_prefix(d, item, &list[k]);

		if (err < 0)
			return err;
	}
	*out = list;
	*n_out = count;
	return 0;
}

static int take_addresses(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_interface *i = holder;

	return take_prefixes(d, n, &i->addresses, &i->n_addresses);
}

static int take_proxies(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_interface *i = holder;
	int err = take_prefixes(d, n, &i->proxies, &i->n_proxies);

	for (uint32_t k = 0; err == 0 && k < i->n_proxies; k++)
		if (i->proxies[k].len != (ip_prefix_is_ip4(&i->proxies[k]) ? 32 : 128))
			return config_fail(d->error, n,
					   "expected addresses of hosts, not prefixes");
	return err;
}

static int take_workers(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_interface *i = holder;
	uint32_t count = n->kind == CONFIG_LIST ? n->n_items : 1;
	const struct config_node *item = n->kind == CONFIG_LIST ? n->first : n;
	uint32_t *list;

	if (count > INTERFACE_QUEUES_MAX)
		return config_fail(d->error, n, "more than %d workers", INTERFACE_QUEUES_MAX);
	list = arena_alloc_or_null(d->arena, count * sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	for (uint32_t k = 0; k < count; k++, item = item->next) {
		uint64_t worker;
		int err = config_take_u64(d, item, 0, WORKERS_LIMIT - 1, &worker);

		if (err < 0)
			return err;
		list[k] = (uint32_t)worker;
	}
	i->workers = list;
	i->n_workers = count;
	return 0;
}

/* --- interfaces --- */

static const struct config_field tap_fields[] = {
	{ .name = "queues",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct tap_config, n_queues),
	  .min = 1,
	  .max = TAP_QUEUES_MAX },
	{ .name = "no_offload",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct tap_config, no_offload) },
	{ .name = "host_name",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct tap_config, host_name),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "host_netns",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct tap_config, host_netns),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "host_addresses",
	  .type = CONFIG_STRING_LIST,
	  .offset = offsetof(struct tap_config, host_addresses),
	  .n_offset = offsetof(struct tap_config, n_host_addresses) },
};

static const struct config_message tap_message = {
	.name = "tap",
	.size = sizeof(struct tap_config),
	.fields = tap_fields,
	.n_fields = count_of(tap_fields),
};

static const struct config_enum_value memif_role_values[] = {
	{ "server", MEMIF_SERVER, NULL },
	{ "client", MEMIF_CLIENT, NULL },
};
static const struct config_enum memif_roles = { memif_role_values, count_of(memif_role_values) };

static const struct config_field memif_fields[] = {
	{ .name = "role",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct memif_config, role),
	  .values = &memif_roles,
	  .flags = CONFIG_REQUIRED },
	{ .name = "socket",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct memif_config, socket),
	  .flags = CONFIG_REQUIRED },
	{ .name = "id", .type = CONFIG_U32, .offset = offsetof(struct memif_config, id) },
	{ .name = "secret",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct memif_config, secret),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "log2_ring_size",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct memif_config, log2_ring_size),
	  .min = MEMIF_LOG2_RING_MIN,
	  .max = MEMIF_LOG2_RING_MAX },
	{ .name = "buffer_bytes",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct memif_config, buffer_bytes),
	  .min = MEMIF_BUFFER_MIN,
	  .max = MEMIF_BUFFER_MAX },
	{ .name = "no_offload",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct memif_config, no_offload) },
	{ .name = "queues",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct memif_config, n_queues),
	  .min = 1,
	  .max = MEMIF_QUEUES_MAX },
	{ .name = "zero_copy",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct memif_config, zero_copy) },
	{ .name = "trusted",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct memif_config, trusted) },
};

static const struct config_message memif_message = {
	.name = "memif",
	.size = sizeof(struct memif_config),
	.fields = memif_fields,
	.n_fields = count_of(memif_fields),
};

static int take_sink(struct config_decoder *d, const struct config_node *n, void *holder unused_arg)
{
	if (n->kind == CONFIG_MAP && n->n_items == 0)
		return 0;
	return config_fail(d->error, n, "a sink has no fields of its own; write sink: {}");
}

static int take_loop(struct config_decoder *d, const struct config_node *n, void *holder unused_arg)
{
	if (n->kind == CONFIG_MAP && n->n_items == 0)
		return 0;
	return config_fail(d->error, n, "a loop has no fields of its own; write loop: {}");
}

static const struct config_field interface_fields[] = {
	{ .name = "name",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_interface, name),
	  .flags = CONFIG_REQUIRED },
	{ .name = "addresses", .type = CONFIG_CUSTOM, .decode = take_addresses },
	{ .name = "proxies", .type = CONFIG_CUSTOM, .decode = take_proxies },
	{ .name = "unnumbered",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_interface, unnumbered),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "ipv6",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, ip6),
	  .message = &net_ip6_message },
	{ .name = "mac", .type = CONFIG_CUSTOM, .decode = take_mac },
	{ .name = "mtu",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_interface, mtu_bytes),
	  .min = MTU_MIN,
	  .max = MTU_LIMIT },
	{ .name = "down", .type = CONFIG_BOOL, .offset = offsetof(struct net_interface, down) },
	{ .name = "workers", .type = CONFIG_CUSTOM, .decode = take_workers },
	{ .name = "spread", .type = CONFIG_BOOL, .offset = offsetof(struct net_interface, spread) },
	{ .name = "vrf",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_interface, vrf),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "rpf", .type = CONFIG_CUSTOM, .decode = net_take_rpf },
	{ .name = "no_redirects",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_interface, no_redirects) },
	{ .name = "tap",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, tap),
	  .message = &tap_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_TAP },
	{ .name = "memif",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, memif),
	  .message = &memif_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_MEMIF },
	{ .name = "af_packet",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, af_packet),
	  .message = &net_af_packet_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_AF_PACKET },
	{ .name = "vlan",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, vlan),
	  .message = &net_vlan_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_VLAN },
	{ .name = "af_xdp",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, af_xdp),
	  .message = &net_af_xdp_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_AF_XDP },
	{ .name = "dpdk",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, dpdk),
	  .message = &net_dpdk_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_DPDK },
	{ .name = "bvi",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, bvi),
	  .message = &net_bvi_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_BVI },
	{ .name = "pcap",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, pcap),
	  .message = &net_pcap_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_PCAP },
	{ .name = "loop",
	  .type = CONFIG_CUSTOM,
	  .decode = take_loop,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_LOOP },
	{ .name = "generator",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_interface, generator),
	  .message = &net_generator_message,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_GENERATOR },
	{ .name = "sink",
	  .type = CONFIG_CUSTOM,
	  .decode = take_sink,
	  .case_offset = offsetof(struct net_interface, kind),
	  .case_is = NET_SINK },
};

/* "tap:" with nothing behind it, which to YAML is null: as good as not there. */
static const char *empty_kind_or_null(const struct config_node *n)
{
	for (const struct config_node *c = n->first; c; c = c->next)
		for (unsigned i = 0; c->kind == CONFIG_NULL && i < count_of(interface_fields); i++)
			if (interface_fields[i].case_is &&
			    config_name_is(c->key, interface_fields[i].name))
				return interface_fields[i].name;
	return NULL;
}

/* What several fields decide, and what the driver wants repeated. */
static int finish_interface(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_interface *i = holder;
	const char *empty;

	if (net_check_name(d, n, i->name, INTERFACE_NAME_MAX) < 0)
		return ERR_INVAL;
	empty = i->kind == NET_NO_KIND ? empty_kind_or_null(n) : NULL;
	if (empty)
		return config_fail(
			d->error, n,
			"the interface \"%s\" has no kind: nothing stands behind \"%s:\"; "
			"write \"%s: {}\"",
			i->name, empty, empty);
	if (i->kind == NET_NO_KIND)
		return config_fail(
			d->error, n,
			"the interface \"%s\" has no kind; give it one of: tap, memif, "
			"af_packet, af_xdp, dpdk, loop, vlan, bvi, generator, pcap, sink",
			i->name);
	i->tap.name = i->name;
	i->tap.mac = i->has_mac ? i->mac.b : NULL;
	i->tap.mtu_bytes = i->mtu_bytes;
	i->memif.name = i->name;
	i->memif.mac = i->tap.mac;
	i->memif.mtu_bytes = i->mtu_bytes;
	i->af_packet.name = i->name;
	i->af_packet.mac = i->tap.mac;
	i->af_packet.mtu_bytes = i->mtu_bytes;
	i->af_xdp.name = i->name;
	i->af_xdp.mac = i->tap.mac;
	i->af_xdp.mtu_bytes = i->mtu_bytes;
	i->dpdk.name = i->name;
	i->dpdk.mac = i->tap.mac;
	i->dpdk.mtu_bytes = i->mtu_bytes;
	i->pcap.name = i->name;
	i->pcap.mac = i->tap.mac;
	i->pcap.mtu_bytes = i->mtu_bytes;
	i->generator.name = i->name;
	i->generator.mac = i->tap.mac;
	i->generator.mtu_bytes = i->mtu_bytes;
	i->vlan.name = i->name;
	i->vlan.mtu_bytes = i->mtu_bytes;
	if (i->kind == NET_VLAN && i->has_mac)
		return config_fail(d->error, config_member_or_null(n, "mac"),
				   "a vlan has the MAC address of its parent");
	return 0;
}

const struct config_message net_interface_message = {
	.name = "interface",
	.size = sizeof(struct net_interface),
	.fields = interface_fields,
	.n_fields = count_of(interface_fields),
	.at_offset = offsetof(struct net_interface, at),
	.finish = finish_interface,
};

/* --- the whole --- */

static const struct config_field net_fields[] = {
	{ .name = "workers",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_config, n_workers),
	  .min = 1,
	  .max = WORKERS_LIMIT },
	{ .name = "buffers",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_config, n_buffers),
	  .min = BUFFERS_MIN,
	  .max = BUFFERS_LIMIT },
	{ .name = "shared_buffers",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_config, shared_buffers) },
	{ .name = "spin",
	  .type = CONFIG_DURATION,
	  .offset = offsetof(struct net_config, spin_ns),
	  .max = SPIN_LIMIT_NS },
	{ .name = "dpdk",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_config, dpdk),
	  .message = &net_dpdk_settings_message },
	{ .name = "interfaces",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_config, interfaces),
	  .n_offset = offsetof(struct net_config, n_interfaces),
	  .message = &net_interface_message },
	{ .name = "neighbors",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_config, neighbors),
	  .n_offset = offsetof(struct net_config, n_neighbors),
	  .message = &net_neighbor_message },
	{ .name = "vrfs",
	  .type = CONFIG_STRING_LIST,
	  .offset = offsetof(struct net_config, vrfs),
	  .n_offset = offsetof(struct net_config, n_vrfs) },
	{ .name = "bridges",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_config, bridges),
	  .n_offset = offsetof(struct net_config, n_bridges),
	  .message = &net_bridge_message },
	{ .name = "xconnects",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_config, xconnects),
	  .n_offset = offsetof(struct net_config, n_xconnects),
	  .message = &net_xconnect_message },
	{ .name = "mac_filters",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_config, mac_filters),
	  .n_offset = offsetof(struct net_config, n_mac_filters),
	  .message = &net_mac_filter_message },
	{ .name = "routes",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_config, routes),
	  .n_offset = offsetof(struct net_config, n_routes),
	  .message = &net_route_message },
	{ .name = "apps",
	  .type = CONFIG_MESSAGE,
	  .offset = offsetof(struct net_config, apps),
	  .message = &net_apps_message },
};

static const struct net_interface *find_or_null(const struct net_config *c, uint32_t n,
						const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(c->interfaces[i].name, name) == 0)
			return &c->interfaces[i];
	return NULL;
}

static int finish_net(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_config *c = holder;

	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct net_interface *one = &c->interfaces[i];

		if (find_or_null(c, i, one->name))
			return config_fail(d->error, config_member_or_null(one->at, "name"),
					   "two interfaces are called \"%s\"", one->name);
	}
	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct net_interface *one = &c->interfaces[i];

		if (one->kind == NET_MEMIF && one->memif.zero_copy && !c->shared_buffers)
			return config_fail(d->error, config_member_or_null(one->at, "memif"),
					   "zero_copy of \"%s\" needs \"shared_buffers: true\" at "
					   "the top of the file",
					   one->name);
	}
	if (net_check_routes(d, c) < 0 || net_check_neighbors(d, c) < 0 ||
	    net_check_vrfs(d, c, n) < 0)
		return ERR_INVAL;
	return net_check_l2(d, c);
}

static const struct net_config net_defaults = {
	.n_workers = 1,
	.n_buffers = 16384,
	.apps = { .socket_mode = NET_APPS_SOCKET_MODE },
};

const struct config_message net_message = {
	.name = "net.yaml",
	.size = sizeof(struct net_config),
	.defaults = &net_defaults,
	.fields = net_fields,
	.n_fields = count_of(net_fields),
	.finish = finish_net,
};

int net_config_decode(struct arena *a, const struct config_node *root, struct config_error *error,
		      const struct net_config **out)
{
	struct config_decoder decoder = { .arena = a, .error = error, .any_time_unit = true };
	struct net_config *config = arena_alloc_or_null(a, sizeof(*config));
	int err = config ? config_decode(&decoder, root, &net_message, config) : ERR_NOMEM;

	if (err < 0)
		return err;
	*out = config;
	return 0;
}

/* net_config_ip6.c - the table of an interface's "ipv6". */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

#define SECOND_NS	 1000000000ull
#define MS_NS		 1000000ull
#define INTERVAL_MIN_NS	 (4 * SECOND_NS)
#define INTERVAL_MAX_NS	 (1800 * SECOND_NS)
#define LIFETIME_MAX_NS	 (65535 * SECOND_NS)
#define REACHABLE_MAX_NS (3600 * SECOND_NS)

enum { DUPLICATE_CHECKS_MAX = 10, MTU_MAX = 65535 };

/* "1h", or "infinite". */
static int take_lifetime(struct config_decoder *d, const struct config_node *n, uint32_t *out_s)
{
	uint64_t ns;
	int err;

	if (n->kind == CONFIG_SCALAR && strcmp(n->text, "infinite") == 0) {
		*out_s = ND_INFINITE;
		return 0;
	}
	err = config_take_duration(d, n, &ns);
	if (err == 0 && ns / SECOND_NS >= ND_INFINITE)
		return config_fail(d->error, n, "longer than 136 years; write infinite");
	if (err == 0)
		*out_s = (uint32_t)(ns / SECOND_NS);
	return err;
}

static int take_valid(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_lifetime(d, n, &((struct net_ip6_prefix *)holder)->valid_s);
}

static int take_preferred(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_lifetime(d, n, &((struct net_ip6_prefix *)holder)->preferred_s);
}

static int take_prefix(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_ip6_prefix *p = holder;
	struct ip_prefix prefix;
	struct ip6_addr first;
	int err = net_take_prefix(d, n, &prefix);

	if (err < 0)
		return err;
	first = ip6_masked(&prefix.addr, prefix.len);
	if (ip_prefix_is_ip4(&prefix) || !ip6_equal(&first, &prefix.addr) ||
	    ip6_is_link_local(&first) || ip6_is_multicast(&first))
		return config_fail(d->error, n,
				   "expected an IPv6 network, such as 2001:db8:0:1::/64");
	p->prefix = ip_prefix_ip6(&prefix);
	return 0;
}

static int finish_prefix(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_ip6_prefix *p = holder;

	if (!config_member_or_null(n, "prefix"))
		return config_fail(d->error, n, "an advertised prefix needs \"prefix\"");
	if (p->preferred_s > p->valid_s)
		return config_fail(d->error, n, "preferred for longer than it is valid");
	if (p->autonomous && p->prefix.len != 64)
		return config_fail(
			d->error, n,
			"addresses are made of a /64 only; else write autonomous: false");
	return 0;
}

static const struct config_field prefix_fields[] = {
	{ .name = "prefix", .type = CONFIG_CUSTOM, .decode = take_prefix },
	{ .name = "valid", .type = CONFIG_CUSTOM, .decode = take_valid },
	{ .name = "preferred", .type = CONFIG_CUSTOM, .decode = take_preferred },
	{ .name = "on_link",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_ip6_prefix, on_link) },
	{ .name = "autonomous",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_ip6_prefix, autonomous) },
};

static const struct net_ip6_prefix prefix_defaults = {
	.valid_s = IP6_ADVERTISE_VALID_S,
	.preferred_s = IP6_ADVERTISE_PREFERRED_S,
	.on_link = true,
	.autonomous = true,
};

static const struct config_message prefix_message = {
	.name = "prefix",
	.size = sizeof(struct net_ip6_prefix),
	.defaults = &prefix_defaults,
	.fields = prefix_fields,
	.n_fields = count_of(prefix_fields),
	.finish = finish_prefix,
};

static int take_servers(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_ip6_advertise *a = holder;
	const struct config_node *item = n->kind == CONFIG_LIST ? n->first : n;
	uint32_t count = n->kind == CONFIG_LIST ? n->n_items : 1;

	if (count > ND_SERVERS_MAX)
		return config_fail(d->error, n, "more than %d DNS servers", ND_SERVERS_MAX);
	for (uint32_t i = 0; i < count; i++, item = item->next) {
		const char *text;
		int err = config_take_string(d, item, &text);

		if (err < 0)
			return err;
		if (ip6_from_text(text, &a->server[i]) != 0)
			return config_fail(d->error, item, "\"%.60s\" is no IPv6 address", text);
	}
	a->n_servers = (uint8_t)count;
	return 0;
}

static int finish_advertise(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_ip6_advertise *a = holder;

	if (a->n_prefixes > ND_PREFIXES_MAX)
		return config_fail(d->error, n, "more than %d prefixes", ND_PREFIXES_MAX);
	if (a->lifetime_ns != 0 && a->lifetime_ns < a->interval_ns)
		return config_fail(
			d->error, n,
			"the lifetime is shorter than the interval; write lifetime: 0s to "
			"be no default router");
	return 0;
}

static const struct config_field advertise_fields[] = {
	{ .name = "lifetime",
	  .type = CONFIG_DURATION,
	  .offset = offsetof(struct net_ip6_advertise, lifetime_ns),
	  .max = LIFETIME_MAX_NS },
	{ .name = "interval",
	  .type = CONFIG_DURATION,
	  .offset = offsetof(struct net_ip6_advertise, interval_ns),
	  .min = INTERVAL_MIN_NS,
	  .max = INTERVAL_MAX_NS },
	{ .name = "hop_limit",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_ip6_advertise, hop_limit),
	  .max = 255 },
	{ .name = "managed",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_ip6_advertise, managed) },
	{ .name = "other",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_ip6_advertise, other) },
	{ .name = "mtu",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_ip6_advertise, mtu_bytes),
	  .min = IP6_MIN_MTU,
	  .max = MTU_MAX },
	{ .name = "reachable_time",
	  .type = CONFIG_DURATION,
	  .offset = offsetof(struct net_ip6_advertise, reachable_ns),
	  .max = REACHABLE_MAX_NS },
	{ .name = "retransmit_time",
	  .type = CONFIG_DURATION,
	  .offset = offsetof(struct net_ip6_advertise, retransmit_ns),
	  .max = REACHABLE_MAX_NS },
	{ .name = "prefixes",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_ip6_advertise, prefixes),
	  .n_offset = offsetof(struct net_ip6_advertise, n_prefixes),
	  .message = &prefix_message },
	{ .name = "dns", .type = CONFIG_CUSTOM, .decode = take_servers },
};

static const struct net_ip6_advertise advertise_defaults = {
	.lifetime_ns = IP6_ADVERTISE_LIFETIME_S * SECOND_NS,
	.interval_ns = IP6_ADVERTISE_MAX_S * SECOND_NS,
	.hop_limit = IP6_DEFAULT_HOP_LIMIT,
};

static const struct config_message advertise_message = {
	.name = "advertise",
	.size = sizeof(struct net_ip6_advertise),
	.defaults = &advertise_defaults,
	.fields = advertise_fields,
	.n_fields = count_of(advertise_fields),
	.finish = finish_advertise,
};

static const struct config_enum_value id_values[] = {
	{ "eui64", IP6_EUI64, NULL },
	{ "stable", IP6_STABLE, NULL },
};
static const struct config_enum ids = { id_values, count_of(id_values) };

static int finish(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_ip6 *ip6 = holder;

	ip6->is_given = n && n->kind == CONFIG_MAP;
	if (ip6->autoconf && ip6->advertise)
		return config_fail(
			d->error, n,
			"an interface either advertises or listens: autoconf or advertise");
	return 0;
}

static const struct config_field fields[] = {
	{ .name = "autoconf", .type = CONFIG_BOOL, .offset = offsetof(struct net_ip6, autoconf) },
	{ .name = "interface_id",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct net_ip6, interface_id),
	  .values = &ids },
	{ .name = "duplicate_checks",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_ip6, duplicate_checks),
	  .max = DUPLICATE_CHECKS_MAX },
	{ .name = "advertise",
	  .type = CONFIG_MESSAGE_NEW,
	  .offset = offsetof(struct net_ip6, advertise),
	  .message = &advertise_message },
};

static const struct net_ip6 defaults = { .duplicate_checks = 1 };

const struct config_message net_ip6_message = {
	.name = "ipv6",
	.size = sizeof(struct net_ip6),
	.defaults = &defaults,
	.fields = fields,
	.n_fields = count_of(fields),
	.finish = finish,
};

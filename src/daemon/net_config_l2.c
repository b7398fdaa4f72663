/* net_config_l2.c - the tables of net.yaml's bridges and cross-connects. */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"
#include "l2/bridge/mac_table.h"

static const struct config_field bvi_fields[] = {
	{ .name = "bridge",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_bvi, bridge),
	  .flags = CONFIG_REQUIRED },
};

const struct config_message net_bvi_message = {
	.name = "bvi",
	.size = sizeof(struct net_bvi),
	.fields = bvi_fields,
	.n_fields = count_of(bvi_fields),
};

/* --- ports of a bridge --- */

static int finish_port(struct config_decoder *d unused_arg, const struct config_node *n unused_arg,
		       void *holder)
{
	struct net_bridge_port *p = holder;

	p->config.no_learn = !p->learn;
	p->config.split_horizon = (uint16_t)p->split_horizon;
	return 0;
}

static const struct config_field port_fields[] = {
	{ .name = "interface",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_bridge_port, interface),
	  .flags = CONFIG_REQUIRED },
	{ .name = "split_horizon",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_bridge_port, split_horizon),
	  .max = UINT16_MAX },
	{ .name = "learn", .type = CONFIG_BOOL, .offset = offsetof(struct net_bridge_port, learn) },
	{ .name = "macs_limit",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_bridge_port, config.macs_limit),
	  .max = MACS_MAX },
};

static const struct net_bridge_port port_defaults = { .learn = true };
static const struct config_message port_message = {
	.name = "port",
	.size = sizeof(struct net_bridge_port),
	.defaults = &port_defaults,
	.fields = port_fields,
	.n_fields = count_of(port_fields),
	.at_offset = offsetof(struct net_bridge_port, at),
	.finish = finish_port,
};

/* --- fixed addresses --- */

int net_take_station(struct config_decoder *d, const struct config_node *n, struct mac *out)
{
	int err = net_take_mac(d, n, out);

	if (err < 0)
		return err;
	if (mac_is_group(out) || mac_is_zero(out))
		return config_fail(d->error, n, "this is no MAC address of a station");
	return 0;
}

static int take_mac(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return net_take_station(d, n, &((struct net_bridge_mac *)holder)->mac);
}

static int finish_mac(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_bridge_mac *m = holder;

	if (mac_is_zero(&m->mac))
		return config_fail(d->error, n, "needs \"mac\", the address");
	if (!m->interface == !m->filter)
		return config_fail(d->error, n,
				   "needs one of: interface, the port that it is behind, or "
				   "filter: true, to drop its frames");
	return 0;
}

static const struct config_field mac_fields[] = {
	{ .name = "mac", .type = CONFIG_CUSTOM, .decode = take_mac },
	{ .name = "interface",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_bridge_mac, interface),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "filter",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_bridge_mac, filter) },
};

static const struct config_message mac_message = {
	.name = "mac",
	.size = sizeof(struct net_bridge_mac),
	.fields = mac_fields,
	.n_fields = count_of(mac_fields),
	.at_offset = offsetof(struct net_bridge_mac, at),
	.finish = finish_mac,
};

/* --- fixed answers --- */

static int take_answer_mac(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return net_take_station(d, n, &((struct net_bridge_answer *)holder)->mac);
}

int net_take_addr(struct config_decoder *d, const struct config_node *n, struct ip6_addr *out)
{
	const char *text;
	int err = config_take_string(d, n, &text);

	if (err < 0)
		return err;
	if (ip_addr_from_text(text, out) < 0)
		return config_fail(d->error, n,
				   "\"%.60s\" is no address; expected one like 10.0.0.1 or "
				   "2001:db8::1",
				   text);
	return 0;
}

static int take_answer_addr(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return net_take_addr(d, n, &((struct net_bridge_answer *)holder)->addr);
}

static int finish_answer(struct config_decoder *d, const struct config_node *n,
			 void *holder unused_arg)
{
	if (config_member_or_null(n, "address") && config_member_or_null(n, "mac"))
		return 0;
	return config_fail(d->error, n, "needs \"address\" and \"mac\"");
}

static const struct config_field answer_fields[] = {
	{ .name = "address", .type = CONFIG_CUSTOM, .decode = take_answer_addr },
	{ .name = "mac", .type = CONFIG_CUSTOM, .decode = take_answer_mac },
};

static const struct config_message answer_message = {
	.name = "answer",
	.size = sizeof(struct net_bridge_answer),
	.fields = answer_fields,
	.n_fields = count_of(answer_fields),
	.at_offset = offsetof(struct net_bridge_answer, at),
	.finish = finish_answer,
};

/* --- bridges --- */

static int finish_bridge(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_bridge *b = holder;

	if (net_check_name(d, n, b->name, BRIDGE_NAME_MAX) < 0)
		return ERR_INVAL;
	b->config.no_learn = !b->learn;
	b->config.drop_unknown = !b->flood_unknown;
	b->config.drop_broadcast = !b->flood_broadcast;
	b->config.drop_multicast = !b->flood_multicast;
	b->config.age_s = (uint32_t)(b->age_ns / NS_PER_S);
	return 0;
}

static const struct config_field bridge_fields[] = {
	{ .name = "name",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_bridge, name),
	  .flags = CONFIG_REQUIRED },
	{ .name = "learn", .type = CONFIG_BOOL, .offset = offsetof(struct net_bridge, learn) },
	{ .name = "flood_unknown",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_bridge, flood_unknown) },
	{ .name = "flood_broadcast",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_bridge, flood_broadcast) },
	{ .name = "flood_multicast",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_bridge, flood_multicast) },
	{ .name = "answer",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct net_bridge, config.answer) },
	{ .name = "age",
	  .type = CONFIG_DURATION,
	  .offset = offsetof(struct net_bridge, age_ns),
	  .max = BRIDGE_AGE_MAX_S * (uint64_t)NS_PER_S },
	{ .name = "macs_limit",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_bridge, config.macs_limit),
	  .max = MACS_MAX },
	{ .name = "ports",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_bridge, ports),
	  .n_offset = offsetof(struct net_bridge, n_ports),
	  .message = &port_message },
	{ .name = "macs",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_bridge, macs),
	  .n_offset = offsetof(struct net_bridge, n_macs),
	  .message = &mac_message },
	{ .name = "answers",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_bridge, answers),
	  .n_offset = offsetof(struct net_bridge, n_answers),
	  .message = &answer_message },
};

static const struct net_bridge bridge_defaults = {
	.learn = true,
	.flood_unknown = true,
	.flood_broadcast = true,
	.flood_multicast = true,
	.age_ns = BRIDGE_AGE_DEFAULT_S * (uint64_t)NS_PER_S,
};

const struct config_message net_bridge_message = {
	.name = "bridge",
	.size = sizeof(struct net_bridge),
	.defaults = &bridge_defaults,
	.fields = bridge_fields,
	.n_fields = count_of(bridge_fields),
	.at_offset = offsetof(struct net_bridge, at),
	.finish = finish_bridge,
};

/* --- cross-connects --- */

static int finish_xconnect(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_xconnect *x = holder;

	if (x->n_ports == 2)
		return 0;
	return config_fail(d->error, n, "a cross-connect has two ports: ports: [lan, wan]");
}

static const struct config_field xconnect_fields[] = {
	{ .name = "ports",
	  .type = CONFIG_STRING_LIST,
	  .offset = offsetof(struct net_xconnect, ports),
	  .n_offset = offsetof(struct net_xconnect, n_ports) },
};

const struct config_message net_xconnect_message = {
	.name = "xconnect",
	.size = sizeof(struct net_xconnect),
	.fields = xconnect_fields,
	.n_fields = count_of(xconnect_fields),
	.at_offset = offsetof(struct net_xconnect, at),
	.finish = finish_xconnect,
};

/* --- what they name --- */

static const struct net_interface *interface_or_null(const struct net_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_interfaces; i++)
		if (strcmp(c->interfaces[i].name, name) == 0)
			return &c->interfaces[i];
	return NULL;
}

/* A port must exist and have no address: it is no interface of l3. */
static int check_port(struct config_decoder *d, const struct net_config *c, const char *name,
		      const struct config_node *at)
{
	const struct net_interface *i = interface_or_null(c, name);

	if (!i)
		return config_fail(d->error, at, "no interface is called \"%s\"", name);
	if (i->kind == NET_BVI)
		return config_fail(d->error, at, "the bvi \"%s\" cannot be a port", name);
	if (i->n_addresses > 0)
		return config_fail(d->error, at,
				   "\"%s\" has addresses, which a port cannot use; give them to "
				   "the bvi of the bridge",
				   name);
	return 0;
}

static int check_bridge(struct config_decoder *d, const struct net_config *c,
			const struct net_bridge *b)
{
	int err = 0;

	for (uint32_t i = 0; i < b->n_ports && err == 0; i++)
		err = check_port(d, c, b->ports[i].interface, b->ports[i].at);
	for (const struct net_bridge *other = c->bridges; other < b && err == 0; other++)
		if (strcmp(other->name, b->name) == 0)
			err = config_fail(d->error, b->at, "two bridges are called \"%s\"",
					  b->name);
	return err;
}

static bool has_bridge(const struct net_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_bridges; i++)
		if (strcmp(c->bridges[i].name, name) == 0)
			return true;
	return false;
}

static int check_vlan(struct config_decoder *d, const struct net_config *c,
		      const struct net_interface *one)
{
	const struct net_interface *parent = interface_or_null(c, one->vlan.parent);

	if (!parent)
		return config_fail(d->error, one->at, "no interface is called \"%s\"",
				   one->vlan.parent);
	if (parent->kind == NET_VLAN)
		return config_fail(d->error, config_member_or_null(one->at, "vlan"),
				   "the parent \"%s\" is itself a vlan; name two tags of its own "
				   "parent instead",
				   parent->name);
	if (one->mtu_bytes && parent->mtu_bytes && parent->mtu_bytes < one->mtu_bytes)
		return config_fail(d->error, config_member_or_null(one->at, "mtu"),
				   "larger than the MTU of \"%s\"", parent->name);
	return 0;
}

int net_check_l2(struct config_decoder *d, const struct net_config *c)
{
	int err = 0;

	for (uint32_t i = 0; i < c->n_mac_filters; i++)
		if (!interface_or_null(c, c->mac_filters[i].interface))
			return config_fail(d->error, c->mac_filters[i].at,
					   "no interface is called \"%s\"",
					   c->mac_filters[i].interface);

	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct net_interface *one = &c->interfaces[i];

		if (one->kind == NET_VLAN && check_vlan(d, c, one) < 0)
			return ERR_INVAL;
		if (one->kind == NET_BVI && !has_bridge(c, one->bvi.bridge))
			return config_fail(d->error, one->at, "no bridge is called \"%s\"",
					   one->bvi.bridge);
	}
	for (uint32_t i = 0; i < c->n_bridges && err == 0; i++)
		err = check_bridge(d, c, &c->bridges[i]);
	for (uint32_t i = 0; i < c->n_xconnects && err == 0; i++) {
		const struct net_xconnect *x = &c->xconnects[i];

		err = check_port(d, c, x->ports[0], x->at);
		if (err == 0)
			err = check_port(d, c, x->ports[1], x->at);
	}
	return err;
}

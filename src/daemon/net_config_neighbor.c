/* net_config_neighbor.c - the table of net.yaml's fixed neighbours. */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

static int take_addr(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return net_take_addr(d, n, &((struct net_neighbor *)holder)->addr);
}

static int take_mac(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return net_take_station(d, n, &((struct net_neighbor *)holder)->mac);
}

static int finish(struct config_decoder *d, const struct config_node *n, void *holder unused_arg)
{
	if (config_member_or_null(n, "address") && config_member_or_null(n, "mac"))
		return 0;
	return config_fail(d->error, n, "a neighbor needs \"interface\", \"address\" and \"mac\"");
}

static const struct config_field fields[] = {
	{ .name = "interface",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_neighbor, interface),
	  .flags = CONFIG_REQUIRED | CONFIG_NOT_EMPTY },
	{ .name = "address", .type = CONFIG_CUSTOM, .decode = take_addr },
	{ .name = "mac", .type = CONFIG_CUSTOM, .decode = take_mac },
};

const struct config_message net_neighbor_message = {
	.name = "neighbor",
	.size = sizeof(struct net_neighbor),
	.fields = fields,
	.n_fields = count_of(fields),
	.at_offset = offsetof(struct net_neighbor, at),
	.finish = finish,
};

static bool has_interface(const struct net_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_interfaces; i++)
		if (strcmp(c->interfaces[i].name, name) == 0)
			return true;
	return false;
}

int net_check_neighbors(struct config_decoder *d, const struct net_config *c)
{
	for (uint32_t i = 0; i < c->n_neighbors; i++) {
		const struct net_neighbor *one = &c->neighbors[i];

		if (!has_interface(c, one->interface))
			return config_fail(d->error, config_member_or_null(one->at, "interface"),
					   "no interface is called \"%s\"", one->interface);
	}
	return 0;
}

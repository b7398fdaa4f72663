/* net_config_mac_filter.c - the table of net.yaml's "mac_filters". */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

int net_take_mac(struct config_decoder *d, const struct config_node *n, struct mac *out)
{
	const char *text;
	int err = config_take_string(d, n, &text);

	if (err < 0 || mac_from_text(text, out) == 0)
		return err;
	return config_fail(d->error, n,
			   "\"%.40s\" is no MAC address; expected one like 02:00:00:00:00:01",
			   text);
}

static int take_side(struct config_decoder *d, const struct config_node *n, void *holder,
		     enum mac_filter_side side)
{
	struct mac_filter_entry *entry = &((struct net_mac_filter *)holder)->entry;

	entry->side = (uint8_t)side;
	return net_take_mac(d, n, &entry->mac);
}

static int take_source(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_side(d, n, holder, MAC_FILTER_SOURCE);
}

static int take_destination(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_side(d, n, holder, MAC_FILTER_DESTINATION);
}

static int finish(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_mac_filter *f = holder;
	const struct config_node *source = config_member_or_null(n, "source");

	f->entry.action = (uint8_t)f->action;
	if (!source == !config_member_or_null(n, "destination"))
		return config_fail(d->error, n, "needs one of: source, destination, an address");
	if (mac_is_zero(&f->entry.mac) || (source && mac_is_group(&f->entry.mac)))
		return config_fail(d->error, n,
				   "no frame has this address: zero, or a group as source");
	return 0;
}

static const struct config_enum_value action_values[] = {
	{ "allow", MAC_FILTER_ALLOW, NULL },
	{ "deny", MAC_FILTER_DENY, NULL },
};
static const struct config_enum actions = { action_values, count_of(action_values) };

static const struct config_field fields[] = {
	{ .name = "interface",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct net_mac_filter, interface),
	  .flags = CONFIG_REQUIRED },
	{ .name = "action",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct net_mac_filter, action),
	  .values = &actions,
	  .flags = CONFIG_REQUIRED },
	{ .name = "source", .type = CONFIG_CUSTOM, .decode = take_source },
	{ .name = "destination", .type = CONFIG_CUSTOM, .decode = take_destination },
};

const struct config_message net_mac_filter_message = {
	.name = "mac filter",
	.size = sizeof(struct net_mac_filter),
	.fields = fields,
	.n_fields = count_of(fields),
	.at_offset = offsetof(struct net_mac_filter, at),
	.finish = finish,
};

/* net_config_vlan.c - the table of net.yaml's subinterfaces. */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

static int take_tags(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct vlan_config *c = holder;

	if (n->kind == CONFIG_SCALAR && vlan_match_from_text(n->text, &c->match) == 0)
		return 0;
	return config_fail(d->error, n,
			   "expected tags: 100, 100.200, 100.any, 802.1ad 100.200, untagged, rest");
}

static int take_inside(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct vlan_config *c = holder;

	if (n->kind == CONFIG_SCALAR && vlan_inside_from_text(n->text, &c->inside) == 0)
		return 0;
	return config_fail(d->error, n,
			   "expected the tags of frames inside: none, 100, 100.200, 802.1ad 100");
}

static int finish(struct config_decoder *d, const struct config_node *n, void *holder unused_arg)
{
	if (config_member_or_null(n, "tags"))
		return 0;
	return config_fail(d->error, n, "a vlan needs \"tags\": those of its frames on the parent");
}

static const struct config_field fields[] = {
	{ .name = "parent",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct vlan_config, parent),
	  .flags = CONFIG_REQUIRED },
	{ .name = "tags", .type = CONFIG_CUSTOM, .decode = take_tags },
	{ .name = "inside", .type = CONFIG_CUSTOM, .decode = take_inside },
};

const struct config_message net_vlan_message = {
	.name = "vlan",
	.size = sizeof(struct vlan_config),
	.fields = fields,
	.n_fields = count_of(fields),
	.finish = finish,
};

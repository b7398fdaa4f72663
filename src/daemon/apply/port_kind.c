/* port_kind.c - which interface is a port of which bridge, as objects of an apply. */
#include <string.h>

#include "base/err.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"
#include "engine/engine.h"

struct port {
	const char *bridge; /* in the arena */
	struct bridge_port_config config;
};

static json_t *value_of(const char *bridge, const struct bridge_port_config *c)
{
	json_t *value = json_pack("{s:s}", "bridge", bridge);

	if (c->split_horizon)
		json_object_set_new(value, "split_horizon", json_integer(c->split_horizon));
	if (c->no_learn)
		json_object_set_new(value, "learn", json_false());
	if (c->macs_limit)
		json_object_set_new(value, "macs_limit", json_integer(c->macs_limit));
	return value;
}

static int add(struct apply_list *out, const char *interface, const char *bridge,
	       const struct bridge_port_config *config, const struct config_node *at)
{
	struct port *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	const struct apply_item item = { .kind = &apply_port_kind,
					 .name = interface,
					 .value = value_of(bridge, config),
					 .on = interface,
					 .at = at,
					 .object = object };
	size_t size = strlen(bridge) + 1;
	char *copy = object ? arena_alloc_or_null(&out->arena, size) : NULL;

	if (!copy) {
		json_decref(item.value);
		return ERR_NOMEM;
	}
	*object = (struct port){ memcpy(copy, bridge, size), *config };
	return apply_list_add(out, &item);
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	int err = 0;

	for (uint32_t index = 1; index < INTERFACES_MAX && err == 0; index++) {
		const struct interface *i = interface_get_or_null(d->engine, index);
		const struct bridge_port_config *c = i ? bridge_port_config_or_null(i) : NULL;

		if (c)
			err = add(out, i->name, bridge_name(bridge_of_port_or_null(i)), c, NULL);
	}
	return err;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_bridges; n++) {
		const struct net_bridge *b = &file->config->bridges[n];

		for (uint32_t k = 0; k < b->n_ports && err == 0; k++)
			err = add(out, b->ports[k].interface, b->name, &b->ports[k].config,
				  b->ports[k].at);
	}
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct port *p = item->object;
	struct bridge *b = bridge_by_name_or_null(d->engine, p->bridge);
	struct interface *i = interface_by_name_or_null(d->engine, item->name);
	int err = b && i ? bridge_add_port(b, i, &p->config) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "port \"%s\" of bridge \"%s\": %s", item->name, p->bridge,
			   err == ERR_BUSY	    ? "it is in a cross-connect or another bridge"
			   : err == ERR_UNSUPPORTED ? INTERFACE_IP_ONLY_TEXT
						    : err_text(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	struct interface *i = interface_by_name_or_null(d->engine, item->name);
	int err = i ? bridge_remove_port(i) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "port \"%s\" cannot be removed: %s", item->name,
			   err_text(err));
	return err;
}

static bool can_change(const struct apply_item *from, const struct apply_item *to)
{
	const struct port *a = from->object, *b = to->object;

	return strcmp(a->bridge, b->bridge) == 0;
}

static int change(struct convoyd *d, const struct apply_item *from unused_arg,
		  const struct apply_item *to, struct config_error *error)
{
	const struct port *p = to->object;
	struct interface *i = interface_by_name_or_null(d->engine, to->name);
	int err = i ? bridge_change_port(i, &p->config) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, to, "port \"%s\": %s", to->name, err_text(err));
	return err;
}

const struct apply_kind apply_port_kind = {
	.name = "port",
	.rank = 4,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
	.can_change = can_change,
	.change = change,
};

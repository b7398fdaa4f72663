/* mac_kind.c - fixed MAC addresses of bridges as objects of an apply. */
#include <string.h>

#include "base/err.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"
#include "engine/engine.h"

enum { NAME_BYTES = BRIDGE_NAME_MAX + 1 + MAC_TEXT_LEN + 1 };

struct fixed {
	char bridge[BRIDGE_NAME_MAX];
	char interface[INTERFACE_NAME_MAX]; /* "": a filter */
	struct mac mac;
};

static json_t *value_of(const struct fixed *f)
{
	return f->interface[0] ? json_pack("{s:s}", "interface", f->interface)
			       : json_pack("{s:b}", "filter", true);
}

static int add(struct apply_list *out, const char *bridge, const struct mac *mac,
	       const char *interface, const struct config_node *at)
{
	struct fixed *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	char name[NAME_BYTES] = "";
	struct writer w = writer_of(name, sizeof(name) - 1);
	struct apply_item item = { .kind = &apply_mac_kind, .name = name, .at = at };

	if (!object)
		return ERR_NOMEM;
	*object = (struct fixed){ .mac = *mac };
	strncpy(object->bridge, bridge, sizeof(object->bridge) - 1);
	if (interface)
		strncpy(object->interface, interface, sizeof(object->interface) - 1);
	put_format(&w, "%s ", object->bridge);
	mac_print(&w, mac);
	item.object = object;
	item.on = interface;
	item.value = value_of(object);
	return apply_list_add(out, &item);
}

struct listing {
	const struct convoyd *d;
	struct apply_list *out;
	int err;
};

static bool list_one(const struct bridge *b, const struct mac *mac, uint32_t if_index,
		     void *context)
{
	struct listing *l = context;
	const struct interface *i = if_index ? interface_get_or_null(l->d->engine, if_index) : NULL;

	l->err = add(l->out, bridge_name(b), mac, i ? i->name : NULL, NULL);
	return l->err == 0;
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	struct listing l = { d, out, 0 };
	struct bridge *b = NULL;

	while (l.err == 0 && (b = bridge_next_or_null(d->engine, b)) != NULL)
		bridge_walk_fixed(b, list_one, &l);
	return l.err;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_bridges; n++) {
		const struct net_bridge *b = &file->config->bridges[n];

		for (uint32_t k = 0; k < b->n_macs && err == 0; k++)
			err = add(out, b->name, &b->macs[k].mac, b->macs[k].interface,
				  b->macs[k].at);
	}
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct fixed *f = item->object;
	struct bridge *b = bridge_by_name_or_null(d->engine, f->bridge);
	const struct interface *i = NULL;
	int err = ERR_NOENT;

	if (f->interface[0])
		i = interface_by_name_or_null(d->engine, f->interface);
	if (b && (i || !f->interface[0]))
		err = bridge_add_mac(b, &f->mac, i);
	if (err < 0)
		apply_fail(error, item, "mac %s: %s", item->name,
			   err == ERR_NOENT   ? "the interface is no port of the bridge"
			   : err == ERR_INVAL ? "this is the address of the bvi"
					      : err_text(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct fixed *f = item->object;
	struct bridge *b = bridge_by_name_or_null(d->engine, f->bridge);
	int err = b ? bridge_delete_mac(b, &f->mac) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "mac %s cannot be removed: %s", item->name, err_text(err));
	return err;
}

const struct apply_kind apply_mac_kind = {
	.name = "mac",
	.rank = 5,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
};

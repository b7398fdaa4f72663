/* neighbor_kind.c - neighbours with a fixed link address as objects of an apply. */
#include <string.h>

#include "base/err.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"
#include "engine/engine.h"
#include "l2/l2_cli.h"
#include "l3/neighbor/neighbor.h"

enum { ADDR_TEXT_MAX = 64, NAME_BYTES = INTERFACE_NAME_MAX + 1 + ADDR_TEXT_MAX };

struct fixed {
	struct ip6_addr addr;
	struct mac mac;
};

static int add(struct apply_list *out, const char *interface, const struct ip6_addr *addr,
	       const struct mac *mac, const struct config_node *at)
{
	struct fixed *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	char name[NAME_BYTES] = "";
	struct writer w = writer_of(name, sizeof(name) - 1);
	struct apply_item item = { .kind = &apply_neighbor_kind,
				   .name = name,
				   .on = interface,
				   .at = at,
				   .object = object };

	if (!object)
		return ERR_NOMEM;
	*object = (struct fixed){ *addr, *mac };
	put_format(&w, "%s ", interface);
	ip_print_addr(&w, addr);
	item.value = json_pack("{s:o}", "mac", l2_mac_json(mac));
	return apply_list_add(out, &item);
}

struct listing {
	const struct convoyd *d;
	struct apply_list *out;
	int err;
};

static bool list_one(const struct neighbor *n, void *context)
{
	struct listing *l = context;
	const struct interface *i = interface_get_or_null(l->d->engine, n->if_index);

	if (i && n->machine.state == NEIGHBOR_STATIC)
		l->err = add(l->out, i->name, &n->addr, &n->mac, NULL);
	return l->err == 0;
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	struct listing l = { d, out, 0 };

	neighbor_walk(d->engine, list_one, &l);
	return l.err;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_neighbors && err == 0; n++) {
		const struct net_neighbor *one = &file->config->neighbors[n];

		err = add(out, one->interface, &one->addr, &one->mac, one->at);
	}
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct fixed *f = item->object;
	const struct interface *i = interface_by_name_or_null(d->engine, item->on);
	int err = i ? neighbor_add_static(d->engine, i->index, &f->addr, &f->mac) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "neighbor %s: %s", item->name,
			   err == ERR_UNREACHABLE ? "it is in no prefix of the interface"
						  : err_text(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct fixed *f = item->object;
	const struct interface *i = interface_by_name_or_null(d->engine, item->on);
	int err = i ? neighbor_del(d->engine, i->index, &f->addr) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "neighbor %s cannot be removed: %s", item->name,
			   err_text(err));
	return err;
}

static bool can_change(const struct apply_item *from unused_arg,
		       const struct apply_item *to unused_arg)
{
	return true;
}

static int change(struct convoyd *d, const struct apply_item *from unused_arg,
		  const struct apply_item *to, struct config_error *error)
{
	return create(d, to, error);
}

const struct apply_kind apply_neighbor_kind = {
	.name = "neighbor",
	.rank = 3, /* on the networks of addresses */
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
	.can_change = can_change,
	.change = change,
};

/* route_kind.c - static routes as objects of an apply. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/writer.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "engine/engine.h"
#include "l3/ip4/route.h"

enum { TEXT_MAX = 64 };

/* By names: an interface that is made anew has another index. */
struct hop {
	uint32_t addr; /* host order; 0: the destination itself */
	uint32_t weight;
	const char *interface; /* NULL: the one whose network holds @addr */
};

struct route {
	struct ip4_prefix to;
	enum adjacency_kind dead; /* without a hop: what becomes of the packets */
	unsigned n_hops;
	struct hop hop[LOAD_BALANCE_PATHS];
};

static const char *const dead_names[N_ADJACENCY_KINDS] = {
	[ADJACENCY_BLACKHOLE] = "blackhole",
	[ADJACENCY_PROHIBIT] = "prohibit",
	[ADJACENCY_UNREACHABLE] = "unreachable",
};

static json_t *hop_value(const struct hop *hop)
{
	json_t *value = json_object();
	char text[TEXT_MAX];
	struct writer w = writer_of(text, TEXT_MAX);

	if (hop->addr) {
		ip4_print_addr(&w, be32_of(hop->addr));
		json_object_set_new(value, "via", json_stringn(text, writer_len(&w)));
	}
	if (hop->interface)
		json_object_set_new(value, "interface", json_string(hop->interface));
	if (hop->weight > 1)
		json_object_set_new(value, "weight", json_integer(hop->weight));
	return value;
}

/* As net.yaml says it, without "to". */
static json_t *value_of(const struct route *r)
{
	json_t *list;

	if (r->n_hops == 0)
		return json_pack("{s:b}", dead_names[r->dead], true);
	if (r->n_hops == 1)
		return hop_value(&r->hop[0]);
	list = json_array();
	for (unsigned i = 0; i < r->n_hops; i++)
		json_array_append_new(list, hop_value(&r->hop[i]));
	return json_pack("{s:o}", "hops", list);
}

static int add(struct apply_list *out, const struct route *route, const char *on,
	       const struct config_node *at)
{
	struct route *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	char name[TEXT_MAX];
	struct writer w = writer_of(name, TEXT_MAX - 1);
	const struct apply_item item = {
		.kind = &apply_route_kind,
		.name = name,
		.value = value_of(route),
		.on = on,
		.at = at,
		.object = object,
	};

	if (!object) {
		json_decref(item.value);
		return ERR_NOMEM;
	}
	*object = *route;
	ip4_print_prefix(&w, &route->to);
	name[writer_len(&w)] = '\0';
	return apply_list_add(out, &item);
}

static int list_one(struct convoyd *d, const struct ip4_route *r, struct apply_list *out)
{
	struct route route = { .to = r->prefix, .dead = r->dead, .n_hops = r->n_hops };
	const char *on = NULL;

	for (unsigned i = 0; i < r->n_hops; i++) {
		const struct interface *by = interface_get_or_null(d->engine, r->hop[i].if_index);

		if (!by)
			return 0; /* on its way out with its interface */
		on = by->name;
		route.hop[i] = (struct hop){ r->hop[i].addr, r->hop[i].weight, by->name };
		if (ip4_link_of(ip4_stack_of(d->engine), r->vrf, r->hop[i].addr) == by->index)
			route.hop[i].interface = NULL;
	}
	return add(out, &route, on, NULL);
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	list_for_each(link, &ip4_stack_of(d->engine)->routes) {
		int err = list_one(d, container_of(link, struct ip4_route, link), out);

		if (err < 0)
			return err;
	}
	return 0;
}

/* The interface of the file on whose network @addr is: ip4_link_of() for what is yet to come. */
static const char *link_of_or_null(const struct net_config *config, uint32_t addr)
{
	const char *best = NULL;
	unsigned best_len = 0;

	for (uint32_t n = 0; n < config->n_interfaces; n++) {
		const struct net_interface *i = &config->interfaces[n];

		for (uint32_t k = 0; k < i->n_addresses; k++) {
			struct ip4_prefix p = i->addresses[k];

			if (((p.addr ^ addr) & ip4_mask_of(p.len)) == 0 && p.len >= best_len) {
				best = i->name;
				best_len = p.len;
			}
		}
	}
	return best;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	for (uint32_t n = 0; n < file->config->n_routes; n++) {
		const struct net_route *w = &file->config->routes[n];
		struct route route = { .to = w->to };
		struct hop *hop = &route.hop[0];
		const char *usual;
		int err;

		if (w->blackhole || w->prohibit) {
			route.dead = w->blackhole ? ADJACENCY_BLACKHOLE : ADJACENCY_PROHIBIT;
		} else {
			route.n_hops = 1;
			*hop = (struct hop){ host32(w->via), 1, w->interface };
			usual = hop->addr ? link_of_or_null(file->config, hop->addr) : NULL;
			if (usual && hop->interface && strcmp(usual, hop->interface) == 0)
				hop->interface = NULL;
		}
		err = add(out, &route, w->interface, w->at);
		if (err < 0)
			return err;
	}
	return 0;
}

static int install(struct convoyd *d, const struct route *r)
{
	struct ip4_hop hops[LOAD_BALANCE_PATHS];

	if (r->n_hops == 0)
		return ip4_add_dead_route(d->engine, VRF_DEFAULT, r->to, r->dead);
	for (unsigned i = 0; i < r->n_hops; i++) {
		const struct hop *hop = &r->hop[i];
		const struct interface *by =
			hop->interface ? interface_by_name_or_null(d->engine, hop->interface)
				       : NULL;

		if (hop->interface && !by)
			return ERR_NOENT;
		hops[i] = (struct ip4_hop){ by ? by->index : 0, hop->addr, hop->weight };
	}
	return ip4_add_route(d->engine, VRF_DEFAULT, r->to, hops, r->n_hops);
}

static const char *reason(int err)
{
	switch (err) {
	case ERR_INVAL:
		return "bits are set behind the prefix's length";
	case ERR_UNREACHABLE:
		return "the next hop is not on the link of any interface";
	default:
		return err_text(err);
	}
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	int err = install(d, item->object);

	if (err < 0)
		apply_fail(error, item, "no such route: %s", reason(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct route *r = item->object;
	int err = ip4_del_route(d->engine, VRF_DEFAULT, r->to);

	if (err < 0)
		apply_fail(error, item, "the route %s cannot be removed: %s", item->name,
			   err_text(err));
	return err;
}

/* A route takes the place of an earlier one for its prefix at once. */
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

const struct apply_kind apply_route_kind = {
	.name = "route",
	.rank = 3,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
	.can_change = can_change,
	.change = change,
};

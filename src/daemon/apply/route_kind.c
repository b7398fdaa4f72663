/* route_kind.c - static routes as objects of an apply. */
#include <string.h>

#include "base/err.h"
#include "base/writer.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"
#include "engine/engine.h"
#include "l3/route/paths.h"

enum { TEXT_MAX = 96 };

/* By names: an interface that is made anew has another index. */
struct named_hop {
	bool has_addr;	      /* else the destination itself */
	struct ip6_addr addr; /* as in struct ip_prefix */
	uint32_t weight;
	const char *interface; /* NULL: the one whose network holds @addr */
	const char *vrf;       /* that it is in */
};

struct named_route {
	struct ip_prefix to;
	enum adjacency_kind kind; /* without a hop: what becomes of the packets */
	const char *vrf;	  /* that it is in */
	const char *lookup;	  /* VRF, with ADJACENCY_LOOKUP */
	bool resilient;
	unsigned n_hops;
	struct named_hop *hop; /* in the arena */
};

/* --- as net.yaml says it --- */

static json_t *hop_value(const struct named_route *r, const struct named_hop *hop)
{
	json_t *value = json_object();
	char text[TEXT_MAX];
	struct writer w = writer_of(text, TEXT_MAX);

	if (hop->has_addr) {
		ip_print_addr(&w, &hop->addr);
		json_object_set_new(value, "via", json_stringn(text, writer_len(&w)));
	}
	if (hop->interface)
		json_object_set_new(value, "interface", json_string(hop->interface));
	if (strcmp(hop->vrf, r->vrf) != 0)
		json_object_set_new(value, "vrf", json_string(hop->vrf));
	if (hop->weight > 1)
		json_object_set_new(value, "weight", json_integer(hop->weight));
	return value;
}

static json_t *hops_value(const struct named_route *r)
{
	json_t *list = json_array(), *value;

	for (unsigned i = 0; i < r->n_hops; i++)
		json_array_append_new(list, hop_value(r, &r->hop[i]));
	value = json_pack("{s:o}", "next_hops", list);
	if (r->resilient)
		json_object_set_new(value, "resilient", json_true());
	return value;
}

/* A single next hop is said by the route itself, unless it is in another VRF. */
static bool is_plain(const struct named_route *r)
{
	return r->n_hops == 1 && strcmp(r->hop[0].vrf, r->vrf) == 0;
}

/* Without "to". What a weight is worth shows only beside others. */
static json_t *value_of(struct named_route *r)
{
	if (r->n_hops == 0 && r->kind == ADJACENCY_LOOKUP)
		return json_pack("{s:s}", "lookup", r->lookup);
	if (r->n_hops == 0)
		return json_pack("{s:b}", adjacency_kind_name(r->kind), true);
	if (r->n_hops == 1)
		r->hop[0].weight = 1;
	return is_plain(r) ? hop_value(r, &r->hop[0]) : hops_value(r);
}

/* @item says what it stands on, and where it is. */
static int add(struct apply_list *out, const struct named_route *route, struct apply_item item)
{
	struct named_route *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	char name[TEXT_MAX];
	struct writer w = writer_of(name, TEXT_MAX - 1);

	if (!object)
		return ERR_NOMEM;
	*object = *route;
	item.kind = &apply_route_kind;
	item.name = name;
	item.object = object;
	item.value = value_of(object);
	ip_print_prefix(&w, &route->to);
	if (strcmp(route->vrf, "default") != 0) { /* save.c ends the prefix at the blank */
		put_format(&w, " %s", route->vrf);
		json_object_set_new(item.value, "vrf", json_string(route->vrf));
	}
	name[writer_len(&w)] = '\0';
	return apply_list_add(out, &item);
}

/* --- what runs --- */

static struct named_hop running_hop(const struct convoyd *d, const struct route_hop *h)
{
	const struct fib *f = d->engine->module[MODULE_FIB];
	const struct interface *by = interface_get_or_null(d->engine, h->if_index);
	bool is_usual = by && h->has_addr && !ip6_is_link_local(&h->addr) &&
			route_link_to(d->engine, h->vrf, &h->addr) == by->index;

	return (struct named_hop){ .has_addr = h->has_addr,
				   .addr = h->addr,
				   .weight = h->weight,
				   .interface = by && !is_usual ? by->name : NULL,
				   .vrf = fib_vrf_or_null(f, h->vrf)->name };
}

static int list_one(struct convoyd *d, const struct named_route *like, const struct route_to *to,
		    struct apply_list *out)
{
	const char **on = arena_alloc_or_null(&out->arena, (to->n_hops + 1) * sizeof(*on));
	struct named_route route = *like;
	unsigned n_on = 0;

	route.hop = arena_alloc_or_null(&out->arena, (to->n_hops + 1) * sizeof(*route.hop));
	if (!on || !route.hop)
		return ERR_NOMEM;
	for (unsigned i = 0; i < to->n_hops; i++) {
		const struct interface *by = interface_get_or_null(d->engine, to->hop[i].if_index);

		if (!by && to->hop[i].if_index)
			return 0; /* on its way out with its interface */
		route.hop[i] = running_hop(d, &to->hop[i]);
		if (by)
			on[n_on++] = by->name;
	}
	return add(out, &route,
		   (struct apply_item){ .on = n_on ? on[0] : NULL,
					.also_on = on + 1,
					.n_also_on = n_on ? n_on - 1 : 0 });
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	const struct fib *f = d->engine->module[MODULE_FIB];

	list_for_each(link, routes_of(d->engine)) {
		const struct route *r = container_of(link, struct route, link);
		const struct vrf *to = fib_vrf_or_null(f, r->to.lookup);
		const struct named_route like = { .to = r->prefix,
						  .kind = r->to.kind,
						  .vrf = fib_vrf_or_null(f, r->vrf)->name,
						  .lookup = to ? to->name : NULL,
						  .resilient = r->to.resilient,
						  .n_hops = r->to.n_hops };
		int err = r->source == FIB_STATIC ? list_one(d, &like, &r->to, out) : 0;

		if (err < 0)
			return err;
	}
	return 0;
}

/* --- what is wanted --- */

/* The interface of the file on whose network @addr is: route_link_to() for what is yet to come. */
static const char *link_of_or_null(const struct net_config *config, const char *vrf,
				   const struct ip6_addr *addr)
{
	const char *best = NULL;
	unsigned best_len = 0;

	if (ip6_is_link_local(addr))
		return NULL;
	for (uint32_t n = 0; n < config->n_interfaces; n++) {
		const struct net_interface *i = &config->interfaces[n];

		if (strcmp(i->vrf ? i->vrf : "default", vrf) != 0)
			continue;
		for (uint32_t k = 0; k < i->n_addresses; k++) {
			const struct ip_prefix *p = &i->addresses[k];
			unsigned len = p->len + (ip_prefix_is_ip4(p) ? 96 : 0);

			if (ip6_common_len(&p->addr, addr) >= len && len >= best_len) {
				best = i->name;
				best_len = len;
			}
		}
	}
	return best;
}

/* As the stack completes it: the next hop to a single host by an interface is the host. */
static struct named_hop wanted_hop(const struct net_config *config, const struct named_route *r,
				   const struct net_route_hop *w)
{
	bool is_host = r->to.len == (ip_prefix_is_ip4(&r->to) ? 32 : 128);
	struct named_hop hop = { .has_addr = w->has_via || is_host,
				 .addr = w->has_via ? w->via : r->to.addr,
				 .weight = w->weight,
				 .interface = w->interface,
				 .vrf = w->vrf ? w->vrf : r->vrf };
	const char *usual = hop.has_addr ? link_of_or_null(config, hop.vrf, &hop.addr) : NULL;

	if (usual && hop.interface && strcmp(usual, hop.interface) == 0)
		hop.interface = NULL;
	return hop;
}

static int add_wanted(struct apply_list *out, const struct net_config *config,
		      const struct net_route *w)
{
	struct named_route route = { .to = w->to,
				     .kind = w->blackhole     ? ADJACENCY_BLACKHOLE
					     : w->prohibit    ? ADJACENCY_PROHIBIT
					     : w->unreachable ? ADJACENCY_UNREACHABLE
							      : ADJACENCY_LOOKUP,
				     .vrf = w->vrf ? w->vrf : "default",
				     .lookup = w->lookup,
				     .resilient = w->resilient,
				     .n_hops = w->n_hops };
	const struct net_route_hop *hops = w->hops;

	if (w->hop.has_via || w->hop.interface) {
		hops = &w->hop;
		route.n_hops = 1;
	}
	route.hop = arena_alloc_or_null(&out->arena, (route.n_hops + 1) * sizeof(*route.hop));
	if (!route.hop)
		return ERR_NOMEM;
	for (unsigned i = 0; i < route.n_hops; i++)
		route.hop[i] = wanted_hop(config, &route, &hops[i]);
	return add(
		out, &route,
		(struct apply_item){ .on = route.n_hops ? hops[0].interface : NULL, .at = w->at });
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_routes && err == 0; n++)
		err = add_wanted(out, file->config, &file->config->routes[n]);
	return err;
}

/* --- steps --- */

static int vrf_by_name(const struct convoyd *d, const char *name, uint32_t *out, const char **what)
{
	const struct vrf *v = fib_vrf_by_name_or_null(d->engine->module[MODULE_FIB], name);

	*what = "no such VRF";
	if (!v)
		return ERR_NOENT;
	*out = v->index;
	return 0;
}

static int hop_of(const struct convoyd *d, const struct named_hop *from, struct route_hop *out,
		  const char **what)
{
	const struct interface *by = NULL;

	*out = (struct route_hop){ .has_addr = from->has_addr,
				   .addr = from->addr,
				   .weight = from->weight };
	if (from->interface)
		by = interface_by_name_or_null(d->engine, from->interface);
	*what = "no such interface";
	if (from->interface && !by)
		return ERR_NOENT;
	out->if_index = by ? by->index : 0;
	return vrf_by_name(d, from->vrf, &out->vrf, what);
}

/* What it leads over may come later: check() looks when all is there. */
static int install(struct convoyd *d, const struct named_route *r, const char **what)
{
	struct route_hop hops[LOAD_BALANCE_PATHS];
	struct route_to to = {
		.kind = r->kind, .resilient = r->resilient, .n_hops = r->n_hops, .hop = hops
	};
	uint32_t vrf;
	int err = vrf_by_name(d, r->vrf, &vrf, what);

	if (err == 0 && r->lookup)
		err = vrf_by_name(d, r->lookup, &to.lookup, what);
	for (unsigned i = 0; i < r->n_hops && err == 0; i++)
		err = hop_of(d, &r->hop[i], &hops[i], what);
	return err ? err : route_set(d->engine, vrf, &r->to, FIB_STATIC, &to, ROUTE_MAY_WAIT, what);
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const char *what = NULL;
	int err = install(d, item->object, &what);

	if (err < 0)
		apply_fail(error, item, "no route to %s: %s", item->name, what);
	return err;
}

static int check(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct named_route *r = item->object;
	const struct vrf *in = fib_vrf_by_name_or_null(d->engine->module[MODULE_FIB], r->vrf);
	const struct route *made =
		in ? route_find_or_null(d->engine, in->index, &r->to, FIB_STATIC) : NULL;

	if (made && route_leads(d->engine, made))
		return 0;
	apply_fail(error, item,
		   "no route to %s: the next hop is not on the link of any interface, and no route "
		   "leads to it",
		   item->name);
	return ERR_UNREACHABLE;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct named_route *r = item->object;
	const struct vrf *in = fib_vrf_by_name_or_null(d->engine->module[MODULE_FIB], r->vrf);
	int err = in ? route_del(d->engine, in->index, &r->to, FIB_STATIC) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "the route %s cannot be removed: %s", item->name,
			   err_text(err));
	return err;
}

/* True unless some next hop is in another VRF then: its interface may be about to move there. */
static bool can_change(const struct apply_item *from, const struct apply_item *to)
{
	const struct named_route *a = from->object, *b = to->object;

	for (unsigned i = 0; i < a->n_hops; i++)
		for (unsigned k = 0; k < b->n_hops; k++)
			if (strcmp(a->hop[i].vrf, b->hop[k].vrf) != 0)
				return false;
	return true; /* a route takes the place of an earlier one for its prefix at once */
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
	.check = check,
};

/* route_kind.c - static routes as objects of an apply. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/writer.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "engine/engine.h"
#include "l3/ip4/route.h"
#include "l3/ip6/route.h"

enum { TEXT_MAX = 96 };

/* By names: an interface that is made anew has another index. */
struct hop {
	bool has_addr;	      /* else the destination itself */
	struct ip6_addr addr; /* as in struct ip_prefix */
	uint32_t weight;
	const char *interface; /* NULL: the one whose network holds @addr */
};

struct route {
	struct ip_prefix to;
	enum adjacency_kind dead; /* without a hop: what becomes of the packets */
	const char *vrf;	  /* that it is in */
	const char *lookup;	  /* VRF, with ADJACENCY_LOOKUP */
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

	if (hop->has_addr) {
		ip_print_addr(&w, &hop->addr);
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

	if (r->n_hops == 0 && r->dead == ADJACENCY_LOOKUP)
		return json_pack("{s:s}", "lookup", r->lookup);
	if (r->n_hops == 0)
		return json_pack("{s:b}", dead_names[r->dead], true);
	if (r->n_hops == 1)
		return hop_value(&r->hop[0]);
	list = json_array();
	for (unsigned i = 0; i < r->n_hops; i++)
		json_array_append_new(list, hop_value(&r->hop[i]));
	return json_pack("{s:o}", "hops", list);
}

static bool is_in_default(const struct route *r)
{
	return strcmp(r->vrf, "default") == 0;
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
	ip_print_prefix(&w, &route->to);
	if (!is_in_default(route)) { /* save.c ends the prefix at the blank */
		put_format(&w, " %s", route->vrf);
		json_object_set_new(item.value, "vrf", json_string(route->vrf));
	}
	name[writer_len(&w)] = '\0';
	return apply_list_add(out, &item);
}

static int list_one6(struct convoyd *d, const struct ip6_route *r, struct apply_list *out)
{
	const struct fib *f = d->engine->module[MODULE_FIB];
	const struct ip6_stack *s = ip6_stack_of(d->engine);
	struct route route = { .to = { r->prefix.addr, r->prefix.len },
			       .dead = r->dead,
			       .vrf = fib_vrf_or_null(f, r->vrf)->name,
			       .lookup = fib_vrf_or_null(f, r->to)->name,
			       .n_hops = r->n_hops };
	const char *on = NULL;

	for (unsigned i = 0; i < r->n_hops; i++) {
		const struct interface *by = interface_get_or_null(d->engine, r->hop[i].if_index);

		if (!by && r->hop[i].if_index)
			return 0; /* on its way out with its interface */
		route.hop[i] = (struct hop){ !ip6_is_unspecified(&r->hop[i].addr), r->hop[i].addr,
					     r->hop[i].weight, by ? by->name : NULL };
		if (!by)
			continue;
		on = by->name;
		if (!ip6_is_link_local(&r->hop[i].addr) &&
		    ip6_link_to(s, r->vrf, &r->hop[i].addr) == by->index)
			route.hop[i].interface = NULL;
	}
	return add(out, &route, on, NULL);
}

static int list_one(struct convoyd *d, const struct ip4_route *r, struct apply_list *out)
{
	const struct fib *f = d->engine->module[MODULE_FIB];
	struct route route = { .to = { ip6_mapped(r->prefix.addr), r->prefix.len },
			       .dead = r->dead,
			       .vrf = fib_vrf_or_null(f, r->vrf)->name,
			       .lookup = fib_vrf_or_null(f, r->to)->name,
			       .n_hops = r->n_hops };
	const char *on = NULL;

	for (unsigned i = 0; i < r->n_hops; i++) {
		const struct interface *by = interface_get_or_null(d->engine, r->hop[i].if_index);

		if (!by && r->hop[i].if_index)
			return 0; /* on its way out with its interface */
		route.hop[i] = (struct hop){ r->hop[i].addr != 0, ip6_mapped(r->hop[i].addr),
					     r->hop[i].weight, by ? by->name : NULL };
		if (!by)
			continue;
		on = by->name;
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
	list_for_each(link, &ip6_stack_of(d->engine)->routes) {
		const struct ip6_route *r = container_of(link, struct ip6_route, link);
		int err = r->source == FIB_STATIC ? list_one6(d, r, out) : 0;

		if (err < 0)
			return err;
	}
	return 0;
}

/* The interface of the file on whose network @addr is: ip4_link_of() for what is yet to come. */
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
static struct hop hop_of(const struct net_route *w)
{
	bool is_host = w->to.len == (ip_prefix_is_ip4(&w->to) ? 32 : 128);

	return (struct hop){ w->has_via || is_host, w->has_via ? w->via : w->to.addr, 1,
			     w->interface };
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	for (uint32_t n = 0; n < file->config->n_routes; n++) {
		const struct net_route *w = &file->config->routes[n];
		struct route route = { .to = w->to,
				       .vrf = w->vrf ? w->vrf : "default",
				       .lookup = w->lookup };
		struct hop *hop = &route.hop[0];
		const char *usual;
		int err;

		if (w->blackhole || w->prohibit) {
			route.dead = w->blackhole ? ADJACENCY_BLACKHOLE : ADJACENCY_PROHIBIT;
		} else if (w->lookup) {
			route.dead = ADJACENCY_LOOKUP;
		} else {
			route.n_hops = 1;
			*hop = hop_of(w);
			usual = hop->has_addr ? link_of_or_null(file->config, route.vrf, &hop->addr)
					      : NULL;
			if (usual && hop->interface && strcmp(usual, hop->interface) == 0)
				hop->interface = NULL;
		}
		err = add(out, &route, w->interface, w->at);
		if (err < 0)
			return err;
	}
	return 0;
}

static int install_dead(struct convoyd *d, const struct route *r, uint32_t vrf)
{
	const struct vrf *to = fib_vrf_by_name_or_null(d->engine->module[MODULE_FIB],
						       r->lookup ? r->lookup : r->vrf);
	bool is_ip4 = ip_prefix_is_ip4(&r->to);

	if (r->dead == ADJACENCY_LOOKUP) {
		if (!to)
			return ERR_NOENT;
		return is_ip4 ? ip4_add_lookup_route(d->engine, vrf, ip_prefix_ip4(&r->to),
						     to->index)
			      : ip6_add_lookup_route(d->engine, vrf, ip_prefix_ip6(&r->to),
						     to->index);
	}
	if (is_ip4)
		return ip4_add_dead_route(d->engine, vrf, ip_prefix_ip4(&r->to), r->dead);
	return ip6_add_dead_route(d->engine, vrf, ip_prefix_ip6(&r->to), r->dead);
}

static int install(struct convoyd *d, const struct route *r)
{
	struct ip4_hop hops4[LOAD_BALANCE_PATHS];
	struct ip6_hop hops6[LOAD_BALANCE_PATHS];

	const struct vrf *in = fib_vrf_by_name_or_null(d->engine->module[MODULE_FIB], r->vrf);
	uint32_t vrf;

	if (!in)
		return ERR_NOENT;
	vrf = in->index;
	if (r->n_hops == 0)
		return install_dead(d, r, vrf);
	for (unsigned i = 0; i < r->n_hops; i++) {
		const struct hop *hop = &r->hop[i];
		const struct interface *by =
			hop->interface ? interface_by_name_or_null(d->engine, hop->interface)
				       : NULL;

		if (hop->interface && !by)
			return ERR_NOENT;
		hops4[i] = (struct ip4_hop){ by ? by->index : 0,
					     hop->has_addr ? ip6_mapped_ip4(&hop->addr) : 0,
					     hop->weight };
		hops6[i] =
			(struct ip6_hop){ by ? by->index : 0,
					  hop->has_addr ? hop->addr : ip6_of(0, 0), hop->weight };
	}
	if (ip_prefix_is_ip4(&r->to))
		return ip4_add_route(d->engine, vrf, ip_prefix_ip4(&r->to), hops4, r->n_hops);
	return ip6_add_route(d->engine, vrf, ip_prefix_ip6(&r->to), FIB_STATIC, hops6, r->n_hops);
}

static const char *reason(int err)
{
	switch (err) {
	case ERR_INVAL:
		return "bits are set behind the prefix's length";
	case ERR_UNREACHABLE:
		return "the next hop is not on the link of any interface, and no route leads to it";
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
	const struct vrf *in = fib_vrf_by_name_or_null(d->engine->module[MODULE_FIB], r->vrf);
	uint32_t vrf = in ? in->index : VRFS_MAX;
	int err = ip_prefix_is_ip4(&r->to)
			  ? ip4_del_route(d->engine, vrf, ip_prefix_ip4(&r->to))
			  : ip6_del_route(d->engine, vrf, ip_prefix_ip6(&r->to), FIB_STATIC);

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

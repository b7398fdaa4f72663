/* route.c - static routes: find each hop's link, hold its adjacency, tell the FIB. */
#include "l3/ip4/route.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip4/address.h"
#include "l3/neighbor/neighbor.h"
#include "l3/route/hop.h"

static struct ip4_route *find_or_null(struct ip4_stack *s, uint32_t vrf, struct ip4_prefix prefix)
{
	list_for_each(link, &s->routes) {
		struct ip4_route *r = container_of(link, struct ip4_route, link);

		if (r->vrf == vrf && r->prefix.addr == prefix.addr && r->prefix.len == prefix.len)
			return r;
	}
	return NULL;
}

uint32_t ip4_link_of(const struct ip4_stack *s, uint32_t vrf, uint32_t addr)
{
	uint32_t best = 0;
	unsigned best_len = 0;

	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		if (s->vrf_of[i] != vrf)
			continue;
		list_for_each(link, &s->addresses[i]) {
			const struct ip4_address *a = container_of(link, struct ip4_address, link);

			if (((a->prefix.addr ^ addr) & ip4_mask_of(a->prefix.len)) == 0 &&
			    a->prefix.addr != addr && a->prefix.len >= best_len) {
				best = i;
				best_len = a->prefix.len;
			}
		}
	}
	return best;
}

/*
 * Check a hop and fill in what it leaves out. To a single host by an interface: the host is the
 * next hop, since a route to glean it would hide what the neighbour's own route says.
 */
static int complete_hop(const struct ip4_stack *s, uint32_t vrf, struct ip4_prefix prefix,
			struct ip4_hop *hop)
{
	if (hop->if_index != 0 && hop->addr == 0 && prefix.len == 32)
		hop->addr = prefix.addr;
	if (hop->if_index == 0 && hop->addr == 0)
		return ERR_INVAL;
	if (hop->if_index == 0)
		hop->if_index = ip4_link_of(s, vrf, hop->addr);
	if (hop->if_index == 0)
		return 0; /* the routes say where it is: hop.h */
	if (!interface_get_or_null(s->engine, hop->if_index) || s->vrf_of[hop->if_index] != vrf)
		return ERR_NOENT;
	return 0;
}

static int glean_by(const struct ip4_stack *s, uint32_t if_index, uint32_t *adjacency)
{
	const struct interface *i = interface_get_or_null(s->engine, if_index);
	struct adjacency value = { .kind = ADJACENCY_GLEAN,
				   .family = 4,
				   .if_index = if_index,
				   .mtu_bytes = i->mtu_bytes,
				   .source = ip4_primary(s, if_index) };

	return adjacency_new(&s->fib->adjacencies, &value, adjacency);
}

/* The adjacency of a hop; let_go() gives it back. */
static int hold(const struct ip4_stack *s, uint32_t vrf, const struct ip4_hop *hop,
		struct fib_path *path)
{
	path->weight = hop->weight;
	if (hop->addr == 0)
		return glean_by(s, hop->if_index, &path->adjacency);
	if (hop->if_index == 0) {
		struct ip6_addr mapped = ip6_mapped(hop->addr);

		return route_hop_to(s->engine, vrf, 0, &mapped, &path->adjacency);
	}
	return neighbor_pin(s->engine, hop->if_index, hop->addr, &path->adjacency);
}

static void unpin(const struct ip4_stack *s, const struct ip4_hop *hops, unsigned n_hops)
{
	for (unsigned i = 0; i < n_hops; i++)
		if (hops[i].addr != 0 && hops[i].if_index != 0)
			neighbor_unpin(s->engine, hops[i].if_index, hops[i].addr);
}

/* What hold() made for hops on the link belongs to the route alone, once it has it. */
static void put_gleans(const struct ip4_stack *s, const struct ip4_hop *hops,
		       const struct fib_path *paths, unsigned n_hops)
{
	for (unsigned i = 0; i < n_hops; i++)
		if (hops[i].addr == 0)
			adjacency_put(&s->fib->adjacencies, paths[i].adjacency);
}

/* Hold every hop and give the FIB the route. On failure nothing is held. */
static int install(struct ip4_stack *s, const struct ip4_route *r)
{
	struct vrf *v = fib_vrf_or_null(s->fib, r->vrf);
	struct fib_path paths[LOAD_BALANCE_PATHS] = { 0 };
	unsigned n = 0;
	int err = 0;

	for (; n < r->n_hops && err == 0; n++)
		err = hold(s, r->vrf, &r->hop[n], &paths[n]);
	n -= err != 0;
	if (err == 0)
		err = fib_add_route(s->fib, v, r->prefix, FIB_STATIC, paths, n);
	put_gleans(s, r->hop, paths, n);
	if (err != 0)
		unpin(s, r->hop, n);
	return err;
}

/* @r is in the FIB; what it replaces there, if anything, lets go of its hops. */
static void take_place(struct ip4_stack *s, struct ip4_route *old, struct ip4_route *r)
{
	if (old) {
		unpin(s, old->hop, old->n_hops);
		list_remove(&old->link);
		free(old);
	}
	list_push(&s->routes, &r->link);
}

static int check(const struct ip4_stack *s, uint32_t vrf, struct ip4_prefix prefix)
{
	if (!fib_vrf_or_null(s->fib, vrf))
		return ERR_NOENT;
	return prefix.addr & ~ip4_mask_of(prefix.len) ? ERR_INVAL : 0;
}

int ip4_add_route(struct engine *e, uint32_t vrf, struct ip4_prefix prefix,
		  const struct ip4_hop *hops, unsigned n_hops)
{
	struct ip4_stack *s = ip4_stack_of(e);
	struct ip4_route *old = find_or_null(s, vrf, prefix);
	struct ip4_route *r;
	int err = check(s, vrf, prefix);

	if (err != 0)
		return err;
	if (n_hops == 0 || n_hops > LOAD_BALANCE_PATHS)
		return n_hops ? ERR_FULL : ERR_INVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ERR_NOMEM;
	*r = (struct ip4_route){ .vrf = vrf, .prefix = prefix, .n_hops = n_hops };
	for (unsigned i = 0; i < n_hops && err == 0; i++) {
		r->hop[i] = hops[i];
		err = complete_hop(s, vrf, prefix, &r->hop[i]);
	}
	if (err == 0)
		err = install(s, r);
	if (err != 0) {
		free(r);
		return err;
	}
	take_place(s, old, r);
	return 0;
}

/* A route without a hop: to nowhere, or to VRF @to. */
static int add_without_hop(struct engine *e, uint32_t vrf, struct ip4_prefix prefix,
			   enum adjacency_kind kind, uint32_t to)
{
	struct ip4_stack *s = ip4_stack_of(e);
	struct fib_path path = { .weight = 1 };
	struct ip4_route *r, *old = find_or_null(s, vrf, prefix);
	int err = check(s, vrf, prefix);

	if (err != 0)
		return err;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ERR_NOMEM;
	*r = (struct ip4_route){ .vrf = vrf, .prefix = prefix, .dead = kind, .to = to };
	err = kind == ADJACENCY_LOOKUP ? route_hop_lookup(e, to, &path.adjacency)
				       : route_hop_dead(e, kind, &path.adjacency);
	if (err == 0)
		err = fib_add_route(s->fib, fib_vrf_or_null(s->fib, vrf), prefix, FIB_STATIC, &path,
				    1);
	if (err != 0) {
		free(r);
		return err;
	}
	take_place(s, old, r);
	return 0;
}

int ip4_add_dead_route(struct engine *e, uint32_t vrf, struct ip4_prefix prefix,
		       enum adjacency_kind kind)
{
	return kind == ADJACENCY_LOOKUP ? ERR_INVAL : add_without_hop(e, vrf, prefix, kind, 0);
}

int ip4_add_lookup_route(struct engine *e, uint32_t vrf, struct ip4_prefix prefix, uint32_t to)
{
	return to == vrf ? ERR_INVAL : add_without_hop(e, vrf, prefix, ADJACENCY_LOOKUP, to);
}

static int forget(struct ip4_stack *s, struct ip4_route *r)
{
	int err = fib_del_route(s->fib, fib_vrf_or_null(s->fib, r->vrf), r->prefix, FIB_STATIC);

	if (err != 0)
		return err;
	unpin(s, r->hop, r->n_hops);
	list_remove(&r->link);
	free(r);
	return 0;
}

int ip4_del_route(struct engine *e, uint32_t vrf, struct ip4_prefix prefix)
{
	struct ip4_stack *s = ip4_stack_of(e);
	struct ip4_route *r = find_or_null(s, vrf, prefix);

	return r ? forget(s, r) : ERR_NOENT;
}

static bool goes_by(const struct ip4_route *r, uint32_t if_index)
{
	for (unsigned i = 0; i < r->n_hops; i++)
		if (r->hop[i].if_index == if_index)
			return true;
	return false;
}

void ip4_routes_del_by_interface(struct engine *e, uint32_t if_index)
{
	struct ip4_stack *s = ip4_stack_of(e);

	list_for_each(link, &s->routes) {
		struct ip4_route *r = container_of(link, struct ip4_route, link);

		if (goes_by(r, if_index) && forget(s, r) != 0)
			log_error("ip4.route", "error=\"out of memory\"");
	}
	route_hops_del_interface(e, if_index);
}

void ip4_routes_deinit(struct engine *e)
{
	struct ip4_stack *s = ip4_stack_of(e);

	while (s && !list_empty(&s->routes))
		if (forget(s, container_of(s->routes.next, struct ip4_route, link)) != 0)
			return; /* out of memory: the rest goes with the process */
}

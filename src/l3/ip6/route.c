/* route.c - static routes: find each hop's link, hold its adjacency, tell the FIB. */
#include "l3/ip6/route.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip6/address.h"
#include "l3/neighbor/neighbor.h"
#include "l3/route/hop.h"

static bool prefixes_are_equal(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return a->len == b->len && ip6_equal(&a->addr, &b->addr);
}

static struct ip6_route *find_or_null(struct ip6_stack *s, uint32_t vrf,
				      const struct ip6_prefix *prefix, enum fib_source source)
{
	list_for_each(link, &s->routes) {
		struct ip6_route *r = container_of(link, struct ip6_route, link);

		if (r->vrf == vrf && r->source == source && prefixes_are_equal(&r->prefix, prefix))
			return r;
	}
	return NULL;
}

uint32_t ip6_link_to(const struct ip6_stack *s, uint32_t vrf, const struct ip6_addr *addr)
{
	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (s->vrf_of[i] == vrf && ip6_is_on_link(s, i, addr))
			return i;
	return 0;
}

/*
 * Check a hop and fill in what it leaves out. To a single host by an interface: the host is the
 * next hop, since a route to glean it would hide what the neighbour's own route says.
 */
static int complete_hop(const struct ip6_stack *s, uint32_t vrf, const struct ip6_prefix *prefix,
			struct ip6_hop *hop)
{
	bool has_addr = !ip6_is_unspecified(&hop->addr);

	if (hop->if_index != 0 && !has_addr && prefix->len == 128)
		hop->addr = prefix->addr;

	if (hop->if_index == 0 && (!has_addr || ip6_is_link_local(&hop->addr)))
		return ERR_INVAL;
	if (ip6_is_multicast(&hop->addr) || ip6_is_loopback(&hop->addr))
		return ERR_INVAL;
	if (hop->if_index == 0)
		hop->if_index = ip6_link_to(s, vrf, &hop->addr);
	if (hop->if_index == 0)
		return 0; /* the routes say where it is: hop.h */
	return s->vrf_of[hop->if_index] == vrf ? 0 : ERR_NOENT;
}

static int glean_by(const struct ip6_stack *s, const struct ip6_prefix *prefix, uint32_t if_index,
		    uint32_t *adjacency)
{
	const struct interface *i = interface_get_or_null(s->engine, if_index);
	struct adjacency value = { .kind = ADJACENCY_GLEAN,
				   .family = 6,
				   .if_index = if_index,
				   .mtu_bytes = i->mtu_bytes,
				   .source6 = ip6_source_on(s, if_index, &prefix->addr) };

	return adjacency_new(&s->fib->adjacencies, &value, adjacency);
}

static bool is_glean(const struct ip6_hop *hop)
{
	return ip6_is_unspecified(&hop->addr);
}

static void unpin(const struct ip6_stack *s, const struct ip6_hop *hops, unsigned n_hops)
{
	for (unsigned i = 0; i < n_hops; i++)
		if (!is_glean(&hops[i]) && hops[i].if_index != 0)
			neighbor6_unpin(s->engine, hops[i].if_index, &hops[i].addr);
}

static int hold(const struct ip6_stack *s, const struct ip6_route *r, const struct ip6_hop *hop,
		uint32_t *adjacency)
{
	if (is_glean(hop))
		return glean_by(s, &r->prefix, hop->if_index, adjacency);
	if (hop->if_index == 0)
		return route_hop_to(s->engine, r->vrf, 0, &hop->addr, adjacency);
	return neighbor6_pin(s->engine, hop->if_index, &hop->addr, adjacency);
}

/* Hold every hop and give the FIB the route. On failure nothing is held. */
static int install(struct ip6_stack *s, const struct ip6_route *r)
{
	struct fib_path paths[LOAD_BALANCE_PATHS] = { 0 };
	unsigned n = 0;
	int err = 0;

	for (; n < r->n_hops && err == 0; n++) {
		const struct ip6_hop *hop = &r->hop[n];

		paths[n].weight = hop->weight;
		err = hold(s, r, hop, &paths[n].adjacency);
	}
	n -= err != 0;
	if (err == 0)
		err = fib6_add_route(s->fib, fib_vrf_or_null(s->fib, r->vrf), r->prefix, r->source,
				     paths, n);
	for (unsigned i = 0; i < n; i++)
		if (is_glean(&r->hop[i])) /* the route's alone now */
			adjacency_put(&s->fib->adjacencies, paths[i].adjacency);
	if (err != 0)
		unpin(s, r->hop, n);
	return err;
}

/* @r is in the FIB; what it replaces there, if anything, lets go of its hops. */
static void take_place(struct ip6_stack *s, struct ip6_route *old, struct ip6_route *r)
{
	if (old) {
		unpin(s, old->hop, old->n_hops);
		list_remove(&old->link);
		free(old);
	}
	list_push(&s->routes, &r->link);
}

static int check(const struct ip6_stack *s, uint32_t vrf, const struct ip6_prefix *p)
{
	struct ip6_addr first = ip6_masked(&p->addr, p->len);

	if (!fib_vrf_or_null(s->fib, vrf))
		return ERR_NOENT;
	if (!ip6_equal(&first, &p->addr))
		return ERR_INVAL;
	return (ip6_is_link_local(&p->addr) && p->len >= 10) || ip6_is_multicast(&p->addr)
		       ? ERR_INVAL
		       : 0;
}

int ip6_add_route(struct engine *e, uint32_t vrf, struct ip6_prefix prefix, enum fib_source source,
		  const struct ip6_hop *hops, unsigned n_hops)
{
	struct ip6_stack *s = ip6_stack_of(e);
	struct ip6_route *old = find_or_null(s, vrf, &prefix, source);
	struct ip6_route *r;
	int err = check(s, vrf, &prefix);

	if (err != 0)
		return err;
	if (n_hops == 0 || n_hops > LOAD_BALANCE_PATHS)
		return n_hops ? ERR_FULL : ERR_INVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ERR_NOMEM;
	*r = (struct ip6_route){ .vrf = vrf, .prefix = prefix, .source = source, .n_hops = n_hops };
	for (unsigned i = 0; i < n_hops && err == 0; i++) {
		r->hop[i] = hops[i];
		err = complete_hop(s, vrf, &prefix, &r->hop[i]);
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
static int add_without_hop(struct engine *e, uint32_t vrf, struct ip6_prefix prefix,
			   enum adjacency_kind kind, uint32_t to)
{
	struct ip6_stack *s = ip6_stack_of(e);
	struct fib_path path = { .weight = 1 };
	struct ip6_route *r, *old = find_or_null(s, vrf, &prefix, FIB_STATIC);
	int err = check(s, vrf, &prefix);

	if (err != 0)
		return err;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ERR_NOMEM;
	*r = (struct ip6_route){
		.vrf = vrf, .prefix = prefix, .source = FIB_STATIC, .dead = kind, .to = to
	};
	err = kind == ADJACENCY_LOOKUP ? route_hop_lookup(e, to, &path.adjacency)
				       : route_hop_dead(e, kind, &path.adjacency);
	if (err == 0)
		err = fib6_add_route(s->fib, fib_vrf_or_null(s->fib, vrf), prefix, FIB_STATIC,
				     &path, 1);
	if (err != 0) {
		free(r);
		return err;
	}
	take_place(s, old, r);
	return 0;
}

int ip6_add_dead_route(struct engine *e, uint32_t vrf, struct ip6_prefix prefix,
		       enum adjacency_kind kind)
{
	return kind == ADJACENCY_LOOKUP ? ERR_INVAL : add_without_hop(e, vrf, prefix, kind, 0);
}

int ip6_add_lookup_route(struct engine *e, uint32_t vrf, struct ip6_prefix prefix, uint32_t to)
{
	return to == vrf ? ERR_INVAL : add_without_hop(e, vrf, prefix, ADJACENCY_LOOKUP, to);
}

static int forget(struct ip6_stack *s, struct ip6_route *r)
{
	int err = fib6_del_route(s->fib, fib_vrf_or_null(s->fib, r->vrf), r->prefix, r->source);

	if (err != 0)
		return err;
	unpin(s, r->hop, r->n_hops);
	list_remove(&r->link);
	free(r);
	return 0;
}

int ip6_del_route(struct engine *e, uint32_t vrf, struct ip6_prefix prefix, enum fib_source source)
{
	struct ip6_stack *s = ip6_stack_of(e);
	struct ip6_route *r = find_or_null(s, vrf, &prefix, source);

	return r ? forget(s, r) : ERR_NOENT;
}

static bool goes_by(const struct ip6_route *r, uint32_t if_index)
{
	for (unsigned i = 0; i < r->n_hops; i++)
		if (r->hop[i].if_index == if_index)
			return true;
	return false;
}

void ip6_routes_del_by_interface(struct engine *e, uint32_t if_index)
{
	struct ip6_stack *s = ip6_stack_of(e);

	list_for_each(link, &s->routes) {
		struct ip6_route *r = container_of(link, struct ip6_route, link);

		if (goes_by(r, if_index) && forget(s, r) != 0)
			log_error("ip6.route", "error=\"out of memory\"");
	}
}

void ip6_routes_deinit(struct engine *e)
{
	struct ip6_stack *s = ip6_stack_of(e);

	while (s && !list_empty(&s->routes))
		if (forget(s, container_of(s->routes.next, struct ip6_route, link)) != 0)
			return; /* out of memory: the rest goes with the process */
}

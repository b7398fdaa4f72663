/* route.c - the table of routes, and what the FIB is told of them. */
#include "l3/route/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "engine/engine.h"
#include "l3/route/hop.h"
#include "l3/route/paths.h"

enum { BUCKETS = 4096 };

struct routes {
	struct engine *engine;
	struct fib *fib;
	struct list all;
	struct list bucket[BUCKETS];
};

static struct routes *table_of(const struct engine *e)
{
	return e->module[MODULE_STATIC_ROUTE];
}

const struct list *routes_of(const struct engine *e)
{
	return &table_of(e)->all;
}

static struct list *bucket_of(struct routes *t, uint32_t vrf, const struct ip_prefix *p)
{
	uint64_t h = (ip6_high(&p->addr) ^ (uint64_t)vrf << 32 ^ p->len) * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 32 ^ ip6_low(&p->addr)) * 0x9e3779b97f4a7c15u;
	return &t->bucket[h >> 52 & (BUCKETS - 1)];
}

static struct route *find_or_null(struct routes *t, uint32_t vrf, const struct ip_prefix *p,
				  enum fib_source source)
{
	list_for_each(link, bucket_of(t, vrf, p)) {
		struct route *r = container_of(link, struct route, bucket_link);

		if (r->vrf == vrf && r->source == source && r->prefix.len == p->len &&
		    ip6_equal(&r->prefix.addr, &p->addr))
			return r;
	}
	return NULL;
}

const struct route *route_find_or_null(const struct engine *e, uint32_t vrf,
				       const struct ip_prefix *prefix, enum fib_source source)
{
	return find_or_null(table_of(e), vrf, prefix, source);
}

/* --- what can be a route --- */

static unsigned mapped_len(const struct ip_prefix *p)
{
	return p->len + (ip_prefix_is_ip4(p) ? 96u : 0u);
}

static int check_prefix(const struct ip_prefix *p, const char **what)
{
	struct ip6_addr first = ip6_masked(&p->addr, mapped_len(p));

	*what = "bits are set behind the prefix's length";
	if (!ip6_equal(&first, &p->addr))
		return ERR_INVAL;
	*what = "no routes lead to multicast or link-local";
	if (ip6_is_multicast(&p->addr) || (ip6_is_link_local(&p->addr) && p->len >= 10))
		return ERR_INVAL;
	return 0;
}

static int check_to(const struct routes *t, uint32_t vrf, const struct route_to *to,
		    const char **what)
{
	*what = "no such VRF";
	if (!fib_vrf_or_null(t->fib, vrf))
		return ERR_NOENT;
	*what = "more than 64 next hops";
	if (to->n_hops > LOAD_BALANCE_PATHS)
		return ERR_FULL;
	*what = "flows can be spread over several next hops only";
	if (to->resilient && to->n_hops < 2)
		return ERR_INVAL;
	*what = "the route is in that VRF itself";
	if (to->n_hops == 0 && to->kind == ADJACENCY_LOOKUP && to->lookup == vrf)
		return ERR_INVAL;
	return 0;
}

/*
 * A copy with all that @to leaves out. To a single host by an interface the host is the next hop,
 * since a route to glean it would hide what the neighbour's own route says.
 */
static int new_route(struct routes *t, uint32_t vrf, const struct ip_prefix *prefix,
		     enum fib_source source, const struct route_to *to, struct route **out,
		     const char **what)
{
	struct route *r = calloc(1, sizeof(*r) + to->n_hops * sizeof(r->hop[0]));
	int err = 0;

	*what = err_text(ERR_NOMEM);
	if (!r)
		return ERR_NOMEM;
	r->vrf = vrf;
	r->prefix = *prefix;
	r->source = source;
	r->to = *to;
	r->to.hop = r->hop;
	for (unsigned i = 0; i < to->n_hops && err == 0; i++) {
		r->hop[i] = to->hop[i];
		if (!r->hop[i].has_addr && mapped_len(prefix) == 128) {
			r->hop[i].has_addr = true;
			r->hop[i].addr = prefix->addr;
		}
		err = route_hop_complete(t->engine, ip_prefix_is_ip4(prefix), &r->hop[i], what);
	}
	if (err != 0) {
		free(r);
		return err;
	}
	*out = r;
	return 0;
}

/* --- the FIB --- */

static struct fib_key key_of(const struct ip_prefix *p)
{
	return ip_prefix_is_ip4(p) ? fib_key_of_ip4(ip6_mapped_ip4(&p->addr))
				   : fib_key_of_ip6(&p->addr);
}

static struct fib_table *fib_table_for(struct vrf *v, const struct ip_prefix *p)
{
	return fib_table_of(v, ip_prefix_is_ip4(p) ? 4 : 6);
}

static int install(struct routes *t, const struct route *r, unsigned flags, const char **what)
{
	struct vrf *v = fib_vrf_or_null(t->fib, r->vrf);
	struct fib_path paths[LOAD_BALANCE_PATHS] = { 0 };
	unsigned n;
	int err = route_paths_get(t->engine, ip_prefix_is_ip4(&r->prefix), &r->to, flags, paths, &n,
				  what);

	if (err != 0)
		return err;
	err = fib_put(v, fib_table_for(v, &r->prefix), key_of(&r->prefix), r->prefix.len, r->source,
		      (struct fib_paths){ paths, n, r->to.resilient });
	*what = err == ERR_RANGE ? "weights go up to 255" : err_text(err);
	return err;
}

static void drop(struct route *r)
{
	list_remove(&r->link);
	list_remove(&r->bucket_link);
	free(r);
}

int route_set(struct engine *e, uint32_t vrf, const struct ip_prefix *prefix,
	      enum fib_source source, const struct route_to *to, unsigned flags, const char **what)
{
	struct routes *t = table_of(e);
	struct route *r, *old = find_or_null(t, vrf, prefix, source);
	int err = check_to(t, vrf, to, what);

	if (err == 0)
		err = check_prefix(prefix, what);
	if (err == 0)
		err = new_route(t, vrf, prefix, source, to, &r, what);
	if (err != 0)
		return err;
	err = install(t, r, flags, what);
	if (err != 0) {
		free(r);
		return err;
	}
	if (old)
		drop(old);
	list_push(&t->all, &r->link);
	list_push(bucket_of(t, vrf, prefix), &r->bucket_link);
	return 0;
}

static int forget(struct routes *t, struct route *r)
{
	struct vrf *v = fib_vrf_or_null(t->fib, r->vrf);
	int err = fib_take(v, fib_table_for(v, &r->prefix), key_of(&r->prefix), r->prefix.len,
			   r->source);

	if (err == 0)
		drop(r);
	return err;
}

int route_del(struct engine *e, uint32_t vrf, const struct ip_prefix *prefix,
	      enum fib_source source)
{
	struct route *r = find_or_null(table_of(e), vrf, prefix, source);

	return r ? forget(table_of(e), r) : ERR_NOENT;
}

int route_unload(struct engine *e, uint32_t vrf, const struct ip_prefix *prefix)
{
	struct vrf *v = fib_vrf_or_null(table_of(e)->fib, vrf);

	if (!v)
		return ERR_NOENT;
	return fib_take(v, fib_table_for(v, prefix), key_of(prefix), prefix->len, FIB_DYNAMIC);
}

bool route_leads(const struct engine *e, const struct route *r)
{
	for (unsigned i = 0; i < r->to.n_hops; i++)
		if (!r->hop[i].if_index && !route_hop_leads(e, r->hop[i].vrf, &r->hop[i].addr))
			return false;
	return true;
}

static bool goes_by(const struct route *r, uint32_t if_index)
{
	for (unsigned i = 0; i < r->to.n_hops; i++)
		if (r->hop[i].if_index == if_index)
			return true;
	return false;
}

static void del_by(struct engine *e, uint32_t if_index, bool only_ip6)
{
	struct routes *t = table_of(e);

	if (!t)
		return;
	list_for_each(link, &t->all) {
		struct route *r = container_of(link, struct route, link);

		if (goes_by(r, if_index) && !(only_ip6 && ip_prefix_is_ip4(&r->prefix)) &&
		    forget(t, r) != 0)
			log_error("route.link", "error=\"out of memory\"");
	}
}

void routes_del_by_interface(struct engine *e, uint32_t if_index)
{
	del_by(e, if_index, false);
	route_hops_del_interface(e, if_index, 0);
}

void routes_del_ip6(struct engine *e, uint32_t if_index)
{
	del_by(e, if_index, true);
	route_hops_del_interface(e, if_index, 6);
}

/* --- another VRF --- */

/* True if every next hop is on the link, and in the VRF that the route is in. */
static bool goes_only_by(const struct route *r, uint32_t if_index)
{
	for (unsigned i = 0; i < r->to.n_hops; i++)
		if (r->hop[i].if_index != if_index || r->hop[i].vrf != r->vrf)
			return false;
	return true;
}

const char *routes_move_fault_or_null(const struct engine *e, uint32_t if_index, uint32_t from,
				      uint32_t to)
{
	struct routes *t = table_of(e);

	list_for_each(link, &t->all) {
		const struct route *r = container_of(link, struct route, link);

		if (r->source != FIB_STATIC || !goes_by(r, if_index))
			continue;
		if (r->vrf != from || !goes_only_by(r, if_index))
			return "a route leads over it and also elsewhere, or from another VRF; "
			       "delete "
			       "that first";
		if (find_or_null(t, to, &r->prefix, FIB_STATIC))
			return "a route leads over it, for whose prefix that VRF has one already";
	}
	return route_hops_loaded_over(e, if_index)
		       ? "loaded routes lead over it; load them anew without it first"
		       : NULL;
}

/* Set anew there, then taken away here. */
static int move(struct engine *e, struct route *r, uint32_t to)
{
	struct route_hop hops[LOAD_BALANCE_PATHS];
	struct route_to where = r->to;
	const char *what = NULL;
	int err;

	where.hop = hops;
	for (unsigned i = 0; i < r->to.n_hops; i++) {
		hops[i] = r->hop[i];
		hops[i].vrf = to;
	}
	err = route_set(e, to, &r->prefix, r->source, &where, ROUTE_MAY_WAIT, &what);
	return err ? err : forget(table_of(e), r);
}

void routes_move(struct engine *e, uint32_t if_index, uint32_t from, uint32_t to)
{
	list_for_each(link, &table_of(e)->all) {
		struct route *r = container_of(link, struct route, link);

		if (r->source == FIB_STATIC && r->vrf == from && goes_by(r, if_index) &&
		    move(e, r, to) != 0)
			log_error("route.move", "error=\"out of memory\"");
	}
}

int routes_init(struct engine *e)
{
	struct routes *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	t->engine = e;
	t->fib = e->module[MODULE_FIB];
	list_init(&t->all);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&t->bucket[i]);
	e->module[MODULE_STATIC_ROUTE] = t;
	return 0;
}

void routes_deinit(struct engine *e)
{
	struct routes *t = table_of(e);

	if (!t)
		return;
	list_for_each(link, &t->all) {
		struct route *r = container_of(link, struct route, link);

		if (forget(t, r) != 0)
			drop(r); /* out of memory: the FIB goes with the process */
	}
	free(t);
	e->module[MODULE_STATIC_ROUTE] = NULL;
}

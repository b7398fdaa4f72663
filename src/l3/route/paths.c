/* paths.c - names become interfaces, next hops adjacencies. */
#include "l3/route/paths.h"

#include "base/err.h"
#include "engine/engine.h"
#include "l3/ip4/route.h"
#include "l3/ip6/route.h"
#include "l3/route/hop.h"

static uint32_t vrf_of(const struct engine *e, bool is_ip4, uint32_t if_index)
{
	return is_ip4 ? ip4_stack_of(e)->vrf_of[if_index] : ip6_stack_of(e)->vrf_of[if_index];
}

static uint32_t link_to(const struct engine *e, uint32_t vrf, const struct ip6_addr *addr)
{
	if (ip6_is_mapped(addr))
		return ip4_link_of(ip4_stack_of(e), vrf, ip6_mapped_ip4(addr));
	return ip6_link_to(ip6_stack_of(e), vrf, addr);
}

static int get_hop(struct engine *e, uint32_t vrf, bool is_ip4, const struct route_text_hop *hop,
		   uint32_t *adjacency, const char **what)
{
	uint32_t if_index = 0;
	int err;

	if (hop->interface[0]) {
		const struct interface *i = interface_by_name_or_null(e, hop->interface);

		*what = "no interface of that name in the VRF";
		if (!i || vrf_of(e, is_ip4, i->index) != vrf)
			return ERR_NOENT;
		if_index = i->index;
	} else {
		if_index = link_to(e, vrf, &hop->addr);
	}
	if (!hop->has_addr)
		err = route_hop_glean(e, if_index, is_ip4, adjacency);
	else
		err = route_hop_to(e, vrf, if_index, &hop->addr, adjacency);
	*what = err == ERR_UNREACHABLE ? "the next hop is not on the link of any interface, and no "
					 "route leads to it"
				       : err_text(err);
	return err;
}

static int get_other(struct engine *e, const struct route_text_to *to, uint32_t *adjacency,
		     const char **what)
{
	const struct fib *f = e->module[MODULE_FIB];
	const struct vrf *v = to->is_dead ? NULL : fib_vrf_by_name_or_null(f, to->vrf);
	int err;

	*what = "no VRF of that name";
	if (!to->is_dead && !v)
		return ERR_NOENT;
	err = to->is_dead ? route_hop_dead(e, to->dead, adjacency)
			  : route_hop_lookup(e, v->index, adjacency);
	*what = err_text(err);
	return err;
}

int route_paths_get(struct engine *e, uint32_t vrf, bool is_ip4, const struct route_text_to *to,
		    uint32_t *load_balance, const char **what)
{
	struct fib *f = e->module[MODULE_FIB];
	struct fib_path paths[LOAD_BALANCE_PATHS] = { 0 };
	unsigned n = to->n_hops;
	int err = 0;

	for (unsigned i = 0; i < n && err == 0; i++) {
		paths[i].weight = to->hop[i].weight;
		err = get_hop(e, vrf, is_ip4, &to->hop[i], &paths[i].adjacency, what);
	}
	if (n == 0) {
		err = get_other(e, to, &paths[0].adjacency, what);
		n = 1;
	}
	if (err != 0)
		return err;
	err = load_balance_get(&f->load_balances, paths, n, false, load_balance);
	*what = err_text(err);
	return err;
}

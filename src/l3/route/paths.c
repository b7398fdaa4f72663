/* paths.c - names become interfaces, next hops adjacencies. */
#include "l3/route/paths.h"

#include "base/err.h"
#include "engine/engine.h"
#include "l3/ip4/ip4.h"
#include "l3/ip6/address.h"
#include "l3/route/hop.h"

/* --- links --- */

static uint32_t link_to4(const struct ip4_stack *s, uint32_t vrf, uint32_t addr)
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

uint32_t route_link_to(const struct engine *e, uint32_t vrf, const struct ip6_addr *addr)
{
	const struct ip6_stack *s = ip6_stack_of(e);

	if (ip6_is_mapped(addr))
		return link_to4(ip4_stack_of(e), vrf, ip6_mapped_ip4(addr));
	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (s->vrf_of[i] == vrf && ip6_is_on_link(s, i, addr))
			return i;
	return 0;
}

static uint32_t vrf_of(const struct engine *e, bool is_ip4, uint32_t if_index)
{
	return is_ip4 ? ip4_stack_of(e)->vrf_of[if_index] : ip6_stack_of(e)->vrf_of[if_index];
}

/* --- from text --- */

static int vrf_by_name(const struct engine *e, const char *name, uint32_t *out, const char **what)
{
	const struct vrf *v = fib_vrf_by_name_or_null(e->module[MODULE_FIB], name);

	*what = "no VRF of that name; see: convoy show vrfs";
	if (!v)
		return ERR_NOENT;
	*out = v->index;
	return 0;
}

static int hop_of_text(const struct engine *e, uint32_t vrf, const struct route_text_hop *text,
		       struct route_hop *out, const char **what)
{
	const struct interface *i;

	*out = (struct route_hop){
		.vrf = vrf, .has_addr = text->has_addr, .addr = text->addr, .weight = text->weight
	};
	if (text->vrf[0]) {
		int err = vrf_by_name(e, text->vrf, &out->vrf, what);

		if (err != 0)
			return err;
	}
	if (!text->interface[0])
		return 0;
	i = interface_by_name_or_null(e, text->interface);
	*what = "no interface of that name; see: convoy show interfaces";
	if (!i)
		return ERR_NOENT;
	out->if_index = i->index;
	return 0;
}

int route_to_of_text(struct engine *e, uint32_t vrf, bool is_ip4, const struct route_text_to *text,
		     struct route_hop *hops, struct route_to *out, const char **what)
{
	int err = 0;

	*out = (struct route_to){ .kind = text->is_dead ? text->dead : ADJACENCY_LOOKUP,
				  .resilient = text->resilient,
				  .n_hops = text->n_hops,
				  .hop = hops };
	if (text->vrf[0])
		err = vrf_by_name(e, text->vrf, &out->lookup, what);
	for (unsigned i = 0; i < text->n_hops && err == 0; i++) {
		err = hop_of_text(e, vrf, &text->hop[i], &hops[i], what);
		if (err == 0)
			err = route_hop_complete(e, is_ip4, &hops[i], what);
	}
	return err;
}

/* --- next hops --- */

static bool is_station(const struct ip6_addr *a)
{
	uint32_t ip4 = ip6_mapped_ip4(a);

	if (ip6_is_mapped(a))
		return !ip4_is_multicast(ip4) && !ip4_is_loopback(ip4) && !ip4_is_reserved(ip4) &&
		       !ip4_is_this_network(ip4);
	return !ip6_is_multicast(a) && !ip6_is_loopback(a) && !ip6_is_unspecified(a);
}

int route_hop_complete(const struct engine *e, bool is_ip4, struct route_hop *hop,
		       const char **what)
{
	*what = "a next hop needs an address or an interface";
	if (!hop->has_addr && !hop->if_index)
		return ERR_INVAL;
	*what = "prefix and next hop are of different families";
	if (hop->has_addr && ip6_is_mapped(&hop->addr) != is_ip4)
		return ERR_INVAL;
	*what = "a next hop has the address of a single host";
	if (hop->has_addr && !is_station(&hop->addr))
		return ERR_INVAL;
	*what = "a link-local next hop needs its interface";
	if (hop->has_addr && !hop->if_index && ip6_is_link_local(&hop->addr))
		return ERR_INVAL;
	if (!hop->if_index)
		hop->if_index = route_link_to(e, hop->vrf, &hop->addr);
	if (!hop->if_index)
		return 0; /* the routes say where it is: hop.h */
	*what = "the next hop's interface is not in its VRF, or has no IPv6";
	if (!interface_get_or_null(e, hop->if_index) ||
	    vrf_of(e, is_ip4, hop->if_index) != hop->vrf)
		return ERR_NOENT;
	return 0;
}

static int get_hop(struct engine *e, bool is_ip4, const struct route_hop *hop, unsigned flags,
		   uint32_t *adjacency, const char **what)
{
	int err;

	if (!hop->has_addr)
		err = route_hop_glean(e, hop->if_index, is_ip4, adjacency);
	else
		err = route_hop_to(e, hop->vrf, hop->if_index, &hop->addr, adjacency);
	if (err == ERR_UNREACHABLE && flags & ROUTE_MAY_WAIT)
		err = 0;
	*what = err == ERR_UNREACHABLE ? "the next hop is not on the link of any interface, and no "
					 "route leads to it"
				       : err_text(err);
	return err;
}

int route_paths_get(struct engine *e, bool is_ip4, const struct route_to *to, unsigned flags,
		    struct fib_path *paths, unsigned *n, const char **what)
{
	int err = 0;

	for (unsigned i = 0; i < to->n_hops && err == 0; i++) {
		paths[i].weight = to->hop[i].weight;
		err = get_hop(e, is_ip4, &to->hop[i], flags, &paths[i].adjacency, what);
	}
	*n = to->n_hops ? to->n_hops : 1;
	if (to->n_hops > 0)
		return err;
	paths[0].weight = 1;
	err = to->kind == ADJACENCY_LOOKUP ? route_hop_lookup(e, to->lookup, &paths[0].adjacency)
					   : route_hop_dead(e, to->kind, &paths[0].adjacency);
	*what = err_text(err);
	return err;
}

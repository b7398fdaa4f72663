/* vrf.c - moves interfaces between routing domains. */
#include "l3/vrf/vrf.h"

#include "base/err.h"
#include "engine/engine.h"
#include "l3/ip4/address.h"
#include "l3/ip6/address.h"
#include "l3/ip6/autoconf.h"
#include "l3/neighbor/neighbor.h"
#include "l3/route/hop.h"
#include "l3/route/route.h"

static struct fib *fib_of(const struct engine *e)
{
	return e->module[MODULE_FIB];
}

int vrf_add(struct engine *e, const char *name)
{
	struct vrf *v;

	return fib_add_vrf(fib_of(e), name, &v);
}

static bool has_interface(const struct engine *e, const struct vrf *v)
{
	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (ip4_stack_of(e)->vrf_of[i] == v->index && interface_get_or_null(e, i))
			return true;
	return false;
}

int vrf_del(struct engine *e, const char *name)
{
	struct vrf *v = fib_vrf_by_name_or_null(fib_of(e), name);

	if (!v)
		return ERR_NOENT;
	if (has_interface(e, v) || route_hops_need_vrf(e, v->index))
		return ERR_BUSY;
	return fib_del_vrf(fib_of(e), v);
}

struct vrf *vrf_of_interface(const struct engine *e, uint32_t if_index)
{
	return fib_vrf_or_null(fib_of(e), ip4_stack_of(e)->vrf_of[if_index]);
}

/* --- moving --- */

static bool networks_touch(const struct ip4_address *a, const struct ip4_address *b)
{
	return a->prefix.len == b->prefix.len &&
	       ((a->prefix.addr ^ b->prefix.addr) & ip4_mask_of(a->prefix.len)) == 0;
}

/* The reason why an address cannot be in @v, or 0. */
static int check_address(const struct engine *e, const struct ip4_address *a, const struct vrf *v)
{
	struct ip4_stack *s = ip4_stack_of(e);

	if (ip4_is_local(s->fib, v->index, be32_of(a->prefix.addr)))
		return ERR_EXIST;
	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		if (s->vrf_of[i] != v->index)
			continue;
		list_for_each(link, &s->addresses[i])
			if (networks_touch(a, container_of(link, struct ip4_address, link)))
				return ERR_BUSY;
	}
	return 0;
}

static int check_ip6(const struct engine *e, uint32_t if_index, const struct vrf *v)
{
	const struct ip6_link *l = ip6_stack_of(e)->link[if_index];

	if (!l)
		return 0;
	list_for_each(link, &l->addresses) {
		const struct ip6_address *a = container_of(link, struct ip6_address, link);

		if (!ip6_is_link_local(&a->prefix.addr) &&
		    fib6_lookup(fib_of(e), v, &a->prefix.addr, 0)->kind == ADJACENCY_LOCAL)
			return ERR_EXIST;
	}
	return 0;
}

static void set_vrf(struct engine *e, uint32_t if_index, uint32_t vrf)
{
	uint32_t *of6 = &ip6_stack_of(e)->vrf_of[if_index];

	__atomic_store_n(&ip4_stack_of(e)->vrf_of[if_index], vrf, __ATOMIC_RELAXED);
	if (*of6 != IP6_OFF)
		__atomic_store_n(of6, vrf, __ATOMIC_RELAXED);
}

static const char *address_fault(int err)
{
	return err == ERR_EXIST ? "somebody in that VRF has an address of it"
				: "an interface of that VRF is on a network of it";
}

static int check_all(const struct engine *e, uint32_t if_index, const struct vrf *v,
		     const char **what)
{
	int err = check_ip6(e, if_index, v);

	list_for_each(link, &ip4_stack_of(e)->addresses[if_index])
		if (err == 0)
			err = check_address(e, container_of(link, struct ip4_address, link), v);
	*what = address_fault(err);
	if (err != 0)
		return err;
	*what = routes_move_fault_or_null(e, if_index, ip4_stack_of(e)->vrf_of[if_index], v->index);
	return *what ? ERR_BUSY : 0;
}

/* What belongs to the interface leaves one VRF and joins the other. */
static void move(struct engine *e, uint32_t if_index, uint32_t from, uint32_t to)
{
	struct ip6_link *l = ip6_stack_of(e)->link[if_index];

	neighbors_leave(e, if_index);
	ip4_addresses_leave(ip4_stack_of(e), if_index);
	if (l)
		ip6_addresses_leave(l);
	set_vrf(e, if_index, to);
	ip4_addresses_join(ip4_stack_of(e), if_index);
	if (l)
		ip6_addresses_join(l);
	neighbors_join(e, if_index);
	routes_move(e, if_index, from, to);
	if (l)
		ip6_host_moved(l, from);
	fib_touch(fib_of(e));
}

int vrf_move_interface(struct engine *e, uint32_t if_index, struct vrf *v, const char **what)
{
	uint32_t from;
	int err;

	*what = "no such interface";
	if (!interface_get_or_null(e, if_index))
		return ERR_NOENT;
	from = ip4_stack_of(e)->vrf_of[if_index];
	if (from == v->index)
		return 0;
	err = check_all(e, if_index, v, what);
	if (err == 0)
		move(e, if_index, from, v->index);
	return err;
}

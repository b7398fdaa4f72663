/* vrf.c - moves interfaces between routing domains. */
#include "l3/vrf/vrf.h"

#include "base/err.h"
#include "base/log.h"
#include "engine/engine.h"
#include "l3/ip4/address.h"
#include "l3/ip6/address.h"
#include "l3/neighbor/neighbor.h"
#include "l3/route/hop.h"
#include "l3/route/route.h"

enum { ADDRESSES_MAX = 64 };

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

/* Take the addresses off, and note them. */
static int take_addresses(struct engine *e, uint32_t if_index, struct ip4_prefix *out, unsigned *n)
{
	struct list *addresses = &ip4_stack_of(e)->addresses[if_index];
	int err = 0;

	for (*n = 0; !list_empty(addresses) && *n < ADDRESSES_MAX && err == 0; (*n)++) {
		out[*n] = container_of(addresses->next, struct ip4_address, link)->prefix;
		err = ip4_del_address(e, if_index, out[*n]);
	}
	return list_empty(addresses) ? err : ERR_FULL;
}

static int put_addresses(struct engine *e, uint32_t if_index, const struct ip4_prefix *prefix,
			 unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n; i++) {
		int one = ip4_add_address(e, if_index, prefix[i]);

		err = err ? err : one;
	}
	return err;
}

struct crowd {
	uint32_t if_index;
	struct ip6_addr addr;
	bool found;
};

static bool find_neighbor(const struct neighbor *n, void *context)
{
	struct crowd *c = context;

	c->found = n->if_index == c->if_index;
	c->addr = n->addr;
	return !c->found;
}

static void forget_neighbors(struct engine *e, uint32_t if_index)
{
	struct crowd c = { .if_index = if_index };

	do {
		c.found = false;
		neighbor_walk(e, find_neighbor, &c);
	} while (c.found && neighbor_del(e, if_index, &c.addr) == 0);
}

static void set_vrf(struct engine *e, uint32_t if_index, uint32_t vrf)
{
	uint32_t *of6 = &ip6_stack_of(e)->vrf_of[if_index];

	__atomic_store_n(&ip4_stack_of(e)->vrf_of[if_index], vrf, __ATOMIC_RELAXED);
	if (*of6 != IP6_OFF)
		__atomic_store_n(of6, vrf, __ATOMIC_RELAXED);
}

static int check_all(const struct engine *e, uint32_t if_index, const struct vrf *v)
{
	list_for_each(link, &ip4_stack_of(e)->addresses[if_index]) {
		int err = check_address(e, container_of(link, struct ip4_address, link), v);

		if (err != 0)
			return err;
	}
	return check_ip6(e, if_index, v);
}

int vrf_move_interface(struct engine *e, uint32_t if_index, struct vrf *v)
{
	struct interface *i = interface_get_or_null(e, if_index);
	struct ip4_prefix addresses[ADDRESSES_MAX];
	unsigned n;
	bool was_up;
	int err;

	if (!i)
		return ERR_NOENT;
	if (vrf_of_interface(e, if_index) == v)
		return 0;
	err = check_all(e, if_index, v);
	if (err != 0)
		return err;
	was_up = i->up;
	err = was_up ? interface_set_up(i, false) : 0;
	if (err != 0)
		return err;
	routes_del_by_interface(e, if_index);
	forget_neighbors(e, if_index);
	err = take_addresses(e, if_index, addresses, &n);
	if (err == 0)
		set_vrf(e, if_index, v->index);
	if (put_addresses(e, if_index, addresses, n) != 0)
		log_error("vrf.move", "interface=%s error=\"addresses are lost\"", i->name);
	fib_touch(fib_of(e));
	if (was_up && interface_set_up(i, true) != 0)
		log_error("vrf.move", "interface=%s error=\"it stays down\"", i->name);
	return err;
}

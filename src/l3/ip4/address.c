/* address.c - addresses and the routes that belong to them. */
#include "l3/ip4/address.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/neighbor/neighbor.h"
#include "l3/route/route.h"

static struct vrf *vrf_of(const struct ip4_stack *s, uint32_t if_index)
{
	return fib_vrf_or_null(s->fib, s->vrf_of[if_index]);
}

/* A route of FIB_INTERFACE to an adjacency of its own. */
static int add_route(struct ip4_address *a, struct ip4_prefix prefix, enum adjacency_kind kind)
{
	struct ip4_stack *s = a->stack;
	const struct interface *i = interface_get_or_null(s->engine, a->if_index);
	struct adjacency value = { .kind = (uint8_t)kind,
				   .family = 4,
				   .if_index = a->if_index,
				   .mtu_bytes = i ? i->mtu_bytes : 0,
				   .source = be32_of(a->prefix.addr) };
	struct fib_path path = { .weight = 1 };
	int err = adjacency_new(&s->fib->adjacencies, &value, &path.adjacency);

	if (err != 0)
		return err;
	err = fib_add_route(s->fib, vrf_of(s, a->if_index), prefix, FIB_INTERFACE, &path, 1);
	adjacency_put(&s->fib->adjacencies, path.adjacency);
	return err;
}

static void del_route(struct ip4_address *a, struct ip4_prefix prefix)
{
	int err =
		fib_del_route(a->stack->fib, vrf_of(a->stack, a->if_index), prefix, FIB_INTERFACE);

	if (err != 0 && err != ERR_NOENT)
		log_error("ip4.address", "error=\"%s\"", err_text(err));
}

static struct ip4_prefix host_of(uint32_t addr)
{
	return (struct ip4_prefix){ addr, 32 };
}

static uint32_t first_of(const struct ip4_address *a)
{
	return a->prefix.addr & ip4_mask_of(a->prefix.len);
}

static uint32_t last_of(const struct ip4_address *a)
{
	return a->prefix.addr | ~ip4_mask_of(a->prefix.len);
}

/* Another address of the interface with the same connected prefix. */
static struct ip4_address *sharer_or_null(const struct ip4_address *a)
{
	list_for_each(link, &a->stack->addresses[a->if_index]) {
		struct ip4_address *other = container_of(link, struct ip4_address, link);

		if (other != a && other->is_up && other->prefix.len == a->prefix.len &&
		    first_of(other) == first_of(a))
			return other;
	}
	return NULL;
}

static int add_connected(struct ip4_address *a)
{
	int err = add_route(a, (struct ip4_prefix){ first_of(a), a->prefix.len }, ADJACENCY_GLEAN);

	if (err != 0 || a->prefix.len == 31)
		return err;
	err = add_route(a, host_of(first_of(a)), ADJACENCY_BROADCAST);
	return err != 0 ? err : add_route(a, host_of(last_of(a)), ADJACENCY_BROADCAST);
}

static void leave_link(struct ip4_address *a)
{
	struct ip4_address *sharer = sharer_or_null(a);

	if (!a->is_up)
		return;
	a->is_up = false;
	if (a->prefix.len == 32)
		return;
	if (sharer && add_connected(sharer) == 0)
		return; /* its source address is in the routes now */
	del_route(a, (struct ip4_prefix){ first_of(a), a->prefix.len });
	if (a->prefix.len < 31) {
		del_route(a, host_of(first_of(a)));
		del_route(a, host_of(last_of(a)));
	}
}

/* The interface is up: what is connected can be reached. */
static int join_link(struct ip4_address *a)
{
	int err = 0;

	if (a->is_up)
		return 0;
	if (a->prefix.len < 32 && !sharer_or_null(a))
		err = add_connected(a);
	a->is_up = true;
	if (err != 0)
		leave_link(a);
	return err;
}

static int join_and_tell(struct ip4_address *a)
{
	int err = join_link(a);

	if (err == 0)
		neighbor_announce(a->stack->engine, a->if_index, be32_of(a->prefix.addr));
	return err;
}

static void choose_primary(struct ip4_stack *s, uint32_t if_index)
{
	uint32_t addr = 0;

	if (!list_empty(&s->addresses[if_index]))
		addr = container_of(s->addresses[if_index].next, struct ip4_address, link)
			       ->prefix.addr;
	else if (s->lender[if_index])
		addr = s->primary[s->lender[if_index]];
	__atomic_store_n(&s->primary[if_index], addr, __ATOMIC_RELAXED);
	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (s->lender[i] == if_index)
			__atomic_store_n(&s->primary[i], addr, __ATOMIC_RELAXED);
}

int ip4_set_unnumbered(struct engine *e, uint32_t if_index, uint32_t lender)
{
	struct ip4_stack *s = ip4_stack_of(e);

	if (!interface_get_or_null(e, if_index) || (lender && !interface_get_or_null(e, lender)))
		return ERR_NOENT;
	if (lender && !list_empty(&s->addresses[if_index]))
		return ERR_BUSY;
	if (lender == if_index || (lender && s->lender[lender]))
		return ERR_INVAL;
	__atomic_store_n(&s->lender[if_index], lender, __ATOMIC_RELAXED);
	choose_primary(s, if_index);
	return 0;
}

/* The interface is gone: nobody borrows from it, and it does not borrow. */
static void forget_lender(struct ip4_stack *s, uint32_t if_index)
{
	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (i == if_index || s->lender[i] == if_index) {
			__atomic_store_n(&s->lender[i], 0, __ATOMIC_RELAXED);
			choose_primary(s, i);
		}
}

static bool is_possible(struct ip4_prefix p)
{
	uint32_t host = ~ip4_mask_of(p.len);

	if (ip4_is_this_network(p.addr) || ip4_is_loopback(p.addr) || ip4_is_multicast(p.addr) ||
	    ip4_is_reserved(p.addr) || p.len == 0)
		return false;
	return p.len >= 31 || ((p.addr & host) != 0 && (p.addr & host) != host);
}

/* True if another interface of the VRF is connected to the very same prefix. */
static bool is_elsewhere(const struct ip4_stack *s, uint32_t if_index, struct ip4_prefix prefix)
{
	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		if (i == if_index || s->vrf_of[i] != s->vrf_of[if_index])
			continue;
		list_for_each(link, &s->addresses[i]) {
			const struct ip4_address *a = container_of(link, struct ip4_address, link);

			if (a->prefix.len == prefix.len &&
			    ((a->prefix.addr ^ prefix.addr) & ip4_mask_of(prefix.len)) == 0)
				return true;
		}
	}
	return false;
}

int ip4_add_address(struct engine *e, uint32_t if_index, struct ip4_prefix prefix)
{
	struct ip4_stack *s = ip4_stack_of(e);
	const struct interface *i = interface_get_or_null(e, if_index);
	struct ip4_address *a;
	int err;

	if (!i)
		return ERR_NOENT;
	if (!is_possible(prefix))
		return ERR_INVAL;
	if (ip4_is_local(s->fib, s->vrf_of[if_index], be32_of(prefix.addr)))
		return ERR_EXIST;
	if (s->lender[if_index])
		return ERR_PERM;
	if (is_elsewhere(s, if_index, prefix))
		return ERR_BUSY;
	a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	*a = (struct ip4_address){ .prefix = prefix, .stack = s, .if_index = if_index };
	err = add_route(a, host_of(prefix.addr), ADJACENCY_LOCAL);
	if (err != 0)
		goto fail;
	list_push(&s->addresses[if_index], &a->link);
	err = i->up ? join_link(a) : 0;
	if (err != 0)
		goto fail_linked;
	choose_primary(s, if_index);
	if (i->up)
		neighbor_announce(e, if_index, be32_of(prefix.addr));
	return 0;
fail_linked:
	list_remove(&a->link);
	del_route(a, host_of(prefix.addr));
fail:
	free(a);
	return err;
}

static void forget(struct ip4_address *a)
{
	struct ip4_stack *s = a->stack;

	leave_link(a);
	del_route(a, host_of(a->prefix.addr));
	list_remove(&a->link);
	choose_primary(s, a->if_index);
	neighbors_forget_off_link(s->engine, a->if_index);
	free(a);
}

int ip4_del_address(struct engine *e, uint32_t if_index, struct ip4_prefix prefix)
{
	struct ip4_stack *s = ip4_stack_of(e);

	if (if_index >= INTERFACES_MAX)
		return ERR_NOENT;
	list_for_each(link, &s->addresses[if_index]) {
		struct ip4_address *a = container_of(link, struct ip4_address, link);

		if (a->prefix.addr == prefix.addr && a->prefix.len == prefix.len) {
			forget(a);
			return 0;
		}
	}
	return ERR_NOENT;
}

uint32_t ip4_source_for(const struct ip4_stack *s, uint32_t if_index, uint32_t next_hop)
{
	list_for_each(link, &s->addresses[if_index]) {
		const struct ip4_address *a = container_of(link, struct ip4_address, link);

		if (((a->prefix.addr ^ next_hop) & ip4_mask_of(a->prefix.len)) == 0)
			return a->prefix.addr;
	}
	return s->primary[if_index];
}

bool ip4_is_on_link(const struct ip4_stack *s, uint32_t if_index, uint32_t addr)
{
	if (s->lender[if_index])
		return true;
	list_for_each(link, &s->addresses[if_index]) {
		const struct ip4_address *a = container_of(link, struct ip4_address, link);

		if (a->prefix.addr != addr &&
		    ((a->prefix.addr ^ addr) & ip4_mask_of(a->prefix.len)) == 0)
			return true;
	}
	return false;
}

void ip4_addresses_leave(struct ip4_stack *s, uint32_t if_index)
{
	list_for_each(link, &s->addresses[if_index]) {
		struct ip4_address *a = container_of(link, struct ip4_address, link);

		leave_link(a);
		del_route(a, host_of(a->prefix.addr));
	}
}

void ip4_addresses_join(struct ip4_stack *s, uint32_t if_index)
{
	const struct interface *i = interface_get_or_null(s->engine, if_index);

	list_for_each(link, &s->addresses[if_index]) {
		struct ip4_address *a = container_of(link, struct ip4_address, link);
		int err = add_route(a, host_of(a->prefix.addr), ADJACENCY_LOCAL);

		if (err == 0 && i->up)
			err = join_link(a);
		if (err != 0)
			log_error("ip4.move", "interface=%s error=\"%s\"", i->name, err_text(err));
	}
}

static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct ip4_stack *s = container_of(l, struct ip4_stack, listener);

	/* Not at its end: who is told of that after us still takes its routes out of its VRF. */
	if (event == INTERFACE_ADDED)
		__atomic_store_n(&s->vrf_of[i->index], VRF_DEFAULT, __ATOMIC_RELAXED);
	if (event == INTERFACE_REMOVED) {
		routes_del_by_interface(s->engine, i->index);
		forget_lender(s, i->index);
	}
	list_for_each(link, &s->addresses[i->index]) {
		struct ip4_address *a = container_of(link, struct ip4_address, link);
		int err = 0;

		if (event == INTERFACE_UP)
			err = join_and_tell(a);
		else if (event == INTERFACE_DOWN)
			leave_link(a);
		else if (event == INTERFACE_REMOVED)
			forget(a);
		if (err != 0)
			log_error("ip4.up", "interface=%s error=\"%s\"", i->name, err_text(err));
	}
}

void ip4_addresses_init(struct ip4_stack *s)
{
	s->listener.changed = follow;
	interface_listen(s->engine, &s->listener);
}

void ip4_addresses_deinit(struct ip4_stack *s)
{
	if (list_linked(&s->listener.link))
		interface_unlisten(&s->listener);
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		while (!list_empty(&s->addresses[i]))
			forget(container_of(s->addresses[i].next, struct ip4_address, link));
}

/* view.c - what workers ask about addresses of ours: groups, and which one to send from. */
#include "l3/ip6/address.h"
#include "l3/ip6/source.h"

static bool is_usable(const struct ip6_view_address *a)
{
	return a->state == IP6_PREFERRED || a->state == IP6_DEPRECATED;
}

bool ip6_view_is_on_link(const struct ip6_view *view, const struct ip6_addr *addr)
{
	if (ip6_is_link_local(addr))
		return true;
	for (unsigned i = 0; i < view->n_addresses; i++)
		if (ip6_prefix_has(&view->address[i].prefix, addr))
			return true;
	for (unsigned i = 0; i < view->n_on_link; i++)
		if (ip6_prefix_has(&view->on_link[i], addr))
			return true;
	return false;
}

bool ip6_is_joined(const struct ip6_view *view, const struct ip6_addr *group)
{
	struct ip6_addr all = ip6_all_nodes(), routers = ip6_all_routers();

	if (ip6_equal(group, &all) || (view->is_router && ip6_equal(group, &routers)))
		return true;
	for (unsigned i = 0; i < view->n_addresses; i++) {
		struct ip6_addr asked = ip6_solicited_node(&view->address[i].prefix.addr);

		if (ip6_equal(group, &asked))
			return true;
	}
	return false;
}

/* The best of @best and the addresses of one interface. */
static void choose_on(const struct ip6_stack *s, uint32_t if_index, const struct ip6_towards *to,
		      struct ip6_candidate *best)
{
	const struct ip6_view *view = ip6_view_or_null(s, if_index);

	for (unsigned i = 0; view && i < view->n_addresses; i++) {
		const struct ip6_candidate c = { &view->address[i], if_index };

		if (is_usable(c.address) && (!best->address || ip6_is_better_source(&c, best, to)))
			*best = c;
	}
}

struct ip6_addr ip6_source_on(const struct ip6_stack *s, uint32_t if_index,
			      const struct ip6_addr *dst)
{
	const struct ip6_towards to = { .dst = *dst, .if_index = if_index };
	struct ip6_candidate best = { NULL, 0 };

	choose_on(s, if_index, &to, &best);
	return best.address ? best.address->prefix.addr : ip6_of(0, 0);
}

/* A link-local address would not do for who is beyond the link. */
static bool reaches(const struct ip6_candidate *c, const struct ip6_addr *dst)
{
	return c->address && ip6_scope_of(&c->address->prefix.addr) >= ip6_scope_of(dst);
}

/* Addresses of links other than the one of @dst do not count if it is link-local. */
static void choose_anywhere(const struct ip6_stack *s, uint32_t vrf, const struct ip6_towards *to,
			    struct ip6_candidate *best)
{
	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (ip6_vrf_of(s, i) == vrf)
			choose_on(s, i, to, best);
}

struct ip6_addr ip6_source_for(const struct ip6_stack *s, uint32_t vrf, uint32_t link,
			       const struct ip6_addr *dst)
{
	const struct vrf *v = fib_vrf_or_null(s->fib, vrf);
	const struct adjacency *a = v ? fib6_lookup_on(s->fib, v, dst, link, 0) : NULL;
	struct ip6_towards to = { .dst = *dst, .if_index = a && a->if_index ? a->if_index : link };
	struct ip6_candidate best = { NULL, 0 };

	if (a && a->family == 6)
		to.next_hop = a->next_hop6;
	choose_on(s, to.if_index, &to, &best);
	/* One of there that is not deprecated is the best of all, by rules 2, 3 and 5. */
	if (ip6_scope_of(dst) > IP6_SCOPE_LINK &&
	    (!reaches(&best, dst) || best.address->state != IP6_PREFERRED))
		choose_anywhere(s, vrf, &to, &best);
	return reaches(&best, dst) ? best.address->prefix.addr : ip6_of(0, 0);
}

uint8_t ip6_hop_limit_for(const struct ip6_stack *s, uint32_t vrf, uint32_t link,
			  const struct ip6_addr *dst)
{
	const struct vrf *v = fib_vrf_or_null(s->fib, vrf);
	const struct adjacency *a = v ? fib6_lookup_on(s->fib, v, dst, link, 0) : NULL;

	return ip6_hop_limit_on(s, a && a->if_index ? a->if_index : link);
}

struct ip6_addr ip6_link_local_of(const struct ip6_stack *s, uint32_t if_index)
{
	const struct ip6_view *view = ip6_view_or_null(s, if_index);

	for (unsigned i = 0; view && i < view->n_addresses; i++) {
		const struct ip6_view_address *a = &view->address[i];

		if (is_usable(a) && ip6_is_link_local(&a->prefix.addr))
			return a->prefix.addr;
	}
	return ip6_of(0, 0);
}

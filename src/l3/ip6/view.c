/* view.c - what workers ask about addresses of ours: groups, and which one to send from. */
#include "l3/ip6/address.h"

static bool is_usable(const struct ip6_view_address *a)
{
	return a->state == IP6_PREFERRED || a->state == IP6_DEPRECATED;
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

/* RFC 6724 §5: is @a better than @b towards @dst? */
static bool is_better(const struct ip6_view_address *a, const struct ip6_view_address *b,
		      const struct ip6_addr *dst)
{
	unsigned scope = ip6_scope_of(dst);
	unsigned a_scope = ip6_scope_of(&a->prefix.addr), b_scope = ip6_scope_of(&b->prefix.addr);
	unsigned a_common = ip6_common_len(&a->prefix.addr, dst);
	unsigned b_common = ip6_common_len(&b->prefix.addr, dst);

	if (ip6_equal(&a->prefix.addr, dst) || ip6_equal(&b->prefix.addr, dst))
		return ip6_equal(&a->prefix.addr, dst); /* rule 1 */
	if (a_scope != b_scope) /* rule 2: the smaller one, unless it is too small */
		return a_scope < b_scope ? a_scope >= scope : b_scope < scope;
	if (a->state != b->state) /* rule 3 */
		return a->state == IP6_PREFERRED;
	a_common = a_common < a->prefix.len ? a_common : a->prefix.len;
	b_common = b_common < b->prefix.len ? b_common : b->prefix.len;
	return a_common > b_common; /* rule 8 */
}

struct ip6_addr ip6_source_on(const struct ip6_stack *s, uint32_t if_index,
			      const struct ip6_addr *dst)
{
	const struct ip6_view *view = ip6_view_or_null(s, if_index);
	const struct ip6_view_address *best = NULL;

	for (unsigned i = 0; view && i < view->n_addresses; i++) {
		const struct ip6_view_address *a = &view->address[i];

		if (is_usable(a) && (!best || is_better(a, best, dst)))
			best = a;
	}
	return best ? best->prefix.addr : ip6_of(0, 0);
}

/* A link-local address would not do for who is beyond the link. */
static bool reaches(const struct ip6_addr *src, const struct ip6_addr *dst)
{
	return !ip6_is_unspecified(src) && ip6_scope_of(src) >= ip6_scope_of(dst);
}

struct ip6_addr ip6_source_for(const struct ip6_stack *s, uint32_t vrf, uint32_t link,
			       const struct ip6_addr *dst)
{
	const struct vrf *v = fib_vrf_or_null(s->fib, vrf);
	const struct adjacency *a = v ? fib6_lookup_on(s->fib, v, dst, link, 0) : NULL;
	struct ip6_addr src = ip6_source_on(s, a && a->if_index ? a->if_index : link, dst);

	/* A link may have no address that reaches that far: any other of ours does. */
	if (!reaches(&src, dst) && link)
		src = ip6_source_on(s, link, dst);
	for (uint32_t i = 1; !reaches(&src, dst) && i < INTERFACES_MAX; i++)
		if (s->vrf_of[i] == vrf)
			src = ip6_source_on(s, i, dst);
	return reaches(&src, dst) ? src : ip6_of(0, 0);
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

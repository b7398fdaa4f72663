/* routers.c - who leads where, as routers say: the default route, routes to prefixes. */
#include "l3/ip6/routers.h"

#include "base/err.h"
#include "base/log.h"
#include "l3/ip6/autoconf.h"
#include "l3/route/route.h"

static bool is_same(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return a->len == b->len && ip6_equal(&a->addr, &b->addr);
}

/* --- the routes --- */

/* RFC 4191 §3.2: of routers that answer before others, then by preference. */
static int rank_of(const struct ip6_router *r)
{
	return (r->is_silent ? 0 : ND_HIGH - ND_LOW + 1) + r->preference - ND_LOW;
}

static const struct ip6_host *host_in_or_null(const struct ip6_stack *s, uint32_t if_index,
					      uint32_t vrf)
{
	return s->link[if_index] && s->vrf_of[if_index] == vrf ? s->link[if_index]->host : NULL;
}

static int best_rank(const struct ip6_stack *s, uint32_t vrf, const struct ip6_prefix *prefix)
{
	int best = -1;

	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		const struct ip6_host *h = host_in_or_null(s, i, vrf);

		for (unsigned k = 0; h && k < h->n_routers; k++)
			if (is_same(&h->router[k].prefix, prefix) && rank_of(&h->router[k]) > best)
				best = rank_of(&h->router[k]);
	}
	return best;
}

/* All of the best, whose flows are spread over them: RFC 4311. */
static unsigned gather(const struct ip6_stack *s, uint32_t vrf, const struct ip6_prefix *prefix,
		       struct route_hop *hops)
{
	int best = best_rank(s, vrf, prefix);
	unsigned n = 0;

	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		const struct ip6_host *h = host_in_or_null(s, i, vrf);

		for (unsigned k = 0; h && k < h->n_routers && n < LOAD_BALANCE_PATHS; k++)
			if (is_same(&h->router[k].prefix, prefix) && rank_of(&h->router[k]) == best)
				hops[n++] = (struct route_hop){ .vrf = vrf,
								.if_index = i,
								.has_addr = true,
								.addr = h->router[k].addr };
	}
	return n;
}

void ip6_advertised_update(struct ip6_stack *s, uint32_t vrf, const struct ip6_prefix *prefix)
{
	const struct ip_prefix p = { .addr = prefix->addr, .len = prefix->len };
	struct route_hop hops[LOAD_BALANCE_PATHS] = {
		{ .vrf = vrf, .if_index = ip6_on_link_interface(s, vrf, prefix) }
	};
	const struct route_to to = { .n_hops = hops[0].if_index ? 1 : gather(s, vrf, prefix, hops),
				     .hop = hops };
	const char *what = "it cannot be removed";
	int err = to.n_hops ? route_set(s->engine, vrf, &p, FIB_ADVERTISED, &to, 0, &what)
			    : route_del(s->engine, vrf, &p, FIB_ADVERTISED);

	if (err != 0 && err != ERR_NOENT)
		log_error("ip6.routers", "error=\"%s\"", what);
}

static void update(struct ip6_host *h, const struct ip6_prefix *prefix)
{
	struct ip6_stack *s = h->on->stack;

	ip6_advertised_update(s, s->vrf_of[h->on->if_index], prefix);
}

void ip6_routers_moved(struct ip6_host *h, uint32_t from)
{
	for (unsigned i = 0; i < h->n_routers; i++) {
		ip6_advertised_update(h->on->stack, from, &h->router[i].prefix);
		update(h, &h->router[i].prefix);
	}
}

/* --- what is known --- */

static void set_expiry(struct ip6_host *h)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < h->n_routers; i++)
		if (h->router[i].until_ns < first)
			first = h->router[i].until_ns;
	if (first == UINT64_MAX)
		timer_cancel(&h->on->stack->wheel, &h->expire);
	else
		timer_set(&h->on->stack->wheel, &h->expire, first);
}

static void forget(struct ip6_host *h, struct ip6_router *gone)
{
	const struct ip6_prefix prefix = gone->prefix;

	*gone = h->router[--h->n_routers];
	update(h, &prefix);
}

static void on_expire(struct timer *t, uint64_t now_ns)
{
	struct ip6_host *h = container_of(t, struct ip6_host, expire);

	for (unsigned i = h->n_routers; i-- > 0;)
		if (h->router[i].until_ns <= now_ns)
			forget(h, &h->router[i]);
	set_expiry(h);
}

void ip6_routers_init(struct ip6_host *h)
{
	timer_init(&h->expire, on_expire);
}

void ip6_routers_stop(struct ip6_host *h)
{
	while (h->n_routers > 0)
		forget(h, &h->router[h->n_routers - 1]);
	set_expiry(h);
}

static struct ip6_router *find_or_null(struct ip6_host *h, const struct ip6_addr *addr,
				       const struct ip6_prefix *prefix)
{
	for (unsigned i = 0; i < h->n_routers; i++)
		if (ip6_equal(&h->router[i].addr, addr) && is_same(&h->router[i].prefix, prefix))
			return &h->router[i];
	return NULL;
}

static bool has_room(const struct ip6_host *h, bool is_default)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n_routers; i++)
		n += (h->router[i].prefix.len == 0) == is_default;
	return n < (is_default ? (unsigned)IP6_ROUTERS_MAX : (unsigned)IP6_ROUTES_MAX);
}

/* --- what is heard --- */

static void refresh(struct ip6_host *h, struct ip6_router *r, enum nd_preference preference,
		    uint64_t until_ns)
{
	bool has_changed = r->preference != preference;

	r->until_ns = until_ns;
	r->preference = preference;
	if (has_changed)
		update(h, &r->prefix);
}

static void hear_one(struct ip6_host *h, const struct ip6_addr *src, const struct nd_route *route)
{
	const struct ip6_prefix prefix = { ip6_masked(&route->prefix.addr, route->prefix.len),
					   route->prefix.len };
	uint64_t until = ip6_host_until(h, route->lifetime_s);
	struct ip6_router *known = find_or_null(h, src, &prefix);

	if (known && route->lifetime_s > 0) {
		refresh(h, known, route->preference, until);
	} else if (known) {
		forget(h, known);
	} else if (route->lifetime_s > 0 && has_room(h, prefix.len == 0)) {
		h->router[h->n_routers++] = (struct ip6_router){ .prefix = prefix,
								 .addr = *src,
								 .preference = route->preference,
								 .until_ns = until };
		update(h, &prefix);
	} else if (route->lifetime_s > 0) {
		h->n_ignored++;
	}
}

/* RFC 4191 §2.3; no routes lead to these. */
static bool is_possible(const struct ip6_prefix *p)
{
	return !ip6_is_link_local(&p->addr) && !ip6_is_multicast(&p->addr) &&
	       !ip6_is_mapped(&p->addr);
}

/* RFC 4191 §3.1: a route to ::/0 says what a default router the sender is, whatever its header. */
void ip6_routers_hear(struct ip6_host *h, const struct ip6_addr *src, const struct nd *m)
{
	struct nd_route all = { .preference = m->preference, .lifetime_s = m->lifetime_s };

	for (unsigned i = 0; i < m->n_routes; i++) {
		if (m->route[i].prefix.len == 0)
			all = m->route[i];
		else if (is_possible(&m->route[i].prefix))
			hear_one(h, src, &m->route[i]);
	}
	hear_one(h, src, &all);
	set_expiry(h);
}

/* --- what neighbors do --- */

static struct ip6_host *host_of_or_null(struct engine *e, uint32_t if_index)
{
	struct ip6_stack *s = ip6_stack_of(e);

	return s && s->link[if_index] ? s->link[if_index]->host : NULL;
}

void ip6_router_is_silent(struct engine *e, uint32_t if_index, const struct ip6_addr *addr,
			  bool is_silent)
{
	struct ip6_host *h = host_of_or_null(e, if_index);

	for (unsigned i = 0; h && i < h->n_routers; i++) {
		if (!ip6_equal(&h->router[i].addr, addr) || h->router[i].is_silent == is_silent)
			continue;
		h->router[i].is_silent = is_silent;
		update(h, &h->router[i].prefix);
	}
}

void ip6_router_is_none(struct engine *e, uint32_t if_index, const struct ip6_addr *addr)
{
	struct ip6_host *h = host_of_or_null(e, if_index);

	for (unsigned i = h ? h->n_routers : 0; i-- > 0;)
		if (ip6_equal(&h->router[i].addr, addr) && h->router[i].prefix.len == 0)
			forget(h, &h->router[i]);
	if (h)
		set_expiry(h);
}

/* autoconf.c - routers heard of, the default route by them, addresses of their prefixes. */
#include "l3/ip6/autoconf.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip6/advertise.h"
#include "l3/neighbor/send.h"
#include "l3/route/route.h"

/* RFC 4861 §10; RFC 4862 §5.5.3 (e). */
enum { SOLICITS_MAX = 3, TWO_HOURS_S = 7200 };
#define SOLICIT_GAP_NS ((uint64_t)4 * NS_PER_S)
#define RETRY_NS       ((uint64_t)200 * NS_PER_MS) /* while the link-local address is checked */

static uint64_t now_of(const struct ip6_link *l)
{
	return clock_now_ns(l->stack->engine->clock);
}

/* --- the default route --- */

static unsigned gather_routers(const struct ip6_stack *s, uint32_t vrf, struct route_hop *hops)
{
	unsigned n = 0;

	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		const struct ip6_host *h = s->link[i] ? s->link[i]->host : NULL;

		if (!h || s->vrf_of[i] != vrf)
			continue;
		for (unsigned k = 0; k < h->n_routers && n < LOAD_BALANCE_PATHS; k++)
			hops[n++] = (struct route_hop){ .vrf = vrf,
							.if_index = i,
							.has_addr = true,
							.addr = h->router[k].addr };
	}
	return n;
}

static void update_default_route(struct ip6_stack *s, uint32_t vrf)
{
	const struct ip_prefix all = { .len = 0 };
	struct route_hop hops[LOAD_BALANCE_PATHS];
	const struct route_to to = { .n_hops = gather_routers(s, vrf, hops), .hop = hops };
	const char *what = "it cannot be removed";
	int err = to.n_hops ? route_set(s->engine, vrf, &all, FIB_ADVERTISED, &to, 0, &what)
			    : route_del(s->engine, vrf, &all, FIB_ADVERTISED);

	if (err != 0 && err != ERR_NOENT)
		log_error("ip6.autoconf", "error=\"%s\"", what);
}

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

static void routers_changed(struct ip6_host *h)
{
	set_expiry(h);
	update_default_route(h->on->stack, h->on->stack->vrf_of[h->on->if_index]);
}

void ip6_host_moved(struct ip6_link *l, uint32_t from)
{
	if (!l->host)
		return;
	update_default_route(l->stack, from);
	update_default_route(l->stack, l->stack->vrf_of[l->if_index]);
	ip6_on_link_moved(l->host, from);
}

static void forget_router(struct ip6_host *h, unsigned at)
{
	h->router[at] = h->router[--h->n_routers];
}

static void on_expire(struct timer *t, uint64_t now_ns)
{
	struct ip6_host *h = container_of(t, struct ip6_host, expire);

	for (unsigned i = h->n_routers; i-- > 0;)
		if (h->router[i].until_ns <= now_ns)
			forget_router(h, i);
	routers_changed(h);
}

static void hear_router(struct ip6_host *h, const struct ip6_addr *src, uint16_t lifetime_s)
{
	uint64_t until = now_of(h->on) + lifetime_s * (uint64_t)NS_PER_S;
	unsigned at = 0;

	while (at < h->n_routers && !ip6_equal(&h->router[at].addr, src))
		at++;
	if (at < h->n_routers && lifetime_s == 0) {
		forget_router(h, at);
		routers_changed(h);
	} else if (at < h->n_routers) {
		h->router[at].until_ns = until;
		set_expiry(h);
	} else if (lifetime_s > 0 && h->n_routers < IP6_ROUTERS_MAX) {
		h->router[h->n_routers++] = (struct ip6_router){ *src, until };
		routers_changed(h);
	} else if (lifetime_s > 0) {
		h->n_ignored++;
	}
}

/* --- addresses --- */

static void set_life_timer(struct ip6_address *a)
{
	uint64_t next = a->state == IP6_PREFERRED ? a->preferred_until_ns : a->valid_until_ns;

	if (a->valid_until_ns < next)
		next = a->valid_until_ns;
	if (next == UINT64_MAX)
		timer_cancel(&a->on->stack->wheel, &a->life);
	else
		timer_set(&a->on->stack->wheel, &a->life, next);
}

static void on_life(struct timer *t, uint64_t now_ns)
{
	struct ip6_address *a = container_of(t, struct ip6_address, life);

	if (now_ns >= a->valid_until_ns) {
		ip6_address_free(a);
		return;
	}
	if (a->state == IP6_PREFERRED && now_ns >= a->preferred_until_ns)
		ip6_address_set_state(a, IP6_DEPRECATED);
	set_life_timer(a);
}

static uint64_t until(uint64_t now_ns, uint32_t seconds)
{
	return seconds == ND_INFINITE ? UINT64_MAX : now_ns + seconds * (uint64_t)NS_PER_S;
}

/* RFC 4862 §5.5.3 (e): nobody but time itself makes an address invalid in less than two hours. */
static void refresh(struct ip6_address *a, const struct nd_prefix *p)
{
	uint64_t now = now_of(a->on), two_hours = until(now, TWO_HOURS_S);
	uint64_t valid = until(now, p->valid_s);

	if (p->valid_s > TWO_HOURS_S || valid > a->valid_until_ns)
		a->valid_until_ns = valid;
	else if (a->valid_until_ns > two_hours)
		a->valid_until_ns = two_hours;
	a->preferred_until_ns = until(now, p->preferred_s);
	if (a->state == IP6_DEPRECATED && p->preferred_s > 0)
		ip6_address_set_state(a, IP6_PREFERRED);
	else if (a->state == IP6_PREFERRED && p->preferred_s == 0)
		ip6_address_set_state(a, IP6_DEPRECATED);
	set_life_timer(a);
}

static struct ip6_address *made_of_or_null(const struct ip6_link *l, const struct ip6_prefix *p,
					   unsigned *n_made)
{
	struct ip6_address *found = NULL;

	*n_made = 0;
	list_for_each(link, &l->addresses) {
		struct ip6_address *a = container_of(link, struct ip6_address, link);

		*n_made += a->origin == IP6_AUTOCONF;
		if (a->origin == IP6_AUTOCONF && ip6_common_len(&a->prefix.addr, &p->addr) >= 64)
			found = a;
	}
	return found;
}

static void make_address(struct ip6_link *l, const struct nd_prefix *p)
{
	struct ip6_prefix prefix = { ip6_of(ip6_high(&p->prefix.addr),
					    ip6_interface_id_of(l, &p->prefix.addr, 0)),
				     p->flags & ND_ON_LINK ? 64 : 128 };
	uint64_t now = now_of(l);
	struct ip6_address *a;

	if (ip6_address_find_or_null(l, &prefix.addr))
		return; /* the operator's */
	a = ip6_address_new_or_null(l, prefix, IP6_AUTOCONF);
	if (!a) {
		log_error("ip6.autoconf", "error=\"out of memory\"");
		return;
	}
	a->life.expired = on_life;
	a->valid_until_ns = until(now, p->valid_s);
	a->preferred_until_ns = until(now, p->preferred_s);
	set_life_timer(a);
}

static bool makes_addresses(const struct nd_prefix *p)
{
	return p->flags & ND_AUTONOMOUS && p->preferred_s <= p->valid_s && p->prefix.len == 64;
}

static void hear_prefix(struct ip6_host *h, const struct nd_prefix *p)
{
	struct ip6_address *a;
	unsigned n_made;

	if (ip6_is_link_local(&p->prefix.addr) || ip6_is_multicast(&p->prefix.addr) ||
	    ip6_is_mapped(&p->prefix.addr) || p->prefix.len == 0)
		return;
	if (!makes_addresses(p)) {
		if (p->flags & ND_ON_LINK)
			ip6_on_link_hear(h, p);
		return;
	}
	a = made_of_or_null(h->on, &p->prefix, &n_made);
	if (a)
		refresh(a, p);
	else if (p->valid_s > 0 && n_made < IP6_AUTOCONF_MAX &&
		 h->on->n_addresses < IP6_ADDRESSES_MAX)
		make_address(h->on, p);
	else
		h->n_ignored++;
}

void ip6_host_hear(struct ip6_link *l, const struct ip6_addr *src, const struct nd *m)
{
	struct ip6_host *h = l->host;

	if (!h || !l->is_up)
		return;
	h->n_heard++;
	h->n_solicits = SOLICITS_MAX; /* §6.3.7: no need to ask any more */
	hear_router(h, src, m->lifetime_s);
	for (unsigned i = 0; i < m->n_prefixes; i++)
		hear_prefix(h, &m->prefix[i]);
}

/* --- asking for routers --- */

static void on_solicit(struct timer *t, uint64_t now_ns)
{
	struct ip6_host *h = container_of(t, struct ip6_host, solicit);
	struct ip6_stack *s = h->on->stack;
	const struct interface *i = interface_get_or_null(s->engine, h->on->if_index);
	struct ip6_addr src = ip6_link_local_of(s, h->on->if_index), all = ip6_all_routers();
	struct nd m = { .type = ICMP6_ROUTER_SOLICIT, .has_source_mac = true };

	if (h->n_solicits >= SOLICITS_MAX)
		return;
	if (ip6_is_unspecified(&src)) {
		timer_set(&s->wheel, &h->solicit, now_ns + RETRY_NS);
		return;
	}
	memcpy(m.source_mac.b, i->mac, sizeof(m.source_mac.b));
	if (nd_send(s->engine, h->on->if_index, &m, &src, &all, NULL) != 0)
		log_warn("ip6.autoconf", "error=\"out of memory\"");
	h->n_solicits++;
	timer_set(&s->wheel, &h->solicit, now_ns + SOLICIT_GAP_NS);
}

int ip6_host_new(struct ip6_link *l)
{
	struct ip6_host *h = calloc(1, sizeof(*h));

	if (!h)
		return ERR_NOMEM;
	h->on = l;
	timer_init(&h->solicit, on_solicit);
	timer_init(&h->expire, on_expire);
	ip6_on_link_init(h);
	l->host = h;
	ip6_publish_view(l);
	if (l->is_up)
		ip6_host_start(l);
	return 0;
}

void ip6_host_start(struct ip6_link *l)
{
	if (!l->host)
		return;
	l->host->n_solicits = 0;
	timer_set(&l->stack->wheel, &l->host->solicit, now_of(l));
}

/* What was learnt belongs to the link; another may be plugged in next time. */
void ip6_host_stop(struct ip6_link *l)
{
	struct ip6_host *h = l->host;

	if (!h)
		return;
	timer_cancel(&l->stack->wheel, &h->solicit);
	if (h->n_routers > 0) {
		h->n_routers = 0;
		routers_changed(h);
	}
	ip6_on_link_stop(h);
	list_for_each(link, &l->addresses) {
		struct ip6_address *a = container_of(link, struct ip6_address, link);

		if (a->origin == IP6_AUTOCONF)
			ip6_address_free(a);
	}
}

void ip6_host_free(struct ip6_link *l)
{
	ip6_host_stop(l);
	free(l->host);
	l->host = NULL;
}

void ip6_on_nd(struct ip6_stack *s, uint32_t if_index, const struct ip6_addr *src,
	       const struct nd *m)
{
	struct ip6_link *l = if_index < INTERFACES_MAX ? s->link[if_index] : NULL;

	if (!l)
		return;
	switch (m->type) {
	case ICMP6_ROUTER_SOLICIT:
		ip6_advertise_solicited(l);
		break;
	case ICMP6_ROUTER_ADVERT:
		ip6_host_hear(l, src, m);
		break;
	case ICMP6_NEIGHBOR_SOLICIT:
		ip6_dad_conflict(s, if_index, &m->target, m->nonce);
		break;
	case ICMP6_NEIGHBOR_ADVERT:
		ip6_dad_conflict(s, if_index, &m->target, 0);
		break;
	default:
		break;
	}
}

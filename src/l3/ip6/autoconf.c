/* autoconf.c - a host asks for routers, and makes addresses of what they advertise. */
#include "l3/ip6/autoconf.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip6/advertise.h"
#include "l3/neighbor/send.h"

/* RFC 4861 §10; RFC 4862 §5.5.3 (e). */
enum { SOLICITS_MAX = 3, TWO_HOURS_S = 7200 };
#define SOLICIT_GAP_NS ((uint64_t)4 * NS_PER_S)
#define RETRY_NS       ((uint64_t)200 * NS_PER_MS) /* while the link-local address is checked */

static uint64_t now_of(const struct ip6_link *l)
{
	return clock_now_ns(l->stack->engine->clock);
}

uint64_t ip6_host_until(const struct ip6_host *h, uint32_t seconds)
{
	return seconds == ND_INFINITE ? UINT64_MAX : now_of(h->on) + seconds * (uint64_t)NS_PER_S;
}

void ip6_host_moved(struct ip6_link *l, uint32_t from)
{
	if (!l->host)
		return;
	ip6_routers_moved(l->host, from);
	ip6_on_link_moved(l->host, from);
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

/* RFC 4862 §5.5.3 (e): nobody but time itself makes an address invalid in less than two hours. */
static void refresh(struct ip6_address *a, const struct nd_prefix *p)
{
	const struct ip6_host *h = a->on->host;
	uint64_t two_hours = ip6_host_until(h, TWO_HOURS_S), valid = ip6_host_until(h, p->valid_s);

	if (p->valid_s > TWO_HOURS_S || valid > a->valid_until_ns)
		a->valid_until_ns = valid;
	else if (a->valid_until_ns > two_hours)
		a->valid_until_ns = two_hours;
	a->preferred_until_ns = ip6_host_until(h, p->preferred_s);
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
	struct ip6_address *a;

	if (ip6_address_find_or_null(l, &prefix.addr))
		return; /* the operator's */
	a = ip6_address_new_or_null(l, prefix, IP6_AUTOCONF);
	if (!a) {
		log_error("ip6.autoconf", "error=\"out of memory\"");
		return;
	}
	a->life.expired = on_life;
	a->valid_until_ns = ip6_host_until(l->host, p->valid_s);
	a->preferred_until_ns = ip6_host_until(l->host, p->preferred_s);
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

/* --- whose prefixes they are: RFC 6724 §5, rule 5.5 --- */

static unsigned place_of(const struct ip6_address *a, const struct ip6_addr *router)
{
	unsigned at = 0;

	while (at < a->n_routers && !ip6_equal(&a->router[at], router))
		at++;
	return at;
}

/* The one that spoke last stands first; of too many the one that has been silent longest goes. */
static bool add_router(struct ip6_address *a, const struct ip6_addr *router)
{
	unsigned at = place_of(a, router);
	bool is_new = at == a->n_routers;

	if (is_new && a->n_routers < IP6_ROUTERS_MAX)
		a->n_routers++;
	else if (is_new)
		at--;
	memmove(&a->router[1], &a->router[0], at * sizeof(a->router[0]));
	a->router[0] = *router;
	return is_new;
}

static bool remove_router(struct ip6_address *a, const struct ip6_addr *router)
{
	unsigned at = place_of(a, router);

	if (at == a->n_routers)
		return false;
	a->n_routers--;
	memmove(&a->router[at], &a->router[at + 1], (a->n_routers - at) * sizeof(a->router[0]));
	return true;
}

static bool note_prefix(struct ip6_link *l, const struct ip6_addr *router,
			const struct nd_prefix *p)
{
	bool has_changed = false;

	list_for_each(link, &l->addresses) {
		struct ip6_address *a = container_of(link, struct ip6_address, link);

		if (ip6_is_link_local(&a->prefix.addr) ||
		    !ip6_prefix_has(&p->prefix, &a->prefix.addr))
			continue;
		has_changed |= p->valid_s > 0 ? add_router(a, router) : remove_router(a, router);
	}
	return has_changed;
}

/* The addresses that were made of the prefixes are there by now. */
static void note_router(struct ip6_link *l, const struct ip6_addr *router, const struct nd *m)
{
	bool has_changed = false;

	for (unsigned i = 0; i < m->n_prefixes; i++)
		has_changed |= note_prefix(l, router, &m->prefix[i]);
	if (has_changed)
		ip6_publish_view(l);
}

void ip6_host_hear(struct ip6_link *l, const struct ip6_addr *src, const struct nd *m)
{
	struct ip6_host *h = l->host;

	if (!h || !l->is_up)
		return;
	h->n_heard++;
	h->n_solicits = SOLICITS_MAX; /* §6.3.7: no need to ask any more */
	ip6_heard_take(l, m);
	ip6_routers_hear(h, src, m);
	for (unsigned i = 0; i < m->n_prefixes; i++)
		hear_prefix(h, &m->prefix[i]);
	note_router(l, src, m);
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
	ip6_routers_init(h);
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
	ip6_routers_stop(h);
	ip6_on_link_stop(h);
	ip6_heard_forget(l);
	list_for_each(link, &l->addresses) {
		struct ip6_address *a = container_of(link, struct ip6_address, link);

		if (a->origin == IP6_AUTOCONF)
			ip6_address_free(a);
		else
			a->n_routers = 0;
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

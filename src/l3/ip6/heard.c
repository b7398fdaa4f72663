/* heard.c - what routers say about the link itself: MTU, hop limit, timers of neighbors. */
#include "l3/ip6/heard.h"

#include "l3/ip6/address.h"
#include "l3/route/hop.h"

/* RFC 4861 §6.2.1; §6.3.4: drawn anew now and then even if nothing changes. */
enum { REACHABLE_MAX_MS = 3600000 };
#define DRAW_NS ((uint64_t)7200 * NS_PER_S)

uint32_t ip6_mtu_on(const struct ip6_stack *s, const struct interface *i)
{
	const struct ip6_link *l = s->link[i->index];
	uint32_t heard = l ? l->heard.mtu_bytes : 0;

	return heard && heard < i->mtu_bytes ? heard : i->mtu_bytes;
}

static void set_mtu(struct ip6_link *l, uint32_t mtu_bytes)
{
	const struct interface *i = interface_get_or_null(l->stack->engine, l->if_index);

	if (!i || mtu_bytes == l->heard.mtu_bytes)
		return;
	l->heard.mtu_bytes = mtu_bytes;
	route_hops_set_mtu(l->stack->engine, i);
}

static void take_mtu(struct ip6_link *l, uint32_t mtu_bytes)
{
	const struct interface *i = interface_get_or_null(l->stack->engine, l->if_index);

	if (i && mtu_bytes >= IP6_MIN_MTU && mtu_bytes <= i->mtu_bytes)
		set_mtu(l, mtu_bytes);
}

/* §6.3.2: between a half and one and a half of what the router says. */
static void take_reachable(struct ip6_heard *h, struct ip6_stack *s, uint32_t ms)
{
	uint64_t now = clock_now_ns(s->engine->clock);

	if (ms > REACHABLE_MAX_MS || (ms == h->reachable_ms && now - h->drawn_ns < DRAW_NS))
		return;
	h->reachable_ms = ms;
	h->reachable_ns = (ms / 2 + random_below(&s->random, ms) + 1) * (uint64_t)NS_PER_MS;
	h->drawn_ns = now;
}

static uint64_t retransmit_of(uint32_t ms)
{
	if (ms < IP6_RETRANSMIT_MIN_MS)
		ms = IP6_RETRANSMIT_MIN_MS;
	if (ms > IP6_RETRANSMIT_MAX_MS)
		ms = IP6_RETRANSMIT_MAX_MS;
	return ms * (uint64_t)NS_PER_MS;
}

void ip6_heard_take(struct ip6_link *l, const struct nd *m)
{
	take_mtu(l, m->mtu_bytes);
	if (m->reachable_ms)
		take_reachable(&l->heard, l->stack, m->reachable_ms);
	if (m->retransmit_ms)
		l->heard.retransmit_ns = retransmit_of(m->retransmit_ms);
	if (m->hop_limit && m->hop_limit != l->heard.hop_limit) {
		l->heard.hop_limit = m->hop_limit;
		ip6_publish_view(l);
	}
}

void ip6_heard_forget(struct ip6_link *l)
{
	set_mtu(l, 0);
	l->heard = (struct ip6_heard){ 0 };
	ip6_publish_view(l);
}

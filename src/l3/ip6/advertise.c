/* advertise.c - router advertisements: when, and what they say. */
#include "l3/ip6/advertise.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/neighbor/send.h"

/* RFC 4861 §10. */
enum { INITIAL_N = 3, INITIAL_MAX_S = 16, INTERVAL_MIN_S = 4, INTERVAL_LIMIT_S = 1800 };
#define MIN_GAP_NS	((uint64_t)3 * NS_PER_S)
#define ANSWER_DELAY_NS ((uint64_t)500 * NS_PER_MS)
#define RETRY_NS	((uint64_t)200 * NS_PER_MS) /* while the link-local address is checked */

static uint64_t now_of(const struct ip6_advertiser *ad)
{
	return clock_now_ns(ad->on->stack->engine->clock);
}

static void set_timer(struct ip6_advertiser *ad, uint64_t delay_ns)
{
	timer_set(&ad->on->stack->wheel, &ad->timer, now_of(ad) + delay_ns);
}

/* Every global prefix of the interface, to be on link and to make addresses of. */
static void add_own_prefixes(const struct ip6_link *l, struct nd *m)
{
	list_for_each(link, &l->addresses) {
		const struct ip6_address *a = container_of(link, struct ip6_address, link);
		struct nd_prefix p = { .prefix = { ip6_masked(&a->prefix.addr, a->prefix.len),
						   a->prefix.len },
				       .flags = ND_ON_LINK,
				       .valid_s = IP6_ADVERTISE_VALID_S,
				       .preferred_s = IP6_ADVERTISE_PREFERRED_S };
		bool is_there = false;

		for (unsigned i = 0; i < m->n_prefixes; i++)
			is_there |= m->prefix[i].prefix.len == p.prefix.len &&
				    ip6_equal(&m->prefix[i].prefix.addr, &p.prefix.addr);
		if (is_there || a->origin != IP6_MANUAL || ip6_is_link_local(&a->prefix.addr) ||
		    a->prefix.len == 128 || m->n_prefixes == ND_PREFIXES_MAX)
			continue;
		if (a->prefix.len == 64)
			p.flags |= ND_AUTONOMOUS;
		m->prefix[m->n_prefixes++] = p;
	}
}

static struct nd message_of(const struct ip6_advertiser *ad, uint16_t lifetime_s)
{
	const struct ip6_advertise_options *o = &ad->options;
	const struct interface *i = interface_get_or_null(ad->on->stack->engine, ad->on->if_index);
	struct nd m = { .type = ICMP6_ROUTER_ADVERT,
			.flags = (uint8_t)((o->managed ? ND_MANAGED : 0) |
					   (o->other ? ND_OTHER : 0)),
			.hop_limit = o->hop_limit,
			.lifetime_s = lifetime_s,
			.reachable_ms = o->reachable_ms,
			.retransmit_ms = o->retransmit_ms,
			.has_source_mac = true,
			.mtu_bytes = o->mtu_bytes,
			.n_prefixes = o->n_prefixes,
			.n_servers = o->n_servers,
			.servers_s = o->servers_s };

	memcpy(m.source_mac.b, i->mac, sizeof(m.source_mac.b));
	memcpy(m.prefix, o->prefix, sizeof(m.prefix));
	memcpy(m.server, o->server, sizeof(m.server));
	if (o->n_prefixes == 0)
		add_own_prefixes(ad->on, &m);
	return m;
}

struct nd ip6_advertisement_of(const struct ip6_advertiser *ad)
{
	return message_of(ad, ad->options.lifetime_s);
}

/* False if there is no address to send it from yet. */
static bool send(struct ip6_advertiser *ad, bool is_last)
{
	struct ip6_stack *s = ad->on->stack;
	struct ip6_addr src = ip6_link_local_of(s, ad->on->if_index), all = ip6_all_nodes();
	struct nd m = message_of(ad, is_last ? 0 : ad->options.lifetime_s);
	int err;

	if (ip6_is_unspecified(&src))
		return false;
	err = is_last ? nd_send_farewell(s->engine, ad->on->if_index, &m, &src, &all)
		      : nd_send(s->engine, ad->on->if_index, &m, &src, &all, NULL);
	if (err != 0)
		log_warn("ip6.advertise", "error=\"out of memory\"");
	ad->sent_ns = now_of(ad);
	ad->n_sent++;
	ad->is_known = !is_last;
	ad->n_total++;
	return true;
}

static uint64_t random_interval_ns(struct ip6_advertiser *ad)
{
	uint32_t max_ms = ad->options.interval_s * 1000, min_ms = max_ms / 3;
	uint32_t ms = min_ms + random_below(&ad->on->stack->random, max_ms - min_ms + 1);

	if (ad->n_sent < INITIAL_N && ms > INITIAL_MAX_S * 1000)
		ms = INITIAL_MAX_S * 1000;
	return ms * (uint64_t)NS_PER_MS;
}

static void on_timer(struct timer *t, uint64_t now_ns unused_arg)
{
	struct ip6_advertiser *ad = container_of(t, struct ip6_advertiser, timer);

	if (send(ad, false))
		set_timer(ad, random_interval_ns(ad));
	else
		set_timer(ad, RETRY_NS);
}

void ip6_advertise_solicited(struct ip6_link *l)
{
	struct ip6_advertiser *ad = l->advertiser;
	uint64_t delay = random_below(&l->stack->random, ANSWER_DELAY_NS);
	uint64_t now, earliest;

	if (!ad || !l->is_up)
		return;
	now = now_of(ad);
	earliest = ad->n_sent ? ad->sent_ns + MIN_GAP_NS : 0;
	ad->n_solicited++;
	if (now + delay < earliest)
		delay = earliest - now;
	/* One that is due earlier anyway will do. */
	if (!timer_is_set(&ad->timer) || ad->timer.deadline_tick > (now + delay) / WHEEL_TICK_NS)
		set_timer(ad, delay);
}

void ip6_advertise_start(struct ip6_link *l)
{
	if (!l->advertiser)
		return;
	l->advertiser->n_sent = 0;
	set_timer(l->advertiser, 0);
}

/* §6.2.5: who leaves says so, as long as there are workers to say it by. */
void ip6_advertise_stop(struct ip6_link *l)
{
	if (!l->advertiser)
		return;
	timer_cancel(&l->stack->wheel, &l->advertiser->timer);
	if (l->is_up && l->advertiser->is_known && l->stack->engine->running)
		send(l->advertiser, true);
}

void ip6_advertise_free(struct ip6_link *l)
{
	ip6_advertise_stop(l);
	free(l->advertiser);
	l->advertiser = NULL;
}

static bool is_possible(const struct ip6_link *l, const struct ip6_advertise_options *o)
{
	return !l->host && o->interval_s >= INTERVAL_MIN_S && o->interval_s <= INTERVAL_LIMIT_S &&
	       (o->lifetime_s == 0 || o->lifetime_s >= o->interval_s) &&
	       o->n_prefixes <= ND_PREFIXES_MAX && o->n_servers <= ND_SERVERS_MAX;
}

int ip6_advertise(struct engine *e, uint32_t if_index, const struct ip6_advertise_options *options)
{
	struct ip6_stack *s = ip6_stack_of(e);
	struct ip6_link *l = if_index < INTERFACES_MAX ? s->link[if_index] : NULL;

	if (!l)
		return ERR_NOENT;
	if (!is_possible(l, options))
		return ERR_INVAL;
	if (!l->advertiser) {
		l->advertiser = calloc(1, sizeof(*l->advertiser));
		if (!l->advertiser)
			return ERR_NOMEM;
		l->advertiser->on = l;
		timer_init(&l->advertiser->timer, on_timer);
	}
	l->advertiser->options = *options;
	ip6_publish_view(l);
	if (l->is_up)
		ip6_advertise_start(l);
	return 0;
}

int ip6_advertise_end(struct engine *e, uint32_t if_index)
{
	struct ip6_stack *s = ip6_stack_of(e);
	struct ip6_link *l = if_index < INTERFACES_MAX ? s->link[if_index] : NULL;

	if (!l || !l->advertiser)
		return ERR_NOENT;
	ip6_advertise_free(l);
	ip6_publish_view(l);
	return 0;
}

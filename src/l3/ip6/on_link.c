/* on_link.c - prefixes that routers say are on the link, and the routes to them. */
#include "l3/ip6/autoconf.h"
#include "l3/neighbor/neighbor.h"

static bool is_same(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return a->len == b->len && ip6_equal(&a->addr, &b->addr);
}

static struct ip6_on_link *find_or_null(struct ip6_host *h, const struct ip6_prefix *prefix)
{
	for (unsigned i = 0; i < h->n_on_link; i++)
		if (is_same(&h->on_link[i].prefix, prefix))
			return &h->on_link[i];
	return NULL;
}

uint32_t ip6_on_link_interface(const struct ip6_stack *s, uint32_t vrf,
			       const struct ip6_prefix *prefix)
{
	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (s->link[i] && s->link[i]->host && s->vrf_of[i] == vrf &&
		    find_or_null(s->link[i]->host, prefix))
			return i;
	return 0;
}

static void changed(struct ip6_host *h, const struct ip6_prefix *prefix)
{
	struct ip6_stack *s = h->on->stack;

	ip6_advertised_update(s, s->vrf_of[h->on->if_index], prefix);
	ip6_publish_view(h->on);
}

static void set_expiry(struct ip6_host *h)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < h->n_on_link; i++)
		if (h->on_link[i].until_ns < first)
			first = h->on_link[i].until_ns;
	if (first == UINT64_MAX)
		timer_cancel(&h->on->stack->wheel, &h->leave_link);
	else
		timer_set(&h->on->stack->wheel, &h->leave_link, first);
}

static void forget(struct ip6_host *h, struct ip6_on_link *gone)
{
	const struct ip6_prefix prefix = gone->prefix;

	*gone = h->on_link[--h->n_on_link];
	changed(h, &prefix);
	neighbors_forget_off_link(h->on->stack->engine, h->on->if_index);
}

static void on_leave(struct timer *t, uint64_t now_ns)
{
	struct ip6_host *h = container_of(t, struct ip6_host, leave_link);

	for (unsigned i = h->n_on_link; i-- > 0;)
		if (h->on_link[i].until_ns <= now_ns)
			forget(h, &h->on_link[i]);
	set_expiry(h);
}

void ip6_on_link_init(struct ip6_host *h)
{
	timer_init(&h->leave_link, on_leave);
}

void ip6_on_link_hear(struct ip6_host *h, const struct nd_prefix *p)
{
	const struct ip6_prefix prefix = { ip6_masked(&p->prefix.addr, p->prefix.len),
					   p->prefix.len };
	struct ip6_on_link *known = find_or_null(h, &prefix);
	uint64_t until = ip6_host_until(h, p->valid_s);

	if (known && p->valid_s > 0) {
		known->until_ns = until;
	} else if (known) {
		forget(h, known);
	} else if (p->valid_s > 0 && h->n_on_link < IP6_ON_LINK_MAX) {
		h->on_link[h->n_on_link++] = (struct ip6_on_link){ prefix, until };
		changed(h, &prefix);
	} else if (p->valid_s > 0) {
		h->n_ignored++;
	}
	set_expiry(h);
}

void ip6_on_link_moved(struct ip6_host *h, uint32_t from)
{
	struct ip6_stack *s = h->on->stack;

	for (unsigned i = 0; i < h->n_on_link; i++) {
		ip6_advertised_update(s, from, &h->on_link[i].prefix);
		ip6_advertised_update(s, s->vrf_of[h->on->if_index], &h->on_link[i].prefix);
	}
}

void ip6_on_link_stop(struct ip6_host *h)
{
	while (h->n_on_link > 0)
		forget(h, &h->on_link[h->n_on_link - 1]);
	timer_cancel(&h->on->stack->wheel, &h->leave_link);
}

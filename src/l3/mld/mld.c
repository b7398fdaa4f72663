/* mld.c - a link's groups, and the reports about them. */
#include "l3/mld/mld.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip6/address.h"
#include "l3/neighbor/proxy.h"
#include "l3/neighbor/send.h"

/* A report with a hop-by-hop header fits into IPv6's least MTU. */
enum { RECORDS_LEN = IP6_MIN_MTU - IP6_HDR_LEN - 8 - MLD_REPORT_LEN };
enum { RECORDS_MAX = RECORDS_LEN / MLD_RECORD_LEN };

struct batch {
	struct mld_link *from;
	struct ip6_addr src;
	unsigned n, len;
	struct mld_record record[RECORDS_MAX];
};

static uint64_t now_of(const struct mld_link *m)
{
	return clock_now_ns(m->on->stack->engine->clock);
}

/* --- what is sent --- */

static void send(struct mld_link *m, struct slice message, const struct ip6_addr *src,
		 const struct ip6_addr *dst)
{
	const struct icmp6_order order = { .message = message,
					   .src = *src,
					   .dst = *dst,
					   .hop_limit = MLD_HOP_LIMIT,
					   .has_router_alert = true,
					   .is_farewell = m->is_leaving };

	if (icmp6_send_on(m->on->stack->engine, m->on->if_index, &order) != 0)
		log_warn("mld.report", "error=\"out of memory\"");
	m->n_reports++;
}

static void send_batch(struct batch *b)
{
	uint8_t bytes[IP6_MIN_MTU];
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct ip6_addr dst = mld_all_routers();

	if (b->n == 0)
		return;
	mld_emit_report(&w, b->record, b->n, &b->src, &dst);
	invariant(writer_ok(&w));
	send(b->from, slice_of(bytes, writer_len(&w)), &b->src, &dst);
	b->n = b->len = 0;
}

/* RFC 2710 §3.7: reports go to their group, "done" to the routers. */
static void send_v1(struct batch *b, const struct mld_record *r)
{
	uint8_t bytes[MLD_V1_LEN];
	struct writer w = writer_of(bytes, sizeof(bytes));
	bool is_done = r->type == MLD_TO_INCLUDE;
	struct ip6_addr dst = is_done ? ip6_all_routers() : r->group;

	mld_emit_v1(&w, is_done ? ICMP6_MLD_DONE : ICMP6_MLD_REPORT, &r->group, &b->src, &dst);
	send(b->from, slice_of(bytes, writer_len(&w)), &b->src, &dst);
}

static void add(struct batch *b, const struct mld_record *r)
{
	if (mld_listener_is_v1(&b->from->listener)) {
		send_v1(b, r);
		return;
	}
	if (b->n == RECORDS_MAX || b->len + mld_record_len(r) > RECORDS_LEN)
		send_batch(b);
	b->record[b->n++] = *r;
	b->len += mld_record_len(r);
}

static void forget_left(struct mld_link *m)
{
	list_for_each(link, &m->listener.groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		if (!mld_group_is_over(g))
			continue;
		list_remove(&g->link);
		free(g);
		m->n_groups--;
	}
}

static void set_timer(struct mld_link *m)
{
	uint64_t next = mld_listener_deadline_ns(&m->listener);

	if (next == UINT64_MAX || !m->on->is_up)
		timer_cancel(&m->on->stack->wheel, &m->timer);
	else
		timer_set(&m->on->stack->wheel, &m->timer, next);
}

/* Say what is due. RFC 3810 §5.2.13: without an address, from the unspecified one. */
static void speak(struct mld_link *m)
{
	struct batch b = { .from = m, .src = ip6_link_local_of(m->on->stack, m->on->if_index) };
	struct mld_record r;

	mld_listener_expire(&m->listener, now_of(m));
	list_for_each(link, &m->listener.groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		while (mld_listener_take(&m->listener, g, &r)) {
			m->has_spoken_as_none |= ip6_is_unspecified(&b.src);
			add(&b, &r);
		}
	}
	send_batch(&b);
	forget_left(m);
	set_timer(m);
}

static void on_timer(struct timer *t, uint64_t now_ns unused_arg)
{
	speak(container_of(t, struct mld_link, timer));
}

void mld_flush(struct ip6_link *l)
{
	if (l->mld && l->is_up && l->mld->listener.change_ns <= now_of(l->mld))
		speak(l->mld);
}

/* --- the groups --- */

static void want(struct mld_link *m, const struct ip6_addr *group)
{
	struct mld_group *g = mld_listener_find_or_null(&m->listener, group);

	if (g) {
		g->is_wanted = true;
		if (g->is_left)
			mld_listener_rejoin(&m->listener, g, now_of(m));
		return;
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		log_error("mld.join", "error=\"out of memory\"");
		return;
	}
	g->addr = *group;
	g->is_wanted = true;
	m->n_groups++;
	mld_listener_join(&m->listener, g, now_of(m));
}

static void want_all(struct mld_link *m)
{
	const struct ip6_link *l = m->on;
	const struct neighbor_proxies *p =
		neighbor_proxies_of_or_null(l->stack->engine, l->if_index);
	struct ip6_addr group = ip6_all_routers();

	if (l->advertiser)
		want(m, &group);
	list_for_each(link, &l->addresses) {
		group = ip6_solicited_node(
			&container_of(link, struct ip6_address, link)->prefix.addr);
		want(m, &group);
	}
	for (uint32_t i = 0; p && i < p->n; i++) {
		group = ip6_solicited_node(&p->addr[i]);
		if (!ip6_is_mapped(&p->addr[i]))
			want(m, &group);
	}
}

void mld_sync(struct engine *e, uint32_t if_index)
{
	struct ip6_stack *s = ip6_stack_of(e);
	struct mld_link *m = s && s->link[if_index] ? s->link[if_index]->mld : NULL;
	struct ip6_addr src;

	if (!m || !m->on->is_up)
		return;
	list_for_each(link, &m->listener.groups)
		container_of(link, struct mld_group, link)->is_wanted = false;
	want_all(m);
	list_for_each(link, &m->listener.groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		if (!g->is_wanted && !g->is_left)
			mld_listener_leave(&m->listener, g, now_of(m));
	}
	forget_left(m);
	src = ip6_link_local_of(s, if_index);
	if (m->has_spoken_as_none && !ip6_is_unspecified(&src)) {
		m->has_spoken_as_none = false; /* RFC 3590 §4 */
		mld_listener_restate(&m->listener, now_of(m));
	}
	set_timer(m);
}

void mld_start(struct ip6_link *l)
{
	mld_sync(l->stack->engine, l->if_index);
}

static void forget_all(struct mld_link *m)
{
	while (!list_empty(&m->listener.groups)) {
		struct mld_group *g = container_of(m->listener.groups.next, struct mld_group, link);

		list_remove(&g->link);
		free(g);
	}
	m->n_groups = 0;
	mld_listener_init(&m->listener, &m->on->stack->random);
}

/* Who leaves says so once, as long as there are workers to say it by. */
void mld_stop(struct ip6_link *l)
{
	struct mld_link *m = l->mld;

	if (!m || !l->is_up)
		return;
	list_for_each(link, &m->listener.groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		if (!g->is_left)
			mld_listener_leave(&m->listener, g, now_of(m));
	}
	m->is_leaving = true;
	if (l->stack->engine->running)
		speak(m);
	m->is_leaving = false;
	timer_cancel(&l->stack->wheel, &m->timer);
	forget_all(m);
	m->has_spoken_as_none = false;
}

int mld_link_new(struct ip6_link *l)
{
	struct mld_link *m = calloc(1, sizeof(*m));

	if (!m)
		return ERR_NOMEM;
	m->on = l;
	timer_init(&m->timer, on_timer);
	mld_listener_init(&m->listener, &l->stack->random);
	l->mld = m;
	return 0;
}

void mld_link_free(struct ip6_link *l)
{
	if (!l->mld)
		return;
	timer_cancel(&l->stack->wheel, &l->mld->timer);
	forget_all(l->mld);
	free(l->mld);
	l->mld = NULL;
}

void mld_hear(struct ip6_stack *s, uint32_t if_index, const struct mld_query *query,
	      const struct ip6_addr *group)
{
	struct ip6_link *l = if_index < INTERFACES_MAX ? s->link[if_index] : NULL;

	if (!l || !l->mld || !l->is_up)
		return;
	if (query) {
		l->mld->n_queries++;
		mld_listener_query(&l->mld->listener, query, now_of(l->mld));
	} else {
		mld_listener_hear(&l->mld->listener, group, now_of(l->mld));
	}
	forget_left(l->mld);
	set_timer(l->mld);
}

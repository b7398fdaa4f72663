/*
 * neighbor.c - main's table: feeds the machines, carries out what they decide.
 */
#include "l3/neighbor/neighbor.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip4/address.h"
#include "l3/ip6/address.h"
#include "l3/ip6/routers.h"
#include "l3/neighbor/proxy.h"
#include "l3/neighbor/publish.h"
#include "l3/neighbor/send.h"
#include "l3/neighbor/worker.h"

static struct neighbors *table_of(const struct engine *e)
{
	return e->module[MODULE_NEIGHBOR];
}

static struct list *bucket_of(struct neighbors *t, uint32_t if_index, const struct ip6_addr *addr)
{
	uint64_t h = ((uint64_t)if_index << 32 ^ ip6_high(addr) ^ t->seed) * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 32 ^ ip6_low(addr)) * 0x9e3779b97f4a7c15u;
	return &t->bucket[h >> 32 & (NEIGHBOR_BUCKETS - 1)];
}

static struct neighbor *find_or_null(struct neighbors *t, uint32_t if_index,
				     const struct ip6_addr *addr)
{
	list_for_each(link, bucket_of(t, if_index, addr)) {
		struct neighbor *n = container_of(link, struct neighbor, hash_link);

		if (n->if_index == if_index && ip6_equal(&n->addr, addr))
			return n;
	}
	return NULL;
}

static void answer_waiters(struct neighbor *n, bool resolved)
{
	struct list *link;

	while ((link = list_pop_or_null(&n->waiters))) {
		struct hold_entry *h = container_of(link, struct hold_entry, waiter);

		h->resolved = resolved;
		h->mail.deliver = hold_take_answer;
		worker_post(h->worker, &h->mail);
	}
}

/* --- life --- */

/* RFC 826; RFC 4861 §7.2.2: from the group of those whose address ends like the one asked for. */
static int ask4(const struct neighbor *n, const struct mac *to_or_null)
{
	struct engine *e = n->table->engine;
	uint32_t addr = ip6_mapped_ip4(&n->addr);

	return arp_send_request(e, n->if_index,
				be32_of(ip4_source_for(ip4_stack_of(e), n->if_index, addr)),
				be32_of(addr), to_or_null ? to_or_null : &mac_broadcast);
}

static int ask6(const struct neighbor *n, const struct mac *to_or_null)
{
	struct engine *e = n->table->engine;
	const struct interface *i = interface_get_or_null(e, n->if_index);
	struct nd m = { .type = ICMP6_NEIGHBOR_SOLICIT, .target = n->addr, .has_source_mac = true };
	struct ip6_addr src = ip6_source_on(ip6_stack_of(e), n->if_index, &n->addr);
	struct ip6_addr group = ip6_solicited_node(&n->addr);

	if (!i || ip6_is_unspecified(&src))
		return 0; /* nobody to answer to: the time-out tells those who wait */
	memcpy(m.source_mac.b, i->mac, MAC_BYTES);
	return nd_send(e, n->if_index, &m, &src, to_or_null ? &n->addr : &group, to_or_null);
}

static void ask(struct neighbor *n, const struct mac *to_or_null)
{
	int err = neighbor_is_ip4(n) ? ask4(n, to_or_null) : ask6(n, to_or_null);

	n->table->n_probes_sent++;
	if (err != 0)
		log_warn("neighbor.ask", "error=\"%s\"", err_text(err));
}

static void forget(struct neighbor *n)
{
	answer_waiters(n, false);
	neighbor_withdraw(n);
	timer_cancel(&n->table->wheel, &n->timer);
	list_remove(&n->hash_link);
	list_remove(&n->age_link);
	n->table->n--;
	free(n);
}

static void set_timer(struct neighbor *n)
{
	if (n->machine.deadline_ns)
		timer_set(&n->table->wheel, &n->timer, n->machine.deadline_ns);
	else
		timer_cancel(&n->table->wheel, &n->timer);
}

/* As the routers of the link say: RFC 4861 §6.3.4. ARP has its own. */
static struct neighbor_times times_of(const struct neighbor *n)
{
	const struct ip6_link *l =
		neighbor_is_ip4(n) ? NULL : ip6_stack_of(n->table->engine)->link[n->if_index];
	struct neighbor_times times = NEIGHBOR_USUAL_TIMES;

	if (l && l->heard.reachable_ns)
		times.reachable_ns = l->heard.reachable_ns;
	if (l && l->heard.retransmit_ns)
		times.probe_ns = l->heard.retransmit_ns;
	return times;
}

/* RFC 4861 §6.3.6: a router that does not answer gives way to others. */
static void tell_host(const struct neighbor *n, unsigned actions)
{
	bool is_silent = actions & (NEIGHBOR_WITHDRAW | NEIGHBOR_FAIL);

	if (!neighbor_is_ip4(n) && (is_silent || actions & NEIGHBOR_PUBLISH))
		ip6_router_is_silent(n->table->engine, n->if_index, &n->addr, is_silent);
}

/* Carry out @actions; @n may be gone afterwards. */
static void act(struct neighbor *n, unsigned actions)
{
	n->n_pins++; /* who hears of its route's change may let go of it */
	if (actions & NEIGHBOR_WITHDRAW) {
		neighbor_withdraw(n);
		neighbor_event(n, "lost");
	}
	if (actions & NEIGHBOR_PUBLISH) {
		int err = neighbor_publish(n);

		neighbor_event(n, "resolved");
		if (err != 0)
			log_error("neighbor.publish", "error=\"%s\"", err_text(err));
		answer_waiters(n, err == 0);
	}
	if (actions & NEIGHBOR_PASS)
		answer_waiters(n, true);
	if (actions & NEIGHBOR_FAIL) {
		n->table->n_failed++;
		neighbor_event(n, "failed");
		answer_waiters(n, false);
	}
	if (actions & NEIGHBOR_SEND_BROADCAST)
		ask(n, NULL);
	if (actions & NEIGHBOR_SEND_UNICAST)
		ask(n, &n->mac);
	tell_host(n, actions);
	set_timer(n);
	n->n_pins--;
	if (actions & NEIGHBOR_FORGET && n->n_pins == 0)
		forget(n);
}

static void on_timer(struct timer *t, uint64_t now_ns)
{
	struct neighbor *n = container_of(t, struct neighbor, timer);

	const struct neighbor_times times = times_of(n);

	act(n, neighbor_on_timer(&n->machine, &times, now_ns, neighbor_was_used(n)));
}

/* Whatever is done with @n next: who listens does not take it for known any more. */
static void tell_loss(const struct neighbor *n)
{
	if (neighbor_is_resolved(&n->machine))
		neighbor_event(n, "lost");
}

/* Make room: the one that has been silent longest and that nobody holds on to. */
static bool evict_one(struct neighbors *t)
{
	list_for_each(link, &t->oldest) {
		struct neighbor *n = container_of(link, struct neighbor, age_link);

		if (n->n_pins == 0 && n->machine.state != NEIGHBOR_STATIC &&
		    list_empty(&n->waiters)) {
			t->n_evicted++;
			tell_loss(n);
			forget(n);
			return true;
		}
	}
	return false;
}

static struct neighbor *find_or_new_or_null(struct neighbors *t, uint32_t if_index,
					    const struct ip6_addr *addr)
{
	struct neighbor *n = find_or_null(t, if_index, addr);

	if (n)
		return n;
	if (t->n >= NEIGHBORS_MAX && !evict_one(t)) {
		t->n_refused++;
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->table = t;
	n->if_index = if_index;
	n->addr = *addr;
	list_init(&n->waiters);
	timer_init(&n->timer, on_timer);
	list_push(bucket_of(t, if_index, addr), &n->hash_link);
	list_push(&t->oldest, &n->age_link);
	t->n++;
	return n;
}

static uint64_t now_of(const struct neighbors *t)
{
	return clock_now_ns(t->engine->clock);
}

/* --- messages from workers --- */

void neighbor_take_need(void *consumer unused_arg, struct mail *mail)
{
	struct hold_entry *h = container_of(mail, struct hold_entry, mail);
	struct neighbors *t = h->table;
	const struct interface *i = interface_get_or_null(t->engine, h->if_index);
	struct neighbor *n = i && i->up ? find_or_new_or_null(t, h->if_index, &h->addr) : NULL;
	struct neighbor_times times;

	if (!n) {
		h->resolved = false;
		h->mail.deliver = hold_take_answer;
		worker_post(h->worker, &h->mail);
		return;
	}
	list_push(&n->waiters, &h->waiter);
	times = times_of(n);
	act(n, neighbor_on_need(&n->machine, &times, now_of(t)));
}

/* RFC 4861 §7.2.5 in the words of machine.h; ARP's messages are answers or corrections. */
static unsigned weigh(struct neighbor *n, const struct neighbor_news *news)
{
	bool is_new = news->has_mac && !mac_equal(&n->mac, &news->mac);
	const struct neighbor_times times = times_of(n);
	uint64_t now = now_of(n->table);

	if (!news->has_mac && !neighbor_is_resolved(&n->machine))
		return 0;
	if (is_new && !news->insists && neighbor_is_resolved(&n->machine))
		return neighbor_on_doubt(&n->machine, now);
	if (is_new)
		n->mac = news->mac;
	return news->proves ? neighbor_on_heard(&n->machine, &times, now, is_new)
			    : neighbor_on_told(&n->machine, now, is_new);
}

static void hear(struct neighbor *n, const struct neighbor_news *news)
{
	if (n->machine.state == NEIGHBOR_STATIC)
		return;
	if (news->says_role) {
		n->is_router = news->is_router;
		if (!n->is_router)
			ip6_router_is_none(n->table->engine, n->if_index, &n->addr);
	}
	list_remove(&n->age_link);
	list_push(&n->table->oldest, &n->age_link);
	act(n, weigh(n, news));
}

void neighbor_take_news(void *consumer unused_arg, struct mail *mail)
{
	const struct neighbor_news *news = container_of(mail, struct neighbor_news, mail);
	struct neighbors *t = news->table;
	const struct interface *i = interface_get_or_null(t->engine, news->if_index);
	struct neighbor *n = NULL;

	if (i && i->up && news->may_create)
		n = find_or_new_or_null(t, news->if_index, &news->addr);
	else if (i && i->up)
		n = find_or_null(t, news->if_index, &news->addr);
	if (n)
		hear(n, news);
}

/* --- control --- */

static bool is_on_link(const struct engine *e, uint32_t if_index, const struct ip6_addr *addr)
{
	if (ip6_is_mapped(addr))
		return ip4_is_on_link(ip4_stack_of(e), if_index, ip6_mapped_ip4(addr));
	return ip6_is_on_link(ip6_stack_of(e), if_index, addr);
}

int neighbor_add_static(struct engine *e, uint32_t if_index, const struct ip6_addr *addr,
			const struct mac *mac)
{
	struct neighbors *t = table_of(e);
	struct neighbor *n;

	if (!interface_get_or_null(e, if_index))
		return ERR_NOENT;
	if (mac_is_group(mac) || mac_is_zero(mac))
		return ERR_INVAL;
	if (!is_on_link(e, if_index, addr))
		return ERR_UNREACHABLE;
	n = find_or_new_or_null(t, if_index, addr);
	if (!n)
		return t->n >= NEIGHBORS_MAX ? ERR_FULL : ERR_NOMEM;
	n->mac = *mac;
	act(n, neighbor_on_static(&n->machine));
	return 0;
}

/*
 * Back to the beginning; gone if nobody holds on to it. Who hears that its route is gone may let go
 * of it: it is held meanwhile.
 */
static void reset(struct neighbor *n)
{
	tell_loss(n);
	answer_waiters(n, false);
	n->machine = (struct neighbor_machine){ .state = NEIGHBOR_IDLE };
	timer_cancel(&n->table->wheel, &n->timer);
	n->n_pins++;
	neighbor_withdraw(n);
	n->n_pins--;
	if (n->n_pins == 0)
		forget(n);
}

int neighbor_del(struct engine *e, uint32_t if_index, const struct ip6_addr *addr)
{
	struct neighbor *n = find_or_null(table_of(e), if_index, addr);

	if (!n)
		return ERR_NOENT;
	reset(n);
	return 0;
}

int neighbor6_pin(struct engine *e, uint32_t if_index, const struct ip6_addr *addr,
		  uint32_t *adjacency)
{
	struct neighbors *t = table_of(e);
	struct neighbor *n = find_or_new_or_null(t, if_index, addr);
	int err = 0;

	if (!n)
		return t->n >= NEIGHBORS_MAX ? ERR_FULL : ERR_NOMEM;
	if (n->adjacency == ADJACENCY_NONE)
		err = neighbor_put_adjacency(n);
	if (err != 0) {
		reset(n);
		return err;
	}
	n->n_pins++;
	*adjacency = n->adjacency;
	return 0;
}

void neighbor6_unpin(struct engine *e, uint32_t if_index, const struct ip6_addr *addr)
{
	struct neighbor *n = find_or_null(table_of(e), if_index, addr);

	invariant(n && n->n_pins > 0);
	n->n_pins--;
	if (n->n_pins == 0 && !neighbor_is_resolved(&n->machine))
		reset(n);
}

void neighbor_announce(struct engine *e, uint32_t if_index, be32 addr)
{
	if (table_of(e) && arp_send_request(e, if_index, addr, addr, &mac_broadcast) != 0)
		log_warn("neighbor.announce", "error=\"out of memory\"");
}

/*
 * Call @visit for each neighbour on a link. It may forget any neighbour: what changes routes may
 * change who is held on to, and make room for others. Those to come wait in a list of their own.
 */
static void visit_link(struct neighbors *t, uint32_t if_index,
		       void (*visit)(struct neighbor *n, const void *context), const void *context)
{
	struct list rest, *link;

	list_init(&rest);
	list_splice(&rest, &t->oldest);
	while ((link = list_pop_or_null(&rest))) {
		struct neighbor *n = container_of(link, struct neighbor, age_link);

		list_push(&t->oldest, link);
		if (n->if_index == if_index)
			visit(n, context);
	}
}

static void reset_if_ip6(struct neighbor *n, const void *context unused_arg)
{
	if (!neighbor_is_ip4(n))
		reset(n);
}

void neighbor6_forget_link(struct engine *e, uint32_t if_index)
{
	if (table_of(e))
		visit_link(table_of(e), if_index, reset_if_ip6, NULL);
}

static void reset_if_off_link(struct neighbor *n, const void *context unused_arg)
{
	if (n->machine.state != NEIGHBOR_STATIC &&
	    !is_on_link(n->table->engine, n->if_index, &n->addr))
		reset(n);
}

void neighbors_forget_off_link(struct engine *e, uint32_t if_index)
{
	if (table_of(e))
		visit_link(table_of(e), if_index, reset_if_off_link, NULL);
}

static void hide(struct neighbor *n, const void *context unused_arg)
{
	neighbor_hide(n);
}

void neighbors_leave(struct engine *e, uint32_t if_index)
{
	visit_link(table_of(e), if_index, hide, NULL);
}

static void show(struct neighbor *n, const void *context unused_arg)
{
	if (neighbor_is_resolved(&n->machine) && neighbor_publish(n) != 0)
		log_error("neighbor.move", "error=\"out of memory\"");
}

void neighbors_join(struct engine *e, uint32_t if_index)
{
	visit_link(table_of(e), if_index, show, NULL);
}

void neighbor_walk(const struct engine *e, bool (*visit)(const struct neighbor *n, void *context),
		   void *context)
{
	list_for_each(link, &table_of(e)->oldest) {
		if (!visit(container_of(link, struct neighbor, age_link), context))
			return;
	}
}

struct neighbor_counts neighbor_counts(const struct engine *e)
{
	const struct neighbors *t = table_of(e);

	return (struct neighbor_counts){ .n = t->n,
					 .n_asked = t->n_probes_sent,
					 .n_failed = t->n_failed,
					 .n_evicted = t->n_evicted,
					 .n_refused = t->n_refused };
}

void neighbor_tick(struct engine *e, uint64_t now_ns)
{
	wheel_advance(&table_of(e)->wheel, now_ns);
}

static void refresh(struct neighbor *n)
{
	if (n->adjacency != ADJACENCY_NONE && neighbor_put_adjacency(n) != 0)
		log_error("neighbor.refresh", "error=\"out of memory\"");
}

static void reset_always(struct neighbor *n, const void *context unused_arg)
{
	reset(n);
}

static void follow_state(struct neighbor *n, const void *context)
{
	const struct interface *i = context;

	if (!interface_is_running(i) && n->machine.state != NEIGHBOR_STATIC)
		reset(n);
	else
		refresh(n);
}

/*
 * A link that goes down, or away, takes what was learnt with it, removal takes all. What is fixed
 * or a next hop stays, unreachable until the link is back: flows take other paths meanwhile.
 */
static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct neighbors *t = container_of(l, struct neighbors, listener);

	if (event == INTERFACE_ADDED || event == INTERFACE_MTU)
		return;
	if (event == INTERFACE_REMOVED)
		neighbor_drop_proxies(t, i->index);
	visit_link(t, i->index, event == INTERFACE_REMOVED ? reset_always : follow_state, i);
}

int neighbor_init(struct engine *e)
{
	struct neighbors *t = calloc(1, sizeof(*t));
	int err = 0;

	if (!t)
		return ERR_NOMEM;
	t->engine = e;
	random_secret(&t->seed, sizeof(t->seed));
	wheel_init(&t->wheel, now_of(t));
	list_init(&t->oldest);
	for (unsigned i = 0; i < NEIGHBOR_BUCKETS; i++)
		list_init(&t->bucket[i]);
	e->module[MODULE_NEIGHBOR] = t;
	t->listener.changed = follow;
	interface_listen(e, &t->listener);
	for (unsigned i = 0; i < e->n_workers && err == 0; i++)
		err = neighbor_worker_init(e->worker[i], t);
	if (err != 0)
		neighbor_deinit(e);
	return err;
}

void neighbor_deinit(struct engine *e)
{
	struct neighbors *t = table_of(e);

	if (!t)
		return;
	engine_run_main(e); /* messages that lie in the workers' tables */
	interface_unlisten(&t->listener);
	while (!list_empty(&t->oldest)) {
		struct neighbor *n = container_of(t->oldest.next, struct neighbor, age_link);

		list_init(&n->waiters); /* their workers have stopped */
		forget(n);
	}
	for (unsigned i = 0; i < e->n_workers; i++)
		neighbor_worker_deinit(e->worker[i]);
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		neighbor_drop_proxies(t, i);
	rcu_drain();
	free(t);
	e->module[MODULE_NEIGHBOR] = NULL;
}

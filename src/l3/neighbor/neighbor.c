/*
 * neighbor.c - main's table: feeds the machines, carries out what they decide.
 */
#include "l3/neighbor/neighbor.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip4/address.h"
#include "l3/neighbor/worker.h"

static struct neighbors *table_of(const struct engine *e)
{
	return e->module[MODULE_NEIGHBOR];
}

static struct list *bucket_of(struct neighbors *t, uint32_t if_index, uint32_t addr)
{
	uint64_t h = ((uint64_t)if_index << 32 | addr) ^ t->seed;

	h *= 0x9e3779b97f4a7c15u;
	return &t->bucket[h >> 32 & (NEIGHBOR_BUCKETS - 1)];
}

static struct neighbor *find_or_null(struct neighbors *t, uint32_t if_index, uint32_t addr)
{
	list_for_each(link, bucket_of(t, if_index, addr)) {
		struct neighbor *n = container_of(link, struct neighbor, hash_link);

		if (n->if_index == if_index && n->addr == addr)
			return n;
	}
	return NULL;
}

static struct fib *fib_of(const struct neighbor *n)
{
	return n->table->stack->fib;
}

static struct vrf *vrf_of(const struct neighbor *n)
{
	return fib_vrf_or_null(fib_of(n), n->table->stack->vrf_of[n->if_index]);
}

static struct ip4_prefix host_of(const struct neighbor *n)
{
	return (struct ip4_prefix){ n->addr, 32 };
}

static uint64_t packets_sent(const struct neighbor *n)
{
	const struct engine *e = n->table->engine;
	uint64_t sum = 0;

	for (unsigned i = 0; i < e->n_workers; i++)
		sum += __atomic_load_n(&ip4_of(e->worker[i])->sent[n->adjacency], __ATOMIC_RELAXED);
	return sum;
}

/* True if packets went to @n since the last call. */
static bool was_used(struct neighbor *n)
{
	uint64_t sent = n->adjacency ? packets_sent(n) : 0;
	bool used = sent != n->sent_seen;

	n->sent_seen = sent;
	return used;
}

/* --- the data path's view --- */

static struct adjacency adjacency_value(const struct neighbor *n)
{
	const struct interface *i = interface_get_or_null(n->table->engine, n->if_index);
	struct adjacency a = { .kind = ADJACENCY_INCOMPLETE,
			       .family = 4,
			       .if_index = n->if_index,
			       .mtu_bytes = i ? i->mtu_bytes : 0,
			       .source = be32_of(
				       ip4_source_for(n->table->stack, n->if_index, n->addr)),
			       .next_hop = n->addr };
	struct ethernet_hdr eth = { .dst = n->mac, .type = be16_of(ETHERNET_IP4) };

	if (!i || !i->up) {
		a.kind = ADJACENCY_UNREACHABLE;
	} else if (neighbor_is_resolved(&n->machine)) {
		memcpy(eth.src.b, i->mac, MAC_BYTES);
		memcpy(a.rewrite, &eth, sizeof(eth));
		a.rewrite_len = sizeof(eth);
		a.kind = ADJACENCY_REWRITE;
	}
	return a;
}

static int put_adjacency(struct neighbor *n)
{
	struct adjacency value = adjacency_value(n);
	int err;

	if (n->adjacency != ADJACENCY_NONE)
		err = adjacency_change(&fib_of(n)->adjacencies, n->adjacency, &value);
	else
		err = adjacency_new(&fib_of(n)->adjacencies, &value, &n->adjacency);
	if (err != 0)
		return err;
	load_balance_refill(&fib_of(n)->load_balances, n->adjacency);
	fib_touch(fib_of(n));
	return 0;
}

static int publish(struct neighbor *n)
{
	int err = put_adjacency(n);
	struct fib_path path = { n->adjacency, 1 };

	n->sent_seen = packets_sent(n);
	if (err != 0 || n->has_route)
		return err;
	err = fib_add_route(fib_of(n), vrf_of(n), host_of(n), FIB_NEIGHBOR, &path, 1);
	n->has_route = err == 0;
	return err;
}

static void withdraw(struct neighbor *n)
{
	int err = 0;

	if (n->has_route)
		err = fib_del_route(fib_of(n), vrf_of(n), host_of(n), FIB_NEIGHBOR);
	n->has_route = false;
	if (n->adjacency == ADJACENCY_NONE)
		return;
	if (n->n_pins > 0) {
		err = put_adjacency(n);
	} else {
		adjacency_put(&fib_of(n)->adjacencies, n->adjacency);
		n->adjacency = ADJACENCY_NONE;
	}
	if (err != 0)
		log_error("neighbor.withdraw", "error=\"%s\"", err_text(err));
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

static void ask(struct neighbor *n, const struct mac *to)
{
	struct arp_order order = { .if_index = n->if_index,
				   .sender_ip = be32_of(
					   ip4_source_for(n->table->stack, n->if_index, n->addr)),
				   .target_ip = be32_of(n->addr),
				   .to = *to };

	n->table->n_probes_sent++;
	if (arp_send(n->table->engine, &order) != 0)
		log_warn("neighbor.ask", "error=\"out of memory\"");
}

static void forget(struct neighbor *n)
{
	answer_waiters(n, false);
	withdraw(n);
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

/* Carry out @actions; @n may be gone afterwards. */
static void act(struct neighbor *n, unsigned actions)
{
	if (actions & NEIGHBOR_WITHDRAW)
		withdraw(n);
	if (actions & NEIGHBOR_PUBLISH) {
		int err = publish(n);

		if (err != 0)
			log_error("neighbor.publish", "error=\"%s\"", err_text(err));
		answer_waiters(n, err == 0);
	}
	if (actions & NEIGHBOR_PASS)
		answer_waiters(n, true);
	if (actions & NEIGHBOR_FAIL) {
		n->table->n_failed++;
		answer_waiters(n, false);
	}
	if (actions & NEIGHBOR_SEND_BROADCAST)
		ask(n, &mac_broadcast);
	if (actions & NEIGHBOR_SEND_UNICAST)
		ask(n, &n->mac);
	set_timer(n);
	if (actions & NEIGHBOR_FORGET && n->n_pins == 0)
		forget(n);
}

static void on_timer(struct timer *t, uint64_t now_ns)
{
	struct neighbor *n = container_of(t, struct neighbor, timer);

	act(n, neighbor_on_timer(&n->machine, now_ns, was_used(n)));
}

/* Make room: the one that has been silent longest and that nobody holds on to. */
static bool evict_one(struct neighbors *t)
{
	list_for_each(link, &t->oldest) {
		struct neighbor *n = container_of(link, struct neighbor, age_link);

		if (n->n_pins == 0 && n->machine.state != NEIGHBOR_STATIC &&
		    list_empty(&n->waiters)) {
			t->n_evicted++;
			forget(n);
			return true;
		}
	}
	return false;
}

static struct neighbor *find_or_new_or_null(struct neighbors *t, uint32_t if_index, uint32_t addr)
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
	n->addr = addr;
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
	struct neighbor *n = i && i->up ? find_or_new_or_null(t, h->if_index, h->addr) : NULL;

	if (!n) {
		h->resolved = false;
		h->mail.deliver = hold_take_answer;
		worker_post(h->worker, &h->mail);
		return;
	}
	list_push(&n->waiters, &h->waiter);
	act(n, neighbor_on_need(&n->machine, now_of(t)));
}

static void hear(struct neighbor *n, const struct mac *mac)
{
	bool is_new = !mac_equal(&n->mac, mac);

	if (n->machine.state == NEIGHBOR_STATIC)
		return;
	n->mac = *mac;
	list_remove(&n->age_link);
	list_push(&n->table->oldest, &n->age_link);
	act(n, neighbor_on_heard(&n->machine, now_of(n->table), is_new));
}

void neighbor_take_news(void *consumer unused_arg, struct mail *mail)
{
	struct arp_news *news = container_of(mail, struct arp_news, mail);
	struct neighbors *t = news->table;
	const struct interface *i = interface_get_or_null(t->engine, news->if_index);
	struct neighbor *n = NULL;

	if (i && i->up && news->may_create)
		n = find_or_new_or_null(t, news->if_index, news->addr);
	else if (i && i->up)
		n = find_or_null(t, news->if_index, news->addr);
	if (n)
		hear(n, &news->mac);
	news->mail.deliver = arp_take_back_news;
	worker_post(news->worker, &news->mail);
}

/* --- control --- */

static bool is_on_link(const struct neighbors *t, uint32_t if_index, uint32_t addr)
{
	list_for_each(link, &t->stack->addresses[if_index]) {
		const struct ip4_address *a = container_of(link, struct ip4_address, link);

		if (a->prefix.addr != addr &&
		    ((a->prefix.addr ^ addr) & ip4_mask_of(a->prefix.len)) == 0)
			return true;
	}
	return false;
}

int neighbor_add_static(struct engine *e, uint32_t if_index, be32 addr, const struct mac *mac)
{
	struct neighbors *t = table_of(e);
	struct neighbor *n;

	if (!interface_get_or_null(e, if_index))
		return ERR_NOENT;
	if (mac_is_group(mac) || mac_is_zero(mac))
		return ERR_INVAL;
	if (!is_on_link(t, if_index, host32(addr)))
		return ERR_UNREACHABLE;
	n = find_or_new_or_null(t, if_index, host32(addr));
	if (!n)
		return t->n >= NEIGHBORS_MAX ? ERR_FULL : ERR_NOMEM;
	n->mac = *mac;
	act(n, neighbor_on_static(&n->machine));
	return 0;
}

/* Back to the beginning; gone if nobody holds on to it. */
static void reset(struct neighbor *n)
{
	answer_waiters(n, false);
	n->machine = (struct neighbor_machine){ .state = NEIGHBOR_IDLE };
	timer_cancel(&n->table->wheel, &n->timer);
	if (n->n_pins == 0)
		forget(n);
	else
		withdraw(n);
}

int neighbor_del(struct engine *e, uint32_t if_index, be32 addr)
{
	struct neighbor *n = find_or_null(table_of(e), if_index, host32(addr));

	if (!n)
		return ERR_NOENT;
	reset(n);
	return 0;
}

int neighbor_pin(struct engine *e, uint32_t if_index, uint32_t addr, uint32_t *adjacency)
{
	struct neighbors *t = table_of(e);
	struct neighbor *n = find_or_new_or_null(t, if_index, addr);
	int err = 0;

	if (!n)
		return t->n >= NEIGHBORS_MAX ? ERR_FULL : ERR_NOMEM;
	if (n->adjacency == ADJACENCY_NONE)
		err = put_adjacency(n);
	if (err != 0) {
		reset(n);
		return err;
	}
	n->n_pins++;
	*adjacency = n->adjacency;
	return 0;
}

void neighbor_unpin(struct engine *e, uint32_t if_index, uint32_t addr)
{
	struct neighbor *n = find_or_null(table_of(e), if_index, addr);

	invariant(n && n->n_pins > 0);
	n->n_pins--;
	if (n->n_pins == 0 && !neighbor_is_resolved(&n->machine))
		reset(n);
}

void neighbor_announce(struct engine *e, uint32_t if_index, be32 addr)
{
	struct arp_order order = { if_index, addr, addr, mac_broadcast };

	if (table_of(e) && arp_send(e, &order) != 0)
		log_warn("neighbor.announce", "error=\"out of memory\"");
}

void neighbor_walk(const struct engine *e, bool (*visit)(const struct neighbor *n, void *context),
		   void *context)
{
	list_for_each(link, &table_of(e)->oldest) {
		if (!visit(container_of(link, struct neighbor, age_link), context))
			return;
	}
}

void neighbor_tick(struct engine *e, uint64_t now_ns)
{
	wheel_advance(&table_of(e)->wheel, now_ns);
}

static void refresh(struct neighbor *n)
{
	if (n->adjacency != ADJACENCY_NONE && put_adjacency(n) != 0)
		log_error("neighbor.refresh", "error=\"out of memory\"");
}

/*
 * A link that goes down takes what was learnt with it, removal takes all. What is fixed or a next
 * hop stays, unreachable until the link is back.
 */
static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct neighbors *t = container_of(l, struct neighbors, listener);

	list_for_each(link, &t->oldest) {
		struct neighbor *n = container_of(link, struct neighbor, age_link);

		if (n->if_index != i->index || event == INTERFACE_ADDED || event == INTERFACE_LINK)
			continue;
		if (event == INTERFACE_UP)
			refresh(n);
		else if (event == INTERFACE_DOWN && n->machine.state == NEIGHBOR_STATIC)
			refresh(n);
		else
			reset(n);
	}
}

int neighbor_init(struct engine *e)
{
	struct neighbors *t = calloc(1, sizeof(*t));
	int err = 0;

	if (!t)
		return ERR_NOMEM;
	t->engine = e;
	t->stack = ip4_stack_of(e);
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
	free(t);
	e->module[MODULE_NEIGHBOR] = NULL;
}

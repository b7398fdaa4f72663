/* hop.c - next hops: made once, shared by routes, let go when nothing uses them. */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip6/heard.h"
#include "l3/neighbor/neighbor.h"
#include "l3/route/hop_private.h"

static struct list *bucket_of(struct route_hops *t, const struct hop *like)
{
	uint64_t h = ip6_high(&like->addr) ^ ip6_low(&like->addr) ^ (uint64_t)like->vrf << 32 ^
		     (uint64_t)like->if_index << 40 ^ (uint64_t)like->kind << 56;

	return &t->bucket[h * 0x9e3779b97f4a7c15u >> 52 & (ROUTE_HOP_BUCKETS - 1)];
}

static struct hop *find_or_null(struct route_hops *t, const struct hop *like)
{
	list_for_each(link, bucket_of(t, like)) {
		struct hop *h = container_of(link, struct hop, bucket_link);

		if (h->kind == like->kind && h->vrf == like->vrf && h->if_index == like->if_index &&
		    ip6_equal(&h->addr, &like->addr))
			return h;
	}
	return NULL;
}

static struct adjacency glean_value(const struct route_hops *t, const struct hop *h)
{
	const struct interface *i = interface_get_or_null(t->engine, h->if_index);
	const struct ip6_stack *stack6 = ip6_stack_of(t->engine);
	struct adjacency a = { .kind = interface_is_running(i) ? ADJACENCY_GLEAN
							       : ADJACENCY_UNREACHABLE,
			       .family = hop_is_ip4(h) ? 4 : 6,
			       .if_index = h->if_index,
			       .mtu_bytes = hop_is_ip4(h) ? i->mtu_bytes : ip6_mtu_on(stack6, i) };

	if (hop_is_ip4(h))
		a.source = ip4_primary(ip4_stack_of(t->engine), h->if_index);
	else
		a.source6 = ip6_source_on(stack6, h->if_index, &h->addr);
	return a;
}

static int make_adjacency(struct route_hops *t, struct hop *h)
{
	struct adjacency value = { .kind = (uint8_t)h->kind, .to = h->vrf };

	if (h->kind == ADJACENCY_GLEAN)
		value = glean_value(t, h);
	if (h->kind == ADJACENCY_INCOMPLETE)
		return neighbor6_pin(t->engine, h->if_index, &h->addr, &h->adjacency);
	if (h->kind == ADJACENCY_VIA)
		return hop_via_add(t, h);
	return adjacency_new(&t->fib->adjacencies, &value, &h->adjacency);
}

static int get(struct route_hops *t, const struct hop *like, struct hop **out)
{
	struct hop *h = find_or_null(t, like);
	int err;

	if (h) {
		*out = h;
		return 0;
	}
	if (t->n == ROUTE_HOPS_MAX)
		return ERR_FULL;
	h = malloc(sizeof(*h));
	if (!h)
		return ERR_NOMEM;
	*h = *like;
	list_init(&h->loop_link);
	list_init(&h->follow_link);
	list_init(&h->bucket_link);
	list_init(&h->all_link);
	err = make_adjacency(t, h);
	if (err != 0) {
		free(h);
		return err;
	}
	list_push(bucket_of(t, h), &h->bucket_link);
	list_push(&t->all, &h->all_link);
	t->n++;
	*out = h;
	return 0;
}

static int get_adjacency(struct route_hops *t, const struct hop *like, uint32_t *adjacency)
{
	struct hop *h;
	int err = get(t, like, &h);

	if (err == 0)
		*adjacency = h->adjacency;
	return err;
}

static struct hop hop_to(uint32_t vrf, uint32_t if_index, const struct ip6_addr *addr)
{
	return (struct hop){ .kind = if_index ? ADJACENCY_INCOMPLETE : ADJACENCY_VIA,
			     .vrf = if_index ? 0 : vrf, /* a link is in one */
			     .if_index = if_index,
			     .addr = *addr };
}

int route_hop_to(struct engine *e, uint32_t vrf, uint32_t if_index, const struct ip6_addr *addr,
		 uint32_t *adjacency)
{
	struct hop like = hop_to(vrf, if_index, addr), *h;
	int err = get(hops_of(e), &like, &h);

	if (err != 0)
		return err;
	*adjacency = h->adjacency;
	return if_index || h->load_balance != LOAD_BALANCE_NONE ? 0 : ERR_UNREACHABLE;
}

bool route_hop_leads(const struct engine *e, uint32_t vrf, const struct ip6_addr *addr)
{
	struct hop like = hop_to(vrf, 0, addr);
	const struct hop *h = find_or_null(hops_of(e), &like);

	return h && h->load_balance != LOAD_BALANCE_NONE;
}

int route_hop_glean(struct engine *e, uint32_t if_index, bool is_ip4_link, uint32_t *adjacency)
{
	struct hop like = { .kind = ADJACENCY_GLEAN,
			    .if_index = if_index,
			    .addr = is_ip4_link ? ip6_mapped(0) : ip6_of(0, 0) };

	if (!interface_get_or_null(e, if_index))
		return ERR_NOENT;
	return get_adjacency(hops_of(e), &like, adjacency);
}

int route_hop_lookup(struct engine *e, uint32_t vrf, uint32_t *adjacency)
{
	struct hop like = { .kind = ADJACENCY_LOOKUP, .vrf = vrf };

	if (!fib_vrf_or_null(hops_of(e)->fib, vrf))
		return ERR_NOENT;
	return get_adjacency(hops_of(e), &like, adjacency);
}

int route_hop_dead(struct engine *e, enum adjacency_kind kind, uint32_t *adjacency)
{
	struct hop like = { .kind = kind };

	if (kind != ADJACENCY_BLACKHOLE && kind != ADJACENCY_PROHIBIT &&
	    kind != ADJACENCY_UNREACHABLE)
		return ERR_INVAL;
	return get_adjacency(hops_of(e), &like, adjacency);
}

uint64_t route_hops_stored(const struct engine *e)
{
	return hops_of(e)->n_stored;
}

void hop_forget(struct route_hops *t, struct hop *h)
{
	if (h->kind == ADJACENCY_VIA)
		hop_via_remove(t, h);
	if (h->kind == ADJACENCY_INCOMPLETE)
		neighbor6_unpin(t->engine, h->if_index, &h->addr);
	else
		adjacency_put(&t->fib->adjacencies, h->adjacency);
	list_remove(&h->bucket_link);
	list_remove(&h->all_link);
	t->n--;
	free(h);
}

/* What has no references but the one that its owner holds has no path over it either. */
void route_hops_tick(struct engine *e)
{
	struct route_hops *t = hops_of(e);

	list_for_each(link, &t->all) {
		struct hop *h = container_of(link, struct hop, all_link);

		if (!adjacency_is_shared(&t->fib->adjacencies, h->adjacency))
			hop_forget(t, h);
	}
}

bool route_hops_need_vrf(struct engine *e, uint32_t vrf)
{
	route_hops_tick(e);
	list_for_each(link, &hops_of(e)->all) {
		const struct hop *h = container_of(link, struct hop, all_link);

		if (h->vrf == vrf && (h->kind == ADJACENCY_LOOKUP || h->kind == ADJACENCY_VIA) &&
		    !list_empty(adjacency_users(&hops_of(e)->fib->adjacencies, h->adjacency)))
			return true; /* else packets may be on their way there, but no route is */
	}
	return false;
}

/* --- links that come, change and go --- */

/* What is sent by a link itself changes with it. Neighbours see to their own. */
static void refresh_gleans(struct route_hops *t, uint32_t if_index)
{
	list_for_each(link, &t->all) {
		struct hop *h = container_of(link, struct hop, all_link);
		struct adjacency value;

		if (h->kind != ADJACENCY_GLEAN || h->if_index != if_index)
			continue;
		value = glean_value(t, h);
		if (adjacency_change(&t->fib->adjacencies, h->adjacency, &value) != 0)
			log_error("route.link", "error=\"out of memory\"");
		load_balance_refill(&t->fib->load_balances, h->adjacency);
		fib_touch(t->fib);
	}
}

static void on_interface(struct interface_listener *l, struct interface *i,
			 enum interface_event event)
{
	struct route_hops *t = container_of(l, struct route_hops, listener);

	if (event == INTERFACE_UP || event == INTERFACE_DOWN || event == INTERFACE_LINK)
		refresh_gleans(t, i->index);
	if (event == INTERFACE_MTU)
		route_hops_set_mtu(t->engine, i);
}

void route_hops_set_mtu(struct engine *e, const struct interface *i)
{
	struct fib *f = hops_of(e)->fib;
	int err = adjacency_set_mtu(&f->adjacencies, i->index, 4, i->mtu_bytes);

	if (err == 0)
		err = adjacency_set_mtu(&f->adjacencies, i->index, 6,
					ip6_mtu_on(ip6_stack_of(e), i));
	if (err != 0)
		log_error("route.mtu", "interface=%s error=\"out of memory\"", i->name);
	fib_touch(f);
}

void route_hops_del_interface(struct engine *e, uint32_t if_index, unsigned family)
{
	struct route_hops *t = hops_of(e);
	int err = 0;

	if (!t)
		return;
	list_for_each(link, &t->all) {
		struct hop *h = container_of(link, struct hop, all_link);

		if (h->if_index != if_index || (family && family != (hop_is_ip4(h) ? 4 : 6)))
			continue;
		if (adjacency_is_shared(&t->fib->adjacencies, h->adjacency) && err == 0)
			err = hop_sweep_add(t, h->adjacency);
		hop_forget(t, h);
	}
	if (err != 0)
		log_error("route.link", "error=\"out of memory\"");
	hop_sweep_start(t);
}

int route_hops_init(struct engine *e)
{
	struct route_hops *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	t->engine = e;
	t->fib = e->module[MODULE_FIB];
	list_init(&t->all);
	list_init(&t->loops);
	for (unsigned i = 0; i < ROUTE_HOP_BUCKETS; i++)
		list_init(&t->bucket[i]);
	hop_vias_init(t);
	t->listener.changed = on_interface;
	interface_listen(e, &t->listener);
	e->module[MODULE_ROUTE] = t;
	return 0;
}

void route_hops_deinit(struct engine *e)
{
	struct route_hops *t = hops_of(e);

	if (!t)
		return;
	e->module[MODULE_ROUTE] = NULL;
	engine_run_main(e); /* loads and sweeps that are under way see that, and end */
	hop_sweep_deinit(t);
	interface_unlisten(&t->listener);
	list_for_each(link, &t->all)
		hop_forget(t, container_of(link, struct hop, all_link));
	hop_vias_deinit(t);
	free(t);
}

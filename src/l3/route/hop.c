/* hop.c - next hops, and how those that are on no link follow the routes that cover them. */
#include "l3/route/hop.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "engine/engine.h"
#include "l3/fib/bulk.h"
#include "l3/neighbor/neighbor.h"

enum { BUCKETS = 4096 };

struct hop {
	struct list bucket_link, all_link, loop_link;
	enum adjacency_kind kind; /* VIA, LOOKUP, GLEAN, dead, or INCOMPLETE: pinned on @if_index */
	uint32_t vrf, if_index;
	struct ip6_addr addr;
	uint32_t adjacency;
	/* Of a VIA: */
	uint32_t load_balance; /* that it leads to, held; LOAD_BALANCE_NONE: to nothing */
	uint32_t pinned_on;    /* the link that its address is on; 0: on none */
};

struct route_hops {
	struct engine *engine;
	struct fib *fib;
	struct fib_watcher watcher;
	uint64_t n_stored;
	uint32_t n;
	struct list all;
	struct list loops; /* VIAs that were found to lead to themselves */
	struct list bucket[BUCKETS];
	struct rib via4[VRFS_MAX], via6[VRFS_MAX]; /* VIAs by address; owner is the hop */
};

static struct route_hops *hops_of(const struct engine *e)
{
	return e->module[MODULE_ROUTE];
}

static bool is_ip4(const struct hop *h)
{
	return ip6_is_mapped(&h->addr);
}

static struct fib_key key_of(const struct hop *h)
{
	return is_ip4(h) ? fib_key_of_ip4(ip6_mapped_ip4(&h->addr)) : fib_key_of_ip6(&h->addr);
}

static unsigned bits_of(const struct hop *h)
{
	return is_ip4(h) ? 32 : 128;
}

/* --- what a VIA leads to --- */

/* True if load-balance @lb leads to adjacency @target. */
static bool leads_to(const struct route_hops *t, uint32_t lb, uint32_t target, unsigned depth)
{
	const struct fib_path *paths;
	unsigned n = load_balance_paths(&t->fib->load_balances, lb, &paths);

	if (depth >= FIB_FOLLOW_MAX)
		return true; /* further than packets are led */
	for (unsigned i = 0; i < n; i++) {
		const struct adjacency *a = adjacency_at(&t->fib->adjacencies, paths[i].adjacency);

		if (paths[i].adjacency == target ||
		    (a->kind == ADJACENCY_VIA && leads_to(t, a->to, target, depth + 1)))
			return true;
	}
	return false;
}

/* The route that covers the address of @h: its load-balance, or the link that the address is on. */
static void find_cover(struct route_hops *t, const struct hop *h, uint32_t *lb, uint32_t *link)
{
	struct vrf *v = fib_vrf_or_null(t->fib, h->vrf);
	const struct rib_node *n;
	const struct fib_path *paths;
	const struct fib_route *r;
	const struct adjacency *a;

	*lb = LOAD_BALANCE_NONE;
	*link = 0;
	if (!v)
		return;
	n = rib_match_or_null(&fib_table_of(v, is_ip4(h) ? 4 : 6)->rib, key_of(h), bits_of(h));
	if (!n || n->len == 0)
		return;
	r = n->owner;
	load_balance_paths(&t->fib->load_balances, n->leaf, &paths);
	a = adjacency_at(&t->fib->adjacencies, paths[0].adjacency);
	if (a->kind == ADJACENCY_GLEAN || r->source == FIB_NEIGHBOR)
		*link = a->if_index;
	else if (a->kind == ADJACENCY_REWRITE || a->kind == ADJACENCY_INCOMPLETE ||
		 adjacency_points_on(a))
		*lb = n->leaf;
}

/* A load-balance of one path, to the neighbour; counted. */
static int pin(struct route_hops *t, const struct hop *h, uint32_t link, uint32_t *lb)
{
	struct fib_path path = { .weight = 1 };
	int err = neighbor6_pin(t->engine, link, &h->addr, &path.adjacency);

	if (err != 0)
		return err;
	err = load_balance_get(&t->fib->load_balances, &path, 1, false, lb);
	if (err != 0)
		neighbor6_unpin(t->engine, link, &h->addr);
	return err;
}

static struct adjacency via_value(const struct hop *h, uint32_t lb)
{
	struct adjacency a = { .kind = lb ? ADJACENCY_VIA : ADJACENCY_UNREACHABLE,
			       .family = is_ip4(h) ? 4 : 6,
			       .to = lb };

	if (is_ip4(h))
		a.next_hop = ip6_mapped_ip4(&h->addr);
	else
		a.next_hop6 = h->addr;
	return a;
}

static void let_go(struct route_hops *t, const struct hop *h)
{
	if (h->load_balance != LOAD_BALANCE_NONE)
		load_balance_put(&t->fib->load_balances, h->load_balance);
	if (h->pinned_on)
		neighbor6_unpin(t->engine, h->pinned_on, &h->addr);
}

/* Lead @h to @lb, whose reference moves; @link: it is pinned there. */
static int lead(struct route_hops *t, struct hop *h, uint32_t lb, uint32_t link)
{
	struct adjacency value = via_value(h, lb);
	int err = adjacency_change(&t->fib->adjacencies, h->adjacency, &value);

	if (err != 0)
		return err;
	let_go(t, h);
	h->load_balance = lb;
	h->pinned_on = link;
	t->n_stored++;
	load_balance_refill(&t->fib->load_balances, h->adjacency);
	fib_touch(t->fib);
	return 0;
}

/* Find out where @h leads now, and store that if it is news. */
static int resolve(struct route_hops *t, struct hop *h)
{
	uint32_t lb, link;
	int err;

	find_cover(t, h, &lb, &link);
	list_remove(&h->loop_link);
	if (lb && leads_to(t, lb, h->adjacency, 1)) {
		list_push(&t->loops, &h->loop_link);
		lb = LOAD_BALANCE_NONE;
	}
	if (link ? link == h->pinned_on : lb == h->load_balance && !h->pinned_on)
		return 0;
	if (link) {
		err = pin(t, h, link, &lb);
		if (err != 0)
			return err;
	} else if (lb) {
		load_balance_hold(&t->fib->load_balances, lb);
	}
	err = lead(t, h, lb, link);
	if (err != 0) {
		struct hop undo = { .load_balance = lb, .pinned_on = link, .addr = h->addr };

		let_go(t, &undo);
	}
	return err;
}

static void resolve_or_log(struct route_hops *t, struct hop *h)
{
	int err = resolve(t, h);

	if (err != 0)
		log_error("route.hop", "error=\"%s\"", err_text(err));
}

static void resolve_below(struct route_hops *t, const struct rib_node *n)
{
	if (!n)
		return;
	if (n->is_prefix)
		resolve_or_log(t, n->owner);
	resolve_below(t, n->child[0]);
	resolve_below(t, n->child[1]);
}

static void resolve_loops(struct route_hops *t)
{
	struct list again;
	struct list *link;

	list_init(&again);
	list_splice(&again, &t->loops);
	while ((link = list_pop_or_null(&again)))
		resolve_or_log(t, container_of(link, struct hop, loop_link));
}

/* The routes of a prefix changed: next hops inside it may be covered by others now. */
static void on_change(struct fib_watcher *w, struct vrf *v, struct fib_table *table,
		      struct fib_key key, unsigned len)
{
	struct route_hops *t = container_of(w, struct route_hops, watcher);
	struct rib *vias = table == &v->ip4 ? &t->via4[v->index] : &t->via6[v->index];
	const struct rib_node *top = vias->root ? rib_below_or_null(vias, key, len) : NULL;

	if (!top || len == 0)
		return;
	resolve_below(t, top);
	resolve_loops(t);
}

/* --- the table --- */

static struct list *bucket_of(struct route_hops *t, const struct hop *like)
{
	uint64_t h = ip6_high(&like->addr) ^ ip6_low(&like->addr) ^ (uint64_t)like->vrf << 32 ^
		     (uint64_t)like->if_index << 40 ^ (uint64_t)like->kind << 56;

	return &t->bucket[h * 0x9e3779b97f4a7c15u >> 52 & (BUCKETS - 1)];
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

static int add_via(struct route_hops *t, struct hop *h)
{
	struct rib *vias = is_ip4(h) ? &t->via4[h->vrf] : &t->via6[h->vrf];
	struct adjacency value = via_value(h, LOAD_BALANCE_NONE);
	struct rib_node *n;
	int err = adjacency_new(&t->fib->adjacencies, &value, &h->adjacency);

	if (err != 0)
		return err;
	n = rib_add_or_null(vias, key_of(h), bits_of(h));
	if (!n) {
		err = ERR_NOMEM;
		goto fail;
	}
	n->owner = h;
	err = resolve(t, h);
	if (err == 0 && h->load_balance == LOAD_BALANCE_NONE)
		err = ERR_UNREACHABLE;
	if (err == 0)
		return 0;
	rib_remove(vias, key_of(h), bits_of(h));
	list_remove(&h->loop_link);
	let_go(t, h);
fail:
	adjacency_put(&t->fib->adjacencies, h->adjacency);
	return err;
}

static struct adjacency glean_value(const struct route_hops *t, const struct hop *h)
{
	const struct interface *i = interface_get_or_null(t->engine, h->if_index);
	struct adjacency a = { .kind = ADJACENCY_GLEAN,
			       .family = is_ip4(h) ? 4 : 6,
			       .if_index = h->if_index,
			       .mtu_bytes = i->mtu_bytes };

	if (is_ip4(h))
		a.source = ip4_primary(ip4_stack_of(t->engine), h->if_index);
	else
		a.source6 = ip6_source_on(ip6_stack_of(t->engine), h->if_index, &h->addr);
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
		return add_via(t, h);
	return adjacency_new(&t->fib->adjacencies, &value, &h->adjacency);
}

static int get(struct route_hops *t, const struct hop *like, uint32_t *adjacency)
{
	struct hop *h = find_or_null(t, like);
	int err;

	if (h) {
		*adjacency = h->adjacency;
		return 0;
	}
	if (t->n == ROUTE_HOPS_MAX)
		return ERR_FULL;
	h = malloc(sizeof(*h));
	if (!h)
		return ERR_NOMEM;
	*h = *like;
	list_init(&h->loop_link);
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
	*adjacency = h->adjacency;
	return 0;
}

int route_hop_to(struct engine *e, uint32_t vrf, uint32_t if_index, const struct ip6_addr *addr,
		 uint32_t *adjacency)
{
	struct hop like = { .kind = if_index ? ADJACENCY_INCOMPLETE : ADJACENCY_VIA,
			    .vrf = vrf,
			    .if_index = if_index,
			    .addr = *addr };

	return get(hops_of(e), &like, adjacency);
}

int route_hop_glean(struct engine *e, uint32_t if_index, bool is_ip4_link, uint32_t *adjacency)
{
	struct hop like = { .kind = ADJACENCY_GLEAN,
			    .if_index = if_index,
			    .addr = is_ip4_link ? ip6_mapped(0) : ip6_of(0, 0) };

	if (!interface_get_or_null(e, if_index))
		return ERR_NOENT;
	return get(hops_of(e), &like, adjacency);
}

int route_hop_lookup(struct engine *e, uint32_t vrf, uint32_t *adjacency)
{
	struct hop like = { .kind = ADJACENCY_LOOKUP, .vrf = vrf };

	if (!fib_vrf_or_null(hops_of(e)->fib, vrf))
		return ERR_NOENT;
	return get(hops_of(e), &like, adjacency);
}

int route_hop_dead(struct engine *e, enum adjacency_kind kind, uint32_t *adjacency)
{
	struct hop like = { .kind = kind };

	if (kind != ADJACENCY_BLACKHOLE && kind != ADJACENCY_PROHIBIT &&
	    kind != ADJACENCY_UNREACHABLE)
		return ERR_INVAL;
	return get(hops_of(e), &like, adjacency);
}

uint64_t route_hops_stored(const struct engine *e)
{
	return hops_of(e)->n_stored;
}

static void forget(struct route_hops *t, struct hop *h)
{
	if (h->kind == ADJACENCY_VIA)
		rib_remove(is_ip4(h) ? &t->via4[h->vrf] : &t->via6[h->vrf], key_of(h), bits_of(h));
	if (h->kind == ADJACENCY_INCOMPLETE)
		neighbor6_unpin(t->engine, h->if_index, &h->addr);
	else
		adjacency_put(&t->fib->adjacencies, h->adjacency);
	let_go(t, h);
	list_remove(&h->loop_link);
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
			forget(t, h);
	}
}

bool route_hops_need_vrf(struct engine *e, uint32_t vrf)
{
	route_hops_tick(e);
	list_for_each(link, &hops_of(e)->all) {
		const struct hop *h = container_of(link, struct hop, all_link);

		if (h->vrf == vrf && (h->kind == ADJACENCY_LOOKUP || h->kind == ADJACENCY_VIA))
			return true;
	}
	return false;
}

/* --- links that go --- */

/* Prefixes of one table with a route over the link. */
struct victims {
	struct route_hops *t;
	uint32_t if_index;
	struct fib_bulk_prefix *prefix;
	uint32_t n, room;
};

static bool goes_over(const struct victims *c, const struct fib_route *r)
{
	const struct fib_path *paths;
	unsigned n = load_balance_paths(&c->t->fib->load_balances, r->load_balance, &paths);

	for (unsigned i = 0; i < n; i++)
		if (adjacency_at(&c->t->fib->adjacencies, paths[i].adjacency)->if_index ==
		    c->if_index)
			return true;
	return false;
}

static bool note_victim(const struct rib_node *n, void *context)
{
	struct victims *c = context;
	const struct fib_route *r = n->owner;

	while (r && (r->source != FIB_DYNAMIC || !goes_over(c, r)))
		r = r->next;
	if (!r)
		return true;
	if (c->n == c->room) {
		uint32_t room = c->room ? 2 * c->room : 64;
		struct fib_bulk_prefix *grown = realloc(c->prefix, room * sizeof(*grown));

		if (!grown)
			return false;
		c->prefix = grown;
		c->room = room;
	}
	c->prefix[c->n++] = (struct fib_bulk_prefix){ n->key, n->len };
	return true;
}

static void del_from(struct victims *c, struct vrf *v, struct fib_table *table)
{
	c->n = 0;
	rib_walk(&table->rib, (struct fib_key){ 0 }, 0, note_victim, c);
	for (uint32_t i = 0; i < c->n; i++)
		if (fib_take(v, table, c->prefix[i].key, c->prefix[i].len, FIB_DYNAMIC) != 0)
			log_error("route.link", "error=\"out of memory\"");
}

static bool has_hop_on(const struct route_hops *t, uint32_t if_index)
{
	list_for_each(link, &t->all)
		if (container_of(link, struct hop, all_link)->if_index == if_index)
			return true;
	return false;
}

void route_hops_del_interface(struct engine *e, uint32_t if_index)
{
	struct route_hops *t = hops_of(e);
	struct victims c = { .t = t, .if_index = if_index };

	if (!t || !has_hop_on(t, if_index))
		return;
	for (uint32_t i = 0; i < VRFS_MAX; i++) {
		struct vrf *v = fib_vrf_or_null(t->fib, i);

		if (v) {
			del_from(&c, v, &v->ip4);
			del_from(&c, v, &v->ip6);
		}
	}
	free(c.prefix);
	list_for_each(link, &t->all) {
		struct hop *h = container_of(link, struct hop, all_link);

		if (h->if_index == if_index)
			forget(t, h); /* load-balances keep the adjacency until they are buried */
	}
}

int route_hops_init(struct engine *e)
{
	struct route_hops *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	t->engine = e;
	t->fib = e->module[MODULE_FIB];
	t->watcher.changed = on_change;
	list_push(&t->fib->watchers, &t->watcher.link);
	list_init(&t->all);
	list_init(&t->loops);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&t->bucket[i]);
	e->module[MODULE_ROUTE] = t;
	return 0;
}

void route_hops_deinit(struct engine *e)
{
	struct route_hops *t = hops_of(e);

	if (!t)
		return;
	list_remove(&t->watcher.link);
	list_for_each(link, &t->all)
		forget(t, container_of(link, struct hop, all_link));
	free(t);
	e->module[MODULE_ROUTE] = NULL;
	engine_run_main(e); /* loads that are under way see that, and end */
}

/* via.c - how next hops that are on no link follow the routes that cover them. */
#include "base/err.h"
#include "base/log.h"
#include "l3/neighbor/neighbor.h"
#include "l3/route/hop_private.h"

static struct fib_key key_of(const struct hop *h)
{
	return hop_is_ip4(h) ? fib_key_of_ip4(ip6_mapped_ip4(&h->addr)) : fib_key_of_ip6(&h->addr);
}

static unsigned bits_of(const struct hop *h)
{
	return hop_is_ip4(h) ? 32 : 128;
}

static struct rib *rib_of(struct route_hops *t, const struct hop *h)
{
	return hop_is_ip4(h) ? &t->via4[h->vrf] : &t->via6[h->vrf];
}

/* --- where to --- */

/* True if load-balance @lb leads to adjacency @target, now or once dead paths are back. */
static bool leads_to(const struct route_hops *t, uint32_t lb, uint32_t target, unsigned depth)
{
	const struct fib_path *paths;
	unsigned n = load_balance_paths(&t->fib->load_balances, lb, &paths);

	if (depth >= FIB_FOLLOW_MAX)
		return true; /* further than packets are led */
	for (unsigned i = 0; i < n; i++) {
		const struct adjacency *a = adjacency_at(&t->fib->adjacencies, paths[i].adjacency);

		if (paths[i].adjacency == target ||
		    (a->kind != ADJACENCY_LOOKUP && a->to && leads_to(t, a->to, target, depth + 1)))
			return true;
	}
	return false;
}

/* True for a path that leads on, though perhaps not at this moment. */
static bool is_way(const struct adjacency *a)
{
	return a->kind == ADJACENCY_REWRITE || a->kind == ADJACENCY_INCOMPLETE ||
	       adjacency_points_on(a) ||
	       (a->kind == ADJACENCY_UNREACHABLE &&
		(a->next_hop || !ip6_is_unspecified(&a->next_hop6)));
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
	n = rib_match_or_null(&fib_table_of(v, hop_is_ip4(h) ? 4 : 6)->rib, key_of(h), bits_of(h));
	if (!n || n->len == 0)
		return;
	r = n->owner;
	load_balance_paths(&t->fib->load_balances, n->leaf, &paths);
	a = adjacency_at(&t->fib->adjacencies, paths[0].adjacency);
	if (a->kind == ADJACENCY_GLEAN || r->source == FIB_NEIGHBOR)
		*link = a->if_index;
	else if (is_way(a))
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

/* --- its adjacency --- */

/* What leads to dead paths only is unreachable, so that others take over its flows. */
static struct adjacency value_of(const struct route_hops *t, const struct hop *h, uint32_t lb)
{
	bool lives = lb && !load_balance_is_dead(&t->fib->load_balances, lb);
	struct adjacency a = { .kind = lives ? ADJACENCY_VIA : ADJACENCY_UNREACHABLE,
			       .family = hop_is_ip4(h) ? 4 : 6,
			       .to = lb };

	if (hop_is_ip4(h))
		a.next_hop = ip6_mapped_ip4(&h->addr);
	else
		a.next_hop6 = h->addr;
	return a;
}

static int store(struct route_hops *t, struct hop *h, uint32_t lb)
{
	struct adjacency value = value_of(t, h, lb);
	int err = adjacency_change(&t->fib->adjacencies, h->adjacency, &value);

	if (err == 0)
		t->n_stored++;
	return err;
}

/* Those who have a path over @h may have to do without it, or may use it again. */
static void tell_users(struct route_hops *t, const struct hop *h)
{
	load_balance_refill(&t->fib->load_balances, h->adjacency);
	fib_touch(t->fib);
}

/* Give back what a VIA to @addr followed. Neighbours and routes may change by that. */
static void release(struct route_hops *t, const struct ip6_addr *addr, uint32_t lb, uint32_t link)
{
	if (lb != LOAD_BALANCE_NONE)
		load_balance_put(&t->fib->load_balances, lb);
	if (link)
		neighbor6_unpin(t->engine, link, addr);
}

/* Note that @h follows @lb, whose reference moves; @link: it is pinned there. */
static void follow(struct route_hops *t, struct hop *h, uint32_t lb, uint32_t link)
{
	list_remove(&h->follow_link);
	h->load_balance = lb;
	h->pinned_on = link;
	if (lb != LOAD_BALANCE_NONE)
		list_push(load_balance_followers(&t->fib->load_balances, lb), &h->follow_link);
}

/* Lead @h elsewhere. It is whole before it lets go, since that may make it look again. */
static int lead(struct route_hops *t, struct hop *h, uint32_t lb, uint32_t link)
{
	uint32_t old_lb = h->load_balance, old_link = h->pinned_on;
	int err = store(t, h, lb);

	if (err != 0)
		return err;
	follow(t, h, lb, link);
	tell_users(t, h);
	release(t, &h->addr, old_lb, old_link);
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
	if (err != 0)
		release(t, &h->addr, lb, link);
	return err;
}

static void resolve_or_log(struct route_hops *t, struct hop *h)
{
	int err = resolve(t, h);

	if (err != 0)
		log_error("route.hop", "error=\"%s\"", err_text(err));
}

/* --- what happens --- */

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

/* The last path of a load-balance died, or the first one is back. */
static void on_life(struct load_balance_table *lbs, uint32_t index, void *context)
{
	struct route_hops *t = context;

	list_for_each(link, load_balance_followers(lbs, index)) {
		struct hop *h = container_of(link, struct hop, follow_link);

		if (store(t, h, index) == 0)
			tell_users(t, h);
		else
			log_error("route.hop", "error=\"out of memory\"");
	}
}

/* --- life --- */

int hop_via_add(struct route_hops *t, struct hop *h)
{
	struct adjacency value = value_of(t, h, LOAD_BALANCE_NONE);
	struct rib_node *n;
	int err = adjacency_new(&t->fib->adjacencies, &value, &h->adjacency);

	if (err != 0)
		return err;
	n = rib_add_or_null(rib_of(t, h), key_of(h), bits_of(h));
	if (!n) {
		adjacency_put(&t->fib->adjacencies, h->adjacency);
		return ERR_NOMEM;
	}
	n->owner = h;
	err = resolve(t, h);
	if (err == 0)
		return 0;
	hop_via_remove(t, h);
	adjacency_put(&t->fib->adjacencies, h->adjacency);
	return err;
}

void hop_via_remove(struct route_hops *t, struct hop *h)
{
	uint32_t lb = h->load_balance, link = h->pinned_on;

	rib_remove(rib_of(t, h), key_of(h), bits_of(h));
	list_remove(&h->loop_link);
	follow(t, h, LOAD_BALANCE_NONE, 0);
	release(t, &h->addr, lb, link);
}

void hop_vias_init(struct route_hops *t)
{
	t->watcher.changed = on_change;
	list_push(&t->fib->watchers, &t->watcher.link);
	load_balance_watch(&t->fib->load_balances, on_life, t);
}

void hop_vias_deinit(struct route_hops *t)
{
	load_balance_watch(&t->fib->load_balances, NULL, NULL);
	list_remove(&t->watcher.link);
}

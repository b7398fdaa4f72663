/*
 * fib_route.c - the routes of a table, and how they change:
 *
 *   route ──> load-balance (shared by equal paths) ──> rib node's leaf ──> trie_update()
 *
 * Everything that can fail is done before anything is published. Routes and rib are main's alone;
 * what workers may still see of the trie is swept up later, a bounded number of blocks at a time.
 */
#include "l3/fib/fib_route.h"

#include <stdlib.h>

#include "base/err.h"

enum { SWEEP_BLOCKS = 16384 }; /* given back in one go */

static void sweep(struct fib_grave *g);

/* Let the workers pass by what is garbage now, unless an earlier heap still waits for them. */
void fib_sweep_start(struct fib *f)
{
	struct fib_sweep *s = &f->sweep;

	if (s->is_waiting || s->fresh.n == 0)
		return;
	s->waiting = s->fresh;
	s->fresh = (struct trie_garbage){ 0 };
	s->is_waiting = true;
	fib_retire(&f->yard, &s->grave, sweep);
}

/* Every worker has passed by. */
static void sweep(struct fib_grave *g)
{
	struct fib *f = container_of(g, struct fib, sweep.grave);

	if (!trie_collect_some(&f->space, &f->sweep.waiting, SWEEP_BLOCKS)) {
		fib_retire_again(&f->yard, g);
		return;
	}
	f->sweep.is_waiting = false;
	fib_sweep_start(f);
}

/* The link that points at @source's route, or where it belongs. */
static struct fib_route **find_source(struct rib_node *n, enum fib_source source)
{
	struct fib_route **link = (struct fib_route **)&n->owner;

	while (*link && (*link)->source < source)
		link = &(*link)->next;
	return link;
}

/* Let the trie show what the first route of @n says. */
static int show(struct vrf *v, struct fib_table *t, struct rib_node *n)
{
	const struct fib_route *first = n->owner;
	uint32_t was = n->leaf;
	int err;

	n->leaf = first ? first->load_balance : 0;
	if (n->leaf != was) {
		err = trie_update(&t->trie, &t->rib, n->key, n->len, &v->fib->sweep.fresh);
		if (err != 0) {
			n->leaf = was;
			return err;
		}
		fib_touch(v->fib);
	}
	return 0;
}

void fib_tell(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len)
{
	list_for_each(link, &v->fib->watchers) {
		struct fib_watcher *w = container_of(link, struct fib_watcher, link);

		w->changed(w, v, t, key, len);
	}
}

/* After the routes of @n have changed: it is shown, and goes if it has none. */
static void settle(struct vrf *v, struct fib_table *t, struct rib_node *n, bool has_changed)
{
	struct fib_key key = n->key;
	unsigned len = n->len;

	if (!n->owner) {
		rib_remove(&t->rib, key, len);
		v->fib->n_prefixes--;
	}
	fib_sweep_start(v->fib);
	if (has_changed)
		fib_tell(v, t, key, len);
}

static struct rib_node *prefix_node_or_null(struct vrf *v, struct fib_table *t, struct fib_key key,
					    unsigned len)
{
	struct rib_node *n = rib_add_or_null(&t->rib, key, len);

	if (n && !n->owner)
		v->fib->n_prefixes++;
	return n;
}

/* A prefix that was only just made, and has no route yet, goes again. */
static void drop_if_bare(struct vrf *v, struct fib_table *t, struct rib_node *n)
{
	if (!n->owner) {
		rib_remove(&t->rib, n->key, n->len);
		v->fib->n_prefixes--;
	}
}

int fib_put_hidden(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
		   enum fib_source source, uint32_t load_balance, struct rib_node **node,
		   uint32_t *replaced)
{
	struct fib_route **link, *route;
	struct rib_node *n;

	if (v->fib->n_prefixes >= FIB_ROUTES_MAX)
		return ERR_FULL;
	n = prefix_node_or_null(v, t, key, len);
	if (!n)
		return ERR_NOMEM;
	*node = n;
	*replaced = LOAD_BALANCE_NONE;
	link = find_source(n, source);
	if (*link && (*link)->source == source) {
		*replaced = (*link)->load_balance;
		(*link)->load_balance = load_balance;
		return 0;
	}
	route = malloc(sizeof(*route));
	if (!route) {
		drop_if_bare(v, t, n);
		return ERR_NOMEM;
	}
	*route = (struct fib_route){ *link, source, load_balance };
	*link = route;
	return 0;
}

/* Undo fib_put_hidden(). */
static void put_back(struct vrf *v, struct fib_table *t, struct rib_node *n, enum fib_source source,
		     uint32_t replaced)
{
	struct fib_route **link = find_source(n, source), *route = *link;

	if (replaced != LOAD_BALANCE_NONE) {
		route->load_balance = replaced;
		return;
	}
	*link = route->next;
	free(route);
	drop_if_bare(v, t, n);
}

int fib_put(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
	    enum fib_source source, struct fib_paths paths)
{
	struct load_balance_table *lbs = &v->fib->load_balances;
	uint32_t load_balance, replaced, was;
	struct rib_node *n;
	int err = load_balance_get(lbs, paths.path, paths.n, paths.resilient, &load_balance);

	if (err != 0)
		return err;
	err = fib_put_hidden(v, t, key, len, source, load_balance, &n, &replaced);
	if (err != 0)
		goto fail;
	was = n->leaf;
	err = show(v, t, n);
	if (err != 0) {
		put_back(v, t, n, source, replaced);
		goto fail;
	}
	if (replaced != LOAD_BALANCE_NONE)
		load_balance_put(lbs, replaced);
	settle(v, t, n, n->leaf != was);
	return 0;
fail:
	load_balance_put(lbs, load_balance);
	return err;
}

int fib_take(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
	     enum fib_source source)
{
	struct rib_node *n = rib_find_or_null(&t->rib, key, len);
	struct fib_route **link, *old;
	uint32_t was;
	int err;

	if (!n)
		return ERR_NOENT;
	link = find_source(n, source);
	old = *link;
	if (!old || old->source != source)
		return ERR_NOENT;
	*link = old->next;
	was = n->leaf;
	err = show(v, t, n);
	if (err != 0) {
		*link = old;
		return err;
	}
	load_balance_put(&v->fib->load_balances, old->load_balance);
	free(old);
	settle(v, t, n, n->leaf != was);
	return 0;
}

static const struct fib_route *find_or_null(const struct fib_table *t, struct fib_key key,
					    unsigned len)
{
	struct rib_node *n = rib_find_or_null(&t->rib, key, len);

	return n ? n->owner : NULL;
}

/* --- IPv4 --- */

int fib_add_route(struct fib *f unused_arg, struct vrf *v, struct ip4_prefix prefix,
		  enum fib_source source, const struct fib_path *paths, unsigned n_paths)
{
	return fib_put(v, &v->ip4, fib_key_of_ip4(prefix.addr), prefix.len, source,
		       (struct fib_paths){ paths, n_paths, false });
}

int fib_del_route(struct fib *f unused_arg, struct vrf *v, struct ip4_prefix prefix,
		  enum fib_source source)
{
	return fib_take(v, &v->ip4, fib_key_of_ip4(prefix.addr), prefix.len, source);
}

const struct fib_route *fib_find_or_null(const struct vrf *v, struct ip4_prefix prefix)
{
	return find_or_null(&v->ip4, fib_key_of_ip4(prefix.addr), prefix.len);
}

void fib_walk(const struct vrf *v, struct ip4_prefix from,
	      bool (*visit)(const struct rib_node *n, void *context), void *context)
{
	rib_walk(&v->ip4.rib, fib_key_of_ip4(from.addr), from.len, visit, context);
}

/* --- IPv6 --- */

int fib6_add_route(struct fib *f unused_arg, struct vrf *v, struct ip6_prefix prefix,
		   enum fib_source source, const struct fib_path *paths, unsigned n_paths)
{
	return fib_put(v, &v->ip6, fib_key_of_ip6(&prefix.addr), prefix.len, source,
		       (struct fib_paths){ paths, n_paths, false });
}

int fib6_del_route(struct fib *f unused_arg, struct vrf *v, struct ip6_prefix prefix,
		   enum fib_source source)
{
	return fib_take(v, &v->ip6, fib_key_of_ip6(&prefix.addr), prefix.len, source);
}

const struct fib_route *fib6_find_or_null(const struct vrf *v, struct ip6_prefix prefix)
{
	return find_or_null(&v->ip6, fib_key_of_ip6(&prefix.addr), prefix.len);
}

void fib6_walk(const struct vrf *v, struct ip6_prefix from,
	       bool (*visit)(const struct rib_node *n, void *context), void *context)
{
	rib_walk(&v->ip6.rib, fib_key_of_ip6(&from.addr), from.len, visit, context);
}

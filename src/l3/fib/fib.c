/* fib.c - routing domains, and the steps of a lookup that leads on. */
#include "l3/fib/fib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/name.h"

/* A prefix that never goes by a route. */
struct special {
	struct fib_key key;
	unsigned len;
	enum adjacency_kind kind;
};

/* RFC 1122 §3.2.1.3, RFC 6890. */
static const struct special specials4[] = {
	{ { 0x0000000000000000, 0 }, 8, ADJACENCY_BLACKHOLE },
	{ { 0x7f00000000000000, 0 }, 8, ADJACENCY_BLACKHOLE },
	{ { 0xe000000000000000, 0 }, 4, ADJACENCY_BLACKHOLE },
	{ { 0xf000000000000000, 0 }, 4, ADJACENCY_BLACKHOLE },
	{ { 0xffffffff00000000, 0 }, 32, ADJACENCY_BROADCAST },
};

/* RFC 4291 §2.4: unspecified, loopback, mapped IPv4, link-local of no link, multicast. */
static const struct special specials6[] = {
	{ { 0, 0 }, 128, ADJACENCY_BLACKHOLE },
	{ { 0, 1 }, 128, ADJACENCY_BLACKHOLE },
	{ { 0, 0x0000ffff00000000 }, 96, ADJACENCY_BLACKHOLE },
	{ { FIB6_LINK_LOCAL, 0 }, 10, ADJACENCY_BLACKHOLE },
	{ { 0xff00000000000000, 0 }, 8, ADJACENCY_GROUP },
};

static int add_specials(struct vrf *v, struct fib_table *t, const struct special *specials,
			unsigned n)
{
	struct fib *f = v->fib;
	int err = 0;

	for (unsigned i = 0; i < n && err == 0; i++) {
		struct adjacency value = { .kind = (uint8_t)specials[i].kind };
		struct fib_path path = { .weight = 1 };

		err = adjacency_new(&f->adjacencies, &value, &path.adjacency);
		if (err == 0) {
			err = fib_put(v, t, specials[i].key, specials[i].len, FIB_SPECIAL,
				      (struct fib_paths){ &path, 1, false });
			adjacency_put(&f->adjacencies, path.adjacency);
		}
	}
	return err;
}

static int table_init(struct vrf *v, struct fib_table *t, unsigned family,
		      const struct special *specials, unsigned n)
{
	int err = trie_init(&t->trie, &v->fib->space, family);

	rib_init(&t->rib);
	return err ? err : add_specials(v, t, specials, n);
}

static bool free_routes(const struct rib_node *n, void *context unused_arg)
{
	for (struct fib_route *r = n->owner, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	return true;
}

static void table_deinit(struct fib_table *t)
{
	rib_walk(&t->rib, (struct fib_key){ 0 }, 0, free_routes, NULL);
	rib_deinit(&t->rib);
	trie_deinit(&t->trie);
}

/* No worker knows @v. Its load-balances go with the table of all. */
static void free_vrf(struct vrf *v)
{
	table_deinit(&v->ip4);
	table_deinit(&v->ip6);
	free(v);
}

static bool let_go(const struct rib_node *n, void *context)
{
	for (const struct fib_route *r = n->owner; r; r = r->next)
		load_balance_put(context, r->load_balance);
	return true;
}

/* One that nobody has seen: the load-balances of all are told as well. */
static void free_new_vrf(struct vrf *v)
{
	rib_walk(&v->ip4.rib, (struct fib_key){ 0 }, 0, let_go, &v->fib->load_balances);
	rib_walk(&v->ip6.rib, (struct fib_key){ 0 }, 0, let_go, &v->fib->load_balances);
	free_vrf(v);
}

int fib_add_vrf(struct fib *f, const char *name, struct vrf **out)
{
	uint32_t index = VRFS_MAX;
	struct vrf *v;
	int err;

	if (!name_is_good(name, VRF_NAME_MAX))
		return ERR_INVAL;
	for (uint32_t i = VRFS_MAX; i-- > 0;) {
		if (!f->vrf[i])
			index = i;
		else if (strcmp(f->vrf[i]->name, name) == 0)
			return ERR_EXIST;
	}
	if (index == VRFS_MAX)
		return ERR_FULL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return ERR_NOMEM;
	v->index = index;
	v->fib = f;
	snprintf(v->name, sizeof(v->name), "%s", name);
	err = table_init(v, &v->ip4, 4, specials4, count_of(specials4));
	if (err == 0)
		err = table_init(v, &v->ip6, 6, specials6, count_of(specials6));
	if (err != 0) {
		free_new_vrf(v);
		return err;
	}
	rcu_publish(f->vrf[index], v);
	*out = v;
	return 0;
}

struct vrf *fib_vrf_by_name_or_null(const struct fib *f, const char *name)
{
	for (uint32_t i = 0; i < VRFS_MAX; i++)
		if (f->vrf[i] && strcmp(f->vrf[i]->name, name) == 0)
			return f->vrf[i];
	return NULL;
}

static bool has_only_specials(const struct fib_table *t, unsigned n_specials)
{
	return t->rib.n_prefixes == n_specials;
}

static int take_specials(struct vrf *v, struct fib_table *t, const struct special *specials,
			 unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && err == 0; i++)
		err = fib_take(v, t, specials[i].key, specials[i].len, FIB_SPECIAL);
	return err;
}

static void bury_vrf(struct fib_grave *g)
{
	free_vrf(container_of(g, struct vrf, grave));
}

int fib_del_vrf(struct fib *f, struct vrf *v)
{
	int err;

	if (v->index == VRF_DEFAULT || !has_only_specials(&v->ip4, count_of(specials4)) ||
	    !has_only_specials(&v->ip6, count_of(specials6)))
		return ERR_BUSY;
	err = take_specials(v, &v->ip4, specials4, count_of(specials4));
	if (err == 0)
		err = take_specials(v, &v->ip6, specials6, count_of(specials6));
	if (err != 0) {
		if (add_specials(v, &v->ip4, specials4, count_of(specials4)) != 0 ||
		    add_specials(v, &v->ip6, specials6, count_of(specials6)) != 0)
			log_error("fib.vrf", "name=%s error=\"out of memory\"", v->name);
		return err;
	}
	rcu_publish(f->vrf[v->index], NULL);
	fib_touch(f);
	fib_retire(&f->yard, &v->grave, bury_vrf);
	return 0;
}

int fib_new(struct mailbox *main, struct fib **out)
{
	struct fib *f = calloc(1, sizeof(*f));
	struct vrf *v;
	int err;

	if (!f)
		return ERR_NOMEM;
	f->yard.main = main;
	list_init(&f->watchers);
	err = trie_space_init(&f->space);
	if (err != 0)
		goto fail_space;
	err = adjacency_table_init(&f->adjacencies, &f->yard);
	if (err != 0)
		goto fail_adjacencies;
	err = load_balance_table_init(&f->load_balances, &f->adjacencies);
	if (err != 0)
		goto fail_load_balances;
	err = fib_add_vrf(f, "default", &v);
	if (err != 0)
		goto fail_vrf;
	*out = f;
	return 0;
fail_vrf:
	load_balance_table_deinit(&f->load_balances);
fail_load_balances:
	adjacency_table_deinit(&f->adjacencies);
fail_adjacencies:
	trie_space_deinit(&f->space);
fail_space:
	free(f);
	return err;
}

void fib_free(struct fib *f)
{
	for (unsigned i = 0; i < VRFS_MAX; i++) {
		if (f->vrf[i])
			free_vrf(f->vrf[i]);
	}
	load_balance_table_deinit(&f->load_balances);
	adjacency_table_deinit(&f->adjacencies);
	free(f->sweep.fresh.block);
	trie_space_deinit(&f->space);
	free(f);
}

const struct adjacency *fib_follow(const struct fib *f, const struct adjacency *a,
				   struct fib_key dst, unsigned family, uint32_t flow_hash)
{
	for (unsigned i = 0; i < FIB_FOLLOW_MAX && adjacency_points_on(a); i++) {
		uint32_t leaf = a->to;

		if (a->kind == ADJACENCY_LOOKUP) {
			const struct vrf *v = fib_vrf_or_null(f, a->to);

			if (!v)
				break;
			leaf = family == 4 ? trie_lookup4(&v->ip4.trie, fib_key_ip4(dst))
					   : trie_lookup6(&v->ip6.trie, dst);
		}
		flow_hash = flow_hash << 25 | flow_hash >> 7;
		a = adjacency_at(&f->adjacencies,
				 load_balance_pick(&f->load_balances, leaf, flow_hash));
	}
	return adjacency_points_on(a) ? adjacency_at(&f->adjacencies, ADJACENCY_NONE) : a;
}

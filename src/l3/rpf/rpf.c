/* rpf.c - who is checked, and what a check asks of the forwarding table. */
#include "l3/rpf/rpf.h"

#include <stdlib.h>

#include "base/err.h"
#include "engine/feature.h"

static const char *const mode_names[] = {
	[RPF_OFF] = "off",
	[RPF_LOOSE] = "loose",
	[RPF_STRICT] = "strict",
};
_Static_assert(count_of(mode_names) == N_RPF_MODES, "every mode has a name");

const char *rpf_mode_name(enum rpf_mode mode)
{
	return mode_names[mode];
}

/* One check: what is asked, and how many paths may be looked at yet. */
struct check {
	const struct fib *fib;
	enum rpf_mode mode;
	struct fib_key src;
	unsigned family;
	uint32_t if_index;
	unsigned n_left;
};

static bool leads_back(struct check *c, uint32_t leaf, unsigned depth);

static bool path_leads_back(struct check *c, const struct adjacency *a, unsigned depth)
{
	const struct vrf *v;

	switch (a->kind) {
	case ADJACENCY_GLEAN:
	case ADJACENCY_INCOMPLETE:
	case ADJACENCY_REWRITE:
		return c->mode == RPF_LOOSE || a->if_index == c->if_index;
	case ADJACENCY_VIA:
		return leads_back(c, a->to, depth + 1);
	case ADJACENCY_LOOKUP:
		v = fib_vrf_or_null(c->fib, a->to);
		return v &&
		       leads_back(c,
				  c->family == 4 ? trie_lookup4(&v->ip4.trie, fib_key_ip4(c->src))
						 : trie_lookup6(&v->ip6.trie, c->src),
				  depth + 1);
	default:
		return false;
	}
}

/* Any path will do. Paths, not buckets: of those there are sixty times as many. */
static bool leads_back(struct check *c, uint32_t leaf, unsigned depth)
{
	const struct fib_path *paths;
	unsigned n;

	if (depth > FIB_FOLLOW_MAX)
		return false;
	n = load_balance_paths(&c->fib->load_balances, leaf, &paths);
	for (unsigned i = 0; i < n && c->n_left > 0; i++) {
		c->n_left--;
		if (path_leads_back(c, adjacency_at(&c->fib->adjacencies, paths[i].adjacency),
				    depth))
			return true;
	}
	return false;
}

enum rpf_verdict rpf_judge(const struct fib *f, enum rpf_mode mode, uint32_t leaf,
			   struct fib_key src, unsigned family, uint32_t if_index)
{
	struct check c = { f, mode, src, family, if_index, RPF_PATHS_MAX };

	if (mode == RPF_OFF || leads_back(&c, leaf, 0))
		return RPF_FINE;
	return c.n_left > 0 ? RPF_NOT_BACK : RPF_TOO_MANY;
}

static struct rpf *rpf_state(const struct engine *e)
{
	return e->module[MODULE_RPF];
}

enum rpf_mode rpf_of(const struct engine *e, uint32_t if_index)
{
	return (enum rpf_mode)__atomic_load_n(&rpf_state(e)->mode[if_index], __ATOMIC_RELAXED);
}

int rpf_set(struct engine *e, uint32_t if_index, enum rpf_mode mode)
{
	bool on = mode != RPF_OFF;
	int err;

	if (!interface_get_or_null(e, if_index))
		return ERR_NOENT;
	if (mode >= N_RPF_MODES)
		return ERR_INVAL;
	__atomic_store_n(&rpf_state(e)->mode[if_index], (uint8_t)mode, __ATOMIC_RELAXED);
	err = feature_enable(e, ARC_IP4_UNICAST, ip4_rpf_node.name, if_index, on);
	return err ? err : feature_enable(e, ARC_IP6_UNICAST, ip6_rpf_node.name, if_index, on);
}

/* An index may be used again. */
static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct rpf *r = container_of(l, struct rpf, listener);

	if (event == INTERFACE_REMOVED)
		__atomic_store_n(&r->mode[i->index], RPF_OFF, __ATOMIC_RELAXED);
}

int rpf_init(struct engine *e)
{
	struct rpf *r = calloc(1, sizeof(*r));

	if (!r)
		return ERR_NOMEM;
	e->module[MODULE_RPF] = r;
	r->listener.changed = follow;
	interface_listen(e, &r->listener);
	return 0;
}

void rpf_deinit(struct engine *e)
{
	struct rpf *r = rpf_state(e);

	if (!r)
		return;
	interface_unlisten(&r->listener);
	free(r);
	e->module[MODULE_RPF] = NULL;
}

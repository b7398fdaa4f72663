/*
 * sweep.c - takes loaded routes over next hops that are gone out of the tables, a bounded number of
 * prefixes in each step of main. Their packets are answered with "unreachable" from the first
 * moment on, since nothing is behind the next hop any more.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/fib/bulk.h"
#include "l3/route/hop_private.h"

enum { VISIT_STEP = 16384, TAKE_STEP = 2048, WORDS = ADJACENCIES_MAX / 64 };

/* Prefixes that one step takes. */
struct step {
	const struct route_hops *t;
	struct fib_bulk_prefix take[TAKE_STEP];
	unsigned n_take, n_visited;
	struct fib_bulk_prefix next; /* where the next step begins */
	bool is_full;
};

static bool is_gone(const struct hop_sweep *s, uint32_t adjacency)
{
	return s->gone[adjacency / 64] >> adjacency % 64 & 1;
}

static bool goes_over(const struct step *step, const struct fib_route *r)
{
	const struct fib_path *paths;
	unsigned n = load_balance_paths(&step->t->fib->load_balances, r->load_balance, &paths);

	for (unsigned i = 0; i < n; i++)
		if (is_gone(&step->t->sweep, paths[i].adjacency))
			return true;
	return false;
}

static bool visit(const struct rib_node *n, void *context)
{
	struct step *step = context;
	const struct fib_route *r = n->owner;

	step->next = (struct fib_bulk_prefix){ n->key, n->len };
	step->is_full = step->n_visited == VISIT_STEP || step->n_take == TAKE_STEP;
	if (step->is_full)
		return false;
	step->n_visited++;
	while (r && (r->source != FIB_DYNAMIC || !goes_over(step, r)))
		r = r->next;
	if (r)
		step->take[step->n_take++] = step->next;
	return true;
}

/* One step in one table. True if the table is done. */
static bool sweep_table(struct route_hops *t, struct vrf *v, struct fib_table *table)
{
	struct hop_sweep *s = &t->sweep;
	struct step *step = malloc(sizeof(*step));
	bool is_done;

	if (!step) {
		log_error("route.sweep", "error=\"out of memory\"");
		return true;
	}
	step->t = t;
	step->n_take = step->n_visited = 0;
	step->is_full = false;
	rib_walk(&table->rib, s->key, s->len, visit, step);
	for (unsigned i = 0; i < step->n_take; i++)
		if (fib_take(v, table, step->take[i].key, step->take[i].len, FIB_DYNAMIC) != 0)
			log_error("route.sweep", "error=\"out of memory\"");
	s->key = step->next.key;
	s->len = step->next.len;
	is_done = !step->is_full;
	free(step);
	return is_done;
}

static void begin_table(struct hop_sweep *s, uint32_t vrf, unsigned family)
{
	s->vrf = vrf;
	s->family = family;
	s->key = (struct fib_key){ 0 };
	s->len = 0;
}

/* Up to the end of a step that found much. True when all tables are done. */
static bool sweep(struct route_hops *t)
{
	struct hop_sweep *s = &t->sweep;

	while (s->vrf < VRFS_MAX) {
		struct vrf *v = fib_vrf_or_null(t->fib, s->vrf);

		if (v && !sweep_table(t, v, fib_table_of(v, s->family)))
			return false;
		begin_table(s, s->family == 4 ? s->vrf : s->vrf + 1, s->family == 4 ? 6 : 4);
	}
	return true;
}

/* Nothing leads over them any more, and nothing will. */
static void forget_gone(struct route_hops *t)
{
	struct hop_sweep *s = &t->sweep;

	for (uint32_t w = 0; s->gone && w < WORDS; w++)
		for (uint64_t bits = s->gone[w]; bits; bits &= bits - 1)
			adjacency_put(&t->fib->adjacencies,
				      w * 64 + (uint32_t)__builtin_ctzll(bits));
	free(s->gone);
	s->gone = NULL;
}

static void run(void *consumer unused_arg, struct mail *mail)
{
	struct route_hops *t = container_of(mail, struct route_hops, sweep.mail);
	struct hop_sweep *s = &t->sweep;

	if (!t->engine->module[MODULE_ROUTE])
		return; /* convoyd ends */
	if (!sweep(t)) {
		mailbox_post(&t->engine->main, &s->mail);
		return;
	}
	s->is_under_way = false;
	if (s->n_loads == 0)
		forget_gone(t);
}

int hop_sweep_add(struct route_hops *t, uint32_t adjacency)
{
	struct hop_sweep *s = &t->sweep;

	if (!s->gone)
		s->gone = calloc(WORDS, sizeof(*s->gone));
	if (!s->gone)
		return ERR_NOMEM;
	if (is_gone(s, adjacency))
		return 0;
	adjacency_get(&t->fib->adjacencies, adjacency);
	s->gone[adjacency / 64] |= (uint64_t)1 << adjacency % 64;
	return 0;
}

/* The first step at once: small tables are done when it returns. */
void hop_sweep_start(struct route_hops *t)
{
	struct hop_sweep *s = &t->sweep;

	if (!s->gone)
		return;
	begin_table(s, 0, 4);
	if (s->is_under_way)
		return;
	s->is_under_way = true;
	s->mail.deliver = run;
	run(NULL, &s->mail);
}

void hop_sweep_deinit(struct route_hops *t)
{
	forget_gone(t);
}

/* --- who would have to go --- */

struct search {
	const struct route_hops *t;
	uint32_t if_index;
	bool found;
};

static bool is_over(const struct search *s, const struct fib_route *r)
{
	const struct fib_path *paths;
	unsigned n = load_balance_paths(&s->t->fib->load_balances, r->load_balance, &paths);

	for (unsigned i = 0; i < n; i++)
		if (adjacency_at(&s->t->fib->adjacencies, paths[i].adjacency)->if_index ==
		    s->if_index)
			return true;
	return false;
}

static bool search(const struct rib_node *n, void *context)
{
	struct search *s = context;
	const struct fib_route *r = n->owner;

	while (r && (r->source != FIB_DYNAMIC || !is_over(s, r)))
		r = r->next;
	s->found = r != NULL;
	return !s->found;
}

bool route_hops_loaded_over(const struct engine *e, uint32_t if_index)
{
	const struct route_hops *t = hops_of(e);
	struct search s = { .t = t, .if_index = if_index };

	for (uint32_t i = 0; i < VRFS_MAX && !s.found; i++) {
		const struct vrf *v = fib_vrf_or_null(t->fib, i);

		if (v)
			rib_walk(&v->ip4.rib, (struct fib_key){ 0 }, 0, search, &s);
		if (v && !s.found)
			rib_walk(&v->ip6.rib, (struct fib_key){ 0 }, 0, search, &s);
	}
	return s.found;
}

void route_hops_load_begins(struct engine *e)
{
	hops_of(e)->sweep.n_loads++;
}

void route_hops_load_ends(struct engine *e)
{
	struct route_hops *t = hops_of(e);

	t->sweep.n_loads--;
	hop_sweep_start(t); /* what it has put in over a next hop that went meanwhile */
}

/*
 * impair.c - setting and clearing impairments.
 *
 * A path is made once for a direction and stays until the interface goes; its line is replaced on
 * the owning worker, which lets held packets out first. The features are switched on after the line
 * is there and off before it goes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "functions/impair/impair_private.h"

static const enum arc_id arcs[] = {
	[IMPAIR_IN] = ARC_DEVICE_INPUT, [IMPAIR_OUT] = ARC_INTERFACE_OUTPUT
};
static const char *const nodes[] = { [IMPAIR_IN] = "impair-in", [IMPAIR_OUT] = "impair-out" };

/* What the device must not do, so that the line sees packets as a wire carries them. */
static const uint32_t denied[] = { [IMPAIR_IN] = CAP_LRO, [IMPAIR_OUT] = CAP_CSUM | CAP_TSO };

static struct impairs *impairs_of(const struct engine *e)
{
	return e->module[MODULE_IMPAIR];
}

static int set_features(struct interface *i, enum impair_side side, bool on)
{
	struct engine *e = i->engine;
	uint32_t deny = on ? i->denied_caps | denied[side] : i->denied_caps & ~denied[side];
	int err = interface_deny_caps(i, deny);

	if (!err && side == IMPAIR_IN)
		err = feature_enable(e, ARC_DEVICE_INPUT, "wire-input", i->index, on);
	return err ? err : feature_enable(e, arcs[side], nodes[side], i->index, on);
}

static struct impair_path *path_or_null(struct interface *i, enum impair_side side)
{
	struct engine *e = i->engine;
	struct impairs *all = impairs_of(e);
	struct impair_path *p = all->path[i->index][side];

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->engine = e;
	p->worker = e->worker[i->index % e->n_workers];
	p->node = graph_node_id(&e->graph, nodes[side]);
	timer_init(&p->timer, impair_timer_expired);
	rcu_publish(all->path[i->index][side], p);
	return p;
}

/* A change on its way to the owner. */
struct change {
	struct impair_path *path;
	struct impair_line line; /* the new one; taken over, then the old one to be freed */
};

static void swap_line(struct worker *w, void *arg)
{
	struct change *change = arg;
	struct impair_path *p = change->path;
	struct impair_line old = p->line;

	if (w != p->worker)
		return;
	if (p->line.held)
		impair_flush(w, p);
	old = p->line;
	p->line = change->line;
	change->line = old;
}

static void line_swapped(struct engine *e, void *arg)
{
	struct change *change = arg;

	(void)e;
	change->path->changing = false;
	impair_line_deinit(&change->line);
	free(change);
}

static int apply(struct impair_path *p, struct change *change)
{
	int err;

	change->path = p;
	p->changing = true;
	err = engine_on_each(p->engine, swap_line, line_swapped, change);
	if (err)
		p->changing = false;
	return err;
}

int impair_set(struct interface *i, enum impair_side side, const struct impair_config *config)
{
	struct impair_path *p = path_or_null(i, side);
	struct change *change = calloc(1, sizeof(*change));
	int err = ERR_NOMEM;

	if (!p || !change)
		goto failed;
	err = ERR_BUSY;
	if (p->changing)
		goto failed;
	err = impair_line_init(&change->line, config);
	if (err)
		goto failed;
	p->config = change->line.config;
	err = apply(p, change);
	if (err)
		goto failed_line;
	return set_features(i, side, true);

failed_line:
	impair_line_deinit(&change->line);
failed:
	free(change);
	return err;
}

int impair_clear(struct interface *i, enum impair_side side)
{
	struct impair_path *p = impairs_of(i->engine)->path[i->index][side];
	struct change *change;
	int err;

	if (!p || !impair_get_or_null(i, side))
		return 0;
	if (p->changing)
		return ERR_BUSY;
	change = calloc(1, sizeof(*change));
	if (!change)
		return ERR_NOMEM;
	err = set_features(i, side, false);
	if (!err)
		err = apply(p, change);
	if (err)
		free(change);
	return err;
}

const struct impair_config *impair_get_or_null(const struct interface *i, enum impair_side side)
{
	const struct impair_path *p = impairs_of(i->engine)->path[i->index][side];

	return p && feature_enabled(i->engine, arcs[side], nodes[side], i->index) ? &p->config
										  : NULL;
}

/* --- the interface goes --- */

/* Held packets have nowhere to go; the owner frees them. */
static void empty_line(struct worker *w, void *arg)
{
	struct impair_path *p = arg;
	uint32_t idx;

	if (w != p->worker)
		return;
	while (p->line.held && impair_line_due(&p->line, UINT64_MAX, &idx))
		buf_free_one(&w->bufs, idx);
	timer_cancel(&w->wheel, &p->timer);
}

static void free_path(struct engine *e, void *arg)
{
	struct impair_path *p = arg;

	(void)e;
	impair_line_deinit(&p->line);
	free(p);
}

static void remove_path(struct engine *e, uint32_t index, enum impair_side side)
{
	struct impairs *all = impairs_of(e);
	struct impair_path *p = all->path[index][side];

	if (!p)
		return;
	rcu_publish(all->path[index][side], NULL);
	if (engine_on_each(e, empty_line, free_path, p) < 0)
		log_error("impair.remove", "index=%u error=kept for want of memory", index);
}

static void interface_changed(struct interface_listener *l, struct interface *i,
			      enum interface_event event)
{
	(void)l;
	if (event != INTERFACE_REMOVED)
		return;
	for (unsigned side = 0; side < N_IMPAIR_SIDES; side++)
		remove_path(i->engine, i->index, (enum impair_side)side);
}

int impair_init(struct engine *e)
{
	struct impairs *all = calloc(1, sizeof(*all));

	if (!all)
		return ERR_NOMEM;
	all->listener.changed = interface_changed;
	interface_listen(e, &all->listener);
	e->module[MODULE_IMPAIR] = all;
	return 0;
}

void impair_deinit(struct engine *e)
{
	struct impairs *all = impairs_of(e);

	for (uint32_t index = 0; index < INTERFACES_MAX; index++)
		for (unsigned side = 0; side < N_IMPAIR_SIDES; side++)
			remove_path(e, index, (enum impair_side)side);
	interface_unlisten(&all->listener);
	free(all);
	e->module[MODULE_IMPAIR] = NULL;
}

/* apply.c - carry out a plan, or undo what was done of it. */
#include "daemon/apply/apply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "control/config_encode.h"
#include "control/json_memory.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_config_tables.h"
#include "engine/engine.h"

static const struct apply_kind *const kinds[] = {
	&apply_vrf_kind,    &apply_bridge_kind,	    &apply_interface_kind, &apply_address_kind,
	&apply_route_kind,  &apply_port_kind,	    &apply_mac_kind,	   &apply_xconnect_kind,
	&apply_answer_kind, &apply_mac_filter_kind, &apply_neighbor_kind,
};

void apply_fail(struct config_error *error, const struct apply_item *item, const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (item->at)
		config_fail(error, item->at, "%s", why);
	else if (!error->text[0])
		snprintf(error->text, sizeof(error->text), "%s", why);
}

/* --- prepare --- */

/* Everything in the file that is not an object of an apply. */
static json_t *settings_of(const struct net_file *file)
{
	json_t *all = config_encode(&net_message, file->config, file->root);

	json_object_del(all, "interfaces");
	json_object_del(all, "bridges");
	json_object_del(all, "xconnects");
	json_object_del(all, "mac_filters");
	json_object_del(all, "routes");
	json_object_del(all, "vrfs");
	json_object_del(all, "neighbors");
	return all;
}

static int check_settings(const struct convoyd *d, const struct net_file *file,
			  struct config_error *error)
{
	json_t *old = settings_of(d->file), *new = settings_of(file), *value;
	const char *key, *different = NULL;
	const struct config_node *at;

	json_object_foreach(old, key, value) if (!json_equal(value, json_object_get(new, key)))
		different = key;
	json_object_foreach(new, key, value) if (!json_equal(value, json_object_get(old, key)))
		different = key;
	if (different) {
		at = config_member_or_null(file->root, different);
		config_fail(error, at ? at : file->root,
			    "\"%s\" cannot change while convoyd runs; start it anew for that",
			    different);
	}
	json_decref(old);
	json_decref(new);
	return different ? ERR_INVAL : 0;
}

static int list_all(struct apply *a)
{
	int err = 0;

	for (unsigned i = 0; i < count_of(kinds) && err == 0; i++) {
		err = kinds[i]->list_running(a->d, &a->running);
		if (err == 0)
			err = kinds[i]->list_wanted(a->file, &a->wanted);
	}
	return err;
}

int apply_prepare(struct convoyd *d, struct net_file *file, struct config_error *error,
		  struct apply **out)
{
	const struct apply_item *twice = NULL;
	uint64_t lacks = json_memory_lacks();
	struct apply *a;
	int err;

	if (d->apply) {
		snprintf(error->text, sizeof(error->text),
			 "another change is under way; try again when it is over");
		return ERR_BUSY;
	}
	err = check_settings(d, file, error);
	if (err < 0)
		return err;
	a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	a->d = d;
	a->file = net_file_get(file);
	apply_list_init(&a->running);
	apply_list_init(&a->wanted);
	err = list_all(a);
	if (err == 0)
		err = plan_make(&a->running, &a->wanted, &a->plan, &twice);
	if (err == 0 && json_memory_lacks() != lacks)
		err = ERR_NOMEM; /* what is compared is not all there */
	if (twice)
		apply_fail(error, twice, "%s \"%s\" is there twice", twice->kind->name,
			   twice->name);
	if (err < 0)
		apply_free(a);
	else
		*out = a;
	return err;
}

void apply_free(struct apply *a)
{
	if (a->d->apply == a)
		a->d->apply = NULL;
	plan_deinit(&a->plan);
	apply_list_deinit(&a->running);
	apply_list_deinit(&a->wanted);
	net_file_put(a->file);
	free(a);
}

void apply_abandon(struct convoyd *d)
{
	if (d->apply)
		apply_free(d->apply);
}

/* --- carry out --- */

static bool makes_interface(const struct apply *a)
{
	const struct apply_step *s = &a->plan.steps[a->undoing ? a->at - 1 : a->at];
	enum apply_step_kind making = a->undoing ? STEP_REMOVE : STEP_CREATE;

	return s->kind == making && (s->from ? s->from : s->to)->kind->is_interface;
}

static int make(struct apply *a, const struct apply_item *item, struct config_error *error)
{
	return item->kind->create(a->d, item, error);
}

static int take_away(const struct apply *a, const struct apply_item *item,
		     struct config_error *error)
{
	return item->kind->remove(a->d, item, error);
}

static int step_forward(struct apply *a, const struct apply_step *s)
{
	switch (s->kind) {
	case STEP_REMOVE:
		return take_away(a, s->from, &a->error);
	case STEP_CREATE:
		return make(a, s->to, &a->error);
	case STEP_CHANGE:
		return s->to->kind->change(a->d, s->from, s->to, &a->error);
	}
	return ERR_INVAL;
}

static void step_back(struct apply *a, const struct apply_step *s)
{
	struct config_error error = { "" };
	int err = ERR_INVAL;

	switch (s->kind) {
	case STEP_REMOVE:
		err = make(a, s->from, &error);
		break;
	case STEP_CREATE:
		err = take_away(a, s->to, &error);
		break;
	case STEP_CHANGE:
		err = s->to->kind->change(a->d, s->to, s->from, &error);
		break;
	}
	if (err == 0)
		return;
	a->n_lost++;
	log_error("apply.undo", "error=\"%s\"", error.text[0] ? error.text : err_text(err));
}

static void run(struct apply *a);

static void pass(struct worker *w unused_arg, void *arg unused_arg)
{
}

/* Every worker has begun another turn: the devices may be free. */
static void settled(struct engine *e unused_arg, void *arg)
{
	struct convoyd *d = arg;

	if (!d->apply)
		return; /* convoyd ends */
	run(d->apply);
}

/* True if the next step has to wait, for devices of interfaces that go; run() is called again. */
static bool must_wait(struct apply *a)
{
	if (a->d->engine->interfaces.n_going == 0 || !makes_interface(a))
		return false;
	/* No memory to wait with: the step says itself what it lacks. */
	return engine_on_each(a->d->engine, pass, settled, a->d) == 0;
}

/* All is made: does it also work together? */
static int check(struct apply *a)
{
	int err = 0;

	for (unsigned i = 0; i < a->wanted.n && err == 0; i++) {
		const struct apply_item *item = a->wanted.item[i];

		if (item->kind->check)
			err = item->kind->check(a->d, item, &a->error);
	}
	return err;
}

static void finish(struct apply *a)
{
	if (a->err == 0)
		log_info("apply.done", "file=%s changes=%u same=%u", a->file->root->file,
			 a->plan.n_differences - a->plan.n_same, a->plan.n_same);
	else
		log_error("apply.failed", "lost=%u error=\"%s\"", a->n_lost,
			  a->error.text[0] ? a->error.text : err_text(a->err));
	a->done(a);
}

/* True when all steps are done, or undone; false when it has to wait. */
static bool steps_are_over(struct apply *a)
{
	while (a->undoing ? a->at > 0 : a->at < a->plan.n_steps) {
		if (must_wait(a))
			return false;
		if (a->undoing) {
			step_back(a, &a->plan.steps[--a->at]);
			continue;
		}
		a->err = step_forward(a, &a->plan.steps[a->at]);
		if (a->err < 0)
			a->undoing = true;
		else
			a->at++;
	}
	return true;
}

static void run(struct apply *a)
{
	if (!steps_are_over(a))
		return;
	if (!a->undoing) {
		a->err = check(a);
		a->undoing = a->err < 0;
		if (a->undoing && !steps_are_over(a))
			return;
	}
	finish(a);
}

void apply_start(struct apply *a)
{
	a->d->apply = a;
	run(a);
}

/* --- at the start --- */

static void booted(struct apply *a)
{
	a->d->error = a->error;
}

int apply_boot(struct convoyd *d)
{
	struct apply *a;
	int err = apply_prepare(d, d->file, &d->error, &a);

	if (err < 0)
		return err;
	a->done = booted;
	apply_start(a); /* no worker runs yet: it is over when this returns */
	err = a->err;
	apply_free(a);
	return err;
}

/* share.c - shares by application and name, and by session. */
#include "session/share.h"

#include <stdlib.h>

#include "base/compiler.h"

static struct list *bucket_of_app(struct shares *t, uint32_t app)
{
	return &t->by_app[app % SHARE_BUCKETS];
}

static struct list *bucket_of_name(struct shares *t, uint32_t app, const struct share_name *n)
{
	uint32_t mixed = app * 2654435761u ^ n->via * 2246822519u ^ n->slot * 3266489917u;

	return &t->by_name[(mixed ^ mixed >> 16) % SHARE_BUCKETS];
}

void shares_init(struct shares *t)
{
	pool_init(&t->pool, sizeof(struct share), SHARES_MAX);
	for (unsigned i = 0; i < SHARE_BUCKETS; i++) {
		list_init(&t->by_name[i]);
		list_init(&t->by_app[i]);
	}
}

void shares_deinit(struct shares *t)
{
	for (unsigned i = 0; i < SHARE_BUCKETS; i++)
		while (!list_empty(&t->by_app[i])) {
			struct share_app *a =
				container_of(t->by_app[i].next, struct share_app, of_bucket);

			list_remove(&a->of_bucket);
			free(a);
		}
	pool_deinit(&t->pool);
}

static struct share_app *find_app_or_null(struct shares *t, uint32_t id)
{
	list_for_each(link, bucket_of_app(t, id)) {
		struct share_app *a = container_of(link, struct share_app, of_bucket);

		if (a->id == id)
			return a;
	}
	return NULL;
}

static struct share_app *app_or_null(struct shares *t, uint32_t id)
{
	struct share_app *a = find_app_or_null(t, id);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->id = id;
	list_init(&a->shares);
	list_push(bucket_of_app(t, id), &a->of_bucket);
	return a;
}

static void free_if_unused(struct share_app *a)
{
	if (a->n > 0)
		return;
	list_remove(&a->of_bucket);
	free(a);
}

bool share_add(struct shares *t, uint32_t app, const struct share_name *name,
	       const struct share_target *target, bool had, struct list *sharers)
{
	struct share_app *a = app_or_null(t, app);
	struct share *sh;
	handle self;

	if (!a)
		return false;
	sh = a->n < SHARES_PER_APP ? pool_take_or_null(&t->pool, &self) : NULL;
	if (!sh) {
		free_if_unused(a);
		return false;
	}
	sh->self = self;
	sh->app = a;
	sh->name = *name;
	sh->target = *target;
	sh->had = had;
	a->n++;
	list_push(&a->shares, &sh->of_app);
	list_push(bucket_of_name(t, app, name), &sh->of_bucket);
	list_push(sharers, &sh->of_session);
	return true;
}

struct share *share_find_or_null(struct shares *t, uint32_t app, const struct share_name *name)
{
	list_for_each(link, bucket_of_name(t, app, name)) {
		struct share *sh = container_of(link, struct share, of_bucket);

		if (sh->app->id == app && sh->name.via == name->via &&
		    sh->name.slot == name->slot && sh->name.generation == name->generation)
			return sh;
	}
	return NULL;
}

void share_drop(struct shares *t, struct share *sh)
{
	struct share_app *a = sh->app;

	list_remove(&sh->of_bucket);
	list_remove(&sh->of_app);
	list_remove(&sh->of_session);
	pool_give(&t->pool, sh->self);
	a->n--;
	free_if_unused(a);
}

void shares_orphan(struct list *sharers)
{
	while (list_pop_or_null(sharers))
		;
}

struct list *shares_of_app_or_null(struct shares *t, uint32_t app)
{
	struct share_app *a = find_app_or_null(t, app);

	return a ? &a->shares : NULL;
}

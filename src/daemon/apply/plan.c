/* plan.c - compare two lists of objects, and put the steps in order. */
#include "daemon/apply/plan.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/apply/kind.h"

enum { ARENA_CHUNK_BYTES = 16 * 1024, FIRST_ROOM = 64 };

static const char *const action_names[] = {
	[APPLY_SAME] = "same",	   [APPLY_ADD] = "add",		[APPLY_DELETE] = "delete",
	[APPLY_CHANGE] = "change", [APPLY_REPLACE] = "replace", [APPLY_REDO] = "redo",
};
_Static_assert(count_of(action_names) == N_APPLY_ACTIONS, "every action has a name");

const char *plan_action_name(enum apply_action action)
{
	return action_names[action];
}

void apply_list_init(struct apply_list *list)
{
	*list = (struct apply_list){ 0 };
	arena_init(&list->arena, ARENA_CHUNK_BYTES, SIZE_MAX);
}

void apply_list_deinit(struct apply_list *list)
{
	for (unsigned i = 0; i < list->n; i++) {
		if (list->item[i]->kind->release)
			list->item[i]->kind->release(list->item[i]);
		json_decref(list->item[i]->value);
	}
	free(list->item);
	arena_deinit(&list->arena);
	*list = (struct apply_list){ 0 };
}

static int make_room(struct apply_list *list)
{
	unsigned room = list->room ? 2 * list->room : FIRST_ROOM;
	struct apply_item **item;

	if (list->n < list->room)
		return 0;
	item = realloc(list->item, room * sizeof(*item));
	if (!item)
		return ERR_NOMEM;
	list->item = item;
	list->room = room;
	return 0;
}

static const char *copy_or_null(struct arena *a, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = arena_alloc_or_null(a, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

int apply_list_add(struct apply_list *list, const struct apply_item *item)
{
	struct apply_item *own = arena_alloc_or_null(&list->arena, sizeof(*own));

	if (!own || !item->value || make_room(list) < 0)
		goto no_memory;
	*own = *item;
	own->name = copy_or_null(&list->arena, item->name);
	own->on = item->on ? copy_or_null(&list->arena, item->on) : NULL;
	own->order = list->n;
	own->doomed = false;
	own->ground = NULL;
	own->also_ground = arena_alloc_or_null(&list->arena,
					       (item->n_also_on + 1) * sizeof(*own->also_ground));
	own->difference = NULL;
	if (!own->name || (item->on && !own->on) || !own->also_ground)
		goto no_memory;
	list->item[list->n++] = own;
	return 0;
no_memory:
	json_decref(item->value);
	return ERR_NOMEM;
}

static int compare(const struct apply_item *a, const struct apply_item *b)
{
	if (a->kind->rank != b->kind->rank)
		return a->kind->rank < b->kind->rank ? -1 : 1;
	if (a->kind != b->kind) /* of one rank: in an order of their own */
		return strcmp(a->kind->name, b->kind->name);
	return strcmp(a->name, b->name);
}

static int compare_by_name(const void *a, const void *b)
{
	const struct apply_item *const *x = a, *const *y = b;

	return compare(*x, *y);
}

/* The order of creation: by kind, what stands on nothing first, then as in the file. */
static int compare_for_creation(const void *a, const void *b)
{
	const struct apply_item *x = *(const struct apply_item *const *)a;
	const struct apply_item *y = *(const struct apply_item *const *)b;

	if (x->kind->rank != y->kind->rank)
		return x->kind->rank < y->kind->rank ? -1 : 1;
	if (!x->on != !y->on)
		return x->on ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

static void sort(struct apply_list *list, int (*order)(const void *, const void *))
{
	if (list->n > 1)
		qsort(list->item, list->n, sizeof(struct apply_item *), order);
}

static enum apply_action action_of(const struct apply_item *from, const struct apply_item *to)
{
	if (!from || !to)
		return from ? APPLY_DELETE : APPLY_ADD;
	if (json_equal(from->value, to->value))
		return APPLY_SAME;
	return from->kind->can_change && from->kind->can_change(from, to) ? APPLY_CHANGE
									  : APPLY_REPLACE;
}

static void note(struct plan *p, struct apply_item *from, struct apply_item *to)
{
	struct apply_difference *d = &p->differences[p->n_differences++];

	*d = (struct apply_difference){ action_of(from, to), from, to };
	if (from)
		from->difference = d;
	if (to)
		to->difference = d;
}

/* Two lists in the order of names. */
static int match(struct apply_list *running, struct apply_list *wanted, struct plan *p,
		 const struct apply_item **twice)
{
	unsigned r = 0, w = 0;

	while (r < running->n || w < wanted->n) {
		struct apply_item *from = r < running->n ? running->item[r] : NULL;
		struct apply_item *to = w < wanted->n ? wanted->item[w] : NULL;
		int order = !from ? 1 : !to ? -1 : compare(from, to);

		if (to && w + 1 < wanted->n && compare(to, wanted->item[w + 1]) == 0) {
			*twice = wanted->item[w + 1]->order > to->order ? wanted->item[w + 1] : to;
			return ERR_EXIST;
		}
		if (order > 0)
			from = NULL;
		if (order < 0)
			to = NULL;
		r += from != NULL;
		w += to != NULL;
		note(p, from, to);
	}
	return 0;
}

/* The item of a kind and name; @list is in the order of names. */
static struct apply_item *find_or_null(const struct apply_list *list, const struct apply_kind *kind,
				       const char *name)
{
	const struct apply_item wanted = { .kind = kind, .name = name };
	const struct apply_item *key = &wanted;
	struct apply_item **found;

	if (!name)
		return NULL;
	found = bsearch(&key, list->item, list->n, sizeof(*list->item), compare_by_name);
	return found ? *found : NULL;
}

/* Where the items stand: @list is in the order of names. */
static void find_grounds(struct apply_list *list)
{
	const struct apply_kind *interfaces = NULL;

	for (unsigned i = 0; i < list->n && !interfaces; i++)
		if (list->item[i]->kind->is_interface)
			interfaces = list->item[i]->kind;
	for (unsigned i = 0; i < list->n && interfaces; i++) {
		struct apply_item *item = list->item[i];

		item->ground = find_or_null(list, interfaces, item->on);
		for (unsigned k = 0; k < item->n_also_on; k++)
			item->also_ground[k] = find_or_null(list, interfaces, item->also_on[k]);
	}
}

static bool goes(const struct apply_item *item)
{
	return item->doomed || item->difference->action == APPLY_DELETE ||
	       item->difference->action == APPLY_REPLACE;
}

static bool has_ground_that_goes(const struct apply_item *item)
{
	if (item->ground && goes(item->ground))
		return true;
	for (unsigned k = 0; k < item->n_also_on; k++)
		if (item->also_ground[k] && goes(item->also_ground[k]))
			return true;
	return false;
}

/* Interfaces stand on interfaces: until nothing more is found. */
static void doom(struct apply_list *running)
{
	bool found = true;

	while (found) {
		found = false;
		for (unsigned i = 0; i < running->n; i++) {
			struct apply_item *item = running->item[i];

			if (!item->doomed && has_ground_that_goes(item))
				found = item->doomed = true;
		}
	}
}

/* On doomed ground nothing stays, and nothing is changed in place. */
static void settle(struct plan *p)
{
	for (unsigned i = 0; i < p->n_differences; i++) {
		struct apply_difference *d = &p->differences[i];

		if (d->from && d->from->doomed && d->action == APPLY_SAME)
			d->action = APPLY_REDO;
		if (d->from && d->from->doomed && d->action == APPLY_CHANGE)
			d->action = APPLY_REPLACE;
		p->n_same += d->action == APPLY_SAME;
	}
}

static void add_step(struct plan *p, enum apply_step_kind kind, const struct apply_item *from,
		     const struct apply_item *to)
{
	p->steps[p->n_steps++] = (struct apply_step){ kind, from, to };
}

static bool is_made_or_unmade(const struct apply_item *item, bool is_domain)
{
	enum apply_action action = item->difference->action;

	return action != APPLY_SAME && action != APPLY_CHANGE && item->kind->is_domain == is_domain;
}

static void add_removals(struct plan *p, const struct apply_list *running, bool domains)
{
	for (unsigned i = running->n; i-- > 0;)
		if (is_made_or_unmade(running->item[i], domains))
			add_step(p, STEP_REMOVE, running->item[i], NULL);
}

static void add_creations(struct plan *p, const struct apply_list *wanted, bool domains)
{
	for (unsigned i = 0; i < wanted->n; i++)
		if (is_made_or_unmade(wanted->item[i], domains))
			add_step(p, STEP_CREATE, NULL, wanted->item[i]);
}

static void order_steps(struct plan *p, struct apply_list *running, struct apply_list *wanted)
{
	sort(running, compare_for_creation);
	sort(wanted, compare_for_creation);
	add_removals(p, running, false);
	add_creations(p, wanted, true);
	for (unsigned i = 0; i < wanted->n; i++) {
		const struct apply_difference *d = wanted->item[i]->difference;

		if (d->action == APPLY_CHANGE)
			add_step(p, STEP_CHANGE, d->from, d->to);
	}
	add_creations(p, wanted, false);
	add_removals(p, running, true);
}

int plan_make(struct apply_list *running, struct apply_list *wanted, struct plan *out,
	      const struct apply_item **twice)
{
	size_t n = running->n + wanted->n;
	int err;

	*out = (struct plan){ 0 };
	arena_init(&out->arena, ARENA_CHUNK_BYTES, SIZE_MAX);
	out->differences = arena_alloc_or_null(&out->arena, n * sizeof(*out->differences));
	out->steps = arena_alloc_or_null(&out->arena, n * sizeof(*out->steps));
	if (!out->differences || !out->steps)
		return ERR_NOMEM;
	sort(running, compare_by_name);
	sort(wanted, compare_by_name);
	err = match(running, wanted, out, twice);
	if (err < 0)
		return err;
	find_grounds(running);
	doom(running);
	settle(out);
	order_steps(out, running, wanted);
	return 0;
}

void plan_deinit(struct plan *plan)
{
	arena_deinit(&plan->arena);
}

/*
 * plan.h - from what is there and what is wanted to the steps that lead from one to the other.
 *
 *   running ──┐
 *             ├──> match by kind and name ──> differences ──> steps: remove, change, create
 *   wanted ───┘
 *
 * Pure: knows objects only by kind, name, value and the interface that they stand on. What stands
 * on an interface that is removed or replaced is taken off before and put back after, so that each
 * step has an exact inverse. Order: removals from the last kind to the first, then changes and
 * creations, each from the first kind to the last; what stands on something comes after it. Domains
 * are created before the changes, by which others may join them, and removed at the very end.
 */
#ifndef CONVOY_DAEMON_APPLY_PLAN_H
#define CONVOY_DAEMON_APPLY_PLAN_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"

struct apply_difference;
struct apply_kind;
struct config_node;

/* One object, running or wanted. Lives in the arena of its list. */
struct apply_item {
	const struct apply_kind *kind;
	const char *name;	    /* unique in its kind, for people: "lan", "lan 10.0.0.1/24" */
	json_t *value;		    /* what it is; equal values are equal objects */
	const char *on;		    /* the interface that it goes with; NULL for none */
	const char *const *also_on; /* further ones, in the arena */
	unsigned n_also_on;
	const struct config_node *at; /* its place in the file; NULL when running */
	const void *object;	      /* the kind's own, borrowed */
	/* the plan's */
	unsigned order;		   /* in its list */
	bool doomed;		   /* what it stands on goes */
	struct apply_item *ground; /* the item of @on */
	struct apply_item **also_ground;
	struct apply_difference *difference;
};

struct apply_list {
	struct arena arena;
	struct apply_item **item;
	unsigned n, room;
};

enum apply_action {
	APPLY_SAME, /* stays as it is */
	APPLY_ADD,
	APPLY_DELETE,
	APPLY_CHANGE,  /* in place */
	APPLY_REPLACE, /* deleted and made anew */
	APPLY_REDO,    /* as wanted, but what it stands on is replaced */
	N_APPLY_ACTIONS,
};

struct apply_difference {
	enum apply_action action;
	const struct apply_item *from, *to; /* NULL where there is none */
};

enum apply_step_kind { STEP_REMOVE, STEP_CHANGE, STEP_CREATE };

struct apply_step {
	enum apply_step_kind kind;
	const struct apply_item *from, *to; /* to remove, to create; both to change */
};

struct plan {
	struct arena arena;
	struct apply_difference *differences; /* of every object, by kind and name */
	unsigned n_differences;
	struct apply_step *steps;
	unsigned n_steps;
	unsigned n_same; /* differences that are none */
};

void apply_list_init(struct apply_list *list);
/* apply_list_deinit - release the objects of its items and forget them. */
void apply_list_deinit(struct apply_list *list);

/*
 * apply_list_add - one more object; @name and @on are copied, the reference to @value is taken.
 * ERR_NOMEM, also for a NULL @value.
 */
must_check
int apply_list_add(struct apply_list *list, const struct apply_item *item);

/*
 * plan_make - compare. Both lists must outlive the plan. ERR_NOMEM; ERR_EXIST for two wanted
 * objects of one name, then *@twice is the second. plan_deinit() is due in either case.
 */
must_check
int plan_make(struct apply_list *running, struct apply_list *wanted, struct plan *out,
	      const struct apply_item **twice);
void plan_deinit(struct plan *plan);

/* plan_action_name - "same", "add", "delete", "change", "replace", "redo". */
const char *plan_action_name(enum apply_action action);

#endif

/* adjacency.c - the table of adjacencies: published copies, references, indices that come back. */
#include "l3/fib/adjacency.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"
#include "l3/fib/fib_yard.h"

struct adjacency_entry {
	uint32_t refs;
	uint32_t generation;
	uint32_t next_free;
	struct list users;
	struct adjacency_table *table;
	struct fib_grave grave;
};

static const char *const kind_names[] = {
	[ADJACENCY_UNREACHABLE] = "unreachable",
	[ADJACENCY_BLACKHOLE] = "blackhole",
	[ADJACENCY_PROHIBIT] = "prohibit",
	[ADJACENCY_LOCAL] = "local",
	[ADJACENCY_BROADCAST] = "broadcast",
	[ADJACENCY_GLEAN] = "glean",
	[ADJACENCY_INCOMPLETE] = "incomplete",
	[ADJACENCY_REWRITE] = "rewrite",
	[ADJACENCY_GROUP] = "group",
	[ADJACENCY_VIA] = "via",
	[ADJACENCY_LOOKUP] = "lookup",
};
_Static_assert(count_of(kind_names) == N_ADJACENCY_KINDS, "every kind has a name");

const char *adjacency_kind_name(enum adjacency_kind kind)
{
	return kind_names[kind];
}

static void *reserve_or_null(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int adjacency_table_init(struct adjacency_table *t, struct fib_yard *yard)
{
	struct adjacency none = { .kind = ADJACENCY_UNREACHABLE };
	uint32_t index;

	*t = (struct adjacency_table){ .yard = yard };
	t->at = reserve_or_null(ADJACENCIES_MAX * sizeof(*t->at));
	t->entry = reserve_or_null(ADJACENCIES_MAX * sizeof(*t->entry));
	if (!t->at || !t->entry || adjacency_new(t, &none, &index) != 0) {
		adjacency_table_deinit(t);
		return ERR_NOMEM;
	}
	invariant(index == ADJACENCY_NONE);
	return 0;
}

void adjacency_table_deinit(struct adjacency_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->at[i]);
	if (t->at)
		munmap(t->at, ADJACENCIES_MAX * sizeof(*t->at));
	if (t->entry)
		munmap(t->entry, ADJACENCIES_MAX * sizeof(*t->entry));
	*t = (struct adjacency_table){ 0 };
}

static struct adjacency *copy_or_null(const struct adjacency *value, uint32_t index,
				      uint32_t generation)
{
	struct adjacency *a = malloc(sizeof(*a));

	if (a) {
		*a = *value;
		a->index = index;
		a->generation = generation;
	}
	return a;
}

static void free_object(struct rcu_later *later)
{
	free(container_of(later, struct adjacency, later));
}

int adjacency_new(struct adjacency_table *t, const struct adjacency *value, uint32_t *out)
{
	uint32_t index = t->first_free ? t->first_free : t->n;
	struct adjacency_entry *e = &t->entry[index];
	struct adjacency *a;

	if (index == ADJACENCIES_MAX)
		return ERR_FULL;
	a = copy_or_null(value, index, e->generation + 1);
	if (!a)
		return ERR_NOMEM;
	if (index == t->n)
		t->n++;
	else
		t->first_free = e->next_free;
	e->generation++;
	e->refs = 1;
	e->table = t;
	list_init(&e->users);
	t->n_used++;
	rcu_publish(t->at[index], a);
	*out = index;
	return 0;
}

int adjacency_change(struct adjacency_table *t, uint32_t index, const struct adjacency *value)
{
	struct adjacency *old = t->at[index];
	struct adjacency *a = copy_or_null(value, index, t->entry[index].generation);

	invariant(t->entry[index].refs > 0);
	if (!a)
		return ERR_NOMEM;
	rcu_publish(t->at[index], a);
	rcu_free_later(&old->later, free_object);
	return 0;
}

int adjacency_set_mtu(struct adjacency_table *t, uint32_t if_index, unsigned family,
		      uint32_t mtu_bytes)
{
	int err = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct adjacency value;
		int one;

		if (t->entry[i].refs == 0 || t->at[i]->if_index != if_index ||
		    t->at[i]->family != family)
			continue;
		value = *t->at[i];
		value.mtu_bytes = mtu_bytes;
		one = adjacency_change(t, i, &value);
		err = err ? err : one;
	}
	return err;
}

bool adjacency_is_shared(const struct adjacency_table *t, uint32_t index)
{
	return t->entry[index].refs > 1;
}

struct list *adjacency_users(const struct adjacency_table *t, uint32_t index)
{
	return &t->entry[index].users;
}

void adjacency_get(struct adjacency_table *t, uint32_t index)
{
	invariant(t->entry[index].refs > 0);
	t->entry[index].refs++;
}

/* No worker knows the index now. Its last object stays until the index is used again. */
static void bury(struct fib_grave *g)
{
	struct adjacency_entry *e = container_of(g, struct adjacency_entry, grave);
	struct adjacency_table *t = e->table;
	uint32_t index = (uint32_t)(e - t->entry);

	free(t->at[index]);
	t->at[index] = NULL;
	e->next_free = t->first_free;
	t->first_free = index;
}

void adjacency_put(struct adjacency_table *t, uint32_t index)
{
	struct adjacency_entry *e = &t->entry[index];

	invariant(e->refs > 0);
	if (--e->refs > 0)
		return;
	t->n_used--;
	fib_retire(t->yard, &e->grave, bury);
}

/* mac_filter.c - the lists: what main is told, and what it publishes. */
#include "l2/mac_filter/mac_filter.h"

#include <stdlib.h>

#include "base/log.h"
#include "l2/mac_filter/mac_filter_private.h"

static const char *const side_names[] = {
	[MAC_FILTER_SOURCE] = "source", [MAC_FILTER_DESTINATION] = "destination"
};
static const char *const action_names[] = {
	[MAC_FILTER_ALLOW] = "allow", [MAC_FILTER_DENY] = "deny"
};
_Static_assert(count_of(side_names) == N_MAC_FILTER_SIDES, "every side has a name");

const char *mac_filter_side_name(enum mac_filter_side side)
{
	return side_names[side];
}

const char *mac_filter_action_name(enum mac_filter_action action)
{
	return action_names[action];
}

static int find_name(const char *const *names, unsigned n, const char *text)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return ERR_FORMAT;
}

int mac_filter_side_from_text(const char *text)
{
	return find_name(side_names, count_of(side_names), text);
}

int mac_filter_action_from_text(const char *text)
{
	return find_name(action_names, count_of(action_names), text);
}

static struct mac_filter *list_of(const struct interface *i)
{
	return &mac_filters_of(i->engine)->list[i->index];
}

static uint32_t find(const struct mac_filter *list, const struct mac *mac, unsigned side)
{
	uint32_t at = 0;

	while (at < list->n &&
	       !(list->entry[at].side == side && mac_equal(&list->entry[at].mac, mac)))
		at++;
	return at;
}

const struct mac_filter_entry *mac_filter_list(const struct interface *i, uint32_t *n)
{
	*n = list_of(i)->n;
	return list_of(i)->entry;
}

/* Publish what the list of @i says; ERR_NOMEM and nothing has changed. */
static int publish(const struct interface *i)
{
	struct mac_filters *all = mac_filters_of(i->engine);
	const struct mac_filter *list = &all->list[i->index];
	struct mac_filter_table *old = all->table[i->index], *new = NULL;
	int err;

	if (list->n > 0) {
		new = mac_filter_table_new_or_null(list->entry, list->n);
		if (!new)
			return ERR_NOMEM;
	}
	rcu_publish(all->table[i->index], new);
	err = feature_enable(i->engine, ARC_DEVICE_INPUT, mac_filter_node.name, i->index, new);
	if (err < 0) {
		rcu_publish(all->table[i->index], old);
		old = new;
	}
	mac_filter_table_free_later(old);
	return err;
}

static int make_room(struct mac_filter *list)
{
	uint32_t room = list->room ? 2 * list->room : 8;
	struct mac_filter_entry *more;

	if (list->n < list->room)
		return 0;
	more = realloc(list->entry, room * sizeof(*more));
	if (!more)
		return ERR_NOMEM;
	list->entry = more;
	list->room = room;
	return 0;
}

int mac_filter_add(const struct interface *i, const struct mac_filter_entry *entry)
{
	struct mac_filter *list = list_of(i);
	int err;

	if (mac_is_zero(&entry->mac) ||
	    (entry->side == MAC_FILTER_SOURCE && mac_is_group(&entry->mac)))
		return ERR_INVAL;
	if (find(list, &entry->mac, entry->side) < list->n)
		return ERR_EXIST;
	if (list->n == MAC_FILTER_MAX)
		return ERR_FULL;
	err = make_room(list);
	if (err != 0)
		return err;
	list->entry[list->n++] = *entry;
	err = publish(i);
	if (err != 0)
		list->n--;
	return err;
}

int mac_filter_delete(const struct interface *i, const struct mac *mac, enum mac_filter_side side)
{
	struct mac_filter *list = list_of(i);
	uint32_t at = find(list, mac, side);
	struct mac_filter_entry was;
	int err;

	if (at == list->n)
		return ERR_NOENT;
	was = list->entry[at];
	list->n--;
	memmove(&list->entry[at], &list->entry[at + 1], (list->n - at) * sizeof(was));
	err = publish(i);
	if (err == 0)
		return 0;
	memmove(&list->entry[at + 1], &list->entry[at], (list->n - at) * sizeof(was));
	list->entry[at] = was;
	list->n++;
	return err;
}

uint64_t mac_filter_dropped(const struct interface *i, enum mac_filter_side side)
{
	const struct mac_filters *all = mac_filters_of(i->engine);
	uint64_t sum = 0;

	for (uint32_t w = 0; w < i->engine->n_workers; w++)
		sum += __atomic_load_n(&all->counters[w][i->index].dropped[side], __ATOMIC_RELAXED);
	return sum;
}

static void forget(struct mac_filters *all, uint32_t if_index)
{
	struct mac_filter_table *old = all->table[if_index];

	rcu_publish(all->table[if_index], NULL);
	mac_filter_table_free_later(old);
	free(all->list[if_index].entry);
	all->list[if_index] = (struct mac_filter){ 0 };
}

static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct mac_filters *all = container_of(l, struct mac_filters, listener);

	if (event == INTERFACE_REMOVED)
		forget(all, i->index);
	if (event != INTERFACE_ADDED)
		return;
	for (uint32_t w = 0; w < i->engine->n_workers; w++)
		for (unsigned side = 0; side < N_MAC_FILTER_SIDES; side++)
			__atomic_store_n(&all->counters[w][i->index].dropped[side], 0,
					 __ATOMIC_RELAXED);
}

int mac_filters_init(struct engine *e)
{
	struct mac_filters *all = calloc(1, sizeof(*all));
	bool lacks = false;

	if (!all)
		return ERR_NOMEM;
	all->engine = e;
	all->listener.changed = follow;
	interface_listen(e, &all->listener);
	e->module[MODULE_MAC_FILTER] = all;
	for (uint32_t w = 0; w < e->n_workers; w++) {
		all->counters[w] = calloc(INTERFACES_MAX, sizeof(*all->counters[w]));
		lacks |= !all->counters[w];
	}
	if (!lacks)
		return 0;
	mac_filters_deinit(e);
	return ERR_NOMEM;
}

void mac_filters_deinit(struct engine *e)
{
	struct mac_filters *all = mac_filters_of(e);

	if (!all)
		return;
	for (uint32_t n = 1; n < INTERFACES_MAX; n++)
		forget(all, n);
	for (uint32_t w = 0; w < e->n_workers; w++)
		free(all->counters[w]);
	interface_unlisten(&all->listener);
	e->module[MODULE_MAC_FILTER] = NULL;
	free(all);
}

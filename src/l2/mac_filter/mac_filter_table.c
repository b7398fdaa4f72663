/* mac_filter_table.c - a list of addresses becomes a hash. */
#include "l2/mac_filter/mac_filter_table.h"

#include <stdlib.h>

static void put(struct mac_filter_table *t, const struct mac_filter_entry *entry)
{
	uint64_t key = mac_filter_key(&entry->mac);
	uint32_t at = mac_filter_hash(key) & t->mask;

	while (t->slot[at] && ((t->slot[at] ^ key) << (64 - MAC_FILTER_BITS_AT)) != 0)
		at = (at + 1) & t->mask;
	t->slot[at] |= key | mac_filter_bit((enum mac_filter_side)entry->side,
					    (enum mac_filter_action)entry->action);
	t->listed[entry->side] = true;
	t->only_allowed[entry->side] |= entry->action == MAC_FILTER_ALLOW;
}

struct mac_filter_table *mac_filter_table_new_or_null(const struct mac_filter_entry *entries,
						      uint32_t n)
{
	struct mac_filter_table *t;
	uint32_t n_slots = 4;

	while (n_slots < 2 * n)
		n_slots *= 2;
	t = calloc(1, sizeof(*t) + n_slots * sizeof(*t->slot));
	if (!t)
		return NULL;
	t->mask = n_slots - 1;
	for (uint32_t i = 0; i < n; i++)
		put(t, &entries[i]);
	return t;
}

static void free_table(struct rcu_later *later)
{
	free(container_of(later, struct mac_filter_table, later));
}

void mac_filter_table_free_later(struct mac_filter_table *t)
{
	if (t)
		rcu_free_later(&t->later, free_table);
}

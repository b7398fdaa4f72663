/* vlan_table.c - an open-addressed hash of tags, at most half full. */
#include "l2/vlan/vlan_table.h"

#include <stdlib.h>

/*
 * A key: 1, outer TPID, outer VID, inner VID or one of these two:
 */
enum { INNER_NONE = 0x1000, INNER_ANY = 0x1001, INNER_BITS = 13, ID_BITS = 12 };

static uint32_t key_of(uint16_t tpid, uint16_t outer, unsigned inner)
{
	return 1u << 31 | (uint32_t)(tpid == ETHERNET_QINQ) << (INNER_BITS + ID_BITS) |
	       (uint32_t)vlan_id(outer) << INNER_BITS | inner;
}

static uint32_t match_key(const struct vlan_match *m)
{
	unsigned inner = m->kind == VLAN_ANY_INNER ? INNER_ANY : m->n > 1 ? m->id[1] : INNER_NONE;

	return key_of(m->tpid, m->id[0], inner);
}

static uint32_t hash(uint32_t key)
{
	key *= 0x9e3779b1u;
	return key ^ key >> 15;
}

bool vlan_match_equal(const struct vlan_match *a, const struct vlan_match *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == VLAN_UNTAGGED || a->kind == VLAN_REST || match_key(a) == match_key(b);
}

static void add(struct vlan_table *t, const struct vlan_entry *e)
{
	uint32_t at;

	if (e->match.kind == VLAN_UNTAGGED) {
		t->untagged = e->if_index;
	} else if (e->match.kind == VLAN_REST) {
		t->rest = e->if_index;
	} else {
		at = hash(match_key(&e->match)) & t->mask;
		while (t->slot[at].key)
			at = (at + 1) & t->mask;
		t->slot[at] = (struct vlan_slot){ match_key(&e->match), e->if_index };
	}
}

struct vlan_table *vlan_table_new_or_null(const struct vlan_entry *entries, uint32_t n)
{
	uint32_t n_slots = 4;
	struct vlan_table *t;

	while (n_slots < 2 * n)
		n_slots *= 2;
	t = calloc(1, sizeof(*t) + n_slots * sizeof(*t->slot));
	if (!t)
		return NULL;
	t->mask = n_slots - 1;
	for (uint32_t i = 0; i < n; i++)
		add(t, &entries[i]);
	return t;
}

static void forget(uint32_t *place, uint32_t if_index)
{
	if (*place == if_index)
		__atomic_store_n(place, 0, __ATOMIC_RELAXED);
}

void vlan_table_remove(struct vlan_table *t, uint32_t if_index)
{
	forget(&t->untagged, if_index);
	forget(&t->rest, if_index);
	for (uint32_t at = 0; at <= t->mask; at++)
		forget(&t->slot[at].if_index, if_index);
}

static void free_table(struct rcu_later *later)
{
	free(container_of(later, struct vlan_table, later));
}

void vlan_table_free_later(struct vlan_table *t)
{
	rcu_free_later(&t->later, free_table);
}

static inline uint32_t look_up(const struct vlan_table *t, uint32_t key)
{
	for (uint32_t at = hash(key) & t->mask; t->slot[at].key; at = (at + 1) & t->mask)
		if (t->slot[at].key == key)
			return __atomic_load_n(&t->slot[at].if_index, __ATOMIC_RELAXED);
	return 0;
}

uint32_t vlan_table_find(const struct vlan_table *t, const struct vlan_tags *tags)
{
	uint32_t found = 0;

	if (tags->n == 0 || (tags->n == 1 && vlan_id(tags->tci[0]) == VLAN_ID_PRIORITY)) {
		found = __atomic_load_n(&t->untagged, __ATOMIC_RELAXED);
	} else {
		unsigned inner = tags->n > 1 ? vlan_id(tags->tci[1]) : INNER_NONE;

		found = look_up(t, key_of(tags->tpid, tags->tci[0], inner));
		if (!found)
			found = look_up(t, key_of(tags->tpid, tags->tci[0], INNER_ANY));
	}
	return found ? found : __atomic_load_n(&t->rest, __ATOMIC_RELAXED);
}

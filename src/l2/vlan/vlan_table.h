/*
 * vlan_table.h - which subinterface a frame belongs to, by its tags: one table for each parent.
 *
 * The most specific match wins: both tags, the outer tag with any inner one, the rest. A frame
 * without a tag, or with a priority tag (VID 0, IEEE 802.1Q §6.9.1), is for the untagged match. A
 * table is immutable but for removals, so that workers read it while main builds the next.
 */
#ifndef CONVOY_L2_VLAN_TABLE_H
#define CONVOY_L2_VLAN_TABLE_H

#include "engine/rcu.h"
#include "wire/vlan.h"

enum vlan_kind {
	VLAN_EXACT,	/* these tags and no others */
	VLAN_ANY_INNER, /* this outer tag, whatever follows */
	VLAN_UNTAGGED,	/* no tag, or a priority tag */
	VLAN_REST,	/* what no other subinterface of the parent matches */
};

struct vlan_match {
	uint8_t kind;  /* enum vlan_kind */
	uint8_t n;     /* tags that it names: 1 or 2 for VLAN_EXACT, 1 for VLAN_ANY_INNER, else 0 */
	uint16_t tpid; /* of the outer tag: ETHERNET_VLAN or ETHERNET_QINQ */
	uint16_t id[VLAN_TAGS_MAX]; /* outer first */
};

struct vlan_slot {
	uint32_t key;	   /* 0: empty */
	uint32_t if_index; /* atomic; 0 once removed */
};

struct vlan_table {
	uint32_t mask;
	uint32_t untagged, rest; /* atomic; interface indices, 0 for none */
	struct rcu_later later;
	struct vlan_slot slot[];
};

struct vlan_entry {
	struct vlan_match match;
	uint32_t if_index;
};

/* vlan_match_equal - true if both would match the same frames. */
bool vlan_match_equal(const struct vlan_match *a, const struct vlan_match *b);

/* vlan_table_new_or_null - a table of @n entries, no two of them equal; NULL without memory. */
must_check
struct vlan_table *vlan_table_new_or_null(const struct vlan_entry *entries, uint32_t n);

/* vlan_table_remove - forget the interface; workers may read meanwhile. */
void vlan_table_remove(struct vlan_table *t, uint32_t if_index);

/* vlan_table_free_later - free @t, which nobody finds any more, when the workers have gone on. */
void vlan_table_free_later(struct vlan_table *t);

/*
 * vlan_table_find - the interface that frames with these tags belong to, 0 for none.
 * No tags, or a lone priority tag, is the untagged match and else the rest.
 */
uint32_t vlan_table_find(const struct vlan_table *t, const struct vlan_tags *tags);

#endif

/*
 * mac_filter_table.h - the addresses that one interface lists, as workers look them up: an
 * immutable, open-addressed hash, at most half full.
 */
#ifndef CONVOY_L2_MAC_FILTER_TABLE_H
#define CONVOY_L2_MAC_FILTER_TABLE_H

#include "engine/rcu.h"
#include "l2/mac_filter/mac_filter.h"

/* Behind the 48 bits of the address: what it is listed as. */
enum { MAC_FILTER_BITS_AT = 48 };

struct mac_filter_table {
	struct rcu_later later;
	uint32_t mask;
	bool listed[N_MAC_FILTER_SIDES];       /* some address is, on this side */
	bool only_allowed[N_MAC_FILTER_SIDES]; /* what is not listed is dropped */
	uint64_t slot[];		       /* 0: empty */
};

/* mac_filter_table_new_or_null - of @n entries, at least one; NULL without memory. */
must_check
struct mac_filter_table *mac_filter_table_new_or_null(const struct mac_filter_entry *entries,
						      uint32_t n);

/* mac_filter_table_free_later - free @t, if it is one, when the workers have gone on. */
void mac_filter_table_free_later(struct mac_filter_table *t);

static inline uint64_t mac_filter_key(const struct mac *mac)
{
	uint64_t key = 0;

	memcpy(&key, mac->b, sizeof(mac->b));
	return key;
}

static inline uint64_t mac_filter_bit(enum mac_filter_side side, enum mac_filter_action action)
{
	return (uint64_t)1 << (MAC_FILTER_BITS_AT + 2 * side + action);
}

static inline uint32_t mac_filter_hash(uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

/* mac_filter_passes - true unless @mac on @side is to be dropped. */
static inline bool mac_filter_passes(const struct mac_filter_table *t, const struct mac *mac,
				     enum mac_filter_side side)
{
	uint64_t key = mac_filter_key(mac), bits = 0;

	if (!t->listed[side])
		return true;
	for (uint32_t at = mac_filter_hash(key) & t->mask; t->slot[at]; at = (at + 1) & t->mask) {
		if (((t->slot[at] ^ key) << (64 - MAC_FILTER_BITS_AT)) == 0) {
			bits = t->slot[at];
			break;
		}
	}
	if (bits & mac_filter_bit(side, MAC_FILTER_DENY))
		return false;
	return !t->only_allowed[side] || (bits & mac_filter_bit(side, MAC_FILTER_ALLOW)) ||
	       (side == MAC_FILTER_DESTINATION && mac_is_group(mac));
}

#endif

/* mac_filter_private.h - between the files of this folder. */
#ifndef CONVOY_L2_MAC_FILTER_PRIVATE_H
#define CONVOY_L2_MAC_FILTER_PRIVATE_H

#include "l2/mac_filter/mac_filter_table.h"

/* The list as main keeps it. */
struct mac_filter {
	struct mac_filter_entry *entry;
	uint32_t n, room;
};

/* What lists have dropped; one worker's. */
struct mac_filter_counters {
	uint64_t dropped[N_MAC_FILTER_SIDES];
};

struct mac_filters {
	struct engine *engine;
	struct interface_listener listener;
	struct mac_filter_table *table[INTERFACES_MAX];	   /* published; NULL: no list */
	struct mac_filter list[INTERFACES_MAX];		   /* main's */
	struct mac_filter_counters *counters[WORKERS_MAX]; /* [INTERFACES_MAX] each */
};

static inline struct mac_filters *mac_filters_of(const struct engine *e)
{
	return e->module[MODULE_MAC_FILTER];
}

#endif

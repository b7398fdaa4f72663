/* vlan_private.h - between the files of this folder. */
#ifndef CONVOY_L2_VLAN_PRIVATE_H
#define CONVOY_L2_VLAN_PRIVATE_H

#include "l2/vlan/vlan.h"

struct vlans {
	struct engine *engine;
	struct interface_listener listener;
	uint16_t input_node;
	struct vlan_table *table[INTERFACES_MAX]; /* of parents; published, NULL without children */
	struct list children[INTERFACES_MAX];	  /* main's: vlan.link */
};

static inline struct vlans *vlans_of(const struct engine *e)
{
	return e->module[MODULE_VLAN];
}

extern const struct interface_driver vlan_driver;

#endif

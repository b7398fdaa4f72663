/* xconnect_private.h - between the files of this folder. */
#ifndef CONVOY_L2_XCONNECT_PRIVATE_H
#define CONVOY_L2_XCONNECT_PRIVATE_H

#include "l2/xconnect/xconnect.h"

struct xconnects {
	struct engine *engine;
	struct interface_listener listener;
	uint16_t node;
	uint32_t peer[INTERFACES_MAX]; /* atomic; interface index, 0 for none */
};

static inline struct xconnects *xconnects_of(const struct engine *e)
{
	return e->module[MODULE_XCONNECT];
}

#endif

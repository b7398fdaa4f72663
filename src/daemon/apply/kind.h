/* kind.h - the kinds of objects that net.yaml asks for, and what can be done with each. */
#ifndef CONVOY_DAEMON_APPLY_KIND_H
#define CONVOY_DAEMON_APPLY_KIND_H

#include "control/config_tree.h"
#include "daemon/apply/plan.h"

struct convoyd;
struct net_config;

struct apply_kind {
	const char *name; /* "address" */
	unsigned rank;	  /* place in the order of creation */
	bool is_interface;
	/* Add what is there and net.yaml could have asked for. */
	int (*list_running)(struct convoyd *d, struct apply_list *out);
	/* Add what @config asks for. */
	int (*list_wanted)(const struct net_config *config, struct apply_list *out);
	/*
	 * Make it, or take it away. They fail with an enum err and the reason in @error, and then
	 * nothing has changed.
	 */
	int (*create)(struct convoyd *d, const struct apply_item *item, struct config_error *error);
	int (*remove)(struct convoyd *d, const struct apply_item *item, struct config_error *error);
	/*
	 * Turn one into the other in place; @can_change says beforehand whether that is possible.
	 * NULL: it is always replaced.
	 */
	bool (*can_change)(const struct apply_item *from, const struct apply_item *to);
	int (*change)(struct convoyd *d, const struct apply_item *from, const struct apply_item *to,
		      struct config_error *error);
};

extern const struct apply_kind apply_interface_kind;
extern const struct apply_kind apply_address_kind;
extern const struct apply_kind apply_route_kind;

#endif

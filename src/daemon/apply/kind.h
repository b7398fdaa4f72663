/* kind.h - the kinds of objects that net.yaml asks for, and what can be done with each. */
#ifndef CONVOY_DAEMON_APPLY_KIND_H
#define CONVOY_DAEMON_APPLY_KIND_H

#include "control/config_tree.h"
#include "daemon/apply/plan.h"

struct convoyd;
struct net_file;

struct apply_kind {
	const char *name; /* "address" */
	unsigned rank;	  /* place in the order of creation */
	bool is_interface;
	/* Others may come to belong to it, or leave it, in place: it is there before and after. */
	bool is_domain;
	/* Add what is there and net.yaml could have asked for. */
	int (*list_running)(struct convoyd *d, struct apply_list *out);
	/* Add what @file asks for. */
	int (*list_wanted)(struct net_file *file, struct apply_list *out);
	/* The object of @item is needed no more; NULL when nothing is held by it. */
	void (*release)(const struct apply_item *item);
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
	/*
	 * When all steps are done: is the wanted object @item as it has to be? NULL: it always is.
	 * An enum err with the reason in @error undoes all of it.
	 */
	int (*check)(struct convoyd *d, const struct apply_item *item, struct config_error *error);
};

/* apply_fail - config_fail() at the item's place in the file, or without a place if it has none. */
void apply_fail(struct config_error *error, const struct apply_item *item, const char *format, ...)
	printf_like(3, 4);

extern const struct apply_kind apply_bridge_kind;
extern const struct apply_kind apply_vrf_kind;
extern const struct apply_kind apply_interface_kind;
extern const struct apply_kind apply_address_kind;
extern const struct apply_kind apply_route_kind;
extern const struct apply_kind apply_neighbor_kind;
extern const struct apply_kind apply_port_kind;
extern const struct apply_kind apply_mac_kind;
extern const struct apply_kind apply_xconnect_kind;
extern const struct apply_kind apply_answer_kind;
extern const struct apply_kind apply_mac_filter_kind;

#endif

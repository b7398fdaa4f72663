/*
 * vlan.h - subinterfaces: the frames of one VLAN of a parent as an interface of their own.
 *
 *   parent's frames ──> vlan-input: whose tags? ── tags off ──> the subinterface's input_node
 *   subinterface's frames ──> vlan-tx ── tags on ──> the parent's interface-output
 *
 * A subinterface has its own counters, features, addresses, MTU and up state; it is a port of a
 * bridge or a cross-connect like any other interface. Frames inside carry no tag, or, for l2, those
 * of @inside: the tags of the wire become those on the way in, and they become the tags of the wire
 * on the way out. That is all of push, pop and translation: a frame with n tags outside has
 * m inside.
 */
#ifndef CONVOY_L2_VLAN_H
#define CONVOY_L2_VLAN_H

#include "engine/engine.h"
#include "l2/vlan/vlan_table.h"

struct command_table;

/* Tags that frames carry inside: see vlan_create(). */
struct vlan_inside {
	uint8_t n;
	struct vlan_tag tag[VLAN_TAGS_MAX]; /* outer first; the priority is the frame's own */
};

struct vlan_config {
	const char *name;
	const char *parent;
	struct vlan_match match;
	struct vlan_inside inside;
	uint32_t mtu_bytes; /* 0: the parent's */
};

/* What hangs at the interface's `device`; does not change. */
struct vlan {
	struct vlan_match match;
	struct vlan_inside inside, outside;
	uint32_t parent; /* interface index */
	struct interface *interface;
	struct list link; /* siblings */
	bool has_mtu;	  /* one of its own; else it has the parent's */
};

/* vlan_follow_mtu - main: do without an MTU of its own: have the parent's from now on. As
 * interface_set_mtu(). */
must_check
int vlan_follow_mtu(struct interface *i, char *why, size_t room);

/* vlan_init - main, before the workers start; ERR_NOMEM, ERR_NOENT without the nodes. */
must_check
int vlan_init(struct engine *e);
/* vlan_deinit - after the workers have stopped. */
void vlan_deinit(struct engine *e);

/*
 * vlan_create - main: a subinterface, administratively down; interface_remove() ends it, and so
 * does the removal of its parent.
 * On failure nothing has changed and @why says why: ERR_NOENT (no such parent), ERR_INVAL (a
 * VID out of range, a parent that is itself a subinterface, an MTU above the parent's), ERR_EXIST
 * (the name, or the tags), ERR_FULL, ERR_NOMEM.
 */
must_check
int vlan_create(struct engine *e, const struct vlan_config *config, struct interface **out,
		char *why, size_t room);

/* vlan_of_or_null - what @i is, if it is a subinterface. */
const struct vlan *vlan_of_or_null(const struct interface *i);

/*
 * vlan_match_from_text - read "100", "100.200", "100.any", each also behind "802.1ad " or
 * "802.1q ", "untagged" or "rest". ERR_FORMAT for anything else; ranges are vlan_create()'s.
 */
must_check
int vlan_match_from_text(const char *text, struct vlan_match *out);

/* vlan_inside_from_text - "none", or one or two exact tags in the form above. ERR_FORMAT. */
must_check
int vlan_inside_from_text(const char *text, struct vlan_inside *out);

/* vlan_inside_of - the tags that @m names. */
struct vlan_inside vlan_inside_of(const struct vlan_match *m);

/* The same forms, appended. */
void vlan_print_match(struct writer *w, const struct vlan_match *m);
void vlan_print_inside(struct writer *w, const struct vlan_inside *inside);

/* vlan_cli_register - `vlan add`, `vlan delete`, `show vlans`. ERR_NOMEM. */
must_check
int vlan_cli_register(struct command_table *table, struct engine *e);

/* For daemon/modules.c. */
extern const struct node_type vlan_input_node;
extern const struct node_type vlan_tx_node;

#endif

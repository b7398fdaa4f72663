/*
 * mac_filter.h - lists of MAC addresses that may, or may not, send by an interface.
 *
 *   driver, vlan-input, … ──> [device-input: mac-filter] ──> the interface's input_node
 *                                  └──> drop
 *
 * An interface of any kind may have a list, a port of l2 too. An address is listed as a source, a
 * destination or both, and allowed or denied as each. What is denied is dropped. Once some source
 * is allowed, every other source is dropped; the same for destinations, but that frames to a group
 * pass unless their address is denied. Without a list the node is not on the way of any frame.
 */
#ifndef CONVOY_L2_MAC_FILTER_H
#define CONVOY_L2_MAC_FILTER_H

#include "engine/engine.h"
#include "wire/ethernet.h"

struct command_table;

enum {
	MAC_FILTER_MAX = 4096, /* entries of one interface */
};

enum mac_filter_side { MAC_FILTER_SOURCE, MAC_FILTER_DESTINATION, N_MAC_FILTER_SIDES };
enum mac_filter_action { MAC_FILTER_ALLOW, MAC_FILTER_DENY };

/* One listed address. */
struct mac_filter_entry {
	struct mac mac;
	uint8_t side;	/* enum mac_filter_side */
	uint8_t action; /* enum mac_filter_action */
};

/* mac_filters_init - main, before the workers start; ERR_NOMEM. */
must_check
int mac_filters_init(struct engine *e);
/* mac_filters_deinit - after the workers have stopped. */
void mac_filters_deinit(struct engine *e);

/*
 * mac_filter_add - main: list an address; the removal of the interface forgets it. ERR_INVAL (zero,
 * or a group as source, which no frame may have), ERR_EXIST (it is listed on this side),
 * ERR_FULL, ERR_NOMEM, ERR_NOENT (the feature is not in the graph). A failure changes nothing.
 */
must_check
int mac_filter_add(const struct interface *i, const struct mac_filter_entry *entry);

/* mac_filter_delete - main: list it no more, whatever the action. ERR_NOENT, ERR_NOMEM. */
must_check
int mac_filter_delete(const struct interface *i, const struct mac *mac, enum mac_filter_side side);

/* mac_filter_list - main: the entries of @i in the order of being added; *@n of them. */
const struct mac_filter_entry *mac_filter_list(const struct interface *i, uint32_t *n);

/* mac_filter_dropped - main: frames that @i's list has dropped, by the side that did. */
uint64_t mac_filter_dropped(const struct interface *i, enum mac_filter_side side);

/* "source", "allow" and back; enum values, or ERR_FORMAT. */
const char *mac_filter_side_name(enum mac_filter_side side);
const char *mac_filter_action_name(enum mac_filter_action action);
must_check
int mac_filter_side_from_text(const char *text);
must_check
int mac_filter_action_from_text(const char *text);

/* mac_filter_cli_register - `mac-filter add`, `mac-filter delete`, `show mac-filters`. ERR_NOMEM.
 */
must_check
int mac_filter_cli_register(struct command_table *table, struct engine *e);

/* For daemon/modules.c. */
extern const struct node_type mac_filter_node;

#endif

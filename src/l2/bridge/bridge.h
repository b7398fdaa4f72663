/*
 * bridge.h - bridge domains: ports among which frames go by MAC address. IEEE 802.1Q §8.
 *
 *   port's input_node ──> bridge-input: learn the source, look the destination up
 *        ├── known ──────────────────────────> [l2-output] ──> the port's transmit
 *        ├── known as the BVI's ─────────────> the BVI's input_node: ethernet-input, l3
 *        └── unknown, broadcast, multicast ──> bridge-flood; bridge-answer before it, if asked for
 *
 * Ports are interfaces of any kind, subinterfaces too; while one is a port it is no interface of
 * l3. The bridge has one that is: its BVI, an interface whose link is the bridge domain.
 *
 * Everything here is main's. A call that fails has changed nothing.
 */
#ifndef CONVOY_L2_BRIDGE_H
#define CONVOY_L2_BRIDGE_H

#include "engine/engine.h"
#include "wire/ethernet.h"

enum {
	BRIDGES_MAX = 4096, /* indices; 0 is none */
	BRIDGE_NAME_MAX = 32,
	BRIDGE_AGE_DEFAULT_S = 300, /* IEEE 802.1Q table 8-6 */
	BRIDGE_AGE_MAX_S = 30000,
	BRIDGE_MOVES_MAX = 5,		  /* of one MAC in about a second; more are not believed */
	BRIDGE_TICK_NS = 100 * NS_PER_MS, /* between two calls of bridge_tick() */
};

struct bridge;
struct command_table;

/* What an operator chooses. */
struct bridge_config {
	bool no_learn;
	bool drop_unknown, drop_broadcast, drop_multicast; /* instead of flooding */
	bool answer;	     /* ARP and ND from what is known: answer.h */
	uint32_t age_s;	     /* of learnt MACs that are not seen; 0: they stay */
	uint32_t macs_limit; /* learnt at once; 0: as many as the table holds */
};

struct bridge_port_config {
	uint16_t split_horizon; /* ports of one group, not 0, do not hear each other */
	bool no_learn;
	uint32_t macs_limit; /* learnt behind this port; 0: no limit of its own */
};

/* bridge_init - before the workers start; ERR_NOMEM, ERR_NOENT without the nodes. */
must_check
int bridge_init(struct engine *e);
/* bridge_deinit - after the workers have stopped. */
void bridge_deinit(struct engine *e);

/* bridge_tick - every BRIDGE_TICK_NS: sweep out what is too old or flushed. */
void bridge_tick(struct engine *e, uint64_t now_ns);

/*
 * bridge_create - a bridge without ports. ERR_EXIST, ERR_INVAL (name empty, too long or with
 * spaces, age above the limit), ERR_FULL, ERR_NOMEM.
 */
must_check
int bridge_create(struct engine *e, const char *name, const struct bridge_config *config,
		  struct bridge **out);

/* bridge_change - other choices for an existing one. ERR_INVAL. */
must_check
int bridge_change(struct bridge *b, const struct bridge_config *config);

/* bridge_delete - ports become interfaces of l3 again, the BVI is removed. */
void bridge_delete(struct bridge *b);

struct bridge *bridge_by_name_or_null(const struct engine *e, const char *name);

/* bridge_next_or_null - the bridge after @b, the first one for NULL. */
struct bridge *bridge_next_or_null(const struct engine *e, const struct bridge *b);

const char *bridge_name(const struct bridge *b);
const struct bridge_config *bridge_config_of(const struct bridge *b);

/*
 * bridge_add_port - ERR_BUSY (it is a port of l2 already), ERR_UNSUPPORTED (ip_only), ERR_INVAL (a
 * BVI), ERR_NOMEM, ERR_NOENT (the offload feature is missing). The removal of the interface takes
 * it out.
 */
must_check
int bridge_add_port(struct bridge *b, struct interface *i, const struct bridge_port_config *config);

/* bridge_change_port - ERR_NOENT: it is no port; ERR_NOMEM. */
must_check
int bridge_change_port(struct interface *i, const struct bridge_port_config *config);

/* bridge_remove_port - ERR_NOENT; ERR_INVAL for a BVI, whose interface is removed instead. */
must_check
int bridge_remove_port(struct interface *i);

/*
 * bridge_create_bvi - the routed interface of @b, administratively down; interface_remove() ends
 * it.
 * @mac: NULL for a random one; @mtu_bytes: 0 for 1500
 * ERR_BUSY (it has one), and those of interface_add(); ERR_FULL also where the MAC table has no
 * place for its address.
 */
must_check
int bridge_create_bvi(struct bridge *b, const char *name, const uint8_t *mac, uint32_t mtu_bytes,
		      struct interface **out);

/* bridge_of_port_or_null - the bridge that @i is a port or the BVI of. */
struct bridge *bridge_of_port_or_null(const struct interface *i);

/* bridge_port_config_or_null - what was chosen for the port @i; NULL for a BVI too. */
const struct bridge_port_config *bridge_port_config_or_null(const struct interface *i);

/* --- MAC addresses --- */

/*
 * bridge_add_mac - fix @mac behind the port @i, or, with @i NULL, drop all frames from and to it.
 * Replaces what was learnt or fixed. ERR_INVAL (a group address, zero, a BVI's), ERR_NOENT (@i is
 * no port of @b), ERR_FULL, ERR_NOMEM.
 */
must_check
int bridge_add_mac(struct bridge *b, const struct mac *mac, const struct interface *i);

/* bridge_delete_mac - forget it, fixed or learnt. ERR_NOENT; ERR_INVAL for a BVI's. */
must_check
int bridge_delete_mac(struct bridge *b, const struct mac *mac);

/*
 * bridge_walk_fixed - each fixed address but the BVI's, with the interface that it is behind, 0 for
 * a filter; until @visit returns false.
 */
void bridge_walk_fixed(const struct bridge *b,
		       bool (*visit)(const struct bridge *b, const struct mac *mac,
				     uint32_t if_index, void *context),
		       void *context);

/*
 * Forget what was learnt, at once, however much it is: the work does not depend on the number of
 * addresses. Fixed ones stay.
 */
void bridge_flush(struct bridge *b);
void bridge_flush_port(const struct interface *i);

/* bridge_cli_register - `bridge …`, `mac …`, `show bridges`, `show macs`. ERR_NOMEM. */
must_check
int bridge_cli_register(struct command_table *table, struct engine *e);

/* For daemon/modules.c. */
extern const struct node_type bridge_input_node;
extern const struct node_type bridge_flood_node;
extern const struct node_type bvi_tx_node;

#endif

/* net_config_l2.h - what net.yaml says about bridges and cross-connects. */
#ifndef CONVOY_DAEMON_NET_CONFIG_L2_H
#define CONVOY_DAEMON_NET_CONFIG_L2_H

#include "control/config_tree.h"
#include "l2/bridge/bridge.h"
#include "l2/mac_filter/mac_filter.h"
#include "wire/ip_prefix.h"

struct net_bridge_port {
	const char *interface;
	const struct config_node *at;
	bool learn;
	uint32_t split_horizon;
	struct bridge_port_config config;
};

struct net_bridge_mac {
	struct mac mac;
	const struct config_node *at;
	const char *interface; /* NULL: a filter */
	bool filter;
};

/* Who has an address, for a bridge that answers ARP and ND. */
struct net_bridge_answer {
	struct ip6_addr addr; /* IPv4: mapped */
	struct mac mac;
	const struct config_node *at;
};

struct net_bridge {
	const char *name;
	const struct config_node *at;
	bool learn, flood_unknown, flood_broadcast, flood_multicast;
	uint64_t age_ns;
	struct bridge_config config;
	const struct net_bridge_port *ports;
	uint32_t n_ports;
	const struct net_bridge_mac *macs;
	uint32_t n_macs;
	const struct net_bridge_answer *answers;
	uint32_t n_answers;
};

struct net_xconnect {
	const char *const *ports;
	uint32_t n_ports; /* 2 */
	const struct config_node *at;
};

/* A MAC address that an interface allows or denies. */
struct net_mac_filter {
	const char *interface;
	const struct config_node *at;
	uint32_t action; /* enum mac_filter_action */
	struct mac_filter_entry entry;
};

/* "bvi" of an interface. */
struct net_bvi {
	const char *bridge;
};

#endif

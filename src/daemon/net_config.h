/*
 * net_config.h - what net.yaml says, checked and typed. docs/operate.md is its manual.
 * Each item keeps its place in the file (@at), for what only shows when it is carried out.
 */
#ifndef CONVOY_DAEMON_NET_CONFIG_H
#define CONVOY_DAEMON_NET_CONFIG_H

#include "base/arena.h"
#include "control/config_tree.h"
#include "daemon/net_config_l2.h"
#include "drivers/af_packet/af_packet.h"
#include "drivers/af_xdp/af_xdp.h"
#include "drivers/dpdk/dpdk.h"
#include "drivers/generator/generator.h"
#include "drivers/memif/memif.h"
#include "drivers/pcap/pcap_interface.h"
#include "drivers/tap/tap.h"
#include "l2/vlan/vlan.h"
#include "l3/ip6/advertise.h"
#include "wire/ethernet.h"
#include "wire/ip_prefix.h"

enum net_interface_kind {
	NET_NO_KIND,
	NET_TAP,
	NET_LOOP,
	NET_MEMIF,
	NET_GENERATOR,
	NET_SINK,
	NET_AF_PACKET,
	NET_VLAN,
	NET_AF_XDP,
	NET_BVI,
	NET_PCAP,
	NET_DPDK
};

/* A prefix that routers tell hosts of. */
struct net_ip6_prefix {
	struct ip6_prefix prefix;
	uint32_t valid_s, preferred_s;
	bool on_link, autonomous;
};

/* l3/ip6/advertise.h has the meaning of all of it. */
struct net_ip6_advertise {
	uint64_t lifetime_ns, interval_ns, reachable_ns, retransmit_ns;
	uint32_t hop_limit, mtu_bytes;
	bool managed, other;
	uint8_t n_servers;
	struct ip6_addr server[ND_SERVERS_MAX];
	const struct net_ip6_prefix *prefixes;
	uint32_t n_prefixes; /* 0: those of the interface's addresses */
};

/* How an interface does IPv6. */
struct net_ip6 {
	bool is_given; /* IPv6 is on even without an address */
	bool autoconf;
	uint8_t interface_id; /* enum ip6_interface_id */
	uint32_t duplicate_checks;
	const struct net_ip6_advertise *advertise; /* NULL: does not */
};

struct net_interface {
	const char *name;
	const struct config_node *at;
	uint8_t kind; /* enum net_interface_kind */
	bool down;    /* leave it administratively down */
	bool has_mac;
	struct mac mac;
	uint32_t mtu_bytes;		   /* 0: the driver's own default */
	const uint32_t *workers;	   /* who serves its queues, in their order */
	uint32_t n_workers;		   /* 0: as the engine places them */
	bool spread;			   /* share its flows among all workers */
	const char *vrf;		   /* NULL: the default one */
	uint8_t rpf;			   /* enum rpf_mode */
	bool no_redirects;		   /* tell nobody of better first hops */
	const struct ip_prefix *addresses; /* the interface's own, with the length of its net */
	uint32_t n_addresses;
	const struct ip_prefix *proxies; /* hosts that it answers for */
	uint32_t n_proxies;
	const char *unnumbered; /* the interface whose IPv4 addresses it uses; NULL: none */
	struct net_ip6 ip6;
	struct tap_config tap;
	struct memif_config memif;
	struct generator_config generator;
	struct af_packet_config af_packet;
	struct vlan_config vlan;
	struct af_xdp_config af_xdp;
	struct net_bvi bvi;
	struct pcap_config pcap;
	struct dpdk_config dpdk;
};

/* One of several next hops of a route. */
struct net_route_hop {
	bool has_via;
	const struct config_node *at;
	struct ip6_addr via;   /* of the family of the route */
	const char *interface; /* NULL: the one whose network holds @via */
	const char *vrf;       /* that the next hop is in; NULL: the route's */
	uint32_t weight;
};

struct net_route {
	struct ip_prefix to;
	const struct config_node *at;
	struct net_route_hop hop; /* "via" and "interface" of the route itself */
	const struct net_route_hop *hops;
	uint32_t n_hops;
	bool resilient; /* flows stay when next hops come and go */
	bool blackhole, prohibit, unreachable;
	const char *vrf;    /* that it is in; NULL: the default one */
	const char *lookup; /* VRF in which the destination is looked up; NULL: none */
};

/* A neighbour whose link address is fixed. */
struct net_neighbor {
	const char *interface;
	const struct config_node *at;
	struct ip6_addr addr; /* IPv4 in the mapped form */
	struct mac mac;
};

/* What an application names when it attaches. */
struct net_namespace {
	const char *name;
	uint64_t secret; /* 0: none is asked for */
};

/* The applications' socket is open to all: who may attach is for namespaces and secrets to say. */
enum { NET_APPS_SOCKET_MODE = 0666 };

/* Programs that use the stack. */
struct net_apps {
	uint32_t socket_mode;
	const struct net_namespace *namespaces;
	uint32_t n_namespaces; /* 0: one, with the name "" and without a secret */
};

struct net_config {
	uint32_t n_workers;
	uint32_t n_buffers;
	bool shared_buffers; /* in memory that others can map: zero copy of memif */
	uint64_t spin_ns;    /* how long an idle worker polls before it sleeps */
	struct dpdk_settings dpdk;
	const struct net_interface *interfaces;
	uint32_t n_interfaces;
	const struct net_neighbor *neighbors;
	uint32_t n_neighbors;
	const char *const *vrfs;
	uint32_t n_vrfs;
	const struct net_bridge *bridges;
	uint32_t n_bridges;
	const struct net_xconnect *xconnects;
	uint32_t n_xconnects;
	const struct net_mac_filter *mac_filters;
	uint32_t n_mac_filters;
	const struct net_route *routes;
	uint32_t n_routes;
	struct net_apps apps;
};

/*
 * net_config_decode - check the tree at @root and give its values their types; everything lives in
 * @a. Returns 0 or an error with its line in @error. Nothing outside @a is touched.
 */
must_check
int net_config_decode(struct arena *a, const struct config_node *root, struct config_error *error,
		      const struct net_config **out);

#endif

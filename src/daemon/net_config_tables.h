/* net_config_tables.h - between the files that decode net.yaml. */
#ifndef CONVOY_DAEMON_NET_CONFIG_TABLES_H
#define CONVOY_DAEMON_NET_CONFIG_TABLES_H

#include "control/config_decode.h"
#include "wire/ip_prefix.h"

struct net_config;

/* "apps": struct net_apps. */
extern const struct config_message net_apps_message;

/* "af_packet" of an interface: struct af_packet_config. */
extern const struct config_message net_af_packet_message;

/* "af_xdp" of an interface: struct af_xdp_config. */
extern const struct config_message net_af_xdp_message;

/* "dpdk" of an interface: struct dpdk_config; "dpdk" of the whole: struct dpdk_settings. */
extern const struct config_message net_dpdk_message;
extern const struct config_message net_dpdk_settings_message;

/* "pcap" of an interface: struct pcap_config. */
extern const struct config_message net_pcap_message;

/* "generator" of an interface: struct generator_config. */
extern const struct config_message net_generator_message;

/* "ipv6" of an interface: struct net_ip6. */
extern const struct config_message net_ip6_message;

/* One item of "interfaces": struct net_interface. */
extern const struct config_message net_interface_message;

/* The whole: struct net_config. */
extern const struct config_message net_message;

/* net_take_rpf - "rpf" of an interface: strict, loose or off. */
must_check
int net_take_rpf(struct config_decoder *d, const struct config_node *n, void *holder);

/* net_check_vrfs - the names of VRFs, and who uses them. @n: the whole file. */
struct net_config;
must_check
int net_check_vrfs(struct config_decoder *d, const struct net_config *c,
		   const struct config_node *n);

/* net_check_routes - do routes name interfaces that are there? ERR_INVAL. */
must_check
int net_check_routes(struct config_decoder *d, const struct net_config *c);

/* One item of "neighbors": struct net_neighbor; do they name interfaces that are there? */
extern const struct config_message net_neighbor_message;
must_check
int net_check_neighbors(struct config_decoder *d, const struct net_config *c);

/* net_take_station - the MAC address of a single station; net_take_addr - an address of a host. */
struct mac;
must_check
int net_take_station(struct config_decoder *d, const struct config_node *n, struct mac *out);
must_check
int net_take_addr(struct config_decoder *d, const struct config_node *n, struct ip6_addr *out);

/* One item of "routes": struct net_route. */
extern const struct config_message net_route_message;

/* "vlan" of an interface: struct vlan_config. */
extern const struct config_message net_vlan_message;

/* "bvi" of an interface: struct net_bvi; one item of "bridges", of "xconnects" and of
 * "mac_filters".
 */
extern const struct config_message net_bvi_message;
extern const struct config_message net_bridge_message;
extern const struct config_message net_xconnect_message;
extern const struct config_message net_mac_filter_message;

/* net_take_mac - "02:00:00:00:00:01", of a station or a group. ERR_INVAL with the error set. */
must_check
int net_take_mac(struct config_decoder *d, const struct config_node *n, struct mac *out);

/* net_check_l2 - do subinterfaces, bridges and cross-connects name what there is? ERR_INVAL. */
must_check
int net_check_l2(struct config_decoder *d, const struct net_config *c);

/* net_check_name - of the object @n, which has "name": base/name.h. ERR_INVAL with the error set.
 */
must_check
int net_check_name(struct config_decoder *d, const struct config_node *n, const char *name,
		   size_t room);

/* net_take_prefix - "10.0.0.1/24" or "2001:db8::1/64". ERR_INVAL with the error set. */
must_check
int net_take_prefix(struct config_decoder *d, const struct config_node *n, struct ip_prefix *out);

#endif

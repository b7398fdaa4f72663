/*
 * modules.c - everything that convoyd is made of: its modules in boot order, the nodes of its
 * graph, its feature arcs. Nothing registers itself: what is not in a table here does not run.
 */
#include "daemon/modules.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "daemon/convoyd.h"
#include "daemon/parts.h"
#include "drivers/af_packet/af_packet.h"
#include "drivers/af_xdp/af_xdp.h"
#include "drivers/dpdk/dpdk.h"
#include "drivers/generator/generator.h"
#include "drivers/loop/loop.h"
#include "drivers/memif/memif.h"
#include "drivers/pcap/pcap_interface.h"
#include "drivers/tap/tap.h"
#include "engine/engine.h"
#include "functions/capture/capture.h"
#include "functions/impair/impair.h"
#include "functions/offload/offload.h"
#include "functions/spread/spread.h"
#include "l2/bridge/answer.h"
#include "l2/bridge/bridge.h"
#include "l2/ethernet/ethernet.h"
#include "l2/mac_filter/mac_filter.h"
#include "l2/vlan/vlan.h"
#include "l2/xconnect/xconnect.h"
#include "l3/icmp/icmp.h"
#include "l3/icmp/icmp6.h"
#include "l3/ip4/ip4.h"
#include "l3/ip6/ip6.h"
#include "l3/mld/mld.h"
#include "l3/neighbor/neighbor.h"
#include "l3/probe/probe.h"
#include "l3/reassembly/reassembly.h"
#include "l3/rpf/rpf.h"
#include "session/session_worker.h"
#include "transport/tcp/tcp.h"

static const struct {
	const char *name;
	int (*init)(struct convoyd *d);
	void (*deinit)(struct convoyd *d); /* NULL: nothing to undo */
} modules[] = {
	{ "commands", part_commands_init, part_commands_deinit },
	{ "engine", part_engine_init, part_engine_deinit },
	{ "functions", part_functions_init, part_functions_deinit },
	{ "l2", part_l2_init, part_l2_deinit },
	{ "ip", part_ip_init, part_ip_deinit },
	{ "interfaces", part_interfaces_init, part_interfaces_deinit },
	{ "tcp", part_tcp_init, part_tcp_deinit },
	{ "sessions", part_sessions_init, part_sessions_deinit },
	{ "workers", part_workers_init, part_workers_deinit },
	{ "control", part_control_init, part_control_deinit }, /* who asks finds all of it there */
};

/* clang-format off: one a line */
const struct node_type *const modules_nodes[] = {
	/* engine */
	&drop_node,
	&handoff_node,
	&interface_output_node,
	/* drivers */
	&af_packet_input_node,
	&af_packet_tx_node,
	&af_xdp_input_node,
	&af_xdp_tx_node,
	&dpdk_input_node,
	&dpdk_tx_node,
	&generator_input_node,
	&loop_tx_node,
	&memif_input_node,
	&memif_tx_node,
	&sink_tx_node,
	&pcap_input_node,
	&pcap_tx_node,
	&tap_input_node,
	&tap_tx_node,
	/* functions */
	&capture_in_node,
	&capture_out_node,
	&gro_node,
	&impair_in_node,
	&impair_out_node,
	&offload_node,
	&spread_node,
	&wire_input_node,
	/* l2 */
	&bridge_answer_node,
	&bridge_flood_node,
	&bridge_input_node,
	&bvi_tx_node,
	&ethernet_input_node,
	&l2_input_node,
	&vlan_input_node,
	&vlan_tx_node,
	&xconnect_node,
	&mac_filter_node,
	/* l3 */
	&arp_input_node,
	&icmp4_error_node,
	&icmp4_input_node,
	&icmp6_error_node,
	&icmp6_input_node,
	&ip4_deliver_node,
	&ip4_fragment_node,
	&ip4_hold_node,
	&ip4_input_node,
	&ip4_local_node,
	&ip4_lookup_node,
	&ip4_options_node,
	&ip4_reassembly_node,
	&ip4_rewrite_node,
	&ip4_rpf_node,
	&ip6_deliver_node,
	&ip6_fragment_node,
	&ip6_hold_node,
	&ip6_hop_by_hop_node,
	&ip6_input_node,
	&ip6_local_node,
	&ip6_lookup_node,
	&ip6_reassembly_node,
	&ip6_rewrite_node,
	&ip6_rpf_node,
	&mld_input_node,
	&nd_input_node,
	&probe_error_node,
	&probe_reply_node,
	/* session */
	&session_input_node,
	/* transport */
	&tcp4_error_node,
	&tcp4_input_node,
	&tcp4_output_node,
};
/* clang-format on */
const unsigned modules_n_nodes = count_of(modules_nodes);

/* In the order in which packets visit them; feature.h says between which nodes each arc lies. */
static const char *const device_input_features[] = { "capture-in", "wire-input", "impair-in",
						     "mac-filter", "spread",	 "gro" };
static const struct feature_arc device_input_arc = {
	.id = ARC_DEVICE_INPUT,
	.name = "device-input",
	.side = ARC_RX,
	.nodes = device_input_features,
	.n_nodes = count_of(device_input_features),
	.end = "ethernet-input",
};

/* ip4-input ──> ip4-lookup: nothing can be enabled there yet. */
static const char *const ip4_unicast_features[] = { "ip4-rpf" };
static const struct feature_arc ip4_unicast_arc = {
	.id = ARC_IP4_UNICAST,
	.name = "ip4-unicast",
	.side = ARC_RX,
	.nodes = ip4_unicast_features,
	.n_nodes = count_of(ip4_unicast_features),
	.end = "ip4-lookup",
};

static const struct feature_arc ip4_output_arc = {
	.id = ARC_IP4_OUTPUT,
	.name = "ip4-output",
	.side = ARC_TX,
	.end = "interface-output",
};

static const struct feature_arc ip4_local_arc = {
	.id = ARC_IP4_LOCAL,
	.name = "ip4-local",
	.side = ARC_RX,
	.end = "ip4-deliver",
};

/* The same for IPv6. */
static const char *const ip6_unicast_features[] = { "ip6-rpf" };
static const struct feature_arc ip6_unicast_arc = {
	.id = ARC_IP6_UNICAST,
	.name = "ip6-unicast",
	.side = ARC_RX,
	.nodes = ip6_unicast_features,
	.n_nodes = count_of(ip6_unicast_features),
	.end = "ip6-lookup",
};

static const struct feature_arc ip6_output_arc = {
	.id = ARC_IP6_OUTPUT,
	.name = "ip6-output",
	.side = ARC_TX,
	.end = "interface-output",
};

static const struct feature_arc ip6_local_arc = {
	.id = ARC_IP6_LOCAL,
	.name = "ip6-local",
	.side = ARC_RX,
	.end = "ip6-deliver",
};

/* Nothing can be enabled on the way through l2 yet. */
static const struct feature_arc l2_input_arc = {
	.id = ARC_L2_INPUT,
	.name = "l2-input",
	.side = ARC_RX,
};

static const struct feature_arc l2_output_arc = {
	.id = ARC_L2_OUTPUT,
	.name = "l2-output",
	.side = ARC_TX,
	.end = "interface-output",
};

static const char *const interface_output_features[] = { "offload", "impair-out", "capture-out" };
static const struct feature_arc interface_output_arc = {
	.id = ARC_INTERFACE_OUTPUT,
	.name = "interface-output",
	.side = ARC_TX,
	.nodes = interface_output_features,
	.n_nodes = count_of(interface_output_features),
};

const struct feature_arc *const modules_arcs[] = {
	&device_input_arc, &interface_output_arc, &ip4_unicast_arc, &ip4_output_arc, &ip4_local_arc,
	&ip6_unicast_arc,  &ip6_output_arc,	  &ip6_local_arc,   &l2_input_arc,   &l2_output_arc,
};
const unsigned modules_n_arcs = count_of(modules_arcs);

int modules_init_before(struct convoyd *d, const char *name)
{
	for (; d->n_modules < count_of(modules); d->n_modules++) {
		int err;

		if (name && strcmp(modules[d->n_modules].name, name) == 0)
			return 0;
		err = modules[d->n_modules].init(d);
		if (err < 0) {
			log_debug("module.init", "name=%s error=\"%s\"", modules[d->n_modules].name,
				  err_text(err));
			modules_deinit(d);
			return err;
		}
	}
	return 0;
}

int modules_init(struct convoyd *d)
{
	return modules_init_before(d, NULL);
}

void modules_deinit(struct convoyd *d)
{
	while (d->n_modules > 0) {
		d->n_modules--;
		if (modules[d->n_modules].deinit)
			modules[d->n_modules].deinit(d);
	}
}

/*
 * dpdk.h - an interface on any ethdev of DPDK: network cards by PCI address, and DPDK's virtual
 * devices (net_tap, net_af_packet, net_memif, net_ring …).
 *
 * All of DPDK is in a module, convoy-dpdk.so, that is loaded when the first such interface is made;
 * whoever has none pays nothing for it. Packets are received into the engine's buffers and sent
 * from them without a copy of ours.
 */
#ifndef CONVOY_DRIVERS_DPDK_DPDK_H
#define CONVOY_DRIVERS_DPDK_DPDK_H

#include "engine/engine.h"

enum {
	DPDK_QUEUES_MAX = 64,
	DPDK_DESCRIPTORS_MIN = 64,
	DPDK_DESCRIPTORS_MAX = 8192,
	DPDK_ARGS_MAX = 64,
	DPDK_POLL_MS = 10, /* between looks at an idle queue without interrupts, at most */
};

/* For all dpdk interfaces of the process. */
struct dpdk_settings {
	const char *const *eal; /* arguments of DPDK's environment, besides our own */
	uint32_t n_eal;
};

struct dpdk_config {
	const char *name;	/* of the interface in convoyd */
	const uint8_t *mac;	/* NULL: the device's; another one may make it promiscuous */
	uint32_t mtu_bytes;	/* 0: 1500 */
	const char *device;	/* DPDK's name, with its arguments: "net_tap0,iface=x" */
	uint32_t n_queues;	/* receive queues; 0: as many as workers, if the device has them */
	uint32_t n_descriptors; /* of each queue; 0: 512 */
	uint32_t poll_ms;	/* see DPDK_POLL_MS; 0: that */
	bool promiscuous;	/* receive what is for other link addresses: for bridging */
	bool no_offload;	/* checksums and segments are done here, not by the device */
};

/*
 * dpdk_create - main: load the module, open the device and make the interface, administratively
 * down.
 * @why: a sentence for people when it fails, @why_bytes long
 * ERR_UNSUPPORTED without the module or without what it takes, ERR_NOENT without such a device,
 * ERR_BUSY when another interface has it, ERR_INVAL, ERR_RANGE, ERR_NOMEM, ERR_IO. It goes by
 * interface_remove(); while the device is away the interface stays, without a link.
 */
must_check
int dpdk_create(struct engine *e, const struct dpdk_config *config,
		const struct dpdk_settings *settings, struct interface **out, char *why,
		size_t why_bytes);

/* For daemon/modules.c. */
extern const struct node_type dpdk_input_node;
extern const struct node_type dpdk_tx_node;

#endif

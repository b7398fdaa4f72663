/*
 * tap.h - an interface whose other end is a device of the Linux kernel.
 *
 * convoyd creates the device, in another network namespace if told to, sets the kernel end's
 * addresses and MTU and brings it up; it disappears with convoyd. Checksum and TCP segmentation
 * offload go both ways, so a 64 KiB segment costs one system call.
 */
#ifndef CONVOY_DRIVERS_TAP_H
#define CONVOY_DRIVERS_TAP_H

#include "engine/engine.h"

enum { TAP_QUEUES_MAX = 16, TAP_HOST_ADDRESSES_MAX = 8 };

struct tap_config {
	const char *name;	/* of the interface in convoyd */
	const uint8_t *mac;	/* of our end; NULL: random */
	uint32_t mtu_bytes;	/* of both ends; 0: 1500. 68 … 65521 */
	uint32_t n_queues;	/* 0: as many as there are workers */
	bool no_offload;	/* neither checksums nor segments: what a plain wire carries */
	const char *host_name;	/* of the kernel's device; NULL: the same as @name */
	const char *host_netns; /* NULL: ours; a name under /run/netns, or a path with a slash */
	const char *const *host_addresses; /* "10.0.0.1/24", "fd00::1/64" */
	uint32_t n_host_addresses;
	const uint8_t *host_mac; /* NULL: the kernel chooses */
};

/*
 * tap_create - main: make the device and the interface, administratively down.
 * @why: a sentence for people when it fails, @why_bytes long
 * ERR_PERM without CAP_NET_ADMIN, ERR_EXIST or ERR_BUSY when the kernel's device is in use,
 * ERR_NOENT without the namespace or /dev/net/tun, ERR_INVAL, ERR_NOMEM, ERR_IO.
 * It goes by interface_remove().
 */
must_check
int tap_create(struct engine *e, const struct tap_config *config, struct interface **out, char *why,
	       size_t why_bytes);

/* For daemon/modules.c. */
extern const struct node_type tap_input_node;
extern const struct node_type tap_tx_node;

#endif

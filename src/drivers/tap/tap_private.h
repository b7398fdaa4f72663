/* tap_private.h - what tap.c, tap_host.c and tap_node.c share. */
#ifndef CONVOY_DRIVERS_TAP_PRIVATE_H
#define CONVOY_DRIVERS_TAP_PRIVATE_H

#include <linux/if.h>
#include <sys/uio.h>

#include "drivers/tap/tap.h"
#include "drivers/vnet.h"

enum {
	/* Buffers that the largest frame needs: 2048 bytes in the first, 2176 in the others. */
	TAP_RX_BUFS = 1 + (BUF_CHAIN_BYTES - BUF_DATA + BUF_ROOM - 1) / BUF_ROOM,
	TAP_TX_IOVS = 64,  /* header and buffers of one frame to send */
	TAP_RX_BURST = 64, /* frames read in one turn */
};

/* One descriptor of the device: received from by one worker, sent to by those that share it. */
struct tap_queue {
	struct input input;
	struct tap *tap;
	int fd;
	bool attached;
	bool gone; /* the worker's: the device failed, main has been told */
	struct mail gone_mail;
	/* The chain offered to the next read. */
	unsigned n_missing; /* places 0 … n_missing - 1 hold no buffer */
	uint32_t idx[TAP_RX_BUFS];
	struct virtio_net_hdr header;
	struct iovec iov[1 + TAP_RX_BUFS];
};

struct tap {
	struct interface *interface;
	char host_name[IFNAMSIZ];
	uint32_t n_queues;
	struct tap_queue queue[];
};

/*
 * tap_host_open - create the kernel's device as @config says and open @n descriptors of it.
 * @name_out: the device's name as the kernel has it
 */
must_check
int tap_host_open(const struct tap_config *config, int *fds, uint32_t n, char name_out[IFNAMSIZ],
		  char *why, size_t why_bytes);

/* tap_host_set_mtu - the kernel's device behind the descriptor @fd. ERR_* with the reason in @why.
 */
must_check
int tap_host_set_mtu(int fd, uint32_t mtu_bytes, char *why, size_t why_bytes);

#endif

/* tap_private.h - what tap.c, tap_host.c and tap_node.c share. */
#ifndef CONVOY_DRIVERS_TAP_PRIVATE_H
#define CONVOY_DRIVERS_TAP_PRIVATE_H

#include <linux/if.h>
#include <sys/uio.h>

#include "base/arena.h"
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
	struct input input; /* its fd is the descriptor, -1 while there is no device */
	struct tap *tap;
	int tx_fd; /* atomic; the same, for who sends: -1 as soon as main knows that it is gone */
	bool attached;
	bool gone; /* the worker's: the device failed, main has been told */
	struct mail gone_mail;
	/* The chain offered to the next read. */
	unsigned n_missing; /* places 0 … n_missing - 1 hold no buffer */
	uint32_t idx[TAP_RX_BUFS];
	struct virtio_net_hdr header;
	struct iovec iov[1 + TAP_RX_BUFS];
};

/*
 *              somebody deletes it            all workers know                    made again
 *   TAP_THERE ───────────────────> TAP_LEAVING ───────────────> TAP_GONE ─┬─────────────────┐
 *       ^                                              ^ not now, pause │ │                 v
 *       │                                              └────────────────┘            TAP_COMING
 *       └──────────────────────────── all workers have it ──────────────────────────────────┘
 */
enum tap_state { TAP_THERE, TAP_LEAVING, TAP_GONE, TAP_COMING };

struct tap {
	struct interface *interface;
	struct tap_config config; /* its texts and addresses are in @texts */
	struct arena texts;
	char host_name[IFNAMSIZ];
	enum tap_state state;
	bool closing;
	bool failed;		      /* making it again has failed: said once */
	struct main_watch again;      /* when to try */
	struct engine_errand *errand; /* to the workers and back */
	uint32_t n_queues;
	struct tap_queue queue[];
};

/* --- tap.c --- */

/* tap_attach, tap_detach - each worker: begin or stop to read the queues that it serves. */
void tap_attach(struct worker *w, struct interface *i);
void tap_detach(struct worker *w, struct interface *i);

/* tap_use, tap_close_queues - main, while no worker reads: @fds are the queues', or none is. */
void tap_use(struct tap *t, const int *fds);
void tap_close_queues(struct tap *t);

/* --- tap_follow.c: a device that was deleted is made again --- */

must_check
int tap_follow(struct tap *t);
/* tap_unfollow - main, before the interface goes. */
void tap_unfollow(struct tap *t);
/* tap_lost - main: a worker has found the device gone. */
void tap_lost(struct tap *t);

/* --- tap_host.c --- */

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

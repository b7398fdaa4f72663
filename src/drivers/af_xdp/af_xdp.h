/*
 * af_xdp.h - an interface on a network device of the kernel, by AF_XDP sockets.
 *
 * A program at the device's earliest hook gives every packet of its queues to us; the kernel's own
 * stack sees none. Packets are received into the engine's buffers and sent from them: its pool is
 * the sockets' shared memory. Where the device can (zero copy) its hardware reads and writes them;
 * elsewhere the kernel copies once.
 */
#ifndef CONVOY_DRIVERS_AF_XDP_AF_XDP_H
#define CONVOY_DRIVERS_AF_XDP_AF_XDP_H

#include "drivers/bpf_sender.h"
#include "engine/engine.h"

enum {
	AF_XDP_QUEUES_MAX = 64,
	AF_XDP_RING_MIN = 64,
	AF_XDP_RING_MAX = 8192,
};

/* Who copies, and where the program runs. AUTO takes the best that the device has. */
enum af_xdp_copying { AF_XDP_COPY_AUTO, AF_XDP_COPY_NEVER, AF_XDP_COPY_ALWAYS };
enum af_xdp_mode { AF_XDP_MODE_AUTO, AF_XDP_MODE_NATIVE, AF_XDP_MODE_GENERIC };

struct af_xdp_config {
	const char *name;   /* of the interface in convoyd */
	const uint8_t *mac; /* NULL: the device's; another one makes the device promiscuous */
	uint32_t mtu_bytes; /* 0: the device's, which is also the most */
	const char *device; /* in the network namespace of the caller */
	uint32_t n_queues;  /* of the device's, from 0 on; 0: all. The others stay the kernel's */
	uint32_t ring;	    /* packets in each ring, a power of two; 0: 1024 */
	uint32_t busy_poll_us; /* SO_BUSY_POLL; 0: the device's interrupts bring packets */
	bool promiscuous;      /* receive what is for other link addresses: for bridging */
	uint8_t copying;       /* enum af_xdp_copying */
	uint8_t mode;	       /* enum af_xdp_mode */
	uint8_t program;       /* enum bpf_sender_use: where the kernel copies, a program sends */
};

/*
 * af_xdp_create - main: open the device and make the interface, administratively down.
 * @why: a sentence for people when it fails, @why_bytes long
 * ERR_NOENT without such a device, ERR_PERM without CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF,
 * ERR_BUSY when another program has the device, ERR_UNSUPPORTED when kernel or device lack what
 * it takes, ERR_INVAL, ERR_RANGE, ERR_NOMEM, ERR_IO. It goes by interface_remove(); while the
 * device is deleted the interface stays, without a link.
 */
must_check
int af_xdp_create(struct engine *e, const struct af_xdp_config *config, struct interface **out,
		  char *why, size_t why_bytes);

/* For daemon/modules.c. */
extern const struct node_type af_xdp_input_node;
extern const struct node_type af_xdp_tx_node;

#endif

/*
 * af_xdp_private.h - what the files of af_xdp/ share.
 *
 * A buffer as a chunk of the sockets' memory (unaligned chunks, BUF_STRIDE bytes apart):
 *
 *   struct buf:  │ lanes 128 │ headroom 128 │ data 2048          │
 *   chunk:       │ XDP_PACKET_HEADROOM 256  │ what is received   │
 *
 * so that the kernel, told the buffer's offset in the pool, puts a packet where buf_alloc() would
 * have it, and an offset divided by a line is the buffer's index. It writes nothing before the
 * packet: our program keeps no metadata.
 *
 *   main      struct af_xdp: the device, followed by netdev.h; opens and closes sockets and program
 *   worker    the queues with its index modulo the number of workers, both ways; other workers hand
 *             their packets to the owner of a queue
 */
#ifndef CONVOY_DRIVERS_AF_XDP_AF_XDP_PRIVATE_H
#define CONVOY_DRIVERS_AF_XDP_AF_XDP_PRIVATE_H

#include "drivers/af_xdp/af_xdp.h"
#include "drivers/af_xdp/xdp_ring.h"
#include "base/wheel.h"
#include "drivers/netdev.h"

enum { AF_XDP_HEADROOM = 256 /* XDP_PACKET_HEADROOM */ };
_Static_assert(offsetof(struct buf, room) + BUF_HEADROOM == AF_XDP_HEADROOM,
	       "a chunk's packet is a buffer's");

enum {
	AF_XDP_CONTINUES = 1 << 0, /* XDP_PKT_CONTD, newer than Debian 12's headers */
	AF_XDP_SENDER_MTU_MAX = BPF_SENDER_FRAME_MAX - 22, /* an Ethernet header and two tags */
	AF_XDP_PIECES_MAX = 17, /* of one packet that the kernel sends: MAX_SKB_FRAGS */
};

/* One queue of the device: one worker's, both ways. */
struct xdp_queue {
	struct input input;
	struct af_xdp *owner;
	uint32_t index;
	int fd; /* -1: closed */
	bool attached;
	struct xdp_ring rx, tx, fill, completion;
	struct bpf_sender sender; /* open: sends instead of the tx ring */
	struct timer timer;	  /* looks again for buffers that the pool lacked */
	bool unsent;		  /* the kernel has to be asked again to send */
	uint32_t n_lacking;	  /* buffers that the fill ring should have besides */
	uint32_t chain;		  /* first buffer of a packet whose rest has not come; 0: none */
	uint64_t n_kernel_lost;	  /* as XDP_STATISTICS had it last; read by main as well */
	uint64_t stats_ns;	  /* when it was asked */
};

struct af_xdp {
	struct netdev netdev; /* first: the interface's device is it */
	struct interface *interface;
	struct af_xdp_config config;
	bool has_mac;
	uint8_t mac[MAC_LEN]; /* the interface's */
	bool promiscuous;
	bool zero_copy, native, chains; /* what the device turned out to do */
	bool partial;			/* a veth: what its peer sends may lack its checksum */
	int membership_fd, map_fd, link_fd;
	uint32_t n_queues;
	struct xdp_queue *queue;
	struct engine *engine;
	uint8_t *lent; /* by number of the buffer: the kernel has it */
};

static inline uint32_t af_xdp_number(uint32_t idx)
{
	return idx / BUF_STRIDE_LINES;
}

/* af_xdp_open_sockets - every queue's, and the program, on the device @info. */
must_check
int af_xdp_open_sockets(struct af_xdp *x, const struct netdev_info *info, char *why,
			size_t why_bytes);
/* af_xdp_close_sockets - and give back to the pool what the kernel had of it. */
void af_xdp_close_sockets(struct af_xdp *x);

/* af_xdp_init_input - what a worker needs to know of @q, but for the socket. */
void af_xdp_init_input(const struct engine *e, struct xdp_queue *q);
/* af_xdp_take - worker: begin with @q, whose socket is new. */
void af_xdp_take(struct worker *w, struct xdp_queue *q);
/* af_xdp_leave - worker: free what it holds of @q besides what the kernel has. */
void af_xdp_leave(struct worker *w, struct xdp_queue *q);

#endif

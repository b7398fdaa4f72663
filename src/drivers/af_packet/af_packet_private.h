/*
 * af_packet_private.h - what the files of af_packet/ share.
 *
 *   main      struct af_packet: the device, followed by netdev.h; opens and closes the sockets
 *   worker w  its queues (index w, w + n_workers, …) and its own socket for sending
 */
#ifndef CONVOY_DRIVERS_AF_PACKET_AF_PACKET_PRIVATE_H
#define CONVOY_DRIVERS_AF_PACKET_AF_PACKET_PRIVATE_H

#include <sys/socket.h>

#include "drivers/af_packet/af_packet.h"
#include "drivers/af_packet/ring.h"
#include "drivers/af_packet/tx_ring.h"
#include "drivers/netdev.h"
#include "drivers/vnet.h"

enum {
	AF_PACKET_TX_BATCH = 64,			 /* messages of one sendmmsg() */
	AF_PACKET_TX_IOVS = AF_PACKET_TX_BATCH * 2 + 64, /* and their pieces, at least */
};

/*
 * Receives: one worker's. With shortcuts a queue has a socket for IPv4 and one for IPv6, and the
 * first queue has one for ARP: those of all protocols would see packets before the program does.
 */
struct af_packet_queue {
	struct input input;
	struct af_packet *owner;
	uint16_t protocol; /* ETH_P_… */
	uint32_t number;   /* of the queue */
	int fd;		   /* -1: closed */
	bool attached;
	struct packet_ring ring;
	uint64_t n_ring_drops; /* by the kernel, the ring being full; read by main as well */
};

/* Sends: one for each worker. */
struct af_packet_tx {
	struct bpf_sender sender; /* for frames without offloads, where that is faster */
	struct tx_ring ring;	  /* for others of the usual size, and all where it is not */
	int ring_fd, fd;	  /* the ring's socket, and the one of messages; -1: closed */
	bool attached;
	unsigned n, n_iovs; /* messages and their pieces, gathered but not sent yet */
	uint32_t idx[AF_PACKET_TX_BATCH];
	struct mmsghdr message[AF_PACKET_TX_BATCH];
	struct virtio_net_hdr header[AF_PACKET_TX_BATCH];
	struct iovec iov[AF_PACKET_TX_IOVS];
};

struct af_packet {
	struct netdev netdev; /* first: the interface's device is it */
	struct engine *engine;
	struct interface *interface;
	struct af_packet_config config;
	bool has_mac;
	uint8_t mac[MAC_LEN];  /* the interface's */
	bool promiscuous;      /* wanted, or needed for @mac */
	uint16_t fanout;       /* group of the queues' sockets */
	int index;	       /* of the device, when last opened */
	int membership_fd;     /* of netdev_join() */
	int filter_fd;	       /* keeps packets from the kernel's stack; negative: none */
	const char *hidden_by; /* what does that */
	uint32_t n_queues, n_workers;
	uint32_t n_sockets; /* of the queues */
	struct af_packet_queue *queue;
	struct af_packet_tx *tx;
};

/* af_packet_open_sockets - every queue's and every worker's, on the device @info. */
must_check
int af_packet_open_sockets(struct af_packet *p, const struct netdev_info *info, char *why,
			   size_t why_bytes);
void af_packet_close_sockets(struct af_packet *p);

/* af_packet_caps - what the device @info can do for the interface. */
uint32_t af_packet_caps(const struct af_packet *p, const struct netdev_info *info);

/* af_packet_init_input - what a worker needs to know of @q, but for the socket. */
void af_packet_init_input(const struct engine *e, struct af_packet_queue *q);

#endif

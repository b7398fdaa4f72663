/*
 * af_packet.h - an interface on any network device of the kernel, by packet sockets.
 *
 * Packets are received through rings of shared memory (TPACKET_V3) and sent many at a time. A
 * virtio-net header goes with each, so that checksums stay unfilled and TCP super-segments pass
 * whole, both ways. The kernel keeps the device and, unless told otherwise, sees its packets too.
 */
#ifndef CONVOY_DRIVERS_AF_PACKET_AF_PACKET_H
#define CONVOY_DRIVERS_AF_PACKET_AF_PACKET_H

#include "drivers/bpf_sender.h"
#include "engine/engine.h"

enum { AF_PACKET_QUEUES_MAX = 16, AF_PACKET_RING_MIB_MAX = 256 };

struct af_packet_config {
	const char *name;   /* of the interface in convoyd */
	const uint8_t *mac; /* NULL: the device's; another one makes the device promiscuous */
	uint32_t mtu_bytes; /* 0: the device's, which is also the most */
	const char *device; /* in the network namespace of the caller */
	uint32_t n_queues;  /* sockets that share the device by flow; 0: as many as workers */
	uint32_t ring_mib;  /* of each queue; 0: 4 */
	bool bypass_qdisc;  /* PACKET_QDISC_BYPASS: a device that is busy drops */
	bool no_offload;    /* neither checksums nor segments are left to the kernel */
	bool promiscuous;   /* receive what is for other link addresses: for bridging */
	bool exclusive;	    /* the kernel's own stack does not see what the device receives */
	bool shortcuts;	    /* drivers/shortcut; the interface is for IP only, and exclusive */
	uint8_t program;    /* enum bpf_sender_use: plain frames are sent by a program */
};

/*
 * af_packet_create - main: open the device and make the interface, administratively down.
 * @why: a sentence for people when it fails, @why_bytes long
 * ERR_NOENT without such a device, ERR_PERM without CAP_NET_RAW, ERR_UNSUPPORTED when the kernel
 * lacks what it takes, ERR_INVAL, ERR_NOMEM, ERR_IO. It goes by interface_remove(); while the
 * device is deleted the interface stays, without a link.
 */
must_check
int af_packet_create(struct engine *e, const struct af_packet_config *config,
		     struct interface **out, char *why, size_t why_bytes);

/* For daemon/modules.c. */
extern const struct node_type af_packet_input_node;
extern const struct node_type af_packet_tx_node;

#endif

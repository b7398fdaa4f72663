/* af_packet_socket.c - opening the sockets of a device: rings, fanout, membership. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/af_packet/af_packet_private.h"
#include "drivers/bpf.h"
#include "drivers/nft.h"
#include "drivers/shortcut/shortcut_port.h"

enum {
	RING_MIB_DEFAULT = 4,
	SEND_BUFFER = 8 << 20, /* bytes of packets that may wait in the kernel to be sent */
	/*
	 * PACKET_FANOUT_FLAG_IGNORE_OUTGOING, Linux 6.2: the group has its own say about it. Older
	 * kernels take the flag without a word and do nothing, hence leave_out_outgoing().
	 */
	FANOUT_IGNORE_OUTGOING = 0x4000,
	FANOUT_TYPE = PACKET_FANOUT_HASH | FANOUT_IGNORE_OUTGOING,
};

struct opening {
	struct af_packet *packet;
	const struct netdev_info *info;
	char *why;
	size_t why_bytes;
};

static int failed(struct opening *o, const char *what)
{
	return netdev_fail(o->why, o->why_bytes, errno, "device %s: cannot %s",
			   o->packet->netdev.name, what);
}

static uint32_t ring_blocks(const struct af_packet_queue *q)
{
	uint32_t mib = q->owner->config.ring_mib;

	if (q->protocol == ETH_P_ARP)
		mib = 1;
	else if (mib == 0)
		mib = RING_MIB_DEFAULT;
	return mib * ((1 << 20) / PACKET_RING_BLOCK);
}

/* A socket that receives nothing yet. */
static int open_one(struct opening *o, int *fd)
{
	int on = 1;

	*fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0 && (errno == EPERM || errno == EACCES))
		return netdev_fail(o->why, o->why_bytes, errno,
				   "packet sockets need CAP_NET_RAW: run as root, or "
				   "`setcap cap_net_raw,cap_net_admin+ep` the program");
	if (*fd < 0)
		return failed(o, "open a packet socket (CONFIG_PACKET)");
	if (setsockopt(*fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
		return failed(o, "have virtio-net headers (PACKET_VNET_HDR)");
	return 0;
}

static int bind_to(struct opening *o, int fd, uint16_t protocol)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(protocol),
					     .sll_ifindex = o->info->index };

	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return failed(o, "bind a packet socket");
	return 0;
}

static int map_ring(struct opening *o, struct af_packet_queue *q)
{
	int version = TPACKET_V3;
	struct tpacket_req3 request = {
		.tp_block_size = PACKET_RING_BLOCK,
		.tp_block_nr = ring_blocks(q),
		.tp_frame_size = PACKET_RING_BLOCK,
		.tp_frame_nr = ring_blocks(q),
		.tp_retire_blk_tov = PACKET_RING_RETIRE_MS,
	};
	size_t bytes = (size_t)request.tp_block_nr * PACKET_RING_BLOCK;
	void *map;

	if (setsockopt(q->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0)
		return failed(o, "use TPACKET_V3");
	if (setsockopt(q->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0)
		return failed(o, "make a receive ring (less ring_mib may help)");
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, 0);
	if (map == MAP_FAILED)
		return failed(o, "map a receive ring");
	packet_ring_open(&q->ring, map, request.tp_block_nr);
	return 0;
}

/* Before Linux 6.13 only sockets of a device that is up can join: then it is brought up now. */
static int ask_to_join(struct opening *o, int fd, uint32_t group)
{
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)) == 0)
		return 0;
	if (errno != EINVAL || o->info->up || netdev_set_up(&o->packet->netdev) < 0)
		return -1;
	return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group));
}

/*
 * Flows are spread over the sockets of a group, which have one protocol; the first one asks the
 * kernel for a free group.
 */
static int join_fanout(struct opening *o, const struct af_packet_queue *q)
{
	struct af_packet *p = o->packet;
	int fd = q->fd;
	uint32_t group = FANOUT_TYPE << 16 | p->fanout;
	socklen_t len = sizeof(group);

	if (p->n_queues == 1 || q->protocol == ETH_P_ARP)
		return 0;
	if (q->number == 0)
		group = (uint32_t)(FANOUT_TYPE | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	if (ask_to_join(o, fd, group) < 0)
		return failed(o, "spread packets over queues (PACKET_FANOUT)");
	if (q->number == 0 && getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group, &len) < 0)
		return failed(o, "learn the fanout group");
	if (q->number == 0)
		p->fanout = (uint16_t)group;
	return 0;
}

/* What the device sends is not for us: by itself for one socket, by a filter for those of a group.
 */
static int leave_out_outgoing(struct opening *o, int fd)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog filter = { .len = count_of(program), .filter = program };
	int on = 1;

	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0)
		return failed(o, "leave out what it sends (PACKET_IGNORE_OUTGOING, Linux 4.20)");
	if (o->packet->n_queues > 1 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0)
		return failed(o, "leave out what it sends (SO_ATTACH_FILTER)");
	return 0;
}

static int open_queue(struct opening *o, uint32_t at)
{
	struct af_packet_queue *q = &o->packet->queue[at];
	int err = open_one(o, &q->fd);

	if (!err)
		err = map_ring(o, q);
	if (!err)
		err = leave_out_outgoing(o, q->fd);
	if (!err)
		err = bind_to(o, q->fd, q->protocol);
	if (!err)
		err = join_fanout(o, q);
	if (!err)
		q->input.fd = q->fd;
	return err;
}

/* A socket that only sends. */
static int open_sender(struct opening *o, int *fd)
{
	int err = open_one(o, fd), bytes = SEND_BUFFER, on = o->packet->config.bypass_qdisc;

	/* Beyond the limit of net.core.wmem_max only with CAP_NET_ADMIN. */
	if (!err && setsockopt(*fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0 &&
	    setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) < 0)
		err = failed(o, "have room for packets to send");
	if (!err && on && setsockopt(*fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0)
		err = failed(o, "bypass its queueing discipline");
	return err;
}

/* A program is known to be faster where what is sent ends in another stack of this machine. */
static int open_program(struct opening *o, struct af_packet_tx *tx)
{
	const struct af_packet_config *c = &o->packet->config;
	int err;

	if (c->program == BPF_SENDER_NEVER ||
	    (c->program == BPF_SENDER_AUTO &&
	     (c->bypass_qdisc || strcmp(o->info->driver, "veth") != 0)))
		return 0;
	err = bpf_sender_open(&tx->sender, o->info->index);
	if (err == 0 || c->program == BPF_SENDER_AUTO)
		return 0;
	return netdev_fail(
		o->why, o->why_bytes, -err,
		"device %s: cannot send by a program (Linux 5.5 with CONFIG_BPF_SYSCALL, "
		"CAP_BPF and CAP_NET_ADMIN); leave out \"send_by_program\"",
		o->packet->netdev.name);
}

static int open_tx(struct opening *o, struct af_packet_tx *tx)
{
	int err = open_sender(o, &tx->ring_fd);

	if (!err)
		err = open_sender(o, &tx->fd);
	if (err)
		return err;
	errno = tx_ring_open(&tx->ring, tx->ring_fd);
	if (errno)
		return failed(o, "make a transmit ring");
	err = bind_to(o, tx->ring_fd, 0);
	if (!err)
		err = bind_to(o, tx->fd, 0);
	return err ? err : open_program(o, tx);
}

/* By what costs least of what the kernel has. */
static int hide(struct opening *o)
{
	struct af_packet *p = o->packet;
	int err;

	if (!p->config.exclusive)
		return 0;
	err = p->filter_fd = bpf_hide_from_kernel(o->info->index);
	p->hidden_by = "tcx";
	if (err < 0 && err != -EPERM) {
		err = p->filter_fd = nft_hide_from_kernel(p->netdev.name);
		p->hidden_by = "nftables";
	}
	if (err >= 0)
		return 0;
	if (err == -EPERM)
		return netdev_fail(o->why, o->why_bytes, EPERM,
				   "device %s: exclusive needs CAP_NET_ADMIN and CAP_BPF: run as "
				   "root, or leave it out",
				   p->netdev.name);
	netdev_fail(o->why, o->why_bytes, -err,
		    "device %s: exclusive needs tcx (Linux 6.6, CONFIG_BPF_SYSCALL and "
		    "CONFIG_NET_XGRESS) or tables of nftables (Linux 5.12, "
		    "CONFIG_NF_TABLES_NETDEV), and this kernel has neither; leave it out",
		    p->netdev.name);
	return ERR_UNSUPPORTED;
}

/* The program that forwards hides the device as well. */
static int open_shortcuts(struct opening *o)
{
	struct af_packet *p = o->packet;
	int err = p->filter_fd = shortcut_port_open(p->engine, o->info->index, p->mac);

	p->hidden_by = "shortcuts";
	if (err >= 0)
		return 0;
	if (err == -EPERM)
		return netdev_fail(o->why, o->why_bytes, EPERM,
				   "device %s: shortcuts need CAP_NET_ADMIN and CAP_BPF: run as "
				   "root, or leave them out",
				   p->netdev.name);
	netdev_fail(o->why, o->why_bytes, -err,
		    "device %s: shortcuts need tcx (Linux 6.6, CONFIG_BPF_SYSCALL and "
		    "CONFIG_NET_XGRESS), which this kernel does not have; leave them out",
		    p->netdev.name);
	return ERR_UNSUPPORTED;
}

int af_packet_open_sockets(struct af_packet *p, const struct netdev_info *info, char *why,
			   size_t why_bytes)
{
	struct opening o = { p, info, why, why_bytes };
	int err = 0;

	if (!p->has_mac) /* the first device's, also when another one takes its place */
		memcpy(p->mac, info->mac, MAC_LEN);
	p->has_mac = true;
	p->promiscuous = p->config.promiscuous || memcmp(p->mac, info->mac, MAC_LEN) != 0;
	for (uint32_t q = 0; q < p->n_sockets && !err; q++)
		err = open_queue(&o, q);
	for (uint32_t w = 0; w < p->n_workers && !err; w++)
		err = open_tx(&o, &p->tx[w]);
	if (!err)
		err = netdev_join(&p->netdev, info, p->promiscuous, &p->membership_fd, why,
				  why_bytes);
	if (!err)
		err = p->config.shortcuts ? open_shortcuts(&o) : hide(&o);
	if (err)
		af_packet_close_sockets(p);
	return err;
}

void af_packet_close_sockets(struct af_packet *p)
{
	for (uint32_t at = 0; at < p->n_sockets; at++) {
		struct af_packet_queue *q = &p->queue[at];

		if (q->ring.map)
			munmap(q->ring.map, (size_t)q->ring.n_blocks * PACKET_RING_BLOCK);
		q->ring.map = NULL;
		netdev_close_fd(&q->fd);
	}
	for (uint32_t w = 0; w < p->n_workers; w++) {
		bpf_sender_close(&p->tx[w].sender);
		tx_ring_close(&p->tx[w].ring);
		netdev_close_fd(&p->tx[w].ring_fd);
		netdev_close_fd(&p->tx[w].fd);
	}
	netdev_close_fd(&p->filter_fd);
	netdev_close_fd(&p->membership_fd);
}

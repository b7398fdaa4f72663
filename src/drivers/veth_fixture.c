/* veth_fixture.c - a veth pair for tests, and an engine that echoes. */
#include "drivers/veth_fixture.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { DEADLINE_MS = 5000, LOOK_MS = 10, COMMAND_MAX = 256 };

uint8_t veth_out[70000], veth_in[70000];
struct engine *veth_engine;
static bool can_test;

enum { ECHO_OUT };
static const char *const echo_next[] = { [ECHO_OUT] = "interface-output" };

static unsigned echo_run(struct worker *w, struct node *node, struct frame *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct buf *b = buf_at(f->base, f->idx[i]);

		b->tx_if = b->rx_if;
	}
	node_send_all(w, node, f, ECHO_OUT);
	return f->n;
}

static const struct node_type echo = {
	.name = "echo", .run = echo_run, .next_names = echo_next, .n_next = 1
};
static const struct feature_arc in_arc = {
	.id = ARC_DEVICE_INPUT, .name = "device-input", .side = ARC_RX, .end = "echo"
};

/* Devices without offloads have this before them; nothing that these tests send needs it. */
static unsigned pass_run(struct worker *w, struct node *node, struct frame *f)
{
	uint16_t next[FRAME_MAX];

	for (unsigned i = 0; i < f->n; i++)
		next[i] = feature_next(w, buf_at(f->base, f->idx[i]));
	node_send(w, node, f, next);
	return f->n;
}

static const struct node_type offload = { .name = "offload", .run = pass_run };
static const char *const out_features[] = { "offload" };
static const struct feature_arc out_arc = { .id = ARC_INTERFACE_OUTPUT,
					    .name = "interface-output",
					    .side = ARC_TX,
					    .nodes = out_features,
					    .n_nodes = count_of(out_features) };
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

bool veth_shell(const char *command)
{
	return system(command) == 0;
}

int veth_enter_netns(void **state)
{
	(void)state;
	can_test = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	if (!can_test)
		print_message("no permission for a network namespace: skipped\n");
	else if (!veth_shell("ip link add probe0 type veth peer name probe1 2>/dev/null"))
		can_test = false, print_message("the kernel has no CONFIG_VETH: skipped\n");
	return 0;
}

int veth_start(unsigned n_workers, const struct node_type *input, const struct node_type *tx)
{
	const struct node_type *const types[] = {
		&echo, &drop_node, &handoff_node, &offload, &interface_output_node, input, tx
	};
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_workers = n_workers,
						.n_buffers = 8192 };

	return engine_new(&options, &veth_engine);
}

int veth_finish(void **state)
{
	struct engine *e = veth_engine;
	uint32_t n_free;

	(void)state;
	engine_stop(e);
	for (uint32_t index = 1; index < 4; index++)
		if (e->interfaces.slot[index])
			interface_remove(e->interfaces.slot[index]);
	n_free = buf_pool_free_count(&e->bufs);
	for (uint32_t i = 0; i < e->n_workers; i++)
		n_free += e->worker[i]->bufs.n;
	assert_int_equal(n_free, e->bufs.n_buffers);
	engine_free(e);
	return veth_shell("ip link delete dev0 2>/dev/null; true") ? 0 : -1;
}

void veth_make_pair(const char *options)
{
	char command[COMMAND_MAX];

	if (!can_test)
		skip();
	snprintf(command, sizeof(command),
		 "ip link add dev0 %s type veth peer name peer0 %s && "
		 "sysctl -qw net.ipv6.conf.dev0.disable_ipv6=1 net.ipv6.conf.peer0.disable_ipv6=1 "
		 "&& "
		 "ip link set peer0 up && ip link set dev0 up",
		 options, options);
	assert_true(veth_shell(command));
}

void veth_wait_link(const struct interface *i, bool link)
{
	struct pollfd bell = { .fd = engine_main_fd(veth_engine), .events = POLLIN };

	while (i->link != link) {
		assert_int_equal(poll(&bell, 1, DEADLINE_MS), 1);
		engine_run_main(veth_engine);
	}
}

/*
 * The kernel loses without a word what is sent by a device that has just got its carrier, until it
 * has come to activating it; then it calls the device up.
 */
static void wait_peer_sends(void)
{
	for (int left_ms = DEADLINE_MS; !veth_shell("ip link show peer0 | grep -q 'state UP'");
	     left_ms -= LOOK_MS) {
		assert_true(left_ms > 0);
		poll(NULL, 0, LOOK_MS);
	}
}

/* A packet socket at the other end that speaks virtio-net headers and tells of VLAN tags. */
int veth_open_peer(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), on = 1;

	assert_true(fd >= 0);
	wait_peer_sends();
	address.sll_ifindex = (int)if_nametoindex("peer0");
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* A TCP segment of @payload bytes behind a virtio-net header; returns the length of both. */
size_t veth_make_frame(uint32_t payload, uint16_t gso_size, unsigned seed)
{
	struct virtio_net_hdr *h = (struct virtio_net_hdr *)(void *)veth_out;
	uint8_t *at = veth_out + sizeof(*h);
	uint32_t ip_len = IP + TCP + payload;

	memset(veth_out, 0, sizeof(*h) + HEADERS);
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = ETH + IP;
	h->csum_offset = 16;
	if (gso_size) {
		h->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		h->gso_size = gso_size;
		h->hdr_len = HEADERS;
	}
	memset(at, 0xff, 6); /* to everybody */
	at[6] = 2;
	at[12] = 0x08;
	at[ETH] = 0x45;
	at[ETH + 2] = (uint8_t)(ip_len >> 8);
	at[ETH + 3] = (uint8_t)ip_len;
	at[ETH + 8] = 64;
	at[ETH + 9] = 6;
	at[ETH + IP + 12] = 5 << 4;
	for (uint32_t i = 0; i < payload; i++)
		at[HEADERS + i] = (uint8_t)(i * seed + i / 251);
	return sizeof(*h) + HEADERS + payload;
}

/* The next frame from our own address, which make_frame() wrote; its VLAN tag or -1. */
size_t veth_receive(int fd, int *tag)
{
	struct iovec iov = { veth_in, sizeof(veth_in) };
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct msghdr message;
	ssize_t n;

	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		message = (struct msghdr){ .msg_iov = &iov,
					   .msg_iovlen = 1,
					   .msg_control = control,
					   .msg_controllen = sizeof(control) };
		assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
		n = recvmsg(fd, &message, 0);
		assert_true(n > (ssize_t)sizeof(struct virtio_net_hdr) + ETH);
	} while (memcmp(veth_in + sizeof(struct virtio_net_hdr) + 6, "\2\0\0\0\0\0", 6) != 0);
	*tag = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		struct tpacket_auxdata aux;

		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (c->cmsg_type == PACKET_AUXDATA && (aux.tp_status & TP_STATUS_VLAN_VALID))
			*tag = aux.tp_vlan_tci;
	}
	return (size_t)n;
}

void veth_exchange(int fd, size_t len)
{
	int tag;

	assert_int_equal(send(fd, veth_out, len, 0), (ssize_t)len);
	assert_int_equal(veth_receive(fd, &tag), len);
	assert_int_equal(tag, -1);
	assert_memory_equal(veth_in + sizeof(struct virtio_net_hdr),
			    veth_out + sizeof(struct virtio_net_hdr),
			    len - sizeof(struct virtio_net_hdr));
}

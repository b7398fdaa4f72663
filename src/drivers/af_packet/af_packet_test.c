/*
 * af_packet_test.c - a veth pair in a network namespace of the test's own. The engine sends every
 * frame back where it came from; a packet socket at the other end checks what returns.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/af_packet/af_packet_private.h"

enum { DEADLINE_MS = 5000, ETH = 14, IP = 20, TCP = 20, HEADERS = ETH + IP + TCP };

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
static const struct node_type *const types[] = { &echo,
						 &drop_node,
						 &handoff_node,
						 &interface_output_node,
						 &af_packet_input_node,
						 &af_packet_tx_node };
static const struct feature_arc in_arc = {
	.id = ARC_DEVICE_INPUT, .name = "device-input", .side = ARC_RX, .end = "echo"
};
static const struct feature_arc out_arc = { .id = ARC_INTERFACE_OUTPUT,
					    .name = "interface-output",
					    .side = ARC_TX };
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

static struct engine *e;
static bool can_test;

static bool shell(const char *command)
{
	return system(command) == 0;
}

static int enter_own_netns(void **state)
{
	(void)state;
	can_test = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	if (!can_test)
		print_message("no permission for a network namespace: skipped\n");
	else if (!shell("ip link add probe0 type veth peer name probe1 2>/dev/null"))
		can_test = false, print_message("the kernel has no CONFIG_VETH: skipped\n");
	return 0;
}

static int start(unsigned n_workers)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_workers = n_workers,
						.n_buffers = 4096 };

	assert_int_equal(engine_new(&options, &e), 0);
	return 0;
}

static int start_one(void **state)
{
	(void)state;
	return start(1);
}

static int start_two(void **state)
{
	(void)state;
	return start(2);
}

static int finish(void **state)
{
	uint64_t taken = 0, given = 0;

	(void)state;
	engine_stop(e);
	for (uint32_t index = 1; index < 4; index++)
		if (e->interfaces.slot[index])
			assert_int_equal(interface_remove(e->interfaces.slot[index]), 0);
	for (uint32_t i = 0; i < e->n_workers; i++) {
		taken += e->worker[i]->bufs.n_taken;
		given += e->worker[i]->bufs.n_given;
	}
	assert_int_equal(taken, given);
	engine_free(e);
	return can_test && shell("ip link delete dev0 2>/dev/null; true") ? 0 : 0;
}

static void make_pair(void)
{
	if (!can_test)
		skip();
	assert_true(shell("ip link add dev0 type veth peer name peer0 && "
			  "ip link set peer0 up && ip link set dev0 up"));
}

static struct interface *make(struct af_packet_config c)
{
	struct interface *i = NULL;
	char why[256] = "";

	c.name = "if0";
	c.device = "dev0";
	if (af_packet_create(e, &c, &i, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(i, true), 0);
	return i;
}

static void run_main_until(bool (*met)(const struct interface *i), const struct interface *i)
{
	struct pollfd bell = { .fd = engine_main_fd(e), .events = POLLIN };

	while (!met(i)) {
		assert_int_equal(poll(&bell, 1, DEADLINE_MS), 1);
		engine_run_main(e);
	}
}

static bool has_link(const struct interface *i)
{
	return i->link;
}

static bool has_no_link(const struct interface *i)
{
	return !i->link;
}

/* A packet socket at the other end that speaks virtio-net headers and tells of VLAN tags. */
static int open_peer(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), on = 1;

	assert_true(fd >= 0);
	address.sll_ifindex = (int)if_nametoindex("peer0");
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static uint8_t out[70000], in[70000];

/* A TCP segment of @payload bytes behind a virtio-net header; returns the length of both. */
static size_t make_frame(uint32_t payload, uint16_t gso_size, unsigned seed)
{
	struct virtio_net_hdr *h = (struct virtio_net_hdr *)(void *)out;
	uint8_t *at = out + sizeof(*h);
	uint32_t ip_len = IP + TCP + payload;

	memset(out, 0, sizeof(*h) + HEADERS);
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
static size_t receive(int fd, int *tag)
{
	struct iovec iov = { in, sizeof(in) };
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
	} while (memcmp(in + sizeof(struct virtio_net_hdr) + 6, "\2\0\0\0\0\0", 6) != 0);
	*tag = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		struct tpacket_auxdata aux;

		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (c->cmsg_type == PACKET_AUXDATA && (aux.tp_status & TP_STATUS_VLAN_VALID))
			*tag = aux.tp_vlan_tci;
	}
	return (size_t)n;
}

static void exchange(int fd, size_t len)
{
	int tag;

	assert_int_equal(send(fd, out, len, 0), (ssize_t)len);
	assert_int_equal(receive(fd, &tag), len);
	assert_int_equal(tag, -1);
	assert_memory_equal(in + sizeof(struct virtio_net_hdr), out + sizeof(struct virtio_net_hdr),
			    len - sizeof(struct virtio_net_hdr));
}

static void frames_and_super_segments_come_back_unchanged(void **state)
{
	static const struct {
		uint32_t payload;
		uint16_t gso_size;
	} cases[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ 6, 0 },
		{ 1446, 0 },
		{ 1500, 1448 },
		{ 2048 - HEADERS, 1448 },
		{ 2048 - HEADERS + 1, 1448 },
		{ 30000, 1448 },
		{ 65000, 1448 },
	};
	const struct virtio_net_hdr *h = (struct virtio_net_hdr *)(void *)in;
	int fd;

	(void)state;
	make_pair();
	make((struct af_packet_config){ 0 });
	fd = open_peer();
	assert_int_equal(engine_start(e), 0);
	for (unsigned round = 0; round < 10 * count_of(cases); round++) {
		const unsigned n = round % count_of(cases);

		exchange(fd, make_frame(cases[n].payload, cases[n].gso_size, round));
		assert_int_equal(h->gso_size, cases[n].gso_size);
		assert_int_equal(h->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	}
	close(fd);
}

static void vlan_tags_are_put_back(void **state)
{
	static const uint8_t tag_bytes[] = { 0x81, 0x00, 0x60, 0x2a }; /* priority 3, VLAN 42 */
	const struct virtio_net_hdr *h = (struct virtio_net_hdr *)(void *)in;
	uint8_t *frame = out + sizeof(*h);
	int fd, tag;

	(void)state;
	make_pair();
	make((struct af_packet_config){ 0 });
	fd = open_peer();
	assert_int_equal(engine_start(e), 0);
	for (unsigned round = 0; round < 20; round++) {
		size_t len = make_frame(100, 0, round);
		struct virtio_net_hdr *sent = (struct virtio_net_hdr *)(void *)out;

		memmove(frame + 12 + 4, frame + 12, len - sizeof(*h) - 12);
		memcpy(frame + 12, tag_bytes, 4);
		sent->csum_start = (uint16_t)(sent->csum_start + 4);
		assert_int_equal(send(fd, out, len + 4, 0), (ssize_t)len + 4);
		assert_int_equal(receive(fd, &tag), len); /* which the kernel takes out again */
		assert_int_equal(tag, 0x602a);
		assert_int_equal(h->csum_start, ETH + IP);
		assert_memory_equal(in + sizeof(*h) + 12, frame + 16, len - sizeof(*h) - 12);
	}
	close(fd);
}

static void several_queues_on_two_workers(void **state)
{
	struct interface *i;
	int fd;

	(void)state;
	make_pair();
	i = make((struct af_packet_config){ .n_queues = 4 });
	fd = open_peer();
	assert_int_equal(i->n_queues, 4);
	assert_int_equal(engine_start(e), 0);
	for (unsigned round = 0; round < 64; round++) {
		size_t len = make_frame(100, 0, round);

		out[sizeof(struct virtio_net_hdr) + ETH + 12] = (uint8_t)round; /* many flows */
		exchange(fd, len);
	}
	engine_stop(e);
	for (unsigned w = 0; w < 2; w++)
		assert_true(e->worker[w]->if_counters[i->index].rx_packets > 0);
	close(fd);
}

static void a_device_that_goes_and_comes_back(void **state)
{
	struct interface *i;
	int fd;

	(void)state;
	make_pair();
	i = make((struct af_packet_config){ .n_queues = 2, .exclusive = true });
	assert_int_equal(engine_start(e), 0);
	run_main_until(has_link, i);
	for (unsigned round = 0; round < 3; round++) {
		assert_true(shell("ip link set peer0 down"));
		run_main_until(has_no_link, i);
		assert_true(shell("ip link set peer0 up"));
		run_main_until(has_link, i);
		assert_true(shell("ip link delete dev0"));
		run_main_until(has_no_link, i);
		assert_true(shell("ip link add dev0 type veth peer name peer0 && "
				  "ip link set peer0 up"));
		run_main_until(has_link, i); /* brought up by the driver, as at the start */
		fd = open_peer();
		exchange(fd, make_frame(100, 0, round));
		close(fd);
	}
}

static void what_cannot_be_made_is_explained(void **state)
{
	static const uint8_t mac[MAC_LEN] = { 2, 3, 4, 5, 6, 7 };
	const struct {
		struct af_packet_config c;
		int err;
		const char *says;
	} cases[] = {
		{ { .device = "no-such-device" }, ERR_NOENT, "ip link" },
		{ { .device = "a-name-that-the-kernel-has-no-room-for" }, ERR_INVAL, "15" },
		{ { .device = "dev0", .mtu_bytes = 9000 }, ERR_RANGE, "ip link set dev0 mtu 9000" },
		{ { .device = "dev0", .n_queues = 99 }, ERR_INVAL, "queues" },
		{ { .device = "dev0", .mac = mac, .ring_mib = 999 }, ERR_INVAL, "ring_mib" },
	};
	struct interface *i = NULL;
	char why[256];

	(void)state;
	make_pair();
	for (unsigned n = 0; n < count_of(cases); n++) {
		struct af_packet_config c = cases[n].c;
		int err;

		c.name = "if0";
		err = af_packet_create(e, &c, &i, why, sizeof(why));
		if (err != cases[n].err || !strstr(why, cases[n].says))
			fail_msg("case %u: %s: %s", n, err_text(err), why);
	}
}

/* --- the ring by itself --- */

enum { BLOCKS = 3 };

static struct tpacket_hdr_v1 *block_of(uint8_t *map, unsigned at)
{
	return &((struct tpacket_block_desc *)(void *)(map + (size_t)at * PACKET_RING_BLOCK))
			->hdr.bh1;
}

/* What the kernel does: @n packets whose tp_len count up from @first. */
static void fill_block(uint8_t *map, unsigned at, unsigned n, uint32_t first)
{
	struct tpacket_hdr_v1 *block = block_of(map, at);
	uint32_t offset = 48;

	block->num_pkts = n;
	block->offset_to_first_pkt = offset;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *where =
			(uint8_t *)block - offsetof(struct tpacket_block_desc, hdr) + offset;
		struct tpacket3_hdr *h = (struct tpacket3_hdr *)(void *)where;

		h->tp_len = first + i;
		h->tp_next_offset = 64 + 16 * (i % 3);
		offset += h->tp_next_offset;
	}
	block->block_status = TP_STATUS_USER;
}

static void the_ring_is_read_in_order_and_given_back(void **state)
{
	static const unsigned sizes[] = { 3, 0, 1, 7, 2, 0, 0, 5 };
	uint8_t *map = aligned_alloc(4096, (size_t)BLOCKS * PACKET_RING_BLOCK);
	struct packet_ring r;
	uint32_t filled = 0, read = 0;

	(void)state;
	assert_non_null(map);
	memset(map, 0, (size_t)BLOCKS * PACKET_RING_BLOCK);
	packet_ring_open(&r, map, BLOCKS);
	assert_null(packet_ring_peek_or_null(&r));
	for (unsigned n = 0; n < count_of(sizes); n++) {
		const struct tpacket3_hdr *h;

		fill_block(map, n % BLOCKS, sizes[n], filled);
		filled += sizes[n];
		assert_true(packet_ring_ready(&r));
		while ((h = packet_ring_peek_or_null(&r))) {
			assert_ptr_equal(h, packet_ring_peek_or_null(&r));
			assert_int_equal(h->tp_len, read++);
			assert_int_equal(block_of(map, n % BLOCKS)->block_status, TP_STATUS_USER);
			packet_ring_advance(&r);
		}
		assert_int_equal(read, filled);
		assert_int_equal(block_of(map, n % BLOCKS)->block_status, TP_STATUS_KERNEL);
		assert_false(packet_ring_ready(&r));
	}
	free(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ring_is_read_in_order_and_given_back),
		cmocka_unit_test_setup_teardown(frames_and_super_segments_come_back_unchanged,
						start_one, finish),
		cmocka_unit_test_setup_teardown(vlan_tags_are_put_back, start_one, finish),
		cmocka_unit_test_setup_teardown(several_queues_on_two_workers, start_two, finish),
		cmocka_unit_test_setup_teardown(a_device_that_goes_and_comes_back, start_two,
						finish),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_is_explained, start_one,
						finish),
	};

	return cmocka_run_group_tests(tests, enter_own_netns, NULL);
}

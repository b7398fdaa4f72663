/*
 * tap_test.c - a tap and the kernel, in a network namespace of the test's own. The engine sends
 * every frame back where it came from; a packet socket on the kernel's end checks what returns.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/loop/loop.h"
#include "drivers/tap/tap_private.h"

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
static const struct node_type *const types[] = { &echo,		  &drop_node,
						 &handoff_node,	  &interface_output_node,
						 &tap_input_node, &tap_tx_node,
						 &loop_tx_node };
static const struct feature_arc in_arc = {
	.id = ARC_DEVICE_INPUT, .name = "device-input", .side = ARC_RX, .end = "echo"
};
static const struct feature_arc out_arc = { .id = ARC_INTERFACE_OUTPUT,
					    .name = "interface-output",
					    .side = ARC_TX };
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

static struct engine *e;
static bool can_tap;

static int enter_own_netns(void **state)
{
	(void)state;
	can_tap = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	can_tap = can_tap && access("/dev/net/tun", R_OK | W_OK) == 0;
	if (!can_tap)
		print_message("no permission for a network namespace and /dev/net/tun: skipped\n");
	return 0;
}

static int start(void **state, unsigned n_workers)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_workers = n_workers,
						.n_buffers = 4096 };

	(void)state;
	assert_int_equal(engine_new(&options, &e), 0);
	return 0;
}

static int start_one(void **state)
{
	return start(state, 1);
}

static int start_two(void **state)
{
	return start(state, 2);
}

static int finish(void **state)
{
	uint64_t taken = 0, given = 0;

	(void)state;
	engine_stop(e);
	for (uint32_t index = 1; index < 4; index++)
		if (e->interfaces.slot[index])
			interface_remove(e->interfaces.slot[index]);
	for (uint32_t i = 0; i < e->n_workers; i++) {
		taken += e->worker[i]->bufs.n_taken;
		given += e->worker[i]->bufs.n_given;
	}
	assert_int_equal(taken, given);
	engine_free(e);
	return 0;
}

static struct interface *make_tap(struct tap_config c)
{
	struct interface *i = NULL;
	char why[256] = "";

	if (!can_tap)
		skip();
	if (tap_create(e, &c, &i, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(i, true), 0);
	return i;
}

/* A packet socket on the kernel's device @name that speaks virtio-net headers. */
static int open_peer(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP)), on = 1;

	assert_true(fd >= 0);
	address.sll_ifindex = (int)if_nametoindex(name);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	on = PACKET_IGNORE_OUTGOING;
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &(int){ 1 }, sizeof(int));
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

static size_t receive(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
	n = recv(fd, in, sizeof(in), 0);
	assert_true(n > 0);
	return (size_t)n;
}

static void frames_of_every_size_come_back_unchanged(void **state)
{
	static const uint32_t payloads[] = { 0, 1, 6, 1400, 1446 };
	struct interface *i = make_tap((struct tap_config){ .name = "t0" });
	int fd = open_peer("t0");

	(void)state;
	assert_int_equal(engine_start(e), 0);
	for (unsigned round = 0; round < 200; round++) {
		size_t len = make_frame(payloads[round % count_of(payloads)], 0, round);

		assert_int_equal(send(fd, out, len, 0), (ssize_t)len);
		assert_int_equal(receive(fd), len);
		assert_memory_equal(in + sizeof(struct virtio_net_hdr),
				    out + sizeof(struct virtio_net_hdr),
				    len - sizeof(struct virtio_net_hdr));
	}
	engine_stop(e); /* the last frame is here before the worker has counted it */
	/* The kernel may have had something of its own to say. */
	assert_in_range(interface_counters(i).rx_packets, 200, 300);
	assert_in_range(interface_counters(i).tx_packets, 200, 300);
	close(fd);
}

static void super_segments_cross_in_one_piece_both_ways(void **state)
{
	static const uint32_t payloads[] = { 1500, 2048 - HEADERS, 2048 - HEADERS + 1, 30000,
					     65000 };
	int fd;

	(void)state;
	make_tap((struct tap_config){ .name = "t1" });
	fd = open_peer("t1");
	assert_int_equal(engine_start(e), 0);
	for (unsigned round = 0; round < count_of(payloads); round++) {
		const struct virtio_net_hdr *h = (struct virtio_net_hdr *)(void *)in;
		size_t len = make_frame(payloads[round], 1448, round + 3);

		assert_int_equal(send(fd, out, len, 0), (ssize_t)len);
		assert_int_equal(receive(fd), len);
		assert_int_equal(h->gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
		assert_int_equal(h->gso_size, 1448);
		assert_memory_equal(in + sizeof(*h), out + sizeof(*h), len - sizeof(*h));
	}
	close(fd);
}

static void several_queues_on_two_workers(void **state)
{
	struct interface *i = make_tap((struct tap_config){ .name = "t2", .n_queues = 4 });
	int fd = open_peer("t2");

	(void)state;
	assert_int_equal(i->n_queues, 4);
	assert_int_equal(engine_start(e), 0);
	for (unsigned round = 0; round < 200; round++) {
		size_t len = make_frame(100, 0, round);

		out[sizeof(struct virtio_net_hdr) + ETH + IP] = (uint8_t)round; /* many flows */
		assert_int_equal(send(fd, out, len, 0), (ssize_t)len);
		assert_int_equal(receive(fd), len);
	}
	close(fd);
}

static void the_kernel_end_is_as_configured(void **state)
{
	static const char *const addresses[] = { "10.9.8.1/24", "fd09::1/64" };
	static const uint8_t mac[MAC_LEN] = { 2, 3, 4, 5, 6, 7 };
	struct ifreq ifr = { .ifr_name = "host3" };
	int sock = socket(AF_INET, SOCK_DGRAM, 0);
	struct interface *i;

	(void)state;
	i = make_tap((struct tap_config){ .name = "t3",
					  .host_name = "host3",
					  .host_addresses = addresses,
					  .n_host_addresses = 2,
					  .host_mac = mac,
					  .mtu_bytes = 9000 });
	assert_int_equal(i->mtu_bytes, 9000);
	assert_int_equal(ioctl(sock, SIOCGIFMTU, &ifr), 0);
	assert_int_equal(ifr.ifr_mtu, 9000);
	assert_int_equal(ioctl(sock, SIOCGIFHWADDR, &ifr), 0);
	assert_memory_equal(ifr.ifr_hwaddr.sa_data, mac, MAC_LEN);
	assert_int_equal(ioctl(sock, SIOCGIFADDR, &ifr), 0);
	assert_memory_equal(ifr.ifr_addr.sa_data + 2, ((uint8_t[]){ 10, 9, 8, 1 }), 4);
	interface_remove(i);
	assert_int_equal(if_nametoindex("host3"), 0); /* gone with us */
	close(sock);
}

static void wait_link(const struct interface *i, bool link)
{
	struct pollfd bell = { .fd = engine_main_fd(e), .events = POLLIN };

	while (i->link != link) {
		assert_int_equal(poll(&bell, 1, DEADLINE_MS), 1);
		engine_run_main(e);
	}
}

static void a_deleted_device_comes_back(void **state)
{
	static const char *const addresses[] = { "10.9.8.1/24" };
	struct interface *i = make_tap((struct tap_config){ .name = "t5",
							    .n_queues = 2,
							    .host_addresses = addresses,
							    .n_host_addresses = 1,
							    .mtu_bytes = 2000 });
	struct ifreq ifr = { .ifr_name = "t5" };
	int fd;

	(void)state;
	assert_int_equal(engine_start(e), 0);
	assert_true(i->link);
	for (unsigned round = 0; round < 2; round++) {
		size_t len = make_frame(1000, 0, round);

		if (system("ip link delete t5") != 0)
			skip();
		wait_link(i, false);
		wait_link(i, true);
		fd = open_peer("t5");
		assert_int_equal(ioctl(fd, SIOCGIFMTU, &ifr), 0);
		assert_int_equal(ifr.ifr_mtu, 2000);
		assert_int_equal(ioctl(fd, SIOCGIFADDR, &ifr), 0);
		assert_int_equal(send(fd, out, len, 0), (ssize_t)len);
		assert_int_equal(receive(fd), len);
		close(fd);
	}
}

/* Somebody else has taken the name: it is tried again, not given up, and the interface may go. */
static void a_device_whose_name_is_taken_waits(void **state)
{
	struct interface *i = make_tap((struct tap_config){ .name = "t6" });

	(void)state;
	assert_int_equal(engine_start(e), 0);
	if (system("ip link delete t6 && ip link add t6 type veth peer name t6p") != 0)
		skip();
	wait_link(i, false);
	while (!((struct tap *)i->device)->failed) {
		struct pollfd bell = { .fd = engine_main_fd(e), .events = POLLIN };

		assert_int_equal(poll(&bell, 1, DEADLINE_MS), 1);
		engine_run_main(e);
	}
	assert_false(i->link);
	assert_int_equal(system("ip link delete t6"), 0);
	wait_link(i, true);
	assert_int_equal(system("ip link delete t6"), 0);
	wait_link(i, false);
}

static void what_cannot_be_made_is_explained(void **state)
{
	static const char *const bad_address[] = { "10.0.0.1" };
	const struct {
		struct tap_config c;
		int err;
		const char *says;
	} cases[] = {
		{ { .name = "t", .mtu_bytes = 10 }, ERR_INVAL, "MTU" },
		{ { .name = "t", .host_netns = "no-such-netns" }, ERR_NOENT, "no-such-netns" },
		{ { .name = "a-name-that-the-kernel-has-no-room-for" }, ERR_INVAL, "15" },
		{ { .name = "t", .host_addresses = bad_address, .n_host_addresses = 1 },
		  ERR_INVAL,
		  "10.0.0.1" },
	};
	struct interface *i = NULL;
	char why[256];

	(void)state;
	if (!can_tap)
		skip();
	for (unsigned n = 0; n < count_of(cases); n++) {
		int err = tap_create(e, &cases[n].c, &i, why, sizeof(why));

		if (err != cases[n].err || !strstr(why, cases[n].says))
			fail_msg("case %u: %s: %s", n, err_text(err), why);
	}
}

static void a_loop_hears_itself(void **state)
{
	struct worker *w = e->worker[0];
	struct interface *i = NULL;
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);

	(void)state;
	assert_int_equal(loop_create(e, "loop0", NULL, 0, &i), 0);
	assert_int_equal(interface_set_up(i, true), 0);
	buf_append(buf_at(e->bufs.base, idx), 60);
	buf_at(e->bufs.base, idx)->tx_if = i->index;
	node_send_to(w, i->tx_node, idx);
	/* It would go round for ever: taking the interface down ends it. */
	i->up = false;
	worker_turn(w);
	assert_int_equal(interface_counters(i).tx_packets, 1);
	assert_int_equal(interface_counters(i).rx_drops, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_of_every_size_come_back_unchanged, start_one,
						finish),
		cmocka_unit_test_setup_teardown(super_segments_cross_in_one_piece_both_ways,
						start_one, finish),
		cmocka_unit_test_setup_teardown(several_queues_on_two_workers, start_two, finish),
		cmocka_unit_test_setup_teardown(the_kernel_end_is_as_configured, start_one, finish),
		cmocka_unit_test_setup_teardown(a_deleted_device_comes_back, start_two, finish),
		cmocka_unit_test_setup_teardown(a_device_whose_name_is_taken_waits, start_one,
						finish),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_is_explained, start_one,
						finish),
		cmocka_unit_test_setup_teardown(a_loop_hears_itself, start_one, finish),
	};

	return cmocka_run_group_tests(tests, enter_own_netns, NULL);
}

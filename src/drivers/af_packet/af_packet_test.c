/*
 * af_packet_test.c - frames to the driver and back: see veth_fixture.h; and the ring by itself.
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
#include "drivers/veth_fixture.h"

static int start_one(void **state)
{
	(void)state;
	return veth_start(1, &af_packet_input_node, &af_packet_tx_node);
}

static int start_two(void **state)
{
	(void)state;
	return veth_start(2, &af_packet_input_node, &af_packet_tx_node);
}

static struct interface *make(struct af_packet_config c)
{
	struct interface *i = NULL;
	char why[256] = "";

	c.name = "if0";
	c.device = "dev0";
	if (af_packet_create(veth_engine, &c, &i, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(i, true), 0);
	return i;
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
	const struct virtio_net_hdr *h = (struct virtio_net_hdr *)(void *)veth_in;
	int fd;

	(void)state;
	veth_make_pair("");
	make((struct af_packet_config){ 0 });
	fd = veth_open_peer();
	assert_int_equal(engine_start(veth_engine), 0);
	for (unsigned round = 0; round < 10 * count_of(cases); round++) {
		const unsigned n = round % count_of(cases);

		veth_exchange(fd, veth_make_frame(cases[n].payload, cases[n].gso_size, round));
		assert_int_equal(h->gso_size, cases[n].gso_size);
		assert_int_equal(h->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	}
	close(fd);
}

/* Some through the program, some through the ring, some as messages: nothing overtakes. */
static void plain_and_other_frames_keep_their_order(void **state)
{
	static const struct {
		uint32_t payload;
		uint16_t gso_size;
		bool plain;
	} cases[] = {
		{ 6, 0, true },		{ 100, 0, true }, { 100, 0, false },	  { 1446, 0, true },
		{ 30000, 1448, false }, { 7, 0, true },	  { 65000, 1448, false }, { 1, 0, false },
	};
	struct virtio_net_hdr *h = (struct virtio_net_hdr *)(void *)veth_out;
	struct interface *i;
	size_t len;
	int fd, tag;

	(void)state;
	veth_make_pair("");
	i = make((struct af_packet_config){ 0 });
	assert_non_null(((struct af_packet *)i->device)->tx[0].sender.batch);
	fd = veth_open_peer();
	assert_int_equal(engine_start(veth_engine), 0);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned n = 0; n < count_of(cases); n++) {
			len = veth_make_frame(cases[n].payload, cases[n].gso_size, n);
			if (cases[n].plain)
				memset(h, 0, sizeof(*h));
			assert_int_equal(send(fd, veth_out, len, 0), (ssize_t)len);
		}
		for (unsigned n = 0; n < count_of(cases); n++) {
			len = veth_make_frame(cases[n].payload, cases[n].gso_size, n);
			assert_int_equal(veth_receive(fd, &tag), len);
			assert_memory_equal(veth_in + sizeof(*h), veth_out + sizeof(*h),
					    len - sizeof(*h));
		}
	}
	close(fd);
}

static void vlan_tags_are_put_back(void **state)
{
	static const uint8_t tag_bytes[] = { 0x81, 0x00, 0x60, 0x2a }; /* priority 3, VLAN 42 */
	const struct virtio_net_hdr *h = (struct virtio_net_hdr *)(void *)veth_in;
	uint8_t *frame = veth_out + sizeof(*h);
	int fd, tag;

	(void)state;
	veth_make_pair("");
	make((struct af_packet_config){ 0 });
	fd = veth_open_peer();
	assert_int_equal(engine_start(veth_engine), 0);
	for (unsigned round = 0; round < 20; round++) {
		size_t len = veth_make_frame(100, 0, round);
		struct virtio_net_hdr *sent = (struct virtio_net_hdr *)(void *)veth_out;

		memmove(frame + 12 + 4, frame + 12, len - sizeof(*h) - 12);
		memcpy(frame + 12, tag_bytes, 4);
		sent->csum_start = (uint16_t)(sent->csum_start + 4);
		assert_int_equal(send(fd, veth_out, len + 4, 0), (ssize_t)len + 4);
		assert_int_equal(veth_receive(fd, &tag),
				 len); /* which the kernel takes veth_out again */
		assert_int_equal(tag, 0x602a);
		assert_int_equal(h->csum_start, ETH + IP);
		assert_memory_equal(veth_in + sizeof(*h) + 12, frame + 16, len - sizeof(*h) - 12);
	}
	close(fd);
}

static void several_queues_on_two_workers(void **state)
{
	struct interface *i;
	int fd;

	(void)state;
	veth_make_pair("");
	i = make((struct af_packet_config){ .n_queues = 4 });
	fd = veth_open_peer();
	assert_int_equal(i->n_queues, 4);
	assert_int_equal(engine_start(veth_engine), 0);
	for (unsigned round = 0; round < 64; round++) {
		size_t len = veth_make_frame(100, 0, round);

		veth_out[sizeof(struct virtio_net_hdr) + ETH + 12] =
			(uint8_t)round; /* many flows */
		veth_exchange(fd, len);
	}
	engine_stop(veth_engine);
	for (unsigned w = 0; w < 2; w++)
		assert_true(veth_engine->worker[w]->if_counters[i->index].rx_packets > 0);
	close(fd);
}

static void a_device_that_goes_and_comes_back(void **state)
{
	struct interface *i;
	int fd;

	(void)state;
	veth_make_pair("");
	i = make((struct af_packet_config){ .n_queues = 2, .exclusive = true });
	assert_int_equal(engine_start(veth_engine), 0);
	veth_wait_link(i, true);
	for (unsigned round = 0; round < 3; round++) {
		assert_true(veth_shell("ip link set peer0 down"));
		veth_wait_link(i, false);
		assert_true(veth_shell("ip link set peer0 up"));
		veth_wait_link(i, true);
		assert_true(veth_shell("ip link delete dev0"));
		veth_wait_link(i, false);
		assert_true(veth_shell("ip link add dev0 type veth peer name peer0 && "
				       "ip link set peer0 up"));
		veth_wait_link(i, true); /* brought up by the driver, as at the start */
		fd = veth_open_peer();
		veth_exchange(fd, veth_make_frame(100, 0, round));
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
		{ { .device = "dev0", .program = BPF_SENDER_ALWAYS, .bypass_qdisc = true },
		  ERR_INVAL,
		  "send_by_program" },
		{ { .device = "dev0", .mac = mac, .ring_mib = 999 }, ERR_INVAL, "ring_mib" },
	};
	struct interface *i = NULL;
	char why[256];

	(void)state;
	veth_make_pair("");
	for (unsigned n = 0; n < count_of(cases); n++) {
		struct af_packet_config c = cases[n].c;
		int err;

		c.name = "if0";
		err = af_packet_create(veth_engine, &c, &i, why, sizeof(why));
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
						start_one, veth_finish),
		cmocka_unit_test_setup_teardown(plain_and_other_frames_keep_their_order, start_one,
						veth_finish),
		cmocka_unit_test_setup_teardown(vlan_tags_are_put_back, start_one, veth_finish),
		cmocka_unit_test_setup_teardown(several_queues_on_two_workers, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(a_device_that_goes_and_comes_back, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_is_explained, start_one,
						veth_finish),
	};

	return cmocka_run_group_tests(tests, veth_enter_netns, NULL);
}

/*
 * bpf_sender_test.c - frames through the program to the other end of a veth pair: all of them, as
 * they were, in order, and what becomes of those that cannot be sent.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/af_packet/af_packet.h"
#include "drivers/bpf_sender.h"
#include "drivers/veth_fixture.h"

enum { IP4 = 0x0800, IP6 = 0x86dd, ARP = 0x0806, QINQ = 0x88a8 };

static struct bpf_sender sender;
static struct bpf_sent sent;

static int start(void **state)
{
	(void)state;
	sent = (struct bpf_sent){ 0 };
	return veth_start(1, &af_packet_input_node, &af_packet_tx_node);
}

static int finish(void **state)
{
	bpf_sender_close(&sender);
	return veth_finish(state);
}

static void open_pair(const char *options)
{
	int err;

	veth_make_pair(options);
	err = bpf_sender_open(&sender, (int)if_nametoindex("dev0"));
	if (err == -EPERM || err == -ENOSYS) {
		print_message("no permission for BPF programs: skipped\n");
		skip();
	}
	assert_int_equal(err, 0);
}

static void fill(uint8_t *frame, uint16_t type, uint32_t len, unsigned seed)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\2\0\0\0\0\0", 6);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	for (uint32_t i = ETH; i < len; i++)
		frame[i] = (uint8_t)(seed + i * 7 + i / 251);
}

/* False if there is no room. */
static bool put(uint16_t type, uint32_t len, unsigned seed)
{
	static uint8_t frame[BPF_SENDER_FRAME_MAX];
	struct buf_cache *bufs = &veth_engine->worker[0]->bufs;
	uint32_t idx = buf_alloc_one_or_zero(bufs);
	struct buf *b = buf_at(veth_engine->bufs.base, idx);
	bool room;

	assert_true(idx != 0);
	fill(frame, type, len, seed);
	assert_int_equal(buf_append_bytes(bufs, b, frame, len), 0);
	room = bpf_sender_put(&sender, b);
	buf_free_one(bufs, idx);
	return room;
}

static void arrives(int fd, uint16_t type, uint32_t len, unsigned seed)
{
	static uint8_t frame[BPF_SENDER_FRAME_MAX];
	int tag;

	fill(frame, type, len, seed);
	assert_int_equal(veth_receive(fd, &tag), sizeof(struct virtio_net_hdr) + len);
	assert_memory_equal(veth_in + sizeof(struct virtio_net_hdr), frame, len);
}

static void frames_arrive_in_order_as_they_were(void **state)
{
	static const uint32_t lens[] = { 15, 60, 61, 1514, 64, 590, 60, 9014, 15, 2048, 2049 };
	static const uint16_t types[] = { IP4, IP6, ARP };
	uint64_t n_bytes = 0;
	int fd;

	(void)state;
	open_pair("mtu 9000");
	fd = veth_open_peer();
	for (unsigned round = 0; round < 12; round++) {
		for (unsigned n = 0; n < 3 * count_of(lens); n++) {
			assert_true(put(types[n % 3], lens[n / 3], round + n));
			n_bytes += lens[n / 3];
		}
		assert_true(bpf_sender_waits(&sender));
		bpf_sender_flush(&sender, &sent);
		assert_false(bpf_sender_waits(&sender));
		for (unsigned type = 0; type < 3; type++) /* those of one type in order */
			for (unsigned n = type; n < 3 * count_of(lens); n += 3)
				arrives(fd, types[type], lens[n / 3], round + n);
	}
	assert_int_equal(sent.n_sent, 12 * 3 * count_of(lens));
	assert_int_equal(sent.n_bytes, n_bytes);
	assert_int_equal(sent.n_full + sent.n_gone + sent.n_refused, 0);
	close(fd);
}

static void a_full_batch_says_so(void **state)
{
	unsigned n = 0;
	int fd;

	(void)state;
	open_pair("mtu 9000");
	fd = veth_open_peer();
	assert_true(put(ARP, 60, 0));
	assert_false(put(QINQ, 60, 0)); /* a call is for one type */
	for (; put(IP4, 60, n); n++)
		;
	assert_int_equal(n, 256);
	assert_true(put(IP6, 60, 0));
	bpf_sender_flush(&sender, &sent);
	assert_int_equal(sent.n_sent, n + 2);
	for (n = 0; put(IP4, 9000, n); n++)
		; /* by bytes */
	assert_in_range(n, 14, 255);
	bpf_sender_flush(&sender, &sent);
	assert_int_equal(sent.n_sent, 256 + 2 + n);
	assert_true(put(QINQ, 60, 0));
	close(fd);
}

static void what_cannot_be_sent_is_counted_and_the_rest_goes_on(void **state)
{
	int fd;

	(void)state;
	open_pair("");
	fd = veth_open_peer();
	assert_true(put(IP4, 60, 1));
	assert_true(put(IP4, 1600, 2)); /* the MTU is 1500 */
	assert_true(put(IP4, 61, 3));
	bpf_sender_flush(&sender, &sent);
	assert_int_equal(sent.n_sent, 2);
	assert_int_equal(sent.n_full + sent.n_gone + sent.n_refused, 1);
	assert_int_equal(sent.n_bytes, 60 + 61);
	arrives(fd, IP4, 60, 1);
	arrives(fd, IP4, 61, 3);

	assert_true(veth_shell("ip link set dev0 down"));
	assert_true(put(IP4, 60, 4));
	bpf_sender_flush(&sender, &sent);
	assert_int_equal(sent.n_refused + sent.n_full, 2);
	assert_int_equal(sent.n_sent, 2);
	assert_true(veth_shell("ip link delete dev0"));
	assert_true(put(IP4, 60, 5));
	bpf_sender_flush(&sender, &sent);
	assert_int_equal(sent.n_gone, 1);
	assert_int_equal(sent.n_sent, 2);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_arrive_in_order_as_they_were, start, finish),
		cmocka_unit_test_setup_teardown(a_full_batch_says_so, start, finish),
		cmocka_unit_test_setup_teardown(what_cannot_be_sent_is_counted_and_the_rest_goes_on,
						start, finish),
	};

	return cmocka_run_group_tests(tests, veth_enter_netns, NULL);
}

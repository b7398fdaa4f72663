/* af_xdp_test.c - frames to the driver and back (veth_fixture.h), and what becomes of buffers. */
#include <arpa/inet.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/af_xdp/af_xdp_private.h"
#include "drivers/veth_fixture.h"

static bool has_af_xdp;

static int enter(void **state)
{
	int fd;

	if (veth_enter_netns(state) != 0)
		return -1;
	fd = socket(AF_XDP, SOCK_RAW, 0);
	has_af_xdp = fd >= 0;
	if (has_af_xdp)
		close(fd);
	else
		print_message("no AF_XDP sockets (CONFIG_XDP_SOCKETS, CAP_NET_RAW): skipped\n");
	return 0;
}

static int start_one(void **state)
{
	(void)state;
	return veth_start(1, &af_xdp_input_node, &af_xdp_tx_node);
}

static int start_two(void **state)
{
	(void)state;
	return veth_start(2, &af_xdp_input_node, &af_xdp_tx_node);
}

/* af_xdp_create() said this: skip where the kernel is older than the test. */
static void made_or_skip(int err, const char *why)
{
	if (err == ERR_UNSUPPORTED && strstr(why, "Linux 6.6")) {
		print_message("%s: skipped\n", why);
		skip();
	}
	if (err < 0)
		fail_msg("%s", why);
}

static struct interface *make(struct af_xdp_config c, const char *options)
{
	struct interface *i = NULL;
	char why[256] = "";

	if (!has_af_xdp)
		skip();
	veth_make_pair(options);
	c.name = "if0";
	c.device = "dev0";
	made_or_skip(af_xdp_create(veth_engine, &c, &i, why, sizeof(why)), why);
	assert_int_equal(interface_set_up(i, true), 0);
	return i;
}

static void exchange_many(struct interface *i, unsigned rounds)
{
	static const uint32_t payloads[] = { 6, 7, 64, 1000, 1446 };
	int fd = veth_open_peer();

	assert_int_equal(engine_start(veth_engine), 0);
	for (unsigned round = 0; round < rounds; round++) {
		size_t len = veth_make_frame(payloads[round % count_of(payloads)], 0, round);

		veth_out[sizeof(struct virtio_net_hdr) + ETH + 12] = (uint8_t)round; /* flows */
		veth_exchange(fd, len);
	}
	engine_stop(veth_engine);
	close(fd);
	assert_true(interface_counters(i).rx_packets >= rounds);
	assert_int_equal(interface_counters(i).tx_packets, interface_counters(i).rx_packets);
	assert_int_equal(interface_counters(i).rx_drops + interface_counters(i).tx_drops, 0);
}

/* More frames than the rings hold, so that buffers go round. */
static void frames_come_back_unchanged(void **state)
{
	struct interface *i = make((struct af_xdp_config){ .ring = 64 }, "");
	const struct af_xdp *x = i->device;

	(void)state;
	assert_true(x->native);
	assert_false(x->zero_copy); /* veth has none */
	assert_non_null(x->queue[0].sender.batch);
	exchange_many(i, 300);
}

static void frames_come_back_through_the_socket(void **state)
{
	struct interface *i =
		make((struct af_xdp_config){ .ring = 64, .program = BPF_SENDER_NEVER }, "");

	(void)state;
	assert_null(((struct af_xdp *)i->device)->queue[0].sender.batch);
	exchange_many(i, 300);
}

static void the_generic_hook_serves_every_device(void **state)
{
	struct interface *i =
		make((struct af_xdp_config){ .ring = 64, .mode = AF_XDP_MODE_GENERIC }, "");

	(void)state;
	assert_false(((struct af_xdp *)i->device)->native);
	exchange_many(i, 100);
}

static void busy_polling_changes_nothing(void **state)
{
	(void)state;
	exchange_many(make((struct af_xdp_config){ .ring = 64, .busy_poll_us = 20 }, ""), 100);
}

static void several_queues_on_two_workers(void **state)
{
	struct interface *i =
		make((struct af_xdp_config){ .ring = 64 }, "numrxqueues 4 numtxqueues 4");

	(void)state;
	assert_int_equal(i->n_queues, 4);
	exchange_many(i, 100);
}

/* Worker q does not own queue q: each sends by its own, and nobody passes packets on for ever. */
static void queues_placed_crosswise(void **state)
{
	static const uint32_t workers[] = { 1, 0 };
	struct interface *i;

	(void)state;
	assert_int_equal(interface_place(veth_engine, "if0", workers, count_of(workers)), 0);
	i = make((struct af_xdp_config){ .ring = 64 }, "numrxqueues 2 numtxqueues 2");
	assert_int_equal(interface_queue_worker(i, 0), 1);
	exchange_many(i, 100);
}

/* What arrives on worker 0 alone is sent by worker 0, which has the only queue, for both. */
static void one_queue_serves_two_workers(void **state)
{
	struct interface *i = make((struct af_xdp_config){ .ring = 64 }, "");
	int fd = veth_open_peer(), tag;
	struct worker *w = veth_engine->worker[1];
	uint32_t idx;

	(void)state;
	idx = buf_alloc_one_or_zero(&w->bufs);
	assert_int_not_equal(idx, 0);
	memcpy(buf_append(buf_at(veth_engine->bufs.base, idx), 60),
	       veth_out + sizeof(struct virtio_net_hdr),
	       veth_make_frame(6, 0, 1) - sizeof(struct virtio_net_hdr));
	buf_at(veth_engine->bufs.base, idx)->tx_if = i->index;
	node_send_to(w, i->tx_node, idx);
	assert_int_equal(engine_start(veth_engine), 0);
	assert_int_equal(veth_receive(fd, &tag), sizeof(struct virtio_net_hdr) + 60);
	close(fd);
}

static void jumbo_frames_are_chains(void **state)
{
	static const uint32_t payloads[] = { 1990, 1995, 4000, 7000, 8900 };
	struct interface *i = make((struct af_xdp_config){ .ring = 64 }, "mtu 9000");
	int fd = veth_open_peer();

	(void)state;
	(void)i;
	assert_int_equal(engine_start(veth_engine), 0);
	for (unsigned round = 0; round < 50; round++)
		veth_exchange(fd, veth_make_frame(payloads[round % count_of(payloads)], 0, round));
	close(fd);
}

static void a_device_that_goes_and_comes_back(void **state)
{
	struct interface *i = make((struct af_xdp_config){ 0 }, "");

	(void)state;
	assert_int_equal(engine_start(veth_engine), 0);
	veth_wait_link(i, true);
	for (unsigned round = 0; round < 3; round++) {
		int fd;

		assert_true(veth_shell("ip link set peer0 down"));
		veth_wait_link(i, false);
		assert_true(veth_shell("ip link set peer0 up"));
		veth_wait_link(i, true);
		assert_true(veth_shell("ip link delete dev0"));
		veth_wait_link(i, false);
		assert_true(veth_shell("ip link add dev0 type veth peer name peer0 && "
				       "ip link set peer0 up"));
		veth_wait_link(i, true);
		fd = veth_open_peer();
		veth_exchange(fd, veth_make_frame(100, 0, round));
		close(fd);
	}
}

static void what_cannot_be_made_is_explained(void **state)
{
	const struct {
		struct af_xdp_config c;
		int err;
		const char *says;
	} cases[] = {
		{ { .device = "no-such-device" }, ERR_NOENT, "ip link" },
		{ { .device = "dev0", .mtu_bytes = 9000 }, ERR_RANGE, "ip link set dev0 mtu 9000" },
		{ { .device = "dev0", .n_queues = 2 }, ERR_INVAL, "lower \"queues\"" },
		{ { .device = "dev0", .ring = 100 }, ERR_INVAL, "power of two" },
		{ { .device = "dev0", .ring = 8192 }, ERR_RANGE, "buffers" },
		{ { .device = "dev0", .copying = AF_XDP_COPY_NEVER },
		  ERR_UNSUPPORTED,
		  "\"veth\" has no zero copy" },
		{ { .device = "dev0" }, ERR_BUSY, "xdp off" },
	};
	struct interface *i = NULL;
	char why[256];

	(void)state;
	if (!has_af_xdp)
		skip();
	veth_make_pair("");
	for (unsigned n = 0; n < count_of(cases); n++) {
		struct af_xdp_config c = cases[n].c;
		int err;

		c.name = "if0";
		if (cases[n].err == ERR_BUSY) { /* a second interface on the same device */
			assert_int_equal(af_xdp_create(veth_engine, &c, &i, why, sizeof(why)), 0);
			c.name = "if1";
		}
		err = af_xdp_create(veth_engine, &c, &i, why, sizeof(why));
		if (err != cases[n].err || (err != ERR_BUSY && !strstr(why, cases[n].says)))
			fail_msg("case %u: %s: %s", n, err_text(err), why);
	}
}

static void a_program_does_not_send_what_is_too_large_for_it(void **state)
{
	struct af_xdp_config c = { .name = "if0",
				   .device = "dev0",
				   .mode = AF_XDP_MODE_GENERIC,
				   .program = BPF_SENDER_ALWAYS };
	struct interface *i = NULL;
	char why[256] = "";

	(void)state;
	if (!has_af_xdp)
		skip();
	veth_make_pair("mtu 12000");
	assert_int_equal(af_xdp_create(veth_engine, &c, &i, why, sizeof(why)), ERR_RANGE);
	assert_non_null(strstr(why, "set mtu to 9706"));
	c.mtu_bytes = 9706;
	made_or_skip(af_xdp_create(veth_engine, &c, &i, why, sizeof(why)), why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_come_back_unchanged, start_one, veth_finish),
		cmocka_unit_test_setup_teardown(frames_come_back_through_the_socket, start_one,
						veth_finish),
		cmocka_unit_test_setup_teardown(the_generic_hook_serves_every_device, start_one,
						veth_finish),
		cmocka_unit_test_setup_teardown(busy_polling_changes_nothing, start_one,
						veth_finish),
		cmocka_unit_test_setup_teardown(several_queues_on_two_workers, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(queues_placed_crosswise, start_two, veth_finish),
		cmocka_unit_test_setup_teardown(one_queue_serves_two_workers, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(jumbo_frames_are_chains, start_one, veth_finish),
		cmocka_unit_test_setup_teardown(a_device_that_goes_and_comes_back, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_is_explained, start_one,
						veth_finish),
		cmocka_unit_test_setup_teardown(a_program_does_not_send_what_is_too_large_for_it,
						start_one, veth_finish),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}

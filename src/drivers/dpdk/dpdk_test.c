/*
 * dpdk_test.c - frames through DPDK's virtual devices and back (veth_fixture.h), what becomes of
 * buffers, and refusals. DPDK is initialised once in a process, so all tests share its arguments.
 */
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

#include "drivers/dpdk/dpdk_private.h"
#include "drivers/veth_fixture.h"

enum { DEADLINE_MS = 10000, TICK_MS = 2, PIECES = 3, PIECE_BYTES = 700, ROUNDS = 200 };

static const struct dpdk_settings settings = { 0 };

static bool has_dpdk(void)
{
	char why[256];

	return dpdk_load_or_null(why, sizeof(why)) != NULL;
}

static int start_one(void **state)
{
	(void)state;
	return veth_start(1, &dpdk_input_node, &dpdk_tx_node);
}

static int start_two(void **state)
{
	(void)state;
	return veth_start(2, &dpdk_input_node, &dpdk_tx_node);
}

static struct interface *make(struct dpdk_config c, const char *device)
{
	struct interface *i = NULL;
	char why[256] = "";

	c.name = c.name ? c.name : "if0";
	c.device = device;
	if (dpdk_create(veth_engine, &c, &settings, &i, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(i, true), 0);
	return i;
}

static void need_dpdk(void)
{
	if (!has_dpdk())
		skip();
}

/* --- a kernel device behind it --- */

static void exchange_many(struct interface *i)
{
	static const uint32_t payloads[] = { 6, 7, 64, 1000, 1446 };
	int fd = veth_open_peer();

	assert_int_equal(engine_start(veth_engine), 0);
	veth_wait_link(i, true);
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t len = veth_make_frame(payloads[round % count_of(payloads)], 0, round);

		veth_out[sizeof(struct virtio_net_hdr) + ETH + 12] = (uint8_t)round; /* flows */
		veth_exchange(fd, len);
	}
	engine_stop(veth_engine);
	close(fd);
	assert_true(interface_counters(i).rx_packets >= ROUNDS);
	assert_int_equal(interface_counters(i).tx_packets, interface_counters(i).rx_packets);
	assert_int_equal(interface_counters(i).rx_drops + interface_counters(i).tx_drops, 0);
}

static void frames_come_back_unchanged(void **state)
{
	(void)state;
	need_dpdk();
	veth_make_pair("");
	exchange_many(make((struct dpdk_config){ 0 }, "net_af_packet0,iface=dev0"));
}

static void two_queues_on_two_workers(void **state)
{
	struct interface *i;

	(void)state;
	need_dpdk();
	veth_make_pair("");
	i = make((struct dpdk_config){ .n_queues = 2 }, "net_af_packet0,iface=dev0,qpairs=2");
	assert_int_equal(i->n_queues, 2);
	exchange_many(i);
}

static void one_queue_is_shared_by_two_workers(void **state)
{
	struct interface *i;

	(void)state;
	need_dpdk();
	veth_make_pair("");
	assert_int_equal(interface_place(veth_engine, "if0", (const uint32_t[]){ 1 }, 1), 0);
	i = make((struct dpdk_config){ 0 }, "net_af_packet0,iface=dev0,qpairs=1");
	assert_int_equal(i->n_queues, 1);
	assert_int_equal(interface_queue_worker(i, 0), 1); /* and worker 0 sends */
	exchange_many(i);
}

static void a_device_that_goes_and_comes_back(void **state)
{
	struct interface *i;
	int fd;

	(void)state;
	need_dpdk();
	veth_make_pair("");
	i = make((struct dpdk_config){ 0 }, "net_af_packet0,iface=dev0");
	assert_int_equal(engine_start(veth_engine), 0);
	for (unsigned round = 0; round < 2; round++) {
		veth_wait_link(i, true);
		assert_true(veth_shell("ip link delete dev0"));
		veth_wait_link(i, false);
		assert_true(veth_shell("ip link add dev0 type veth peer name peer0 && "
				       "ip link set peer0 up && ip link set dev0 up"));
		veth_wait_link(i, true);
		fd = veth_open_peer();
		veth_exchange(fd, veth_make_frame(100, 0, round));
		close(fd);
	}
}

/* --- a ring that gives back what it gets --- */

static uint64_t received(const struct interface *i)
{
	return interface_counters(i).rx_packets;
}

static void wait_received(const struct interface *i, uint64_t n)
{
	for (int left_ms = DEADLINE_MS; received(i) < n; left_ms -= TICK_MS) {
		struct pollfd bell = { .fd = engine_main_fd(veth_engine), .events = POLLIN };

		assert_true(left_ms > 0);
		if (poll(&bell, 1, TICK_MS) > 0)
			engine_run_main(veth_engine);
	}
}

/* A frame of several buffers, sent off by the interface @arg. */
static void send_chain(struct worker *w, void *arg)
{
	const struct interface *i = arg;
	struct buf *first = buf_at(w->bufs.pool->base, buf_alloc_one_or_zero(&w->bufs));
	uint8_t piece[PIECE_BYTES * PIECES];

	memset(piece, 0xff, ETH);
	for (unsigned n = ETH; n < sizeof(piece); n++)
		piece[n] = (uint8_t)n;
	assert_int_equal(buf_append_bytes(&w->bufs, first, piece, sizeof(piece)), 0);
	first->l2_at = first->at;
	first->tx_if = i->index;
	node_send_to(w, i->tx_node, first->self);
}

static void a_ring_returns_the_same_buffers(void **state)
{
	struct interface *i;

	(void)state;
	need_dpdk();
	i = make((struct dpdk_config){ .mtu_bytes = 9000 }, "net_ring0");
	assert_int_equal(engine_start(veth_engine), 0);
	veth_wait_link(i, true);
	for (unsigned n = 0; n < 4; n++)
		assert_int_equal(worker_call(veth_engine->worker[0], send_chain, i), 0);
	wait_received(i, 10000); /* each goes round and round */
	assert_int_equal(interface_counters(i).rx_drops + interface_counters(i).tx_drops, 0);
	assert_true(interface_counters(i).rx_bytes / PIECE_BYTES / PIECES >= 10000);
	/* veth_finish(): no buffer is missing, though frames are in the ring when it goes. */
}

static void interfaces_come_and_go_at_run_time(void **state)
{
	char device[32];

	(void)state;
	need_dpdk();
	assert_int_equal(engine_start(veth_engine), 0);
	for (unsigned round = 0; round < 12; round++) {
		struct interface *i;

		snprintf(device, sizeof(device), "net_null%u,size=64", round % 3);
		i = make((struct dpdk_config){ 0 }, device);
		wait_received(i, 1000);
		interface_remove(i);
		while (veth_engine->interfaces.going[1]) {
			struct pollfd bell = { .fd = engine_main_fd(veth_engine),
					       .events = POLLIN };

			assert_int_equal(poll(&bell, 1, DEADLINE_MS), 1);
			engine_run_main(veth_engine);
		}
	}
}

/* --- what is refused --- */

static void refused(const struct dpdk_config *config, const struct dpdk_settings *s, int err,
		    const char *says)
{
	struct dpdk_config c = *config;
	struct interface *i = NULL;
	char why[256] = "";
	int got;

	c.name = "other";
	got = dpdk_create(veth_engine, &c, s, &i, why, sizeof(why));
	if (got != err || !strstr(why, says))
		fail_msg("%s: %s: %s", c.device, err_text(got), why);
}

static void what_cannot_be_made_is_explained(void **state)
{
	const struct {
		struct dpdk_config c;
		int err;
		const char *says;
	} cases[] = {
		{ { .device = "net_nonsense0" }, ERR_NOENT, "cannot make a device" },
		{ { .device = "net_af_packet7,iface=no-such" }, ERR_NOENT, "no-such" },
		{ { .device = "net_af_xdp0,iface=lo" }, ERR_UNSUPPORTED, "af_xdp:" },
		{ { .device = "net_memif0,zero-copy=yes" }, ERR_UNSUPPORTED, "zero-copy" },
		{ { .device = "net_null9", .mtu_bytes = 3000 }, ERR_RANGE, "set mtu to" },
		{ { .device = "net_memif9", .mtu_bytes = 1700 }, ERR_RANGE, "1500 bytes" },
		{ { .device = "net_ring0" }, ERR_BUSY, "another interface" },
		{ { .device = "net_null9", .n_queues = 99 }, ERR_INVAL, "queues" },
		{ { .device = "net_null9", .n_descriptors = 8192 }, ERR_RANGE, "buffers" },
	};

	(void)state;
	need_dpdk();
	make((struct dpdk_config){ 0 }, "net_ring0");
	for (unsigned n = 0; n < count_of(cases); n++)
		refused(&cases[n].c, &settings, cases[n].err, cases[n].says);
}

static void arguments_that_would_end_or_pin_convoyd_are_refused(void **state)
{
	const struct {
		const char *arg;
		int err;
		const char *says;
	} cases[] = {
		{ "--help", ERR_INVAL, "end convoyd" },
		{ "--hel", ERR_INVAL, "end convoyd" },
		{ "-h", ERR_INVAL, "end convoyd" },
		{ "-l0", ERR_INVAL, "processors" },
		{ "-c", ERR_INVAL, "processors" },
		{ "--lcores=0", ERR_INVAL, "processors" },
		{ "--main-lcore", ERR_INVAL, "processors" },
		{ "--proc-type=auto", ERR_INVAL, "secondary" },
		{ "--log-level=help", ERR_INVAL, "end convoyd" },
		{ "--no-hpet", ERR_BUSY, "other arguments" },
	};
	const struct dpdk_config c = { .device = "net_null0" };

	(void)state;
	need_dpdk();
	make((struct dpdk_config){ 0 }, "net_ring0");
	for (unsigned n = 0; n < count_of(cases); n++) {
		const struct dpdk_settings s = { .eal = &cases[n].arg, .n_eal = 1 };

		refused(&c, &s, cases[n].err, cases[n].says);
	}
}

static int begin(void **state)
{
	if (!has_dpdk())
		print_message("convoy-dpdk.so is not built (libdpdk-dev): skipped\n");
	return veth_enter_netns(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_come_back_unchanged, start_one, veth_finish),
		cmocka_unit_test_setup_teardown(two_queues_on_two_workers, start_two, veth_finish),
		cmocka_unit_test_setup_teardown(one_queue_is_shared_by_two_workers, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(a_device_that_goes_and_comes_back, start_one,
						veth_finish),
		cmocka_unit_test_setup_teardown(a_ring_returns_the_same_buffers, start_one,
						veth_finish),
		cmocka_unit_test_setup_teardown(interfaces_come_and_go_at_run_time, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_is_explained, start_one,
						veth_finish),
		cmocka_unit_test_setup_teardown(arguments_that_would_end_or_pin_convoyd_are_refused,
						start_one, veth_finish),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}

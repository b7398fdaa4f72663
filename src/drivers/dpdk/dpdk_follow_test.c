/*
 * dpdk_follow_test.c - the driver on a module that is the test's: devices that interrupt and
 * devices that do not, that lose packets, go, come back as another, or send from one buffer only.
 * Needs no DPDK.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/dpdk/dpdk_private.h"
#include "drivers/veth_fixture.h"

enum { DEADLINE_MS = 5000, FRAME_BYTES = 100, REST_MS = 60 };

/* The one device that there is. What both threads touch is atomic. */
static struct {
	struct dpdk_port_info info;
	bool can_arm, has_fd;
	int fd;
	struct dpdk_wanted kept;
	uint8_t mac[MAC_LEN];
	uint32_t n_opened, n_closed, n_waiting, n_looks, n_sent, n_pieces; /* atomic */
	uint32_t n_blind;	       /* looks that do not see what waits yet; atomic */
	bool armed, gone, cannot_open; /* atomic */
	uint64_t n_missed;	       /* atomic */
} device;

#define get(field)	  __atomic_load_n(&device.field, __ATOMIC_SEQ_CST)
#define set(field, value) __atomic_store_n(&device.field, (value), __ATOMIC_SEQ_CST)
#define add(field, n)	  __atomic_fetch_add(&device.field, (n), __ATOMIC_SEQ_CST)

/* --- the module --- */

static int fake_start(const struct dpdk_host *host unused_arg, const char *const *args unused_arg,
		      unsigned n_args unused_arg, char *why unused_arg, size_t why_bytes unused_arg)
{
	return 0;
}

static int fake_get_mbufs(struct buf_pool *pool, struct dpdk_mbufs **out, char *why unused_arg,
			  size_t why_bytes unused_arg)
{
	*out = (struct dpdk_mbufs *)pool;
	return 0;
}

static void fake_put_mbufs(struct dpdk_mbufs *m unused_arg)
{
}

static int fake_open(struct dpdk_mbufs *m unused_arg, const struct dpdk_wanted *wanted,
		     struct dpdk_port **out, struct dpdk_port_info *info, char *why,
		     size_t why_bytes)
{
	if (get(cannot_open)) {
		snprintf(why, why_bytes, "no such device");
		return ERR_NOENT;
	}
	device.kept = *wanted;
	if (wanted->mac)
		memcpy(device.mac, wanted->mac, MAC_LEN);
	set(gone, false);
	*info = device.info;
	*out = (struct dpdk_port *)&device;
	add(n_opened, 1);
	return 0;
}

static void fake_close(struct dpdk_port *p unused_arg)
{
	add(n_closed, 1);
}

static void fake_look(struct dpdk_port *p unused_arg, struct dpdk_port_state *out)
{
	*out = (struct dpdk_port_state){ .present = !get(gone),
					 .link = true,
					 .n_missed = get(n_missed) };
}

static void fake_set_link_up(struct dpdk_port *p unused_arg)
{
}

static int fake_rx_fd(struct dpdk_port *p unused_arg, unsigned q unused_arg)
{
	return device.has_fd ? device.fd : -1;
}

static bool fake_rx_arm(struct dpdk_port *p unused_arg, unsigned q unused_arg, bool on)
{
	if (device.can_arm)
		set(armed, on);
	return device.can_arm;
}

static unsigned fake_receive(struct dpdk_port *p unused_arg, unsigned q unused_arg,
			     struct buf_cache *c, uint32_t *idx, unsigned n,
			     uint64_t *n_foreign unused_arg)
{
	uint32_t waiting = get(n_waiting);
	unsigned got;

	add(n_looks, 1);
	if (get(n_blind) > 0) {
		add(n_blind, -1u);
		return 0;
	}
	got = buf_alloc(c, idx, waiting < n ? waiting : n);
	for (unsigned i = 0; i < got; i++) {
		struct buf *b = buf_at(c->pool->base, idx[i]);

		memset(buf_append(b, FRAME_BYTES), 0xff, FRAME_BYTES);
		b->l2_at = b->at;
	}
	add(n_waiting, -got);
	return got;
}

static struct dpdk_sent fake_send(struct dpdk_port *p unused_arg, unsigned q unused_arg,
				  struct buf_cache *c, const uint32_t *idx, unsigned n)
{
	struct dpdk_sent sent = { .n_sent = n };

	for (unsigned i = 0; i < n; i++) {
		const struct buf *b = buf_at(c->pool->base, idx[i]);

		sent.n_bytes += b->total_len;
		add(n_pieces, buf_chain_count(b));
	}
	buf_free(c, idx, n);
	add(n_sent, n);
	return sent;
}

static const struct dpdk_module fake = {
	.abi = DPDK_MODULE_ABI,
	.version = "of the test",
	.start = fake_start,
	.get_mbufs = fake_get_mbufs,
	.put_mbufs = fake_put_mbufs,
	.open = fake_open,
	.close = fake_close,
	.look = fake_look,
	.set_link_up = fake_set_link_up,
	.rx_fd = fake_rx_fd,
	.rx_arm = fake_rx_arm,
	.receive = fake_receive,
	.send = fake_send,
};

/* --- the test's part --- */

static int start(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	device.info = (struct dpdk_port_info){ .driver = "net_fake",
					       .mac = { 2, 0, 0, 0, 0, 9 },
					       .mtu_bytes = 1500,
					       .n_rx_queues = 1,
					       .n_tx_queues = 1,
					       .chains = true };
	device.fd = eventfd(0, EFD_NONBLOCK);
	return device.fd < 0 ? -1 : veth_start(1, &dpdk_input_node, &dpdk_tx_node);
}

static int finish(void **state)
{
	int rc = veth_finish(state);

	assert_int_equal(get(n_opened), get(n_closed));
	close(device.fd);
	return rc;
}

static struct interface *make(void)
{
	static const struct dpdk_settings settings = { 0 };
	const struct dpdk_config config = { .name = "if0", .device = "net_fake0", .poll_ms = 8 };
	struct interface *i = NULL;
	char why[256] = "";

	if (dpdk_create_on(&fake, veth_engine, &config, &settings, &i, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(i, true), 0);
	assert_int_equal(engine_start(veth_engine), 0);
	veth_wait_link(i, true);
	return i;
}

/* Main goes on until @done, or fails. */
static void run_until(bool (*done)(const struct interface *i, uint64_t value),
		      const struct interface *i, uint64_t value)
{
	for (int left_ms = DEADLINE_MS; !done(i, value); left_ms--) {
		struct pollfd bell = { .fd = engine_main_fd(veth_engine), .events = POLLIN };

		assert_true(left_ms > 0);
		if (poll(&bell, 1, 1) > 0)
			engine_run_main(veth_engine);
	}
}

static bool has_sent(const struct interface *i unused_arg, uint64_t n)
{
	return get(n_sent) >= n;
}

static bool has_dropped(const struct interface *i, uint64_t n)
{
	struct if_counters c = interface_counters(i);

	return c.rx_drops + c.tx_drops >= n;
}

static bool is_armed(const struct interface *i unused_arg, uint64_t armed)
{
	return get(armed) == (armed != 0);
}

/* How often the worker looks in a while without packets. */
static uint32_t looks_at_rest(void)
{
	uint32_t before = get(n_looks);

	usleep(REST_MS * 1000);
	return get(n_looks) - before;
}

/* Until it looks no more: it sleeps on the device. */
static void wait_rest(void)
{
	for (int left_ms = DEADLINE_MS; looks_at_rest() > 0; left_ms -= REST_MS)
		assert_true(left_ms > 0);
}

static void ring(void)
{
	assert_int_equal(eventfd_write(device.fd, 1), 0);
}

static void arrive(uint32_t n)
{
	add(n_waiting, n);
	ring();
}

static void a_device_that_interrupts_is_slept_on(void **state)
{
	const struct interface *i;

	(void)state;
	device.has_fd = device.can_arm = true;
	i = make();
	for (uint32_t round = 1; round <= 3; round++) {
		run_until(is_armed, i, true);
		wait_rest(); /* it looks once more after arming */
		arrive(300); /* more than a frame */
		run_until(has_sent, i, 300 * round);
	}
}

static void a_device_with_a_descriptor_alone_is_slept_on_after_some_looks(void **state)
{
	const struct interface *i;

	(void)state;
	device.has_fd = true;
	i = make();
	for (uint32_t round = 1; round <= 3; round++) {
		wait_rest();	 /* after 1 + 2 + 4 + 8 ms */
		set(n_blind, 2); /* it rings before the packet can be seen: a later look finds it */
		arrive(1);
		run_until(has_sent, i, round);
	}
}

static void other_devices_are_looked_at_less_and_less(void **state)
{
	const struct interface *i;

	(void)state;
	i = make();
	/* Twice each: a timer's turn, and the next. A slow machine may take some time to get there.
	 */
	for (int left_ms = DEADLINE_MS; looks_at_rest() > 3 * REST_MS / 8; left_ms -= REST_MS)
		assert_true(left_ms > 0);
	add(n_waiting, 5);
	run_until(has_sent, i, 5);
}

static void what_the_device_lost_is_counted(void **state)
{
	struct interface *i;

	(void)state;
	i = make();
	set(n_missed, 42);
	device.kept.changed(device.kept.context);
	run_until(has_dropped, i, 42);
	assert_int_equal(interface_counters(i).rx_drops, 42);
}

static bool is_gone(const struct interface *i, uint64_t n_closed)
{
	return !i->link && get(n_closed) >= n_closed;
}

static void a_device_that_is_removed_comes_back(void **state)
{
	struct interface *i;

	(void)state;
	i = make();
	for (uint32_t round = 1; round <= 3; round++) {
		set(cannot_open, true);
		set(gone, true);
		device.kept.changed(device.kept.context);
		run_until(is_gone, i, round);
		set(cannot_open, false);
		veth_wait_link(i, true);
		assert_int_equal(get(n_opened), round + 1);
		assert_memory_equal(device.mac, i->mac, MAC_LEN); /* its address stays */
		add(n_waiting, 1);
		run_until(has_sent, i, round);
	}
}

static void one_that_can_less_does_not_take_its_place(void **state)
{
	struct interface *i;

	(void)state;
	device.info.n_rx_queues = 2;
	i = make();
	device.info.n_rx_queues = 1;
	set(gone, true);
	device.kept.changed(device.kept.context);
	run_until(is_gone, i, 2); /* and what was opened in its place is closed */
	device.info.n_rx_queues = 2;
	veth_wait_link(i, true);
}

/* @arg: bytes of a frame in several buffers. */
static void send_chain(struct worker *w, void *arg)
{
	static uint8_t frame[8000];
	uint32_t bytes = (uint32_t)(uintptr_t)arg, idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *b = buf_at(w->bufs.pool->base, idx);
	const struct interface *i = interface_get_or_null(w->engine, 1);

	b->at = BUF_ROOM - 10; /* ten bytes fit here */
	assert_int_equal(buf_append_bytes(&w->bufs, b, frame, bytes), 0);
	assert_true(b->next != 0);
	b->at = BUF_HEADROOM;
	b->tx_if = i->index;
	node_send_to(w, i->tx_node, idx);
}

static void frames_are_joined_for_a_device_that_takes_one_buffer(void **state)
{
	struct interface *i;

	(void)state;
	device.info.chains = false;
	i = make();
	assert_int_equal(worker_call(veth_engine->worker[0], send_chain, (void *)1500), 0);
	run_until(has_sent, i, 1);
	assert_int_equal(get(n_pieces), 1);
	assert_int_equal(worker_call(veth_engine->worker[0], send_chain, (void *)5000), 0);
	run_until(has_dropped, i, 1);
	assert_int_equal(interface_counters(i).tx_drops, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_that_interrupts_is_slept_on, start,
						finish),
		cmocka_unit_test_setup_teardown(
			a_device_with_a_descriptor_alone_is_slept_on_after_some_looks, start,
			finish),
		cmocka_unit_test_setup_teardown(other_devices_are_looked_at_less_and_less, start,
						finish),
		cmocka_unit_test_setup_teardown(what_the_device_lost_is_counted, start, finish),
		cmocka_unit_test_setup_teardown(a_device_that_is_removed_comes_back, start, finish),
		cmocka_unit_test_setup_teardown(one_that_can_less_does_not_take_its_place, start,
						finish),
		cmocka_unit_test_setup_teardown(
			frames_are_joined_for_a_device_that_takes_one_buffer, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

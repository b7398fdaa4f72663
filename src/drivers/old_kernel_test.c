/*
 * old_kernel_test.c - what drivers do where the kernel lacks something. Each test takes one more
 * thing away from this process (seccomp(2): the call fails as an old kernel would have it fail).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/af_packet/af_packet_private.h"
#include "drivers/memif/memif_bell.h"
#include "drivers/nft.h"
#include "drivers/veth_fixture.h"

enum { ANY = -1, WHY_MAX = 512, N_FLOWS = 16 };

/* From now on @call fails with @errno_value when its argument @at (or ANY) is @value. */
static void take_away(long call, int at, uint32_t value, int errno_value)
{
	const uint32_t arg = at == ANY ? offsetof(struct seccomp_data, nr)
				       : (uint32_t)(offsetof(struct seccomp_data, args) +
						    (unsigned)at * sizeof(uint64_t));
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arg),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, at == ANY ? (uint32_t)call : value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)errno_value),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { .len = count_of(program), .filter = program };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

static int start_two(void **state)
{
	(void)state;
	return veth_start(2, &af_packet_input_node, &af_packet_tx_node);
}

/* IPv4 packets that the kernel's own stack has seen in this network namespace. */
static unsigned long n_seen_by_kernel(void)
{
	FILE *f = fopen("/proc/thread-self/net/snmp", "re");
	char line[1024];
	unsigned long n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Ip: %*u %*u %lu", &n) == 1)
			break;
	fclose(f);
	return n;
}

static int make(struct af_packet_config c, struct interface **out, char *why)
{
	c.name = "if0";
	c.device = "dev0";
	return af_packet_create(veth_engine, &c, out, why, WHY_MAX);
}

/* How many frames of N_FLOWS flows, all echoed, were the kernel's as well. */
static unsigned long n_leaked(struct af_packet_config c)
{
	struct interface *i = NULL;
	unsigned long before;
	char why[WHY_MAX] = "";
	int fd;

	c.n_queues = 2;
	if (make(c, &i, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(i, true), 0);
	fd = veth_open_peer();
	assert_int_equal(engine_start(veth_engine), 0);
	before = n_seen_by_kernel();
	for (unsigned round = 0; round < N_FLOWS; round++) {
		size_t len = veth_make_frame(100, 0, round);

		veth_out[sizeof(struct virtio_net_hdr) + ETH + 12] = (uint8_t)round;
		veth_exchange(fd, len);
	}
	close(fd);
	engine_stop(veth_engine);
	return n_seen_by_kernel() - before - N_FLOWS; /* which came back to peer0 */
}

static void the_kernel_sees_what_is_shared(void **state)
{
	(void)state;
	veth_make_pair("");
	assert_int_equal(n_leaked((struct af_packet_config){ 0 }), N_FLOWS);
}

static void exclusive_with_what_there_is(void **state)
{
	(void)state;
	veth_make_pair("");
	assert_int_equal(n_leaked((struct af_packet_config){ .exclusive = true }), 0);
}

static bool has_nftables(void)
{
	int fd = nft_hide_from_kernel("peer0");

	if (fd < 0)
		print_message("nftables cannot hide a device here: %s: skipped\n", strerror(-fd));
	else
		close(fd);
	return fd >= 0;
}

static void without_tcx_nftables_hide_the_device(void **state)
{
	struct interface *i;
	int fd;

	(void)state;
	take_away(SYS_bpf, 0, BPF_LINK_CREATE, EINVAL);
	veth_make_pair("");
	if (!has_nftables())
		skip();
	assert_int_equal(n_leaked((struct af_packet_config){ .exclusive = true }), 0);
	i = veth_engine->interfaces.slot[1];
	assert_string_equal(((struct af_packet *)i->device)->hidden_by, "nftables");
	fd = nft_hide_from_kernel("dev0"); /* two of them do not get in each other's way */
	assert_true(fd >= 0);
	close(fd);
}

static void without_nftables_either_the_refusal_says_so(void **state)
{
	struct af_packet_config c = { .exclusive = true };
	struct interface *i = NULL;
	char why[WHY_MAX] = "";

	(void)state;
	veth_make_pair("");
	take_away(SYS_socket, 2, NETLINK_NETFILTER, EPROTONOSUPPORT);
	assert_int_equal(make(c, &i, why), ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "tcx (Linux 6.6"));
	assert_non_null(strstr(why, "nftables (Linux 5.12"));
	assert_non_null(strstr(why, "leave it out"));
}

/* The link is taken away already: without_tcx_nftables_hide_the_device(). */
static void without_tcx_there_are_no_shortcuts(void **state)
{
	struct interface *i = NULL;
	char why[WHY_MAX] = "";

	(void)state;
	veth_make_pair("");
	assert_int_equal(make((struct af_packet_config){ .shortcuts = true }, &i, why),
			 ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "shortcuts need tcx (Linux 6.6"));
	assert_non_null(strstr(why, "leave them out"));
}

static void without_leave_for_programs_there_are_no_shortcuts(void **state)
{
	struct interface *i = NULL;
	char why[WHY_MAX] = "";

	(void)state;
	veth_make_pair("");
	take_away(SYS_bpf, 0, BPF_MAP_CREATE, EPERM);
	assert_int_equal(make((struct af_packet_config){ .shortcuts = true }, &i, why), ERR_PERM);
	assert_non_null(strstr(why, "shortcuts need CAP_NET_ADMIN and CAP_BPF"));
}

static void without_programs_the_rings_send(void **state)
{
	struct interface *i = NULL;
	char why[WHY_MAX] = "";

	(void)state;
	veth_make_pair("");
	take_away(SYS_bpf, ANY, 0, ENOSYS);
	assert_int_equal(n_leaked((struct af_packet_config){ 0 }), N_FLOWS);
	assert_null(
		((struct af_packet *)veth_engine->interfaces.slot[1]->device)->tx[0].sender.batch);
	interface_remove(veth_engine->interfaces.slot[1]);
	assert_int_equal(make((struct af_packet_config){ .program = BPF_SENDER_ALWAYS }, &i, why),
			 ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "Linux 5.5"));
}

static void without_sealed_flags_memory_is_as_before(void **state)
{
	struct buf_pool pool;

	(void)state;
	take_away(SYS_memfd_create, 1, 0x8 | MFD_CLOEXEC | MFD_ALLOW_SEALING, EINVAL);
	assert_int_equal(buf_pool_init_shared(&pool, 64), 0);
	assert_true(fcntl(pool.fd, F_GET_SEALS) & F_SEAL_SHRINK);
	buf_pool_deinit(&pool);
}

static void without_asynchronous_io_bells_are_written(void **state)
{
	struct memif_ringer r;
	uint64_t n = 0;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	(void)state;
	take_away(SYS_io_setup, ANY, 0, ENOSYS);
	memif_ringer_open(&r);
	assert_int_equal(r.context, 0);
	memif_ring_bell(&r, fd);
	memif_ring_bell(&r, fd);
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 2);
	memif_ringer_close(&r);
	close(fd);
}

static void without_precise_sleep_no_engine_starts(void **state)
{
	(void)state;
	take_away(SYS_epoll_pwait2, ANY, 0, ENOSYS);
	assert_int_equal(veth_start(1, &af_packet_input_node, &af_packet_tx_node), 0);
	assert_int_equal(engine_start(veth_engine), ERR_UNSUPPORTED);
	engine_free(veth_engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_kernel_sees_what_is_shared, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(exclusive_with_what_there_is, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(without_tcx_nftables_hide_the_device, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(without_nftables_either_the_refusal_says_so,
						start_two, veth_finish),
		cmocka_unit_test_setup_teardown(without_tcx_there_are_no_shortcuts, start_two,
						veth_finish),
		cmocka_unit_test_setup_teardown(without_leave_for_programs_there_are_no_shortcuts,
						start_two, veth_finish),
		cmocka_unit_test_setup_teardown(without_programs_the_rings_send, start_two,
						veth_finish),
		cmocka_unit_test(without_sealed_flags_memory_is_as_before),
		cmocka_unit_test(without_asynchronous_io_bells_are_written),
		cmocka_unit_test(without_precise_sleep_no_engine_starts),
	};

	return cmocka_run_group_tests(tests, veth_enter_netns, NULL);
}

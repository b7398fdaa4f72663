/* bpf.c - loading and attaching programs that are short enough to be written in place. */
#include "drivers/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ATTACH_TCX_INGRESS = 46, /* BPF_TCX_INGRESS, newer than Debian 12's headers */
	VERDICT_DROP = 2,	 /* TCX_DROP */
};

static int call(enum bpf_cmd command, union bpf_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

static int load(enum bpf_prog_type type, const struct bpf_insn *program, unsigned n, uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = n;
	attr.prog_flags = flags;
	attr.license = (uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, "convoy", sizeof("convoy"));
	return call(BPF_PROG_LOAD, &attr);
}

static int attach(int program, int index, uint32_t where, uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_ifindex = (uint32_t)index;
	attr.link_create.attach_type = where;
	attr.link_create.flags = flags;
	return call(BPF_LINK_CREATE, &attr);
}

int bpf_hang_on_ingress(int program, int index)
{
	return attach(program, index, ATTACH_TCX_INGRESS, 0);
}

int bpf_hide_from_kernel(int index)
{
	static const struct bpf_insn drop[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = VERDICT_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = load(BPF_PROG_TYPE_SCHED_CLS, drop, count_of(drop), 0);
	int link;

	if (program < 0)
		return program;
	link = bpf_hang_on_ingress(program, index);
	close(program);
	return link;
}

int bpf_socket_map(uint32_t n_queues)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_XSKMAP;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = sizeof(int);
	attr.max_entries = n_queues;
	memcpy(attr.map_name, "convoy", sizeof("convoy"));
	return call(BPF_MAP_CREATE, &attr);
}

int bpf_socket_map_set(int map, uint32_t queue, int socket)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map;
	attr.key = (uintptr_t)&queue;
	attr.value = (uintptr_t)&socket;
	return call(BPF_MAP_UPDATE_ELEM, &attr);
}

int bpf_redirect_to_sockets(int index, int map, bool native, bool chains)
{
	/* return bpf_redirect_map(map, context->rx_queue_index, XDP_PASS); */
	const struct bpf_insn redirect[] = {
		{ .code = BPF_LDX | BPF_W | BPF_MEM,
		  .dst_reg = BPF_REG_2,
		  .src_reg = BPF_REG_1,
		  .off = offsetof(struct xdp_md, rx_queue_index) },
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{ .code = 0 }, /* the upper half of the map */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = load(BPF_PROG_TYPE_XDP, redirect, count_of(redirect),
			   chains ? BPF_F_XDP_HAS_FRAGS : 0);
	int link;

	if (program < 0)
		return program;
	link = attach(program, index, BPF_XDP, native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	close(program);
	return link;
}

int bpf_shared_value(size_t bytes)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = (uint32_t)bytes;
	attr.max_entries = 1;
	attr.map_flags = BPF_F_MMAPABLE;
	memcpy(attr.map_name, "convoy", sizeof("convoy"));
	return call(BPF_MAP_CREATE, &attr);
}

int bpf_load_packet_program(const struct bpf_insn *program, unsigned n)
{
	return load(BPF_PROG_TYPE_SCHED_CLS, program, n, 0);
}

int bpf_run_packet_program(int program, const void *frame, uint32_t n)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)program;
	attr.test.data_in = (uintptr_t)frame;
	attr.test.data_size_in = n;
	attr.test.repeat = 1;
	return call(BPF_PROG_TEST_RUN, &attr);
}

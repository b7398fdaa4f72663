/* bpf.c - loading and attaching programs that are short enough to be written in place. */
#include "drivers/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
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

static int load(enum bpf_prog_type type, const struct bpf_insn *program, unsigned n)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = n;
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

int bpf_hide_from_kernel(int index)
{
	static const struct bpf_insn drop[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = VERDICT_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = load(BPF_PROG_TYPE_SCHED_CLS, drop, count_of(drop));
	int link;

	if (program < 0)
		return program;
	link = attach(program, index, ATTACH_TCX_INGRESS, 0);
	close(program);
	return link;
}

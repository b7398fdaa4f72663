/*
 * bpf_insn.h - instructions of BPF programs that are written in place, as the kernel's own tests
 * name them: RFC 9669.
 */
#ifndef CONVOY_DRIVERS_BPF_INSN_H
#define CONVOY_DRIVERS_BPF_INSN_H

#include <linux/bpf.h>

#define INSN(op, dst, src, offset, value)                                                          \
	{                                                                                          \
		.code = (op), .dst_reg = (dst), .src_reg = (src), .off = (offset), .imm = (value)  \
	}
#define MOVE(dst, src)			INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, value)			INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define DO(op, dst, src)		INSN(BPF_ALU64 | (op) | BPF_X, dst, src, 0, 0)
#define DO_VALUE(op, dst, value)	INSN(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, value)
#define LOAD(size, dst, src, offset)	INSN(BPF_LDX | (size) | BPF_MEM, dst, src, offset, 0)
#define STORE(size, dst, offset, src)	INSN(BPF_STX | (size) | BPF_MEM, dst, src, offset, 0)
#define LOAD32(dst, src, offset)	LOAD(BPF_W, dst, src, offset)
#define STORE32(dst, offset, src)	STORE(BPF_W, dst, offset, src)
#define TO_BE16(reg)			INSN(BPF_ALU | BPF_END | BPF_TO_BE, reg, 0, 0, 16)
#define CALL(helper)			INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT				INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define IF(op, dst, src, ahead)		INSN(BPF_JMP | (op) | BPF_X, dst, src, ahead, 0)
#define IF_VALUE(op, dst, value, ahead) INSN(BPF_JMP | (op) | BPF_K, dst, 0, ahead, value)

#endif

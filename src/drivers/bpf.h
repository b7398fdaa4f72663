/*
 * bpf.h - the few programs that drivers hang into the kernel. Each is held by a link: a descriptor,
 * with whose last copy the program goes, also when the process was killed.
 */
#ifndef CONVOY_DRIVERS_BPF_H
#define CONVOY_DRIVERS_BPF_H

#include "base/compiler.h"

/*
 * bpf_hide_from_kernel - drop every packet that device @index receives before the kernel's own
 * stack sees it; packet sockets and XDP come first and still do (tcx, Linux 6.6).
 * Returns a descriptor or a negative errno value.
 */
must_check
int bpf_hide_from_kernel(int index);

/* bpf_socket_map - a table of AF_XDP sockets by queue; a descriptor or a negative errno value. */
must_check
int bpf_socket_map(uint32_t n_queues);
/* bpf_socket_map_set - @socket receives what the device's @queue does; 0 or a negative errno. */
must_check
int bpf_socket_map_set(int map, uint32_t queue, int socket);

/*
 * bpf_redirect_to_sockets - give each packet that device @index receives to the socket in @map for
 * its queue; packets of other queues go on to the kernel's own stack.
 * @native: in the device's driver, else in the kernel's generic hook behind it
 * @chains: packets may be in several pieces
 * Returns a descriptor or a negative errno value: EOPNOTSUPP when the driver has no such hook.
 */
must_check
int bpf_redirect_to_sockets(int index, int map, bool native, bool chains);

/*
 * bpf_hang_on_ingress - have @program run over each packet that device @index receives, behind
 * XDP and packet sockets of all protocols, before the rest (tcx, Linux 6.6). A descriptor or a
 * negative errno value; @program may be closed.
 */
must_check
int bpf_hang_on_ingress(int program, int index);

/* For bpf_sender.h and shortcut/. Each returns a descriptor, or 0, or a negative errno value. */

struct bpf_insn;

/* bpf_shared_value - a map of one value of @bytes that can be mapped into memory (Linux 5.5). */
must_check
int bpf_shared_value(size_t bytes);
/* bpf_load_packet_program - one of those that run over a packet of the kernel. */
must_check
int bpf_load_packet_program(const struct bpf_insn *program, unsigned n);
/* bpf_run_packet_program - run it once over a packet made of the @n bytes at @frame. */
must_check
int bpf_run_packet_program(int program, const void *frame, uint32_t n);

#endif

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

#endif

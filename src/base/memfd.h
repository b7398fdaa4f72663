/*
 * memfd.h - files of memory. All that we make hold data: Linux 6.3 and later are told so
 * (MFD_NOEXEC_SEAL), which a system may insist on (sysctl vm.memfd_noexec=2).
 */
#ifndef CONVOY_BASE_MEMFD_H
#define CONVOY_BASE_MEMFD_H

#include "base/compiler.h"

/*
 * memfd_new - a descriptor of an empty file of memory that cannot be made executable.
 * @flags: MFD_CLOEXEC, MFD_ALLOW_SEALING; with Linux 6.3 the file takes seals in any case
 * Returns -1 with errno set.
 */
must_check
int memfd_new(const char *name, unsigned flags);

#endif

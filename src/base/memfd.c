/* memfd.c - see memfd.h. */
#include "base/memfd.h"

#include <errno.h>
#include <sys/mman.h>

enum { NOEXEC_SEAL = 0x8 /* MFD_NOEXEC_SEAL, newer than Debian 12's headers */ };

int memfd_new(const char *name, unsigned flags)
{
	int fd = memfd_create(name, flags | NOEXEC_SEAL);

	return fd < 0 && errno == EINVAL ? memfd_create(name, flags) : fd;
}

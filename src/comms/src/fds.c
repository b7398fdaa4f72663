/* fds.c - descriptors that belong to the library. */
#include "comms/src/fds.h"
#include "comms/src/os.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_FD = 1 << 20, RESERVED_AT_TOP = 256, HIGHEST_START = 60000 };

static _Atomic uint64_t kept[MAX_FD / 64];

/* Where our descriptors start: near the top of what the process may open. */
static int first_number(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < 2 * RESERVED_AT_TOP)
		return -1;
	if (limit.rlim_cur > HIGHEST_START)
		return HIGHEST_START;
	return (int)limit.rlim_cur - RESERVED_AT_TOP;
}

int fd_keep(int fd)
{
	int first = first_number();
	int moved = fd < 0 || first < 0 || fd >= first ? -1 : os_fcntl(fd, F_DUPFD_CLOEXEC, first);

	if (fd < 0)
		return fd;
	if (moved >= 0) {
		os_close(fd);
		fd = moved;
	} else {
		os_fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	if (fd < MAX_FD)
		atomic_fetch_or(&kept[fd / 64], 1ull << (fd % 64));
	return fd;
}

void fd_drop(int *fd)
{
	if (*fd < 0)
		return;
	if (*fd < MAX_FD)
		atomic_fetch_and(&kept[*fd / 64], ~(1ull << (*fd % 64)));
	os_close(*fd);
	*fd = -1;
}

bool fd_is_kept(int fd)
{
	return fd >= 0 && fd < MAX_FD &&
	       (atomic_load_explicit(&kept[fd / 64], memory_order_relaxed) & 1ull << (fd % 64));
}

void fds_close_kept(void)
{
	for (unsigned i = 0; i < count_of(kept); i++) {
		uint64_t bits = atomic_exchange(&kept[i], 0);

		for (; bits; bits &= bits - 1)
			os_close((int)(i * 64) + __builtin_ctzll(bits));
	}
}

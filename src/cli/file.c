/* file.c - opens what commands read and write. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/memfd.h"

enum { COPY_BYTES = 64 * 1024 };

int file_open_output(const char *path, bool *made)
{
	int fd;

	*made = false;
	if (strcmp(path, "-") == 0) {
		fd = dup(STDOUT_FILENO);
	} else {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		*made = fd >= 0;
		if (fd < 0 && errno == EEXIST)
			fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	}
	return fd < 0 ? ERR_IO : fd;
}

static int write_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0)
			return ERR_IO;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int copy(int from, int to)
{
	char bytes[COPY_BYTES];

	for (;;) {
		ssize_t n = read(from, bytes, sizeof(bytes));

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write_all(to, bytes, (size_t)n) < 0)
			return ERR_IO;
	}
}

/* Takes @fd; returns a descriptor of memory with all that could be read from it. */
static int gather(int fd)
{
	int memory = memfd_new("convoy-input", MFD_CLOEXEC);
	int err = memory < 0 ? ERR_IO : copy(fd, memory);
	int reason = errno;

	close(fd);
	if (err == 0 && lseek(memory, 0, SEEK_SET) == 0)
		return memory;
	if (memory >= 0)
		close(memory);
	errno = reason;
	return ERR_IO;
}

int file_open_input(const char *path)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return ERR_IO;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0)
		return fd;
	return gather(fd);
}

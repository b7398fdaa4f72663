/* descriptors.c - closing, duplicating and asking about descriptor numbers; the program's end. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "comms/convoy.h"
#include "comms/preload/real.h"
#include "comms/preload/stdio.h"
#include "comms/preload/table.h"

SHIM int close(int fd)
{
	/* Programs that close whatever they do not know must not close what we live by. */
	if (convoy_fd_is_internal(fd)) {
		errno = EBADF;
		return -1;
	}
	fd_forget(fd);
	return real_calls()->close(fd);
}

SHIM int close_range(unsigned first, unsigned last, int flags)
{
	unsigned end = (unsigned)fd_end();

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return real_calls()->close_range(first, last, flags);
	if (flags & CLOSE_RANGE_CLOEXEC) /* ours are closed on exec anyway */
		return real_calls()->close_range(first, last, flags);
	for (unsigned fd = first; fd <= last && fd < end; fd++)
		if (!convoy_fd_is_internal((int)fd))
			close((int)fd);
	if (last < end)
		return 0;
	/* Beyond the table only the library's own may be meant; close those between them. */
	for (unsigned fd = first > end ? first : end; fd <= last;) {
		unsigned stop = fd;

		while (stop <= last && stop < (1u << 20) && !convoy_fd_is_internal((int)stop))
			stop++;
		if (stop >= (1u << 20))
			return real_calls()->close_range(fd, last, flags);
		if (stop > fd)
			real_calls()->close_range(fd, stop - 1, flags);
		fd = stop + 1;
	}
	return 0;
}

SHIM void closefrom(int first)
{
	close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0);
}

/* @copy is a duplicate that the kernel made of @fd; it stands for the same thing. */
static int adopt_copy(int fd, int copy)
{
	int cd = cd_of(fd);

	if (copy < 0 || copy == fd)
		return copy;
	if (convoy_epoll_dup(fd, copy) < 0) {
		real_calls()->close(copy);
		return -1;
	}
	if (cd >= 0)
		fd_set_cd(copy, convoy_dup(cd));
	else if (fd_is_undecided(fd))
		fd_decide_kernel(
			fd); /* two numbers for one undecided socket: the kernel keeps it */
	return copy;
}

SHIM int dup(int fd)
{
	return adopt_copy(fd, real_calls()->dup(fd));
}

SHIM int dup2(int fd, int to)
{
	if (fd != to && real_calls()->fcntl(fd, F_GETFD) >= 0)
		fd_forget(to);
	to = adopt_copy(fd, real_calls()->dup2(fd, to));
	stdio_follow(to);
	return to;
}

SHIM int dup3(int fd, int to, int flags)
{
	if (fd != to && real_calls()->fcntl(fd, F_GETFD) >= 0)
		fd_forget(to);
	to = adopt_copy(fd, real_calls()->dup3(fd, to, flags));
	stdio_follow(to);
	return to;
}

static int control(int fd, int command, long argument)
{
	int cd = cd_of(fd);

	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return adopt_copy(fd, real_calls()->fcntl(fd, command, argument));
	case F_GETFL:
	case F_SETFL:
		if (cd >= 0)
			return convoy_fcntl(cd, command, argument);
		break;
	default:
		break;
	}
	return real_calls()->fcntl(fd, command, argument);
}

SHIM int fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args,
			  long); /* a pointer or an int, of which the kernel takes the same bits */
	va_end(args);
	return control(fd, command, argument);
}

SHIM int fcntl64(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	return control(fd, command, argument);
}

SHIM int ioctl(int fd, unsigned long request, ...)
{
	int cd = cd_of(fd);
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (cd >= 0 && request != FIOCLEX && request != FIONCLEX)
		return convoy_ioctl(cd, request, argument);
	return real_calls()->ioctl(fd, request, argument);
}

/* The end without exit(): what was written is still to arrive. */
SHIM void _exit(int status)
{
	convoy_exit();
	real_calls()->exit_now(status);
}

SHIM void _Exit(int status)
{
	convoy_exit();
	real_calls()->exit_now(status);
}

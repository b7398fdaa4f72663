/*
 * os.h - the kernel's calls on descriptors, directly: under the preload library the C library's
 * names lead back to us.
 */
#ifndef CONVOY_COMMS_OS_H
#define CONVOY_COMMS_OS_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OS_SIGSET_BYTES = 8 };

static inline int os_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

static inline ssize_t os_read(int fd, void *to, size_t n)
{
	return syscall(SYS_read, fd, to, n);
}

static inline ssize_t os_write(int fd, const void *from, size_t n)
{
	return syscall(SYS_write, fd, from, n);
}

static inline ssize_t os_readv(int fd, const struct iovec *iov, int n)
{
	return syscall(SYS_readv, fd, iov, n);
}

static inline ssize_t os_preadv(int fd, const struct iovec *iov, int n, off_t offset)
{
	return syscall(SYS_preadv, fd, iov, n, offset, 0);
}

static inline int os_fcntl(int fd, int command, long argument)
{
	return (int)syscall(SYS_fcntl, fd, command, argument);
}

static inline int os_epoll_ctl(int epfd, int op, int fd, struct epoll_event *e)
{
	return (int)syscall(SYS_epoll_ctl, epfd, op, fd, e);
}

/* @timeout: NULL for ever */
static inline int os_epoll_wait(int epfd, struct epoll_event *events, int max,
				const struct timespec *timeout, const sigset_t *mask)
{
	return (int)syscall(SYS_epoll_pwait2, epfd, events, max, timeout, mask, OS_SIGSET_BYTES);
}

/* @timeout is left alone, unlike by the bare call. */
static inline int os_ppoll(struct pollfd *fds, unsigned n, const struct timespec *timeout,
			   const sigset_t *mask)
{
	struct timespec t;

	if (timeout)
		t = *timeout;
	return (int)syscall(SYS_ppoll, fds, n, timeout ? &t : NULL, mask, OS_SIGSET_BYTES);
}

#endif

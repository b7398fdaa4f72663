/* bytes.c - reading and writing, under every name that the C library has for it. */
#include <errno.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "comms/convoy.h"
#include "comms/preload/real.h"
#include "comms/preload/table.h"

/* The checked names that _FORTIFY_SOURCE makes programs call; the C library aborts through this. */
extern void __chk_fail(void) __attribute__((noreturn));
SHIM ssize_t __read_chk(int fd, void *to, size_t n, size_t room);
SHIM ssize_t __recv_chk(int fd, void *to, size_t n, size_t room, int flags);
SHIM ssize_t __recvfrom_chk(int fd, void *to, size_t n, size_t room, int flags,
			    struct sockaddr *peer, socklen_t *len);

SHIM ssize_t read(int fd, void *to, size_t n)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_read(cd, to, n) : real_calls()->read(fd, to, n);
}

SHIM ssize_t __read_chk(int fd, void *to, size_t n, size_t room)
{
	if (n > room)
		__chk_fail();
	return read(fd, to, n);
}

SHIM ssize_t write(int fd, const void *from, size_t n)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_write(cd, from, n) : real_calls()->write(fd, from, n);
}

SHIM ssize_t readv(int fd, const struct iovec *iov, int n)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_readv(cd, iov, n) : real_calls()->readv(fd, iov, n);
}

SHIM ssize_t writev(int fd, const struct iovec *iov, int n)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_writev(cd, iov, n) : real_calls()->writev(fd, iov, n);
}

SHIM ssize_t recv(int fd, void *to, size_t n, int flags)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_recv(cd, to, n, flags) : real_calls()->recv(fd, to, n, flags);
}

SHIM ssize_t __recv_chk(int fd, void *to, size_t n, size_t room, int flags)
{
	if (n > room)
		__chk_fail();
	return recv(fd, to, n, flags);
}

SHIM ssize_t recvfrom(int fd, void *to, size_t n, int flags, struct sockaddr *peer, socklen_t *len)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_recvfrom(cd, to, n, flags, peer, len)
		       : real_calls()->recvfrom(fd, to, n, flags, peer, len);
}

SHIM ssize_t __recvfrom_chk(int fd, void *to, size_t n, size_t room, int flags,
			    struct sockaddr *peer, socklen_t *len)
{
	if (n > room)
		__chk_fail();
	return recvfrom(fd, to, n, flags, peer, len);
}

SHIM ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_recvmsg(cd, message, flags)
		       : real_calls()->recvmsg(fd, message, flags);
}

/* On a stream each message is one more read; all but the first take only what is there. */
SHIM int recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout)
{
	int cd = cd_of(fd);
	unsigned i;

	if (cd < 0)
		return real_calls()->recvmmsg(fd, messages, n, flags, timeout);
	for (i = 0; i < n; i++) {
		ssize_t got =
			convoy_recvmsg(cd, &messages[i].msg_hdr,
				       i > 0 ? flags | MSG_DONTWAIT : flags & ~MSG_WAITFORONE);

		if (got < 0)
			return i > 0 ? (int)i : -1;
		messages[i].msg_len = (unsigned)got;
		if (got == 0)
			return (int)i + 1;
	}
	return (int)i;
}

SHIM ssize_t send(int fd, const void *from, size_t n, int flags)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_send(cd, from, n, flags) : real_calls()->send(fd, from, n, flags);
}

SHIM ssize_t sendto(int fd, const void *from, size_t n, int flags, const struct sockaddr *to,
		    socklen_t len)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_sendto(cd, from, n, flags, to, len)
		       : real_calls()->sendto(fd, from, n, flags, to, len);
}

SHIM ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_sendmsg(cd, message, flags)
		       : real_calls()->sendmsg(fd, message, flags);
}

SHIM int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	int cd = cd_of(fd);
	unsigned i;

	if (cd < 0)
		return real_calls()->sendmmsg(fd, messages, n, flags);
	for (i = 0; i < n; i++) {
		ssize_t put = convoy_sendmsg(cd, &messages[i].msg_hdr, flags);

		if (put < 0)
			return i > 0 ? (int)i : -1;
		messages[i].msg_len = (unsigned)put;
	}
	return (int)i;
}

SHIM ssize_t sendfile(int out, int in, off_t *offset, size_t n)
{
	int cd = cd_of(out);

	if (cd < 0 && cd_of(in) < 0)
		return real_calls()->sendfile(out, in, offset, n);
	if (cd_of(in) >= 0) { /* a socket cannot be read at an offset */
		errno = EINVAL;
		return -1;
	}
	return convoy_sendfile(cd, in, offset, n);
}

SHIM ssize_t sendfile64(int out, int in, off64_t *offset, size_t n)
{
	return sendfile(out, in, offset, n);
}

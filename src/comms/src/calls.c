/* calls.c - the public calls for bytes: each describes itself to stream.h. */
#include <errno.h>

#include "comms/convoy.h"
#include "comms/src/api.h"
#include "comms/src/stream.h"

ssize_t convoy_recv(int cd, void *to, size_t n, int flags)
{
	struct iovec iov = { to, n };

	return api_count(stream_read(cd, &iov, 1, flags));
}

ssize_t convoy_read(int cd, void *to, size_t n)
{
	return convoy_recv(cd, to, n, 0);
}

ssize_t convoy_readv(int cd, const struct iovec *iov, int n)
{
	return api_count(stream_read(cd, iov, n, 0));
}

ssize_t convoy_send(int cd, const void *from, size_t n, int flags)
{
	struct iovec iov = { (void *)(uintptr_t)from, n };

	return api_count(stream_write(cd, &iov, 1, flags));
}

ssize_t convoy_write(int cd, const void *from, size_t n)
{
	return convoy_send(cd, from, n, 0);
}

ssize_t convoy_writev(int cd, const struct iovec *iov, int n)
{
	return api_count(stream_write(cd, iov, n, 0));
}

/* A stream has no sender per message: the kernel leaves the address alone, too. */
ssize_t convoy_recvfrom(int cd, void *to, size_t n, int flags, struct sockaddr *peer unused_arg,
			socklen_t *len)
{
	ssize_t got = convoy_recv(cd, to, n, flags);

	if (got >= 0 && len)
		*len = 0;
	return got;
}

/* The address is ignored on a connected stream. */
ssize_t convoy_sendto(int cd, const void *from, size_t n, int flags,
		      const struct sockaddr *to unused_arg, socklen_t len unused_arg)
{
	return convoy_send(cd, from, n, flags);
}

ssize_t convoy_recvmsg(int cd, struct msghdr *message, int flags)
{
	ssize_t n = stream_read(cd, message->msg_iov, (int)message->msg_iovlen, flags);

	if (n < 0)
		return api_fail((int)n);
	message->msg_namelen = 0;
	message->msg_controllen = 0;
	message->msg_flags = 0;
	return n;
}

ssize_t convoy_sendmsg(int cd, const struct msghdr *message, int flags)
{
	return api_count(stream_write(cd, message->msg_iov, (int)message->msg_iovlen, flags));
}

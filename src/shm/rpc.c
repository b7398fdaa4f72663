/* rpc.c - fixed-size messages with descriptors over a SOCK_SEQPACKET socket. */
#include "shm/rpc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

static int err_of_last_call(void)
{
	switch (errno) {
	case EAGAIN:
		return ERR_AGAIN;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return ERR_CLOSED;
	default:
		return ERR_IO;
	}
}

int rpc_send(int socket_fd, const void *message, size_t len, const int *fds, unsigned n_fds)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * RPC_MAX_FDS)];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)message, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	invariant(n_fds <= RPC_MAX_FDS);
	if (n_fds > 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do {
		n = sendmsg(socket_fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? err_of_last_call() : 0;
}

/* Descriptors of the message, in order; those past RPC_MAX_FDS are closed. */
static unsigned collect_fds(struct msghdr *msg, int *fds)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < RPC_MAX_FDS)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

static pid_t sender_of(struct msghdr *msg)
{
	struct ucred cred = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	return cred.pid;
}

int rpc_receive(int socket_fd, void *message, size_t len, int *fds, unsigned *n_fds)
{
	pid_t sender;

	return rpc_receive_from(socket_fd, message, len, fds, n_fds, &sender);
}

int rpc_receive_from(int socket_fd, void *message, size_t len, int *fds, unsigned *n_fds,
		     pid_t *sender)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * RPC_MAX_FDS) +
			      CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = { message, len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;

	*n_fds = 0;
	*sender = 0;
	do {
		n = recvmsg(socket_fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_of_last_call();
	if (n == 0)
		return ERR_CLOSED;
	*n_fds = collect_fds(&msg, fds);
	*sender = sender_of(&msg);
	if ((size_t)n == len && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 0;
	for (unsigned i = 0; i < *n_fds; i++)
		close(fds[i]);
	*n_fds = 0;
	return ERR_FORMAT;
}

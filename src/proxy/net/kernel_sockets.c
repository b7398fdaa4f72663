/* kernel_sockets.c - the socket interface of the kernel. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/net/kernel_handle.h"
#include "proxy/net/socket_interface.h"

int kernel_err(void)
{
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return ERR_AGAIN;
	case ECONNRESET:
	case EPIPE:
	case ENOTCONN:
		return ERR_CLOSED;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
		return ERR_FULL;
	case EADDRNOTAVAIL:
	case ENETUNREACH:
	case EHOSTUNREACH:
		return ERR_UNREACHABLE;
	case ENOPROTOOPT:
	case EAFNOSUPPORT:
		return ERR_UNSUPPORTED;
	default:
		return err_of_errno(errno);
	}
}

static int kernel_domain(enum address_family family)
{
	switch (family) {
	case ADDRESS_IP4:
		return AF_INET;
	case ADDRESS_IP6:
		return AF_INET6;
	case ADDRESS_UNIX:
		return AF_UNIX;
	default:
		return AF_UNSPEC;
	}
}

static int kernel_open(struct socket_interface *si unused_arg, struct dispatcher *d unused_arg,
		       enum io_type type, enum address_family family, struct io_handle **out)
{
	int domain = kernel_domain(family);
	int fd;

	if (domain == AF_UNSPEC)
		return ERR_UNSUPPORTED;
	fd = socket(domain,
		    (type == IO_STREAM ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd < 0)
		return kernel_err();
	*out = kernel_handle_new_or_null(fd, family);
	if (*out)
		return 0;
	close(fd);
	return ERR_NOMEM;
}

static bool kernel_family_supported(struct socket_interface *si, enum address_family family)
{
	struct io_handle *h = NULL;

	if (kernel_open(si, NULL, IO_STREAM, family, &h))
		return false;
	io_handle_close(h, IO_CLOSE_NORMAL);
	return true;
}

static void kernel_free(struct socket_interface *si)
{
	free(si);
}

static const struct socket_interface_ops kernel_sockets = {
	.name = SOCKET_NAME_KERNEL,
	.aliases = { "kernel" },
	.open = kernel_open,
	.family_supported = kernel_family_supported,
	.free = kernel_free,
};

struct socket_interface *kernel_sockets_new(void)
{
	struct socket_interface *si = calloc(1, sizeof(*si));

	invariant(si);
	si->ops = &kernel_sockets;
	return si;
}

/* kernel_options.c - options, addresses and figures of the kernel's sockets. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "proxy/net/kernel_handle.h"
#include "proxy/net/option_number.h"
#include "proxy/net/sockaddr.h"

int kernel_set_option(struct io_handle *h, enum io_option option, int value)
{
	int level, name;

	if (option == IO_OPT_ERROR)
		return ERR_INVAL;
	if (!socket_option_number(option, kernel_handle_of(h)->family, &level, &name))
		return ERR_UNSUPPORTED;
	return setsockopt(kernel_handle_of(h)->fd, level, name, &value, sizeof(value))
		       ? kernel_err()
		       : 0;
}

int kernel_get_option(struct io_handle *h, enum io_option option, int *value)
{
	socklen_t len = sizeof(*value);
	int level, name;

	if (!socket_option_number(option, kernel_handle_of(h)->family, &level, &name))
		return ERR_UNSUPPORTED;
	if (getsockopt(kernel_handle_of(h)->fd, level, name, value, &len))
		return kernel_err();
	if (option == IO_OPT_ERROR && *value) {
		errno = *value;
		*value = kernel_err();
	}
	return 0;
}

int kernel_local_address(struct io_handle *h, struct address *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(kernel_handle_of(h)->fd, (struct sockaddr *)&ss, &len))
		return kernel_err();
	address_of_sockaddr(out, &ss, len);
	return 0;
}

int kernel_peer_address(struct io_handle *h, struct address *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getpeername(kernel_handle_of(h)->fd, (struct sockaddr *)&ss, &len))
		return kernel_err();
	address_of_sockaddr(out, &ss, len);
	return 0;
}

static int tcp_info_of(struct io_handle *h, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	return getsockopt(kernel_handle_of(h)->fd, IPPROTO_TCP, TCP_INFO, info, &len)
		       ? ERR_UNSUPPORTED
		       : 0;
}

int64_t kernel_rtt_us(struct io_handle *h)
{
	struct tcp_info info;
	int err = tcp_info_of(h, &info);

	return err ? err : (int64_t)info.tcpi_rtt;
}

int64_t kernel_cwnd_bytes(struct io_handle *h)
{
	struct tcp_info info;
	int err = tcp_info_of(h, &info);

	return err ? err : (int64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss;
}

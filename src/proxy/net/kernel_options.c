/* kernel_options.c - options, addresses and figures of the kernel's sockets. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "proxy/net/kernel_handle.h"
#include "proxy/net/sockaddr.h"

/* Level and name of an option; false if the family has none such. */
static bool option_number(const struct kernel_handle *k, enum io_option option, int *level,
			  int *name)
{
	static const struct {
		int level, name;
	} numbers[IO_OPT_N] = {
		[IO_OPT_REUSE_ADDRESS] = { SOL_SOCKET, SO_REUSEADDR },
		[IO_OPT_REUSE_PORT] = { SOL_SOCKET, SO_REUSEPORT },
		[IO_OPT_V6_ONLY] = { IPPROTO_IPV6, IPV6_V6ONLY },
		[IO_OPT_NO_DELAY] = { IPPROTO_TCP, TCP_NODELAY },
		[IO_OPT_KEEPALIVE] = { SOL_SOCKET, SO_KEEPALIVE },
		[IO_OPT_KEEPALIVE_IDLE_S] = { IPPROTO_TCP, TCP_KEEPIDLE },
		[IO_OPT_KEEPALIVE_INTERVAL_S] = { IPPROTO_TCP, TCP_KEEPINTVL },
		[IO_OPT_KEEPALIVE_PROBES] = { IPPROTO_TCP, TCP_KEEPCNT },
		[IO_OPT_SEND_BYTES] = { SOL_SOCKET, SO_SNDBUF },
		[IO_OPT_RECEIVE_BYTES] = { SOL_SOCKET, SO_RCVBUF },
		[IO_OPT_ERROR] = { SOL_SOCKET, SO_ERROR },
		[IO_OPT_TOS] = { IPPROTO_IP, IP_TOS },
	};

	*level = numbers[option].level;
	*name = numbers[option].name;
	if (option == IO_OPT_TOS && k->family == ADDRESS_IP6) {
		*level = IPPROTO_IPV6;
		*name = IPV6_TCLASS;
	}
	return k->family != ADDRESS_UNIX || *level == SOL_SOCKET;
}

int kernel_set_option(struct io_handle *h, enum io_option option, int value)
{
	int level, name;

	if (option == IO_OPT_ERROR)
		return ERR_INVAL;
	if (!option_number(kernel_handle_of(h), option, &level, &name))
		return ERR_UNSUPPORTED;
	return setsockopt(kernel_handle_of(h)->fd, level, name, &value, sizeof(value))
		       ? kernel_err()
		       : 0;
}

int kernel_get_option(struct io_handle *h, enum io_option option, int *value)
{
	socklen_t len = sizeof(*value);
	int level, name;

	if (!option_number(kernel_handle_of(h), option, &level, &name))
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

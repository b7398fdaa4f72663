/* option_number.c - the one table of socket options. */
#include "proxy/net/option_number.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

bool socket_option_number(enum io_option option, enum address_family family, int *level, int *name)
{
	static const struct {
		int level, name;
	} numbers[] = {
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
	_Static_assert(count_of(numbers) == IO_OPT_N, "every option has a number");

	*level = numbers[option].level;
	*name = numbers[option].name;
	if (option == IO_OPT_TOS && family == ADDRESS_IP6) {
		*level = IPPROTO_IPV6;
		*name = IPV6_TCLASS;
	}
	switch (*level) {
	case SOL_SOCKET:
		return true;
	case IPPROTO_IPV6:
		return family == ADDRESS_IP6;
	default:
		return family != ADDRESS_UNIX;
	}
}

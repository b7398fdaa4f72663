/* sockets.c - making sockets, and deciding whose they are when an address shows it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "comms/convoy.h"
#include "comms/preload/real.h"
#include "comms/preload/table.h"

static bool verbose(void)
{
	static int known; /* 1 no, 2 yes; a race writes the same answer twice */

	if (!known)
		known = getenv("CONVOY_VERBOSE") ? 2 : 1;
	return known == 2;
}

static void say_choice(int fd, const char *call, const struct sockaddr *address, const char *whose)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	char ip[INET_ADDRSTRLEN];

	if (verbose())
		fprintf(stderr, "convoy: %s fd %d %s:%u: %s\n", call, fd,
			inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip)), ntohs(in->sin_port),
			whose);
}

static void warn_of_ip6(void)
{
	static bool warned;

	if (!warned)
		fprintf(stderr, "convoy: IPv6 sockets stay with the kernel for now\n");
	warned = true;
}

static bool is_ip4(const struct sockaddr *address, socklen_t len)
{
	return address && len >= sizeof(struct sockaddr_in) && address->sa_family == AF_INET;
}

SHIM int socket(int domain, int type, int protocol)
{
	int fd = real_calls()->socket(domain, type, protocol);

	if (fd >= 0 && domain == AF_INET &&
	    (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	    (protocol == 0 || protocol == IPPROTO_TCP))
		fd_mark_undecided(fd);
	return fd;
}

/*
 * Whose is an undecided @fd, now that it is to be used with @address? Returns its cd if the
 * stack's, -1 if the kernel's, -2 with errno if that cannot be found out.
 */
static int decide(int fd, const char *call, const struct sockaddr *address, socklen_t len,
		  bool for_bind)
{
	int where = convoy_where(address, len, for_bind);
	int cd;

	if (where < 0)
		return -2;
	say_choice(fd, call, address, where == CONVOY_WHERE_STACK ? "stack" : "kernel");
	if (where != CONVOY_WHERE_STACK) {
		fd_decide_kernel(fd);
		return -1;
	}
	cd = fd_decide_stack(fd);
	return cd < 0 ? -2 : cd;
}

SHIM int bind(int fd, const struct sockaddr *address, socklen_t len)
{
	int cd = cd_of(fd);

	if (cd < 0 && fd_is_undecided(fd) && is_ip4(address, len)) {
		cd = decide(fd, "bind", address, len, true);
		if (cd == -2)
			return -1;
	}
	if (cd >= 0)
		return convoy_bind(cd, address, len);
	if (address && address->sa_family == AF_INET6)
		warn_of_ip6();
	return real_calls()->bind(fd, address, len);
}

SHIM int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int cd = cd_of(fd);

	if (cd < 0 && fd_is_undecided(fd) && is_ip4(address, len)) {
		cd = decide(fd, "connect", address, len, false);
		if (cd == -2)
			return -1;
	}
	return cd >= 0 ? convoy_connect(cd, address, len) : real_calls()->connect(fd, address, len);
}

SHIM int listen(int fd, int backlog)
{
	int cd = cd_of(fd);

	/* Never bound: any address and port, as a wildcard bind would be the stack's. */
	if (cd < 0 && fd_is_undecided(fd)) {
		cd = fd_decide_stack(fd);
		if (cd < 0)
			return -1;
	}
	return cd >= 0 ? convoy_listen(cd, backlog) : real_calls()->listen(fd, backlog);
}

SHIM int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	int listener = cd_of(fd);
	int cd, accepted;

	if (listener < 0)
		return real_calls()->accept4(fd, address, len, flags);
	cd = convoy_accept4(listener, address, len, flags);
	if (cd < 0)
		return -1;
	accepted = fd_for_cd(cd, flags & SOCK_CLOEXEC);
	if (accepted < 0) {
		int why = errno;

		convoy_close(cd);
		errno = why;
	}
	return accepted;
}

SHIM int accept(int fd, struct sockaddr *address, socklen_t *len)
{
	return accept4(fd, address, len, 0);
}

SHIM int shutdown(int fd, int how)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_shutdown(cd, how) : real_calls()->shutdown(fd, how);
}

SHIM int getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_getsockname(cd, address, len)
		       : real_calls()->getsockname(fd, address, len);
}

SHIM int getpeername(int fd, struct sockaddr *address, socklen_t *len)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_getpeername(cd, address, len)
		       : real_calls()->getpeername(fd, address, len);
}

SHIM int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int cd = cd_of(fd);

	return cd >= 0 ? convoy_getsockopt(cd, level, name, value, len)
		       : real_calls()->getsockopt(fd, level, name, value, len);
}

SHIM int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int cd = cd_of(fd);

	if (cd >= 0)
		return convoy_setsockopt(cd, level, name, value, len);
	fd_configured(fd);
	return real_calls()->setsockopt(fd, level, name, value, len);
}

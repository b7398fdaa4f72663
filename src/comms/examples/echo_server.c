/*
 * echo_server.c - sends back what it receives; many connections, one thread, epoll.
 *
 *   echo-server ADDRESS PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "comms/convoy.h"

enum { EVENTS = 64, BYTES = 65536 };

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* Returns false when the connection is over. A partial write waits: this is an example. */
static bool echo(int cd)
{
	static char bytes[BYTES];

	for (;;) {
		ssize_t n = convoy_recv(cd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (convoy_send(cd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
			return false;
	}
}

static int serve(int epfd, int listener)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = convoy_epoll_wait(epfd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct epoll_event e = { .events = EPOLLIN };
			int cd = events[i].data.fd;

			if (cd == listener) {
				e.data.fd = convoy_accept4(listener, NULL, NULL, 0);
				if (e.data.fd >= 0 &&
				    convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, e.data.fd, &e) < 0)
					return fail("epoll_ctl");
			} else if (!echo(cd)) {
				convoy_close(cd);
			}
		}
		if (n < 0 && errno != EINTR)
			return fail("epoll_wait");
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct epoll_event e = { .events = EPOLLIN };
	int epfd, listener;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
		fprintf(stderr, "usage: echo-server ADDRESS PORT\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	listener = convoy_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (convoy_bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0)
		return fail("bind");
	if (convoy_listen(listener, 128) < 0)
		return fail("listen");
	epfd = convoy_epoll_create1(EPOLL_CLOEXEC);
	e.data.fd = listener;
	if (convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &e) < 0)
		return fail("epoll_ctl");
	printf("ready\n");
	fflush(stdout);
	return serve(epfd, listener);
}

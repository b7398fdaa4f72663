/* epoll_test.c - readiness: level, edge, oneshot, both kinds of descriptors, other loops. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fixture.h"

enum { SOON_MS = 5000, NEVER_MS = 30 };

static void watch(int epfd, int op, int cd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = cd };

	assert_int_equal(convoy_epoll_ctl(epfd, op, cd, &e), 0);
}

static struct epoll_event next(int epfd)
{
	struct epoll_event e = { 0 };

	assert_int_equal(convoy_epoll_wait(epfd, &e, 1, SOON_MS), 1);
	return e;
}

static void nothing(int epfd)
{
	struct epoll_event e;

	assert_int_equal(convoy_epoll_wait(epfd, &e, 1, NEVER_MS), 0);
}

static void test_level(void **state)
{
	struct ends e = joined();
	int epfd = convoy_epoll_create1(EPOLL_CLOEXEC);
	char byte;

	(void)state;
	watch(epfd, EPOLL_CTL_ADD, e.b, EPOLLIN);
	nothing(epfd);
	send_all(e.a, "xy", 2);
	for (unsigned i = 0; i < 2; i++) {
		struct epoll_event got = next(epfd);

		assert_int_equal(got.events, EPOLLIN);
		assert_int_equal(got.data.fd, e.b);
		got = next(epfd); /* again: nothing was read */
		assert_int_equal(got.data.fd, e.b);
		receive_all(e.b, &byte, 1);
	}
	nothing(epfd);
	convoy_shutdown(e.a, SHUT_WR);
	assert_int_equal(next(epfd).events, EPOLLIN);
	watch(epfd, EPOLL_CTL_MOD, e.b, EPOLLRDHUP);
	assert_int_equal(next(epfd).events, EPOLLRDHUP);
	convoy_shutdown(e.b, SHUT_WR);
	assert_int_equal(next(epfd).events, EPOLLRDHUP | EPOLLHUP);
	convoy_close(epfd);
	part(e);
}

static void test_edge_and_oneshot(void **state)
{
	struct ends e = joined();
	int epfd = convoy_epoll_create1(0);

	(void)state;
	send_all(e.a, "before", 6); /* readiness may be older than the watch */
	watch(epfd, EPOLL_CTL_ADD, e.b, EPOLLIN | EPOLLET);
	next(epfd);
	nothing(epfd);
	send_all(e.a, "x", 1);
	next(epfd);
	nothing(epfd);
	watch(epfd, EPOLL_CTL_MOD, e.b, EPOLLIN | EPOLLONESHOT);
	next(epfd);
	send_all(e.a, "y", 1);
	nothing(epfd);
	watch(epfd, EPOLL_CTL_MOD, e.b, EPOLLIN | EPOLLOUT | EPOLLET);
	assert_int_equal(next(epfd).events, EPOLLIN | EPOLLOUT);
	convoy_close(epfd);
	part(e);
}

static void test_errors_of_ctl(void **state)
{
	struct ends e = joined();
	int epfd = convoy_epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };

	(void)state;
	assert_errno(convoy_epoll_ctl(epfd, EPOLL_CTL_DEL, e.a, NULL), ENOENT);
	assert_errno(convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, e.a, NULL), EFAULT);
	watch(epfd, EPOLL_CTL_ADD, e.a, EPOLLIN);
	assert_errno(convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, e.a, &ev), EEXIST);
	assert_errno(convoy_epoll_ctl(epfd, EPOLL_CTL_MOD, e.b, &ev), ENOENT);
	assert_errno(convoy_epoll_ctl(epfd, 77, e.a, &ev), EINVAL);
	assert_errno(convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, 1 << 30 | 99999, &ev), EBADF);
	assert_errno(convoy_epoll_wait(epfd, &ev, 0, 0), EINVAL);
	assert_int_equal(convoy_epoll_ctl(epfd, EPOLL_CTL_DEL, e.a, NULL), 0);
	send_all(e.b, "x", 1);
	nothing(epfd);
	convoy_close(epfd);
	part(e);
}

static void test_kernel_descriptors_beside_ours(void **state)
{
	struct ends e = joined();
	int epfd = convoy_epoll_create1(0), kernel = eventfd(0, EFD_NONBLOCK);
	struct epoll_event two[2];

	(void)state;
	watch(epfd, EPOLL_CTL_ADD, kernel, EPOLLIN);
	watch(epfd, EPOLL_CTL_ADD, e.b, EPOLLIN);
	nothing(epfd);
	eventfd_write(kernel, 1);
	assert_int_equal(next(epfd).data.fd, kernel);
	send_all(e.a, "x", 1);
	/* Neither starves the other. */
	for (unsigned i = 0, seen = 0; seen != 3; i++) {
		int n = convoy_epoll_wait(epfd, two, 2, SOON_MS);

		assert_true(i < 1000 && n >= 1);
		for (int k = 0; k < n; k++)
			seen |= two[k].data.fd == kernel ? 1 : 2;
	}
	close(kernel);
	convoy_close(epfd);
	part(e);
}

static void test_closing_leaves_the_set(void **state)
{
	struct ends e = joined();
	int epfd = convoy_epoll_create1(0);

	(void)state;
	watch(epfd, EPOLL_CTL_ADD, e.b, EPOLLIN);
	send_all(e.a, "x", 1);
	convoy_close(e.b);
	nothing(epfd);
	convoy_close(epfd);
	convoy_close(e.a);
}

static void test_accepting_in_a_set(void **state)
{
	uint16_t port;
	int listener = listening(&port, SOCK_NONBLOCK), epfd = convoy_epoll_create1(0);
	struct sockaddr_in at = loopback(port), peer, own;
	socklen_t len = sizeof(peer);
	int client = convoy_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), server, error = -1;

	(void)state;
	watch(epfd, EPOLL_CTL_ADD, listener, EPOLLIN);
	assert_errno(convoy_connect(client, (struct sockaddr *)&at, sizeof(at)), EINPROGRESS);
	watch(epfd, EPOLL_CTL_ADD, client, EPOLLOUT | EPOLLET);
	for (unsigned seen = 0; seen != 3;)
		seen |= next(epfd).data.fd == client ? 1 : 2;
	assert_int_equal(convoy_getsockopt(client, SOL_SOCKET, SO_ERROR, &error,
					   &(socklen_t){ sizeof(error) }),
			 0);
	assert_int_equal(error, 0);
	assert_errno(convoy_connect(client, (struct sockaddr *)&at, sizeof(at)), EISCONN);
	server = convoy_accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
	assert_true(server > 0);
	len = sizeof(own);
	assert_int_equal(convoy_getsockname(client, (struct sockaddr *)&own, &len), 0);
	assert_int_equal(own.sin_port, peer.sin_port);
	assert_int_equal(own.sin_addr.s_addr, peer.sin_addr.s_addr);
	convoy_close(listener);
	convoy_close(server);
	convoy_close(client);
	convoy_close(epfd);
}

static void test_refused_in_a_set(void **state)
{
	uint16_t port;
	int listener = listening(&port, 0), epfd = convoy_epoll_create1(0), error = 0;
	struct sockaddr_in at = loopback(port);
	int client = convoy_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)state;
	convoy_close(listener);
	assert_errno(convoy_connect(client, (struct sockaddr *)&at, sizeof(at)), EINPROGRESS);
	watch(epfd, EPOLL_CTL_ADD, client, EPOLLOUT);
	assert_true(next(epfd).events & EPOLLERR);
	assert_int_equal(convoy_getsockopt(client, SOL_SOCKET, SO_ERROR, &error,
					   &(socklen_t){ sizeof(error) }),
			 0);
	assert_int_equal(error, ECONNREFUSED);
	convoy_close(client);
	convoy_close(epfd);
}

/* A connect that waits for its thread to choose a set is started by polling, too. */
static void test_deferred_connect_without_a_set(void **state)
{
	uint16_t port;
	int listener = listening(&port, SOCK_NONBLOCK);
	struct sockaddr_in at = loopback(port);
	int client = convoy_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd both[2] = { { client, POLLOUT, 0 }, { listener, POLLIN, 0 } };

	(void)state;
	assert_errno(convoy_connect(client, (struct sockaddr *)&at, sizeof(at)), EINPROGRESS);
	while (!(both[0].revents & POLLOUT) || !(both[1].revents & POLLIN))
		assert_true(convoy_poll(both, 2, SOON_MS) > 0);
	convoy_close(convoy_accept4(listener, NULL, NULL, 0));
	convoy_close(listener);
	convoy_close(client);
}

static void test_poll_of_both_kinds(void **state)
{
	struct ends e = joined();
	int kernel = eventfd(0, EFD_NONBLOCK);
	struct pollfd fds[4] = {
		{ e.b, POLLIN, 0 }, { kernel, POLLIN, 0 }, { -1, POLLIN, 0 }, { 1 << 30, 0, 0 }
	};

	(void)state;
	assert_int_equal(convoy_poll(fds, 4, SOON_MS), 1);
	assert_int_equal(fds[3].revents, POLLNVAL);
	fds[3].fd = -1;
	assert_int_equal(convoy_poll(fds, 4, NEVER_MS), 0);
	eventfd_write(kernel, 1);
	assert_int_equal(convoy_poll(fds, 4, SOON_MS), 1);
	assert_int_equal(fds[1].revents, POLLIN);
	send_all(e.a, "x", 1);
	assert_int_equal(convoy_poll(fds, 4, SOON_MS), 2);
	assert_int_equal(fds[0].revents, POLLIN);
	assert_int_equal(fds[2].revents, 0);
	close(kernel);
	part(e);
}

/* The owner of another loop: a kernel epoll over ours, drain and arm. */
static void test_another_loop(void **state)
{
	struct ends e = joined();
	int outer = epoll_create1(0), epfd = convoy_epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET }, got;

	(void)state;
	assert_int_equal(convoy_epoll_adopt(epfd), 0);
	assert_int_equal(epoll_ctl(outer, EPOLL_CTL_ADD, epfd, &ev), 0);
	watch(epfd, EPOLL_CTL_ADD, e.b, EPOLLIN | EPOLLET);
	for (unsigned i = 0; i < 100; i++) {
		char byte;

		while (convoy_epoll_drain(epfd, &got, 1) > 0 || !convoy_epoll_arm(epfd))
			;
		send_all(e.a, "x", 1);
		convoy_epoll_flush(epfd);
		assert_int_equal(epoll_wait(outer, &got, 1, SOON_MS), 1);
		assert_int_equal(convoy_epoll_drain(epfd, &got, 1), 1);
		assert_int_equal(got.data.fd, e.b);
		receive_all(e.b, &byte, 1);
	}
	convoy_close(epfd);
	close(outer);
	part(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_edge_and_oneshot),
		cmocka_unit_test(test_errors_of_ctl),
		cmocka_unit_test(test_kernel_descriptors_beside_ours),
		cmocka_unit_test(test_closing_leaves_the_set),
		cmocka_unit_test(test_deferred_connect_without_a_set),
		cmocka_unit_test(test_accepting_in_a_set),
		cmocka_unit_test(test_refused_in_a_set),
		cmocka_unit_test(test_poll_of_both_kinds),
		cmocka_unit_test(test_another_loop),
	};

	return cmocka_run_group_tests(tests, convoyd_start, convoyd_stop);
}

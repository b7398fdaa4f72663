/* socket_test.c - single calls and their errors, between two ends in one thread. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

static void test_what_is_refused(void **state)
{
	struct sockaddr_in at = loopback(1);
	int cd = convoy_socket(AF_INET, SOCK_STREAM, 0), other;
	char byte;

	(void)state;
	assert_errno(convoy_socket(AF_INET6, SOCK_STREAM, 0), EAFNOSUPPORT);
	assert_errno(convoy_socket(AF_INET, SOCK_DGRAM, 0), EPROTONOSUPPORT);
	assert_errno(convoy_read(5, &byte, 1), EBADF);
	assert_errno(convoy_read(cd, &byte, 1), ENOTCONN);
	assert_errno(convoy_send(cd, "x", 1, MSG_NOSIGNAL), EPIPE);
	assert_errno(convoy_shutdown(cd, SHUT_WR), ENOTCONN);
	assert_errno(convoy_shutdown(cd, 7), EINVAL);
	assert_errno(convoy_accept4(cd, NULL, NULL, 0), EINVAL);
	assert_errno(convoy_getpeername(cd, (struct sockaddr *)&at, &(socklen_t){ sizeof(at) }),
		     ENOTCONN);
	assert_errno(convoy_bind(cd, (struct sockaddr *)&at, 3), EINVAL);
	assert_errno(convoy_setsockopt(cd, SOL_SOCKET, 9999, &(int){ 1 }, sizeof(int)),
		     ENOPROTOOPT);
	assert_errno(convoy_fcntl(cd, F_GETLK, 0), EINVAL);
	assert_errno(convoy_ioctl(cd, 12345, NULL), ENOTTY);
	at = loopback(0);
	assert_int_equal(convoy_bind(cd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_errno(convoy_bind(cd, (struct sockaddr *)&at, sizeof(at)), EINVAL);
	assert_int_equal(convoy_getsockname(cd, (struct sockaddr *)&at, &(socklen_t){ sizeof(at) }),
			 0);
	other = convoy_socket(AF_INET, SOCK_STREAM, 0);
	assert_errno(convoy_bind(other, (struct sockaddr *)&at, sizeof(at)), EADDRINUSE);
	assert_errno(convoy_connect(other, (struct sockaddr *)&at, sizeof(at)), ECONNREFUSED);
	assert_int_equal(convoy_close(other), 0);
	assert_int_equal(convoy_close(cd), 0);
	assert_errno(convoy_close(cd), EBADF);
}

static void test_bytes_and_flags(void **state)
{
	struct ends e = joined();
	char bytes[16] = "";
	int n = -1;

	(void)state;
	assert_errno(convoy_recv(e.b, bytes, 1, MSG_DONTWAIT), EAGAIN);
	send_all(e.a, "abcdef", 6);
	assert_int_equal(convoy_recv(e.b, bytes, 3, MSG_PEEK), 3);
	assert_memory_equal(bytes, "abc", 3);
	assert_int_equal(convoy_ioctl(e.b, FIONREAD, &n), 0);
	assert_int_equal(n, 6);
	assert_int_equal(convoy_recv(e.b, NULL, 2, MSG_TRUNC), 2);
	assert_int_equal(convoy_read(e.b, bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "cdef", 4);
	assert_errno(convoy_recv(e.b, bytes, 1, MSG_OOB), EINVAL);
	assert_errno(convoy_send(e.b, bytes, 1, MSG_OOB), EOPNOTSUPP);
	assert_int_equal(
		convoy_writev(e.b, (struct iovec[]){ { "one", 3 }, { "", 0 }, { "two", 3 } }, 3),
		6);
	assert_int_equal(convoy_readv(e.a, (struct iovec[]){ { bytes, 4 }, { bytes + 4, 9 } }, 2),
			 6);
	assert_memory_equal(bytes, "onetwo", 6);
	part(e);
}

static void test_ends_of_a_stream(void **state)
{
	struct ends e = joined();
	char bytes[8];

	(void)state;
	send_all(e.a, "bye", 3);
	assert_int_equal(convoy_shutdown(e.a, SHUT_WR), 0);
	assert_errno(convoy_send(e.a, "x", 1, MSG_NOSIGNAL), EPIPE);
	assert_int_equal(convoy_read(e.b, bytes, 8), 3);
	assert_int_equal(convoy_read(e.b, bytes, 8), 0);
	assert_int_equal(convoy_read(e.b, bytes, 8), 0);
	send_all(e.b, "back", 4); /* the other direction goes on */
	receive_all(e.a, bytes, 4);
	assert_errno(convoy_send(e.a, "", 0, MSG_NOSIGNAL), EPIPE);
	assert_int_equal(convoy_close(e.a), 0);
	assert_int_equal(convoy_read(e.b, bytes, 8), 0);
	assert_int_equal(convoy_send(e.b, "", 0, MSG_NOSIGNAL), 0);
	assert_int_equal(convoy_send(e.b, "x", 1, MSG_NOSIGNAL), 1); /* as with the kernel */
	assert_errno(convoy_send(e.b, "x", 1, MSG_NOSIGNAL), EPIPE);
	assert_int_equal(convoy_close(e.b), 0);
}

static void test_close_with_unread_bytes_is_a_reset(void **state)
{
	struct ends e = joined();
	int error = -1;
	char byte;

	(void)state;
	send_all(e.a, "unread", 6);
	convoy_close(e.b);
	assert_errno(convoy_read(e.a, &byte, 1), ECONNRESET);
	assert_int_equal(
		convoy_getsockopt(e.a, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof(error) }),
		0);
	assert_int_equal(error, 0); /* told once */
	assert_int_equal(convoy_read(e.a, &byte, 1), 0);
	assert_errno(convoy_send(e.a, "x", 1, MSG_NOSIGNAL), EPIPE);
	convoy_close(e.a);
}

static void test_linger_zero_is_a_reset(void **state)
{
	struct ends e = joined();
	struct linger now = { 1, 0 };
	int error = 0;

	(void)state;
	assert_int_equal(convoy_setsockopt(e.b, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	convoy_close(e.b);
	assert_int_equal(
		convoy_getsockopt(e.a, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof(error) }),
		0);
	assert_int_equal(error, ECONNRESET);
	convoy_close(e.a);
}

static void test_last_words_arrive_after_close(void **state)
{
	struct ends e = joined();
	char bytes[8];

	(void)state;
	send_all(e.a, "last", 4);
	convoy_close(e.a);
	assert_int_equal(convoy_read(e.b, bytes, 8), 4);
	assert_int_equal(convoy_read(e.b, bytes, 8), 0);
	assert_int_equal(convoy_send(e.b, "x", 1, MSG_NOSIGNAL), 1);
	assert_errno(convoy_send(e.b, "x", 1, MSG_NOSIGNAL), EPIPE);
	convoy_close(e.b);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void test_time_limits(void **state)
{
	struct ends e = joined();
	struct timeval limit = { .tv_usec = 50000 }, read_back;
	struct pollfd p = { .fd = e.b, .events = POLLIN };
	double start = seconds();
	char byte;

	(void)state;
	assert_int_equal(convoy_setsockopt(e.b, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(convoy_getsockopt(e.b, SOL_SOCKET, SO_RCVTIMEO, &read_back,
					   &(socklen_t){ sizeof(read_back) }),
			 0);
	assert_int_equal(read_back.tv_usec, 50000);
	assert_errno(convoy_read(e.b, &byte, 1), EAGAIN);
	assert_int_equal(convoy_poll(&p, 1, 50), 0);
	assert_true(seconds() - start >= 0.099);
	part(e);
}

static void test_a_full_fifo(void **state)
{
	struct ends e = joined();
	char *bytes = calloc(1, 4 << 20);
	struct pollfd p = { .fd = e.a, .events = POLLOUT };
	ssize_t n, total = 0;

	(void)state;
	convoy_fcntl(e.a, F_SETFL, O_NONBLOCK);
	while ((n = convoy_send(e.a, bytes, 4 << 20, 0)) > 0)
		total += n;
	assert_int_equal(errno, EAGAIN);
	assert_true(total >= 60 << 10);
	assert_int_equal(convoy_poll(&p, 1, 0), 0);
	receive_all(e.b, bytes, (size_t)total);
	assert_int_equal(convoy_poll(&p, 1, 5000), 1);
	assert_int_equal(p.revents, POLLOUT);
	assert_true(convoy_send(e.a, bytes, 4 << 20, 0) > 60 << 10); /* has grown */
	part(e);
	free(bytes);
}

static void test_borrowed_segments(void **state)
{
	struct ends e = joined();
	struct convoy_segment segments[4], more;
	char bytes[8];

	(void)state;
	assert_errno(convoy_read_segments(e.b, segments, 4, 100), EAGAIN);
	send_all(e.a, "abcdefgh", 8);
	assert_int_equal(convoy_read_segments(e.b, segments, 4, 3), 1);
	assert_memory_equal(segments[0].at, "abc", 3);
	assert_int_equal(convoy_read_segments(e.b, &more, 1, 2), 1);
	assert_memory_equal(more.at, "de", 2);
	assert_int_equal(convoy_read(e.b, bytes, 8), 3); /* reads go on behind them */
	assert_memory_equal(bytes, "fgh", 3);
	convoy_release_segment(&more);
	convoy_release_segment(&segments[0]);
	convoy_release_segment(&segments[0]); /* twice does no harm */
	send_all(e.a, "ij", 2);
	assert_int_equal(convoy_read_segments(e.b, segments, 4, 100), 1);
	assert_int_equal(convoy_close(e.b), 0); /* takes effect with the last segment */
	assert_memory_equal(segments[0].at, "ij", 2);
	assert_int_equal(convoy_read(e.a, bytes, 1), 0);
	send_all(e.a, "x", 1); /* not closed yet, only ended */
	convoy_release_segment(&segments[0]);
	assert_int_equal(convoy_read(e.a, bytes, 1), 0);
	assert_errno(convoy_send(e.a, "x", 1, MSG_NOSIGNAL), EPIPE); /* "x" was never read */
	convoy_close(e.a);
}

static void test_reserved_space(void **state)
{
	struct ends e = joined();
	struct iovec pieces[4];
	char bytes[8];
	int n;

	(void)state;
	n = convoy_reserve(e.a, pieces, 4, 10000);
	assert_true(n >= 1);
	memcpy(pieces[0].iov_base, "filled", 6);
	assert_errno(convoy_commit(e.a, 1 << 20), EINVAL);
	assert_int_equal(convoy_commit(e.a, 6), 0);
	receive_all(e.b, bytes, 6);
	assert_memory_equal(bytes, "filled", 6);
	assert_int_equal(convoy_reserve(e.a, pieces, 4, 100), 1);
	assert_int_equal(convoy_commit(e.a, 0), 0);
	part(e);
}

static void test_sendfile(void **state)
{
	struct ends e = joined();
	int file = memfd_create("file", 0);
	off_t offset = 3;
	char bytes[16];

	(void)state;
	assert_int_equal(write(file, "0123456789", 10), 10);
	assert_int_equal(convoy_sendfile(e.a, file, &offset, 100), 7);
	assert_int_equal(offset, 10);
	assert_int_equal(convoy_sendfile(e.a, file, &offset, 100), 0);
	assert_int_equal(lseek(file, 8, SEEK_SET), 8);
	assert_int_equal(convoy_sendfile(e.a, file, NULL, 1), 1);
	receive_all(e.b, bytes, 8);
	assert_memory_equal(bytes, "34567898", 8);
	assert_errno(convoy_sendfile(e.a, -1, NULL, 1), EBADF);
	close(file);
	part(e);
}

static void test_references(void **state)
{
	struct ends e = joined();
	char byte;

	(void)state;
	assert_int_equal(convoy_dup(e.a), e.a);
	assert_int_equal(convoy_close(e.a), 0);
	send_all(e.a, "x", 1);
	assert_int_equal(convoy_read(e.b, &byte, 1), 1);
	assert_int_equal(convoy_close(e.a), 0);
	assert_int_equal(convoy_read(e.b, &byte, 1), 0);
	assert_int_equal(convoy_close(e.b), 0);
}

static void test_options_are_kept(void **state)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_REUSEADDR, 1 },   { SOL_SOCKET, SO_REUSEPORT, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },   { IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_CORK, 1 },	   { IPPROTO_TCP, TCP_KEEPIDLE, 17 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 5 }, { IPPROTO_TCP, TCP_KEEPCNT, 3 },
	};
	int cd = convoy_socket(AF_INET, SOCK_STREAM, 0), value;
	struct tcp_info info;

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		assert_int_equal(convoy_setsockopt(cd, options[i].level, options[i].name,
						   &options[i].value, sizeof(int)),
				 0);
		value = -1;
		assert_int_equal(convoy_getsockopt(cd, options[i].level, options[i].name, &value,
						   &(socklen_t){ sizeof(value) }),
				 0);
		assert_int_equal(value, options[i].value);
	}
	assert_int_equal(
		convoy_getsockopt(cd, IPPROTO_TCP, TCP_INFO, &info, &(socklen_t){ sizeof(info) }),
		0);
	assert_int_equal(info.tcpi_state, TCP_CLOSE);
	convoy_close(cd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_bytes_and_flags),
		cmocka_unit_test(test_ends_of_a_stream),
		cmocka_unit_test(test_close_with_unread_bytes_is_a_reset),
		cmocka_unit_test(test_linger_zero_is_a_reset),
		cmocka_unit_test(test_last_words_arrive_after_close),
		cmocka_unit_test(test_time_limits),
		cmocka_unit_test(test_a_full_fifo),
		cmocka_unit_test(test_borrowed_segments),
		cmocka_unit_test(test_reserved_space),
		cmocka_unit_test(test_sendfile),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_options_are_kept),
	};

	return cmocka_run_group_tests(tests, convoyd_start, convoyd_stop);
}

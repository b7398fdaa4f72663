/* option_test.c - what settings of a socket change for the program that made them. */
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

static long ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int set(int cd, int level, int name, int value)
{
	return convoy_setsockopt(cd, level, name, &value, sizeof(value));
}

static int get(int cd, int level, int name)
{
	int value = -1;

	assert_int_equal(convoy_getsockopt(cd, level, name, &value, &(socklen_t){ sizeof(value) }),
			 0);
	return value;
}

static bool is_readable(int cd)
{
	struct pollfd p = { .fd = cd, .events = POLLIN };

	return convoy_poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void *send_late(void *cd)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	send_all(*(int *)cd, "def", 3);
	return NULL;
}

static void test_low_mark(void **state)
{
	struct ends e = joined();
	char bytes[8];
	pthread_t thread;

	(void)state;
	assert_int_equal(set(e.b, SOL_SOCKET, SO_RCVLOWAT, 4), 0);
	assert_int_equal(get(e.b, SOL_SOCKET, SO_RCVLOWAT), 4);
	send_all(e.a, "abc", 3);
	assert_false(is_readable(e.b));
	pthread_create(&thread, NULL, send_late, &e.a);
	assert_int_equal(convoy_read(e.b, bytes, 8), 6); /* waits for four */
	pthread_join(thread, NULL);
	send_all(e.a, "ab", 2);
	assert_int_equal(convoy_recv(e.b, bytes, 8, MSG_DONTWAIT), 2);
	assert_int_equal(convoy_shutdown(e.a, SHUT_WR), 0);
	assert_true(is_readable(e.b));
	part(e);
}

static void *receive_one(void *cd)
{
	static long when;
	char byte;

	receive_all(*(int *)cd, &byte, 1);
	when = ms_now();
	return &when;
}

static void *receive_and_answer(void *cd)
{
	void *when = receive_one(cd);

	send_all(*(int *)cd, "y", 1);
	return when;
}

/* The sender only waits for an answer; its cork comes off by itself. */
static void test_cork_lets_go(void **state)
{
	struct ends e = joined();
	long began = ms_now();
	pthread_t thread;
	char byte;
	void *when;

	(void)state;
	pthread_create(&thread, NULL, receive_and_answer, &e.b);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	assert_int_equal(set(e.a, IPPROTO_TCP, TCP_CORK, 1), 0);
	send_all(e.a, "x", 1);
	receive_all(e.a, &byte, 1);
	pthread_join(thread, &when);
	assert_in_range(*(long *)when - began, 50, 1500);
	part(e);
}

static void test_tcp_info_of_cut_through(void **state)
{
	struct ends e = joined();
	struct tcp_info info;
	char name[16] = "?";

	(void)state;
	assert_int_equal(
		convoy_getsockopt(e.a, IPPROTO_TCP, TCP_INFO, &info, &(socklen_t){ sizeof(info) }),
		0);
	assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
	assert_true(info.tcpi_rtt > 0 && info.tcpi_snd_cwnd > 0 && info.tcpi_snd_mss > 0);
	assert_int_equal(info.tcpi_total_retrans, 0);
	assert_int_equal(get(e.a, IPPROTO_TCP, TCP_MAXSEG), info.tcpi_snd_mss);
	assert_int_equal(convoy_shutdown(e.b, SHUT_WR), 0);
	assert_int_equal(convoy_read(e.a, name, 1), 0);
	assert_int_equal(
		convoy_getsockopt(e.a, IPPROTO_TCP, TCP_INFO, &info, &(socklen_t){ sizeof(info) }),
		0);
	assert_int_equal(info.tcpi_state, TCP_CLOSE_WAIT);
	assert_int_equal(convoy_getsockopt(e.a, IPPROTO_TCP, TCP_CONGESTION, name,
					   &(socklen_t){ sizeof(name) }),
			 0);
	assert_string_equal(name, "cubic");
	assert_int_equal(convoy_setsockopt(e.a, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5), 0);
	assert_errno(convoy_setsockopt(e.a, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), ENOENT);
	part(e);
}

/* Better an error than a promise that is not kept; and a harmless setting is read back. */
static void test_what_is_refused_and_what_is_kept(void **state)
{
	static const int refused[][2] = {
		{ SOL_SOCKET, SO_ZEROCOPY },	   { SOL_SOCKET, SO_TIMESTAMP },
		{ IPPROTO_TCP, TCP_MAXSEG },	   { IPPROTO_TCP, TCP_FASTOPEN_CONNECT },
		{ IPPROTO_TCP, TCP_MD5SIG },	   { IPPROTO_IP, IP_TRANSPARENT },
		{ IPPROTO_IPV6, 26 /* V6ONLY */ },
	};
	static const int kept[][2] = {
		{ IPPROTO_TCP, TCP_DEFER_ACCEPT },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT },
		{ IPPROTO_IP, IP_TOS },
		{ SOL_SOCKET, SO_PRIORITY },
		{ SOL_SOCKET, SO_BROADCAST },
	};
	int cd = convoy_socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_errno(set(cd, refused[i][0], refused[i][1], 1), ENOPROTOOPT);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		assert_int_equal(get(cd, kept[i][0], kept[i][1]), 0);
		assert_int_equal(set(cd, kept[i][0], kept[i][1], 1), 0);
		assert_int_equal(get(cd, kept[i][0], kept[i][1]), 1);
	}
	assert_int_equal(get(cd, IPPROTO_IP, IP_TTL), 64);
	assert_errno(set(cd, IPPROTO_TCP, TCP_KEEPCNT, 128), EINVAL);
	assert_errno(set(cd, IPPROTO_TCP, TCP_KEEPIDLE, 32768), EINVAL);
	convoy_close(cd);
}

static void test_an_epoll_descriptor_has_several_numbers(void **state)
{
	struct ends e = joined();
	int epfd = convoy_epoll_create1(0), copy = dup(epfd);
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 7 };

	(void)state;
	assert_int_equal(convoy_epoll_dup(epfd, copy), 0);
	assert_int_equal(convoy_epoll_ctl(copy, EPOLL_CTL_ADD, e.b, &event), 0);
	assert_errno(convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, e.b, &event), EEXIST);
	assert_int_equal(convoy_close(epfd), 0);
	send_all(e.a, "x", 1);
	event.data.u32 = 0;
	assert_int_equal(convoy_epoll_wait(copy, &event, 1, 5000), 1);
	assert_int_equal(event.data.u32, 7);
	assert_int_equal(convoy_close(copy), 0);
	assert_false(convoy_epoll_active(copy));
	part(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_low_mark),
		cmocka_unit_test(test_cork_lets_go),
		cmocka_unit_test(test_tcp_info_of_cut_through),
		cmocka_unit_test(test_what_is_refused_and_what_is_kept),
		cmocka_unit_test(test_an_epoll_descriptor_has_several_numbers),
	};

	return cmocka_run_group_tests(tests, convoyd_start, convoyd_stop);
}

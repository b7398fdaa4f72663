/* thread_test.c - threads that wait, compete and hand sockets over; signals; forks; a lost convoyd.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum { CLIENTS = 4, ROUNDS = 300, BYTES = 20000, SOON_MS = 5000 };

/* --- thread per connection --- */

static void *serve_one(void *cd_in)
{
	int cd = (int)(intptr_t)cd_in;
	char bytes[4096];
	ssize_t n;

	while ((n = convoy_read(cd, bytes, sizeof(bytes))) > 0)
		send_all(cd, bytes, (size_t)n);
	assert_int_equal(n, 0);
	convoy_close(cd);
	return NULL;
}

static void *accept_all(void *listener_in)
{
	int listener = (int)(intptr_t)listener_in;
	pthread_t threads[CLIENTS];

	for (unsigned i = 0; i < CLIENTS; i++) {
		int cd = convoy_accept4(listener, NULL, NULL, 0);

		assert_true(cd > 0);
		pthread_create(&threads[i], NULL, serve_one, (void *)(intptr_t)cd);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	return NULL;
}

static void *ask(void *port_in)
{
	int cd = connected((uint16_t)(uintptr_t)port_in);
	char *out = malloc(BYTES), *in = malloc(BYTES);

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t n = 1 + (i * 7919u) % BYTES;

		memset(out, (int)i, n);
		send_all(cd, out, n);
		receive_all(cd, in, n);
		assert_memory_equal(out, in, n);
	}
	convoy_close(cd);
	free(out);
	free(in);
	return NULL;
}

/* Accepting thread first: a listener without interest refuses nobody but answers later. */
static void test_thread_per_connection(void **state)
{
	uint16_t port;
	int listener = listening(&port, 0);
	pthread_t server, clients[CLIENTS];

	(void)state;
	pthread_create(&server, NULL, accept_all, (void *)(intptr_t)listener);
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, ask, (void *)(uintptr_t)port);
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	pthread_join(server, NULL);
	convoy_close(listener);
}

/* --- one thread accepts, others serve in sets of their own --- */

struct handed {
	int epfd;
	atomic_int open;
	pthread_t thread;
};

static void *serve_set(void *context)
{
	struct handed *h = context;
	struct epoll_event events[8];
	char bytes[4096];

	while (atomic_load(&h->open) > 0) {
		int n = convoy_epoll_wait(h->epfd, events, 8, SOON_MS);

		assert_true(n > 0);
		for (int i = 0; i < n; i++) {
			int cd = events[i].data.fd;
			ssize_t got = convoy_recv(cd, bytes, sizeof(bytes), MSG_DONTWAIT);

			if (got > 0) {
				send_all(cd, bytes, (size_t)got);
			} else if (got == 0) {
				convoy_close(cd);
				atomic_fetch_sub(&h->open, 1);
			}
		}
	}
	return NULL;
}

static void test_sockets_are_handed_to_other_sets(void **state)
{
	uint16_t port;
	int listener = listening(&port, 0), own = convoy_epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = listener };
	struct handed others[2];
	pthread_t clients[CLIENTS];

	(void)state;
	assert_int_equal(convoy_epoll_ctl(own, EPOLL_CTL_ADD, listener, &e), 0);
	for (unsigned i = 0; i < 2; i++) {
		others[i].epfd = convoy_epoll_create1(0);
		atomic_init(&others[i].open, CLIENTS / 2);
		pthread_create(&others[i].thread, NULL, serve_set, &others[i]);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, ask, (void *)(uintptr_t)port);
	for (unsigned i = 0; i < CLIENTS; i++) {
		int cd;

		assert_int_equal(convoy_epoll_wait(own, &e, 1, SOON_MS), 1);
		cd = convoy_accept4(listener, NULL, NULL, 0);
		e = (struct epoll_event){ .events = EPOLLIN, .data.fd = cd };
		assert_int_equal(convoy_epoll_ctl(others[i % 2].epfd, EPOLL_CTL_ADD, cd, &e), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(others[i].thread, NULL);
		convoy_close(others[i].epfd);
	}
	convoy_close(own);
	convoy_close(listener);
}

/* --- a sleeping thread is woken by what another does --- */

static void *wait_in_set(void *epfd_in)
{
	struct epoll_event e;

	return (void *)(intptr_t)convoy_epoll_wait((int)(intptr_t)epfd_in, &e, 1, SOON_MS);
}

static void test_adding_wakes_a_sleeper(void **state)
{
	struct ends e = joined(), idle = joined();
	int epfd = convoy_epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	pthread_t thread;
	void *got;

	(void)state;
	assert_int_equal(convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, idle.b, &ev), 0);
	send_all(e.a, "x", 1);
	pthread_create(&thread, NULL, wait_in_set, (void *)(intptr_t)epfd);
	usleep(20000); /* long enough to be asleep, most of the time; the test holds either way */
	assert_int_equal(convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, e.b, &ev), 0);
	pthread_join(thread, &got);
	assert_int_equal((intptr_t)got, 1);
	convoy_close(epfd);
	part(e);
	part(idle);
}

static void *read_until_closed(void *cd_in)
{
	char byte;

	assert_errno(convoy_read((int)(intptr_t)cd_in, &byte, 1), EBADF);
	return NULL;
}

static void test_closing_wakes_a_reader(void **state)
{
	struct ends e = joined();
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, read_until_closed, (void *)(intptr_t)e.b);
	usleep(20000);
	convoy_close(e.b);
	pthread_join(thread, NULL);
	convoy_close(e.a);
}

/* --- signals --- */

static void ignore_alarm(int number)
{
	(void)number;
}

static void alarm_soon(int flags)
{
	struct sigaction action = { .sa_handler = ignore_alarm, .sa_flags = flags };

	sigaction(SIGALRM, &action, NULL);
	ualarm(30000, 0);
}

static void test_signals(void **state)
{
	struct ends e = joined();
	struct timeval limit = { .tv_usec = 200000 };
	struct pollfd p = { e.b, POLLIN, 0 };
	char byte;

	(void)state;
	alarm_soon(0);
	assert_errno(convoy_read(e.b, &byte, 1), EINTR);
	alarm_soon(SA_RESTART);
	assert_errno(convoy_poll(&p, 1, SOON_MS), EINTR); /* poll is never restarted */
	convoy_setsockopt(e.b, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	alarm_soon(SA_RESTART);
	assert_errno(convoy_read(e.b, &byte, 1), EINTR); /* nor is a call with a time limit */
	part(e);
}

static void *send_later(void *cd_in)
{
	usleep(80000);
	send_all((int)(intptr_t)cd_in, "x", 1);
	return NULL;
}

static void test_restarted_after_a_signal(void **state)
{
	struct ends e = joined();
	sigset_t alarms;
	pthread_t thread;
	char byte;

	(void)state;
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL); /* the sender is not to be disturbed */
	pthread_create(&thread, NULL, send_later, (void *)(intptr_t)e.a);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	alarm_soon(SA_RESTART);
	assert_int_equal(convoy_read(e.b, &byte, 1), 1);
	pthread_join(thread, NULL);
	part(e);
}

/* --- forks --- */

static void test_child_serves_the_parents_listener(void **state)
{
	uint16_t port;
	int listener = listening(&port, 0), status;
	struct ends e = joined();
	pid_t child;
	char bytes[4];
	int cd;

	(void)state;
	child = fork();
	if (child == 0) {
		cd = convoy_accept4(listener, NULL, NULL, 0);
		if (cd < 0 || convoy_read(cd, bytes, 4) != 4 || convoy_write(cd, bytes, 4) != 4)
			_exit(1);
		convoy_close(cd);
		convoy_exit();
		_exit(0); /* the parent's unwritten output is not the child's to write */
	}
	cd = connected(port);
	send_all(cd, "fork", 4);
	receive_all(cd, bytes, 4);
	assert_memory_equal(bytes, "fork", 4);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	send_all(e.a, "mine", 4); /* the parent's own goes on */
	receive_all(e.b, bytes, 4);
	convoy_close(cd);
	convoy_close(listener);
	part(e);
}

enum { BYTES_ONE_BY_ONE = 30000 };

static void *send_one_by_one(void *cd)
{
	for (unsigned i = 0; i < BYTES_ONE_BY_ONE; i++) {
		uint8_t byte = (uint8_t)i;

		send_all(*(int *)cd, &byte, 1);
	}
	return NULL;
}

/* Bytes come between the two looks of a call that is about to say that there are none. */
static void test_borrowing_while_bytes_come(void **state)
{
	struct ends e = joined();
	struct convoy_segment segment;
	unsigned n_read = 0;
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, send_one_by_one, &e.a);
	while (n_read < BYTES_ONE_BY_ONE) {
		int n;

		segment = (struct convoy_segment){ 0 };
		n = convoy_read_segments(e.b, &segment, 1, 1);
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			continue;
		}
		assert_int_equal(n, 1);
		assert_non_null(segment.at);
		assert_int_equal(segment.len, 1);
		assert_int_equal(*(const uint8_t *)segment.at, (uint8_t)n_read++);
		convoy_release_segment(&segment);
	}
	pthread_join(thread, NULL);
	part(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_per_connection),
		cmocka_unit_test(test_sockets_are_handed_to_other_sets),
		cmocka_unit_test(test_adding_wakes_a_sleeper),
		cmocka_unit_test(test_closing_wakes_a_reader),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_restarted_after_a_signal),
		cmocka_unit_test(test_child_serves_the_parents_listener),
		cmocka_unit_test(test_borrowing_while_bytes_come),
	};

	return cmocka_run_group_tests(tests, convoyd_start, convoyd_stop);
}

/*
 * move_test.c - connections that a listener was offered and did not accept go to another listener
 * at the same address when it closes, with all that was written; nobody else there: a reset.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

enum { LONG = 200000 };

/* One of two listeners that share a port; both want connections, which alternate. */
static int sharing(uint16_t *port)
{
	int cd = convoy_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in at = loopback(*port);
	socklen_t len = sizeof(at);

	assert_int_equal(convoy_setsockopt(cd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)),
			 0);
	assert_int_equal(convoy_bind(cd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(convoy_listen(cd, 64), 0);
	assert_int_equal(convoy_getsockname(cd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	assert_errno(convoy_accept4(cd, NULL, NULL, 0), EAGAIN);
	return cd;
}

static int accepted(int listener, struct sockaddr_in *peer)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	int cd;

	assert_int_equal(convoy_poll(&p, 1, 5000), 1);
	cd = convoy_accept4(listener, (struct sockaddr *)peer, &(socklen_t){ sizeof(*peer) }, 0);
	assert_true(cd > 0);
	return cd;
}

static uint16_t port_of(int cd)
{
	struct sockaddr_in at;

	assert_int_equal(convoy_getsockname(cd, (struct sockaddr *)&at, &(socklen_t){ sizeof(at) }),
			 0);
	return at.sin_port;
}

static void test_what_was_written_goes_along(void **state)
{
	int clients[6], listeners[2];
	uint8_t *bytes = malloc(LONG), *got = malloc(LONG);
	bool seen[6] = { false };
	uint16_t port = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		listeners[i] = sharing(&port);
	for (unsigned i = 0; i < LONG; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	for (unsigned i = 0; i < 6; i++) {
		clients[i] = connected(port);
		bytes[0] = (uint8_t)i;
		send_all(clients[i], bytes, LONG);
		if (i >= 4)
			assert_int_equal(convoy_shutdown(clients[i], SHUT_WR), 0);
	}
	convoy_close(listeners[0]);
	for (unsigned n = 0; n < 6; n++) {
		struct sockaddr_in peer;
		int cd = accepted(listeners[1], &peer);
		unsigned i;

		receive_all(cd, got, LONG);
		i = got[0];
		assert_true(i < 6 && !seen[i]);
		seen[i] = true;
		bytes[0] = (uint8_t)i;
		assert_memory_equal(got, bytes, LONG);
		assert_int_equal(peer.sin_port, port_of(clients[i]));
		if (i >= 4) {
			assert_int_equal(convoy_read(cd, got, 1), 0);
		} else {
			send_all(clients[i], "more", 4);
			receive_all(cd, got, 4);
			assert_memory_equal(got, "more", 4);
		}
		send_all(cd, "answer", 6);
		receive_all(clients[i], got, 6);
		assert_memory_equal(got, "answer", 6);
		convoy_close(cd);
	}
	for (unsigned i = 0; i < 6; i++)
		convoy_close(clients[i]);
	convoy_close(listeners[1]);
	free(bytes);
	free(got);
}

/* Their programs have nothing to do with them any more; the library has. */
static void test_closed_ones_move_too(void **state)
{
	uint16_t port = 0;
	int first = sharing(&port), second = sharing(&port);
	char got[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		int cd = connected(port);

		send_all(cd, "bye", 3);
		convoy_close(cd);
	}
	convoy_close(first);
	for (unsigned i = 0; i < 4; i++) {
		struct sockaddr_in peer;
		int cd = accepted(second, &peer);

		receive_all(cd, got, 3);
		assert_memory_equal(got, "bye", 3);
		assert_int_equal(convoy_read(cd, got, 1), 0);
		convoy_close(cd);
	}
	convoy_close(second);
}

/* Both clients reserve; the one that moves waits for the commit, and then it fits. */
static void test_a_reservation_is_kept(void **state)
{
	uint16_t port = 0;
	int first = sharing(&port), second = sharing(&port);
	int clients[2];
	struct iovec iov[2];
	char got[8];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		clients[i] = connected(port);
		send_all(clients[i], "abc", 3);
		assert_int_equal(convoy_reserve(clients[i], &iov[i], 1, 5), 1);
	}
	convoy_close(first);
	assert_errno(convoy_recv(clients[0], got, 1, MSG_DONTWAIT), EAGAIN);
	assert_errno(convoy_recv(clients[1], got, 1, MSG_DONTWAIT), EAGAIN);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(iov[i].iov_base, "defgh", 5);
		assert_int_equal(convoy_commit(clients[i], 5), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_in peer;
		int cd = accepted(second, &peer);

		receive_all(cd, got, 8);
		assert_memory_equal(got, "abcdefgh", 8);
		convoy_close(cd);
		convoy_close(clients[i]);
	}
	convoy_close(second);
}

/* As with the kernel, a connect and what follows it need not wait for accept. */
static void test_a_client_does_not_wait_for_accept(void **state)
{
	uint16_t port;
	int listener = listening(&port, 0), clients[3];
	struct sockaddr_in peer;
	struct tcp_info info;
	char got[8], much[4096] = "";
	size_t sent = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		clients[i] = connected(port);
		send_all(clients[i], "hello", 5);
	}
	assert_int_equal(convoy_getsockopt(clients[0], IPPROTO_TCP, TCP_INFO, &info,
					   &(socklen_t){ sizeof(info) }),
			 0);
	assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
	assert_errno(convoy_recv(clients[0], got, 1, MSG_DONTWAIT), EAGAIN);
	convoy_close(clients[1]);
	assert_int_equal(convoy_shutdown(clients[2], SHUT_WR), 0);
	for (unsigned i = 0; i < 3; i++) {
		int cd = accepted(listener, &peer);

		receive_all(cd, got, 5);
		assert_memory_equal(got, "hello", 5);
		if (i == 0) {
			assert_int_equal(peer.sin_port, port_of(clients[0]));
			send_all(cd, "answer", 6);
			receive_all(clients[0], got, 6);
			send_all(clients[0], "more", 4);
			receive_all(cd, got, 4);
			assert_memory_equal(got, "more", 4);
		} else {
			assert_int_equal(convoy_read(cd, got, 1), 0);
		}
		convoy_close(cd);
	}
	convoy_close(clients[2]);
	clients[1] = connected(port);
	for (ssize_t n; (n = convoy_send(clients[1], much, sizeof(much), MSG_DONTWAIT)) > 0;)
		sent += (size_t)n;
	assert_errno(-1, EAGAIN);
	assert_true(sent >= 50000);
	clients[2] = accepted(listener, &peer);
	for (size_t n = 0; n < sent; n += sizeof(much))
		receive_all(clients[2], much, sent - n < sizeof(much) ? sent - n : sizeof(much));
	convoy_close(clients[1]);
	convoy_close(clients[2]);
	clients[1] = connected(port);
	convoy_close(listener);
	assert_errno(convoy_read(clients[1], got, 1), ECONNRESET);
	convoy_close(clients[0]);
	convoy_close(clients[1]);
}

/* A reservation from before the answer is committed after it. */
static void test_a_reservation_outlives_the_answer(void **state)
{
	uint16_t port;
	int listener = listening(&port, SOCK_NONBLOCK), client = connected(port), cd;
	struct sockaddr_in peer;
	struct iovec iov;
	char got[8];

	(void)state;
	assert_int_equal(convoy_reserve(client, &iov, 1, 5), 1);
	cd = accepted(listener, &peer);
	assert_errno(convoy_recv(client, got, 1, MSG_DONTWAIT), EAGAIN);
	memcpy(iov.iov_base, "hello", 5);
	assert_int_equal(convoy_commit(client, 5), 0);
	receive_all(cd, got, 5);
	assert_memory_equal(got, "hello", 5);
	convoy_close(client);
	convoy_close(cd);
	convoy_close(listener);
}

static void test_nobody_else_is_a_reset(void **state)
{
	uint16_t port = 0;
	int only = sharing(&port), client = connected(port);
	char byte;

	(void)state;
	send_all(client, "hello", 5);
	convoy_close(only);
	assert_errno(convoy_read(client, &byte, 1), ECONNRESET);
	convoy_close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_goes_along),
		cmocka_unit_test(test_closed_ones_move_too),
		cmocka_unit_test(test_a_reservation_is_kept),
		cmocka_unit_test(test_a_client_does_not_wait_for_accept),
		cmocka_unit_test(test_a_reservation_outlives_the_answer),
		cmocka_unit_test(test_nobody_else_is_a_reset),
	};

	return cmocka_run_group_tests(tests, convoyd_start, convoyd_stop);
}

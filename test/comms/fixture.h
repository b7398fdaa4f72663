/*
 * fixture.h - a convoyd of one's own, in its own folder, for tests of the comms library's calls.
 * $CONVOYD names the program. No root is needed: sessions are cut through between threads of the
 * test.
 */
#ifndef CONVOY_TEST_COMMS_FIXTURE_H
#define CONVOY_TEST_COMMS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "comms/convoy.h"

/* For cmocka's group: start convoyd and wait until it answers; stop it. */
int convoyd_start(void **state);
int convoyd_stop(void **state);

/* convoyd_pid - for tests that end it. */
pid_t convoyd_pid(void);

/* loopback - 127.0.0.1 with @port. */
struct sockaddr_in loopback(uint16_t port);

/* listening - a listener on a free port, which is stored in @port. @flags: SOCK_NONBLOCK or 0 */
int listening(uint16_t *port, int flags);

/* connected - a blocking connection to @port. */
int connected(uint16_t port);

/* joined - two ends of one blocking connection. */
struct ends {
	int a, b;
};
struct ends joined(void);
void part(struct ends e);

/* send_all, receive_all - every byte or a failed test. */
void send_all(int cd, const void *from, size_t n);
void receive_all(int cd, void *to, size_t n);

/* assert_errno - @result is -1 and errno is @expected. */
#define assert_errno(result, expected)                                                             \
	do {                                                                                       \
		assert_int_equal((result), -1);                                                    \
		assert_int_equal(errno, (expected));                                               \
	} while (0)

#endif

/* memif_handshake_test.c - a hand-made client that breaks the rules of the handshake. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/memif/memif_fixture.h"

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(address.sun_path, memif_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct memif_message hear(int fd)
{
	struct memif_message in = { 0 };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	wait_until(poll(&p, 1, 0) == 1);
	if (recv(fd, &in, sizeof(in), 0) <= 0)
		in.type = 0;
	return in;
}

static int region_fd(size_t size, int seals)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static const struct memif_message good_init = { .type = MEMIF_INIT,
						.init = { .version = MEMIF_VERSION } };
static const struct memif_message good_region = { .type = MEMIF_ADD_REGION,
						  .add_region = { .size = 65536 } };
static const struct memif_message good_ring = {
	.type = MEMIF_ADD_RING, .add_ring = { .flags = MEMIF_ADD_RING_S2M, .log2_ring_size = 4 }
};

static const struct memif_message tagged_init = {
	.type = MEMIF_INIT, .init = { .version = MEMIF_VERSION, .name = "test +vnet2" }
};
static const struct memif_message good_ring_back = {
	.type = MEMIF_ADD_RING, .add_ring = { .offset = 8192, .log2_ring_size = 4 }
};

enum with { NO_FD, SEALED, UNSEALED, SMALL, LARGE, EVENTFD, PIPE };
enum { LARGE_BYTES_LOG2 = 33 };

static int fd_for(enum with with)
{
	int fds[2];

	switch (with) {
	case SEALED:
		return region_fd(65536, F_SEAL_SHRINK);
	case UNSEALED:
		return region_fd(65536, F_SEAL_GROW);
	case SMALL:
		return region_fd(4096, F_SEAL_SHRINK);
	case LARGE:
		return region_fd((size_t)1 << LARGE_BYTES_LOG2, F_SEAL_SHRINK);
	case EVENTFD:
		return eventfd(0, 0);
	case PIPE:
		assert_int_equal(pipe(fds), 0);
		close(fds[0]);
		return fds[1];
	default:
		return -1;
	}
}

/*
 * Each is sent after so many good steps (INIT, region, ring, ring back); the answer must be
 * DISCONNECT.
 */
static const struct {
	const char *what;
	unsigned good_steps;
	struct memif_message m;
	size_t len; /* 0: all */
	enum with with;
	bool tagged; /* the client knows our private header */
} bad[] = {
	{ "short", 0, { .type = MEMIF_INIT }, 20, NO_FD },
	{ "unknown type", 0, { .type = 99 }, 0, NO_FD },
	{ "type 0", 0, { .type = 0 }, 0, NO_FD },
	{ "CONNECT first", 0, { .type = MEMIF_CONNECT }, 0, NO_FD },
	{ "HELLO from a client", 0, { .type = MEMIF_HELLO }, 0, NO_FD },
	{ "version 1", 0, { .type = MEMIF_INIT, .init = { .version = 1 << 8 } }, 0, NO_FD },
	{ "mode IP",
	  0,
	  { .type = MEMIF_INIT, .init = { .version = MEMIF_VERSION, .mode = 1 } },
	  0,
	  NO_FD },
	{ "region without memory",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = 65536 } },
	  0,
	  NO_FD },
	{ "region that can shrink",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = 65536 } },
	  0,
	  UNSEALED },
	{ "region smaller than said",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = 65536 } },
	  0,
	  SMALL },
	{ "region of nothing", 1, { .type = MEMIF_ADD_REGION }, 0, SEALED },
	{ "region of no memfd",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = 65536 } },
	  0,
	  PIPE },
	{ "region larger than offsets reach",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = (uint64_t)1 << LARGE_BYTES_LOG2 } },
	  0,
	  LARGE },
	{ "region out of turn",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { 3, 65536 } },
	  0,
	  SEALED },
	{ "ring before region",
	  1,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring in no region",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .region = 1, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring far behind the regions",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .region = 60000, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring behind its region",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .offset = 131072, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring past the end",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .offset = 65520, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring too small",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 1 } },
	  0,
	  EVENTFD },
	{ "ring too large",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 14 } },
	  0,
	  EVENTFD },
	{ "ring larger than any",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 60 } },
	  0,
	  EVENTFD },
	{ "ring at an odd place",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .offset = 7, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring with a pipe for a bell",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 4 } },
	  0,
	  PIPE },
	{ "ring without a bell",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 4 } },
	  0,
	  NO_FD },
	{ "second queue pair",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .index = 1, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "queue far behind the others",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .index = 40000, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "strange private header",
	  2,
	  { .type = MEMIF_ADD_RING,
	    .add_ring = { .log2_ring_size = 4, .private_header_size = 64 } },
	  0,
	  EVENTFD,
	  .tagged = true },
	{ "private header in one ring only",
	  3,
	  { .type = MEMIF_ADD_RING,
	    .add_ring = { .log2_ring_size = 4, .private_header_size = MEMIF_HEADER_BYTES } },
	  0,
	  EVENTFD,
	  .tagged = true },
	{ "strange private header, unasked",
	  2,
	  { .type = MEMIF_ADD_RING,
	    .add_ring = { .log2_ring_size = 4, .private_header_size = 64 } },
	  0,
	  EVENTFD },
	{ "private header unasked",
	  2,
	  { .type = MEMIF_ADD_RING,
	    .add_ring = { .log2_ring_size = 4, .private_header_size = 10 } },
	  0,
	  EVENTFD },
	{ "the same ring twice",
	  3,
	  { .type = MEMIF_ADD_RING,
	    .add_ring = { .flags = MEMIF_ADD_RING_S2M, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "CONNECT with one ring", 3, { .type = MEMIF_CONNECT }, 0, NO_FD },
	{ "CONNECT without cookies in the rings", 4, { .type = MEMIF_CONNECT }, 0, NO_FD },
};

static void take_good_steps(int sock, unsigned n, bool tagged)
{
	const struct memif_message *const steps[] = { tagged ? &tagged_init : &good_init,
						      &good_region, &good_ring, &good_ring_back };
	static const enum with fds[] = { NO_FD, SEALED, EVENTFD, EVENTFD };

	assert_int_equal(hear(sock).type, MEMIF_HELLO);
	for (unsigned i = 0; i < n; i++) {
		int fd = fd_for(fds[i]);

		assert_int_equal(memif_say(sock, steps[i], sizeof(*steps[i]), fd), 0);
		assert_int_equal(hear(sock).type, MEMIF_ACK);
		if (fd >= 0)
			close(fd);
	}
}

static void a_client_that_breaks_the_handshake_is_sent_away(void **state)
{
	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER });
	for (unsigned i = 0; i < count_of(bad); i++) {
		int sock = dial(), fd = fd_for(bad[i].with);

		take_good_steps(sock, bad[i].good_steps, bad[i].tagged);
		assert_int_equal(
			memif_say(sock, &bad[i].m, bad[i].len ? bad[i].len : sizeof(bad[i].m), fd),
			0);
		if (hear(sock).type != MEMIF_DISCONNECT)
			fail_msg("%s", bad[i].what);
		if (fd >= 0)
			close(fd);
		close(sock);
	}
	memif_add(&b, (struct memif_config){ .role = MEMIF_CLIENT });
	wait_until(a.i->link && b.i->link);
}

static unsigned n_open(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* One more descriptor than a message has is closed, too: the kernel's padding has room for it. */
static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
	int fds[2] = { region_fd(65536, F_SEAL_SHRINK), region_fd(65536, F_SEAL_SHRINK) };
	struct iovec iov = { (void *)&good_region, sizeof(good_region) };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { { 0 } };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	unsigned before;
	int sock;

	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER });
	before = n_open();
	sock = dial();
	take_good_steps(sock, 1, false);
	control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS,
					   .cmsg_len = CMSG_LEN(sizeof(fds)) };
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	assert_int_equal(sendmsg(sock, &h, MSG_NOSIGNAL), sizeof(good_region));
	assert_int_equal(hear(sock).type, MEMIF_DISCONNECT);
	close(sock);
	wait_until(memif_of(&a)->state == MEMIF_IDLE && memif_of(&a)->socket.fd < 0);
	assert_int_equal(n_open(), before);
	close(fds[0]);
	close(fds[1]);
}

static void no_more_regions_than_we_keep(void **state)
{
	struct memif_message more = good_region;
	int sock, fd = fd_for(SEALED);

	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER });
	sock = dial();
	take_good_steps(sock, 2, false);
	for (uint16_t n = 1; n <= MEMIF_REGIONS_MAX; n++) {
		more.add_region.index = n;
		assert_int_equal(memif_say(sock, &more, sizeof(more), fd), 0);
		assert_int_equal(hear(sock).type,
				 n < MEMIF_REGIONS_MAX ? MEMIF_ACK : MEMIF_DISCONNECT);
	}
	close(fd);
	close(sock);
}

/* The file description is shared with who sent it: what would block there would block us. */
static void a_bell_that_blocks_does_so_no_more(void **state)
{
	int sock, fd = fd_for(EVENTFD);

	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER });
	sock = dial();
	take_good_steps(sock, 2, false);
	assert_int_equal(memif_say(sock, &good_ring, sizeof(good_ring), fd), 0);
	assert_int_equal(hear(sock).type, MEMIF_ACK);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	close(sock);
}

static void every_byte_of_the_secret_counts(void **state)
{
	struct memif_message m = good_init;

	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER,
					     .secret = "of 24 bytes, the longest" });
	for (unsigned i = 0; i <= MEMIF_SECRET_LEN; i++) {
		int sock = dial();

		memcpy(m.init.secret, "of 24 bytes, the longest", MEMIF_SECRET_LEN);
		if (i < MEMIF_SECRET_LEN)
			m.init.secret[i] ^= 1;
		assert_int_equal(hear(sock).type, MEMIF_HELLO);
		assert_int_equal(memif_say(sock, &m, sizeof(m), -1), 0);
		assert_int_equal(hear(sock).type,
				 i < MEMIF_SECRET_LEN ? MEMIF_DISCONNECT : MEMIF_ACK);
		close(sock);
	}
}

/* What the other side says ends up on terminals. */
static void what_it_says_is_made_printable(void **state)
{
	struct memif_message m = { .type = MEMIF_DISCONNECT,
				   .disconnect = { .reason = "no\33[2J\x9b"
							     "1m" } };
	struct memif_message init = good_init;
	int sock;

	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER });
	sock = dial();
	assert_int_equal(hear(sock).type, MEMIF_HELLO);
	memcpy(init.init.name, "evil\33[31m", 10);
	assert_int_equal(memif_say(sock, &init, sizeof(init), -1), 0);
	assert_int_equal(hear(sock).type, MEMIF_ACK);
	assert_string_equal(memif_of(&a)->peer, "evil?[31m");
	assert_int_equal(memif_say(sock, &m, sizeof(m), -1), 0);
	wait_until(memif_of(&a)->last_reason[0]);
	assert_string_equal(memif_of(&a)->last_reason, "no?[2J?1m");
	close(sock);
}

/* A server that speaks other versions only, below or above ours. */
static void a_server_of_another_version_is_left(void **state)
{
	static const struct memif_message hello[] = {
		{ .type = MEMIF_HELLO,
		  .hello = { .min_version = MEMIF_VERSION + 1, .max_version = MEMIF_VERSION + 9 } },
		{ .type = MEMIF_HELLO,
		  .hello = { .min_version = MEMIF_VERSION - 1, .max_version = MEMIF_VERSION - 1 } },
	};
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0), sock;

	(void)state;
	strcpy(address.sun_path, memif_path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	memif_add(&b, (struct memif_config){ .role = MEMIF_CLIENT });
	for (unsigned i = 0; i < count_of(hello); i++) {
		wait_until((sock = accept(listener, NULL, NULL)) >= 0);
		assert_int_equal(memif_say(sock, &hello[i], sizeof(hello[i]), -1), 0);
		assert_int_equal(hear(sock).type, MEMIF_DISCONNECT);
		close(sock);
	}
	close(listener);
	unlink(memif_path);
}

static void a_server_that_nobody_greets_hangs_up(void **state)
{
	int sock;

	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER });
	sock = dial();
	assert_int_equal(hear(sock).type, MEMIF_HELLO);
	assert_int_equal(hear(sock).type, MEMIF_DISCONNECT); /* after three seconds */
	close(sock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(descriptors_that_nobody_asked_for_are_closed,
						memif_setup, memif_teardown),
		cmocka_unit_test_setup_teardown(a_client_that_breaks_the_handshake_is_sent_away,
						memif_setup, memif_teardown),
		cmocka_unit_test_setup_teardown(no_more_regions_than_we_keep, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(a_bell_that_blocks_does_so_no_more, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(every_byte_of_the_secret_counts, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(what_it_says_is_made_printable, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(a_server_of_another_version_is_left, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(a_server_that_nobody_greets_hangs_up, memif_setup,
						memif_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * fork_test.c - cut-through connections in the very instant in which a forked child takes them
 * over: parent, child and peer use them as fast as they can meanwhile, and every byte arrives once.
 *
 *   peer ══ cut through ══ parent        the stack splits it when the child first uses its copy
 *                            └── child
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum {
	RECORDS = 1 << 18, /* of four bytes, each saying its place */
	PIECE = 512,	   /* records in a call at most */
	ROUNDS = 20,
	WRITER_BIT = 1 << 24, /* in records of the child, where two processes write */
	SOON_MS = 2,
};

/* What the processes of a round tell each other. */
struct board {
	_Atomic uint8_t seen[RECORDS];
	_Atomic uint32_t n_seen;
};
static struct board *board;

/* In child processes there is no cmocka: what is wrong ends them with this line. */
#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: pid %d: %s (errno %d)\n", __FILE__, __LINE__,      \
				getpid(), #condition, errno);                                      \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void await(int cd, short events)
{
	struct pollfd p = { .fd = cd, .events = events };

	must(convoy_poll(&p, 1, SOON_MS) >= 0);
}

/* --- writing and reading records --- */

static void write_bytes(int cd, const void *from, size_t n)
{
	while (n > 0) {
		ssize_t got = convoy_send(cd, from, n, MSG_DONTWAIT);

		if (got < 0) {
			must(errno == EAGAIN);
			await(cd, POLLOUT);
			continue;
		}
		from = (const char *)from + got;
		n -= (size_t)got;
	}
}

static void write_records(int cd, uint32_t first, uint32_t end, uint32_t bit)
{
	uint32_t records[PIECE];
	unsigned seed = first;

	while (first < end) {
		uint32_t n = 1 + (uint32_t)rand_r(&seed) % PIECE;

		n = n < end - first ? n : end - first;
		for (uint32_t i = 0; i < n; i++)
			records[i] = first++ | bit;
		write_bytes(cd, records, n * sizeof(records[0]));
	}
}

/* One read; false at the end of the stream. */
static bool read_records(int cd, uint32_t *records, uint32_t *n, unsigned *seed)
{
	size_t max = (1 + (size_t)rand_r(seed) % PIECE) * sizeof(*records);
	ssize_t got = convoy_recv(cd, records, max, MSG_DONTWAIT);

	*n = 0;
	if (got == 0)
		return false;
	if (got < 0) {
		must(errno == EAGAIN);
		await(cd, POLLIN);
		return true;
	}
	must(got % (ssize_t)sizeof(*records) == 0);
	*n = (uint32_t)got / sizeof(*records);
	return true;
}

/* Each record once, by whoever; each reader sees them in order. Returns when @until were read. */
static void read_shared(int cd, uint32_t until)
{
	uint32_t records[PIECE], n, least = 0;
	unsigned seed = (unsigned)getpid();

	while (board->n_seen < until && read_records(cd, records, &n, &seed)) {
		for (uint32_t i = 0; i < n; i++) {
			must(records[i] >= least && records[i] < RECORDS);
			must(atomic_fetch_add(&board->seen[records[i]], 1) == 0);
			least = records[i] + 1;
		}
		atomic_fetch_add(&board->n_seen, n);
	}
}

/* All records of one stream, or of two that are mixed. */
static void read_streams(int cd, uint32_t first, uint32_t end, unsigned n_streams)
{
	uint32_t next[2] = { first, first }, records[PIECE], n;
	unsigned seed = end;

	while (read_records(cd, records, &n, &seed)) {
		for (uint32_t i = 0; i < n; i++) {
			unsigned stream = records[i] & WRITER_BIT ? 1 : 0;

			must((records[i] & ~(uint32_t)WRITER_BIT) == next[stream]);
			next[stream]++;
		}
	}
	must(next[0] == end && (n_streams == 1 || next[1] == end));
}

/* --- a round --- */

/* Another process, so that the connection between the two is cut through. */
static pid_t start_peer(void (*peer)(int cd), int *connection)
{
	uint16_t port;
	int listener, door[2];
	pid_t pid;

	assert_int_equal(pipe(door), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int cd;

		must(read(door[0], &port, sizeof(port)) == sizeof(port));
		cd = connected(port);
		peer(cd);
		_exit(0);
	}
	listener = listening(&port, SOCK_NONBLOCK);
	assert_errno(convoy_accept4(listener, NULL, NULL, 0), EAGAIN); /* it is interested now */
	assert_int_equal(write(door[1], &port, sizeof(port)), sizeof(port));
	do {
		struct pollfd p = { .fd = listener, .events = POLLIN };

		assert_int_equal(convoy_poll(&p, 1, 10000), 1);
		*connection = convoy_accept4(listener, NULL, NULL, 0);
	} while (*connection < 0);
	convoy_close(listener);
	close(door[0]);
	close(door[1]);
	return pid;
}

static void end_well(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static pid_t fork_here(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	return pid;
}

static void clear_board(void)
{
	memset((void *)board, 0, sizeof(*board));
}

/* --- two that read --- */

static void write_all(int cd)
{
	uint32_t nothing;

	write_records(cd, 0, RECORDS, 0);
	must(convoy_shutdown(cd, SHUT_WR) == 0);
	must(convoy_read(cd, &nothing, sizeof(nothing)) == 0);
}

static void parent_and_child_read(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		int cd;
		pid_t peer, child;

		clear_board();
		peer = start_peer(write_all, &cd);
		read_shared(cd, round * 1000);
		child = fork_here();
		read_shared(cd, UINT32_MAX);
		if (child == 0)
			_exit(0);
		end_well(child);
		convoy_close(cd);
		end_well(peer);
		assert_int_equal(board->n_seen, RECORDS);
	}
}

/* --- two that write --- */

static void read_both(int cd)
{
	read_streams(cd, 0, RECORDS / 2, 2);
}

static void parent_and_child_write(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t before = round * 1000;
		int cd;
		pid_t peer = start_peer(read_both, &cd), child;

		write_records(cd, 0, before, 0);
		child = fork_here();
		if (child == 0) {
			write_records(cd, 0, RECORDS / 2, WRITER_BIT);
			_exit(0);
		}
		write_records(cd, before, RECORDS / 2, 0);
		end_well(child);
		convoy_close(cd);
		end_well(peer);
	}
}

/* --- the peer reads and writes while it changes hands --- */

static void *write_the_rest(void *cd_in)
{
	int cd = (int)(intptr_t)cd_in;

	write_records(cd, 0, RECORDS, 0);
	must(convoy_shutdown(cd, SHUT_WR) == 0);
	return NULL;
}

static void read_and_write(int cd)
{
	pthread_t writer;

	must(pthread_create(&writer, NULL, write_the_rest, (void *)(intptr_t)cd) == 0);
	read_streams(cd, 0, RECORDS, 1);
	pthread_join(writer, NULL);
}

static void child_goes_on_both_ways(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		pid_t peer, child;
		int cd;

		clear_board();
		peer = start_peer(read_and_write, &cd);
		read_shared(cd, 1 + round * 1000);
		child = fork_here();
		if (child == 0) {
			pthread_t writer;

			must(pthread_create(&writer, NULL, write_the_rest, (void *)(intptr_t)cd) ==
			     0);
			read_shared(cd, UINT32_MAX);
			pthread_join(writer, NULL);
			_exit(0);
		}
		convoy_close(cd);
		end_well(child);
		end_well(peer);
		assert_int_equal(board->n_seen, RECORDS);
	}
}

static int make_board(void **state)
{
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	return board == MAP_FAILED ? -1 : convoyd_start(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parent_and_child_read),
		cmocka_unit_test(parent_and_child_write),
		cmocka_unit_test(child_goes_on_both_ways),
	};

	return cmocka_run_group_tests(tests, make_board, convoyd_stop);
}

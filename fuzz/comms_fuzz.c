/*
 * comms_fuzz.c - the comms library between a program that calls it in any order and a stack, and a
 * program at the other end of a cut-through channel, that write what they like into their memory.
 *
 * The input is a script of 8-byte steps. A thread answers the library's requests as convoyd would;
 * it hands out segments that this file maps, too, and scribbles on. Nothing blocks: descriptors
 * are non-blocking and every wait has no time.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "comms/convoy.h"
#include "shm/channel.h"
#include "shm/rpc.h"

enum { SLOTS = 8, PAGES = 64, STEPS_MAX = 300, STEP_BYTES = 8, N_CDS = 6, MAX_SEGMENTS = 32 };

struct step {
	uint8_t kind, who;
	uint16_t at;
	uint32_t value;
};

/* --- the stack --- */

/* Segments that the library reads, in the order in which they were handed out. */
static struct {
	pthread_mutex_t lock;
	struct segment theirs[MAX_SEGMENTS];
	uint32_t ring_tail[MAX_SEGMENTS];
	int pipe_ends[4 * MAX_SEGMENTS];
	unsigned n, n_pipe_ends;
	uint32_t last_id;
	int listener;
} stack = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int new_segment(bool read_by_library)
{
	int fd = segment_create("fuzz", SLOTS, PAGES);

	invariant(fd >= 0);
	if (read_by_library && stack.n < MAX_SEGMENTS) {
		invariant(segment_map(&stack.theirs[stack.n], fd, true) == 0);
		stack.ring_tail[stack.n++] = 0;
	}
	return fd;
}

static void new_pipes(int *wait_fd, int *wake_fd)
{
	int ends[2];

	invariant(channel_make_pipe(wait_fd, &ends[0]) == 0);
	invariant(channel_make_pipe(&ends[1], wake_fd) == 0);
	for (unsigned i = 0; i < 2; i++)
		stack.pipe_ends[stack.n_pipe_ends++] = ends[i];
}

/* Fills the reply and up to four descriptors; returns their number. */
static unsigned answer(const struct rpc_request *q, struct rpc_reply *r, int *fds)
{
	*r = (struct rpc_reply){ .type = q->type, .version = SHM_VERSION, .n_stack_workers = 1 };
	r->id = ++stack.last_id;
	r->address = q->address;
	switch (q->type) {
	case RPC_CHANNEL:
	case RPC_OPEN:
		if (stack.n == MAX_SEGMENTS) {
			r->err = ERR_FULL;
			return 0;
		}
		fds[0] = new_segment(false);
		if (q->type == RPC_CHANNEL) {
			fds[1] = new_segment(true);
			new_pipes(&fds[2], &fds[3]);
			return 4;
		}
		new_pipes(&fds[1], &fds[2]);
		return 3;
	case RPC_MAPPED:
		if (stack.n == MAX_SEGMENTS) {
			r->err = ERR_FULL;
			return 0;
		}
		fds[0] = new_segment(true);
		return 1;
	case RPC_BIND:
		r->address.port = q->address.port ? q->address.port : 999;
		return 0;
	default:
		return 0;
	}
}

static void serve(int fd)
{
	struct rpc_request q;
	struct rpc_reply r;
	int fds[RPC_MAX_FDS], none[RPC_MAX_FDS];
	unsigned n;

	while (rpc_receive(fd, &q, sizeof(q), none, &n) == 0) {
		int err;

		pthread_mutex_lock(&stack.lock);
		n = answer(&q, &r, fds);
		pthread_mutex_unlock(&stack.lock);
		err = rpc_send(fd, &r, sizeof(r), fds, n);
		while (n > 0)
			close(fds[--n]);
		if (err)
			break;
	}
	close(fd);
}

static int connection = -1; /* what the thread serves; shut down to end it */

static void *serve_all(void *unused unused_arg)
{
	for (;;) {
		int fd = accept(stack.listener, NULL, NULL);

		if (fd < 0) {
			invariant(errno == EINTR || errno == ECONNABORTED);
			continue;
		}
		__atomic_store_n(&connection, fd, __ATOMIC_SEQ_CST);
		serve(fd);
	}
}

static void start_stack(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char path[64];
	pthread_t thread;

	snprintf(path, sizeof(path), "/tmp/convoy-comms-fuzz-%d", (int)getpid());
	snprintf(at.sun_path, sizeof(at.sun_path), "%s%s", path, RPC_SOCKET_SUFFIX);
	unlink(at.sun_path);
	setenv("CONVOY_SOCKET", path, 1);
	stack.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	invariant(bind(stack.listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		  listen(stack.listener, 16) == 0);
	invariant(pthread_create(&thread, NULL, serve_all, NULL) == 0);
	stderr = fopen("/dev/null", "w"); /* the library says each time that convoyd has gone */
}

/* --- what it writes --- */

static struct segment *any_segment(const struct step *st, unsigned *index)
{
	unsigned n;

	pthread_mutex_lock(&stack.lock);
	n = stack.n;
	pthread_mutex_unlock(&stack.lock);
	*index = n ? st->who % n : 0;
	return n ? &stack.theirs[*index] : NULL;
}

/* But it never begins a split and says nothing of it: the library would wait for ten seconds. */
static void scribble(const struct step *st, size_t from, size_t size)
{
	unsigned i;
	struct segment *s = any_segment(st, &i);
	size_t at = from + st->at % (size / 4) * 4;

	if (s && at != offsetof(struct shm_side, splits))
		memcpy(s->base + at, &st->value, 4);
}

/* An event that looks right at first sight, and the sockets' cookies are easy to guess. */
static void post(const struct step *st)
{
	static const uint16_t to_app[] = { SHM_EV_DATA,	   SHM_EV_ROOM,	    SHM_EV_CONNECTED,
					   SHM_EV_FAILED,  SHM_EV_INCOMING, SHM_EV_CHANNEL,
					   SHM_EV_GONE,	   SHM_EV_QUEUED,   SHM_EV_MOVED,
					   SHM_EV_ADOPTED, SHM_EV_FREED,    SHM_EV_RELAYED };
	struct shm_event e = { .type = to_app[st->at % count_of(to_app)],
			       .flags = st->value >> 24 & 3,
			       .cookie = (st->value & 0xff) << 20 | (st->value >> 8 & 7),
			       .slot = st->value >> 11 & 7,
			       .generation = st->value >> 14 & 3,
			       .channel = st->value >> 16 & 15,
			       .value = (int32_t)(st->value >> 20 & 7) - 8,
			       .remote = { .family = 4, .port = 80 },
			       .local = { .family = 4, .port = 81 } };
	unsigned i;
	struct segment *s = any_segment(st, &i);

	if (!s)
		return;
	((struct shm_event *)(s->base + SHM_PAGE_BYTES))[stack.ring_tail[i]++ % SHM_RING_EVENTS] =
		e;
	atomic_store(&segment_side(s)->ring_tail, stack.ring_tail[i]);
}

/* --- what the program does --- */

static int cds[N_CDS], epfd;

static void open_one(unsigned i)
{
	if (cds[i] < 0)
		cds[i] = convoy_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static void read_in_place(int cd)
{
	struct convoy_segment segments[4];
	int n = convoy_read_segments(cd, segments, 4, 10000);

	while (n-- > 0)
		convoy_release_segment(&segments[n]);
}

static void write_in_place(int cd, uint32_t n)
{
	struct iovec iov[2];
	int got = convoy_reserve(cd, iov, 2, n % 9000);

	if (got > 0) {
		memset(iov[0].iov_base, 'r', iov[0].iov_len);
		(void)!convoy_commit(cd, iov[0].iov_len);
	}
}

static void call(const struct step *st)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(80),
				  .sin_addr.s_addr = htonl(0x0a000001) };
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | (st->value & EPOLLET) };
	struct epoll_event got[8];
	char bytes[512] = "";
	unsigned i = st->who % N_CDS;
	int value = (int)st->value, *cd = &cds[i], accepted;
	struct pollfd p = { .fd = *cd, .events = POLLIN | POLLOUT };

	open_one(i);
	switch (st->at % 18) {
	case 0:
		(void)!convoy_connect(*cd, (struct sockaddr *)&at, sizeof(at));
		break;
	case 1:
		if (convoy_bind(*cd, (struct sockaddr *)&at, sizeof(at)) == 0)
			(void)!convoy_listen(*cd, 4);
		break;
	case 2:
		accepted = convoy_accept4(*cd, NULL, NULL, SOCK_NONBLOCK);
		if (accepted >= 0)
			convoy_close(accepted);
		break;
	case 3:
		(void)!convoy_read(*cd, bytes, st->value % sizeof(bytes));
		break;
	case 4:
		(void)!convoy_send(*cd, bytes, st->value % sizeof(bytes), MSG_NOSIGNAL);
		break;
	case 5:
		read_in_place(*cd);
		break;
	case 6:
		write_in_place(*cd, st->value);
		break;
	case 7:
		(void)!convoy_shutdown(*cd, value & 3);
		break;
	case 8:
		convoy_close(*cd);
		*cd = -1;
		break;
	case 9:
		(void)!convoy_epoll_ctl(epfd, 1 + (value & 3), *cd, &event);
		break;
	case 10:
	case 11:
		(void)!convoy_epoll_wait(epfd, got, 8, 0);
		break;
	case 12:
		(void)!convoy_poll(&p, 1, 0);
		break;
	case 13:
		(void)!convoy_setsockopt(*cd, value & 1 ? SOL_SOCKET : IPPROTO_TCP, value >> 1 & 63,
					 &value, sizeof(value));
		break;
	case 14:
		(void)!convoy_getsockopt(*cd, SOL_SOCKET, SO_ERROR, &value,
					 &(socklen_t){ sizeof(value) });
		break;
	case 15:
		(void)!convoy_ioctl(*cd, 0x541b /* FIONREAD */, &value);
		break;
	case 16:
		(void)!convoy_recv(*cd, bytes, sizeof(bytes), MSG_PEEK);
		break;
	default:
		(void)!convoy_epoll_drain(epfd, got, 8);
		break;
	}
}

static void run_step(const struct step *st)
{
	switch (st->kind % 6) {
	case 0:
		scribble(st, 0, sizeof(struct shm_side));
		break;
	case 1:
		scribble(st, SHM_PAGE_BYTES, 16 * sizeof(struct shm_event));
		break;
	case 2:
		scribble(st, SHM_HALVES_OFFSET, SLOTS * sizeof(struct shm_half));
		break;
	case 3:
		post(st);
		break;
	default:
		call(st);
		break;
	}
}

/* convoyd dies: the next input meets a new one, with new memory. */
static void end_stack(void)
{
	int probe = convoy_socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in any = { .sin_family = AF_INET };

	shutdown(__atomic_load_n(&connection, __ATOMIC_SEQ_CST), SHUT_RDWR);
	(void)!convoy_bind(probe, (struct sockaddr *)&any, sizeof(any));
	convoy_close(probe);
	pthread_mutex_lock(&stack.lock);
	while (stack.n > 0)
		segment_unmap(&stack.theirs[--stack.n]);
	while (stack.n_pipe_ends > 0)
		close(stack.pipe_ends[--stack.n_pipe_ends]);
	stack.last_id = 0;
	pthread_mutex_unlock(&stack.lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	struct epoll_event got[8];

	if (!started)
		start_stack();
	started = true;
	epfd = convoy_epoll_create1(0);
	for (unsigned i = 0; i < N_CDS; i++)
		cds[i] = -1;
	for (unsigned i = 0; i < STEPS_MAX && (i + 1) * STEP_BYTES <= size; i++) {
		struct step st;

		memcpy(&st, data + i * STEP_BYTES, sizeof(st));
		run_step(&st);
	}
	for (unsigned i = 0; i < N_CDS; i++)
		if (cds[i] >= 0)
			convoy_close(cds[i]);
	end_stack();
	(void)!convoy_epoll_wait(epfd, got, 8, 0);
	(void)!convoy_epoll_wait(epfd, got, 8, 0);
	convoy_close(epfd);
	return 0;
}

/* poll.c - poll over sockets of ours and descriptors of the kernel's. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "comms/convoy.h"
#include "comms/src/adopt.h"
#include "comms/src/api.h"
#include "comms/src/connect.h"
#include "comms/src/listener.h"
#include "comms/src/os.h"
#include "comms/src/wait.h"

enum { ON_STACK = 32 };

/* One of our sockets in the caller's array. */
struct polled {
	struct pollfd *fd;
	struct acceptor *acceptor; /* of a listening socket, while we declare interest */
	uint32_t cookie;
};

struct job {
	struct pollfd *fds;
	unsigned n_fds;
	struct waiter *waiters; /* one for each valid socket of ours */
	struct polled *polled;
	unsigned n_ours;
	struct pollfd *kernel; /* copies, for the kernel; room for n_ours + 1 more */
	unsigned *kernel_index;
	unsigned n_kernel;
	unsigned n_invalid;
};

static bool is_ours(int fd)
{
	return fd >= 0 && (fd & CONVOY_CD_BIT);
}

static void add_socket(struct job *j, struct pollfd *fd)
{
	struct polled *p = &j->polled[j->n_ours];
	struct source *source;
	struct worker *home;
	struct sock *s;

	connect_deferred_by_cd(fd->fd);
	s = sock_lock(fd->fd);
	/* Who had it and lost it does not take it back by looking. */
	if (unlikely(s && adopt_is_elsewhere(s) && !s->lost)) {
		sock_unlock(s);
		adopt_fetch(fd->fd, !(fd->events & POLLIN));
		s = sock_lock(fd->fd);
	}
	if (!s) {
		fd->revents = POLLNVAL;
		j->n_invalid++;
		return;
	}
	home = source_home(&s->source);
	source = &s->source;
	*p = (struct polled){ .fd = fd, .cookie = s->cookie };
	if (s->state == SOCK_LISTENING) {
		p->acceptor = accept_poll_begin(s);
		if (p->acceptor)
			source = &p->acceptor->source;
	}
	worker_give_lock(home);
	j->waiters[j->n_ours++] =
		(struct waiter){ .source = source, .events = (uint16_t)fd->events };
}

static void split(struct job *j)
{
	for (unsigned i = 0; i < j->n_fds; i++) {
		struct pollfd *fd = &j->fds[i];

		fd->revents = 0;
		if (is_ours(fd->fd)) {
			add_socket(j, fd);
			continue;
		}
		j->kernel_index[j->n_kernel] = i;
		j->kernel[j->n_kernel++] = *fd;
	}
}

/* Ours that are ready; their revents are set. */
static int look_at_ours(struct job *j)
{
	int n = (int)j->n_invalid;

	for (unsigned i = 0; i < j->n_ours; i++) {
		struct waiter *w = &j->waiters[i];
		uint32_t mask = w->events | POLLERR | POLLHUP;
		struct worker *home = source_lock(w->source);

		if (worker_work_waits(home))
			worker_drain(home);
		j->polled[i].fd->revents = (short)(source_ready(w->source, w->events) & mask);
		n += j->polled[i].fd->revents != 0;
		worker_give_lock(home);
	}
	return n;
}

static int take_kernel_results(struct job *j)
{
	int n = 0;

	for (unsigned i = 0; i < j->n_kernel; i++) {
		j->fds[j->kernel_index[i]].revents = j->kernel[i].revents;
		n += j->kernel[i].revents != 0;
	}
	return n;
}

static int look_at_kernel(struct job *j)
{
	struct timespec now = { 0 };

	if (j->n_kernel == 0 || os_ppoll(j->kernel, j->n_kernel, &now, NULL) <= 0)
		return 0;
	return take_kernel_results(j);
}

/* wait_for() forgets a source that has ended; we look the socket up again by itself. */
static int sleep_once(struct job *j, uint64_t deadline_ns, const sigset_t *mask)
{
	struct source *sources[ON_STACK];
	struct source **kept = j->n_ours <= ON_STACK ? sources : malloc(j->n_ours * sizeof(*kept));
	struct timespec left = { 0 };
	int got;

	if (!kept)
		return -ENOMEM;
	for (unsigned i = 0; i < j->n_ours; i++)
		kept[i] = j->waiters[i].source;
	if (deadline_ns != UINT64_MAX) {
		uint64_t now = clock_now_ns(&clock_monotonic);
		uint64_t ns = deadline_ns > now ? deadline_ns - now : 0;

		left.tv_sec = (time_t)(ns / NS_PER_S);
		left.tv_nsec = (long)(ns % NS_PER_S);
	}
	got = wait_for(j->waiters, j->n_ours, j->kernel, j->n_kernel,
		       deadline_ns == UINT64_MAX ? NULL : &left, mask);
	for (unsigned i = 0; i < j->n_ours; i++)
		j->waiters[i].source = kept[i];
	if (kept != sources)
		free(kept);
	return got;
}

static int run(struct job *j, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t deadline_ns = UINT64_MAX;
	bool at_once = timeout && timeout->tv_sec == 0 && timeout->tv_nsec == 0;

	if (timeout && !at_once)
		deadline_ns = clock_now_ns(&clock_monotonic) +
			      (uint64_t)timeout->tv_sec * NS_PER_S + (uint64_t)timeout->tv_nsec;
	for (;;) {
		int n = look_at_ours(j);
		int got;

		if (n > 0 || at_once)
			return n + look_at_kernel(j);
		got = sleep_once(j, deadline_ns, mask);
		n = look_at_ours(j);
		if (got > 0)
			n += take_kernel_results(j);
		if (n > 0 || got <= 0)
			return n > 0 ? n : got;
	}
}

int convoy_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	struct job j = { .fds = fds, .n_fds = (unsigned)n };
	unsigned ours = 0;
	int result = -ENOMEM;

	for (nfds_t i = 0; i < n; i++)
		ours += is_ours(fds[i].fd);
	if (ours == 0)
		return os_ppoll(fds, (unsigned)n, timeout, mask);
	j.waiters = calloc(ours, sizeof(*j.waiters));
	j.polled = calloc(ours, sizeof(*j.polled));
	j.kernel = calloc(n + ours + 1, sizeof(*j.kernel));
	j.kernel_index = calloc(n, sizeof(*j.kernel_index));
	if (j.waiters && j.polled && j.kernel && j.kernel_index) {
		split(&j);
		result = run(&j, timeout, mask);
		for (unsigned i = 0; i < j.n_ours; i++)
			if (j.polled[i].acceptor)
				accept_poll_end(j.polled[i].acceptor, j.polled[i].cookie);
	}
	free(j.waiters);
	free(j.polled);
	free(j.kernel);
	free(j.kernel_index);
	return api_result(result);
}

int convoy_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct timespec t = { timeout_ms / 1000, timeout_ms % 1000 * (long)NS_PER_MS };

	return convoy_ppoll(fds, n, timeout_ms < 0 ? NULL : &t, NULL);
}

/* waiting.c - poll, select and epoll over descriptors of both kinds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "comms/convoy.h"
#include "comms/preload/real.h"
#include "comms/preload/table.h"

enum { POLL_ON_STACK = 64 };

extern void __chk_fail(void) __attribute__((noreturn));
SHIM int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t room);
SHIM int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		     const sigset_t *mask, size_t room);

/* --- poll --- */

static bool any_of_stack(const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (cd_of(fds[i].fd) >= 0)
			return true;
	return false;
}

/* The caller's array is left alone but for revents, as POSIX says. */
static int poll_both(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		     const sigset_t *mask)
{
	struct pollfd few[POLL_ON_STACK];
	struct pollfd *copy = n <= POLL_ON_STACK ? few : calloc(n, sizeof(*copy));
	int ready;

	if (!copy) {
		errno = ENOMEM;
		return -1;
	}
	for (nfds_t i = 0; i < n; i++) {
		int cd = cd_of(fds[i].fd);

		copy[i] =
			(struct pollfd){ .fd = cd >= 0 ? cd : fds[i].fd, .events = fds[i].events };
	}
	ready = convoy_ppoll(copy, n, timeout, mask);
	for (nfds_t i = 0; ready >= 0 && i < n; i++)
		fds[i].revents = copy[i].revents;
	if (copy != few)
		free(copy);
	return ready;
}

static const struct timespec *timespec_of_ms(int ms, struct timespec *t)
{
	if (ms < 0)
		return NULL;
	*t = (struct timespec){ ms / 1000, ms % 1000 * 1000000L };
	return t;
}

SHIM int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct timespec t;

	if (!any_of_stack(fds, n))
		return real_calls()->poll(fds, n, timeout_ms);
	return poll_both(fds, n, timespec_of_ms(timeout_ms, &t), NULL);
}

SHIM int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t room)
{
	if (n > room / sizeof(*fds))
		__chk_fail();
	return poll(fds, n, timeout_ms);
}

SHIM int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	if (!any_of_stack(fds, n))
		return real_calls()->ppoll(fds, n, timeout, mask);
	return poll_both(fds, n, timeout, mask);
}

SHIM int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		     const sigset_t *mask, size_t room)
{
	if (n > room / sizeof(*fds))
		__chk_fail();
	return ppoll(fds, n, timeout, mask);
}

/* --- select --- */

/* Programs that need it raise FD_SETSIZE and pass larger sets, so words are counted by @n. */
static bool in_set(const fd_set *set, int fd)
{
	return set && (((const unsigned long *)set)[fd / (8 * (int)sizeof(long))] >>
			       (fd % (8 * (int)sizeof(long))) &
		       1);
}

static void clear_set(fd_set *set, int n)
{
	size_t word_bits = 8 * sizeof(long);

	if (set)
		memset(set, 0, ((size_t)n + word_bits - 1) / word_bits * sizeof(long));
}

static int mark(fd_set *set, int fd, bool ready)
{
	if (!set || !ready)
		return 0;
	((unsigned long *)set)[fd / (8 * (int)sizeof(long))] |= 1ul
								<< (fd % (8 * (int)sizeof(long)));
	return 1;
}

static bool set_has_stack(int n, const fd_set *r, const fd_set *w, const fd_set *e)
{
	int end = n < fd_end() ? n : fd_end();

	for (int fd = 0; fd < end; fd++)
		if (cd_of(fd) >= 0 && (in_set(r, fd) || in_set(w, fd) || in_set(e, fd)))
			return true;
	return false;
}

/* As poll sees it: select's three questions of each descriptor. Returns how many were asked about.
 */
static nfds_t polls_of_sets(int n, const fd_set *r, const fd_set *w, const fd_set *e,
			    struct pollfd *polls)
{
	nfds_t count = 0;

	for (int fd = 0; fd < n; fd++) {
		int events = (in_set(r, fd) ? POLLIN | POLLRDHUP : 0) |
			     (in_set(w, fd) ? POLLOUT : 0) | (in_set(e, fd) ? POLLPRI : 0);

		if (events)
			polls[count++] = (struct pollfd){ .fd = fd, .events = (short)events };
	}
	return count;
}

static int select_both(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout,
		       const sigset_t *mask)
{
	struct pollfd *polls = calloc((size_t)n + 1, sizeof(*polls));
	int ready = 0;
	nfds_t count;
	int got;

	if (!polls) {
		errno = ENOMEM;
		return -1;
	}
	count = polls_of_sets(n, r, w, e, polls);
	got = poll_both(polls, count, timeout, mask);
	if (got >= 0) {
		fd_set *sets[] = { r, w, e };

		for (nfds_t i = 0; i < count; i++) {
			if (polls[i].revents & POLLNVAL) {
				free(polls);
				errno = EBADF;
				return -1;
			}
		}
		for (unsigned i = 0; i < 3; i++)
			clear_set(sets[i], n);
		for (nfds_t i = 0; i < count; i++) {
			int is = polls[i].revents, asked = polls[i].events;

			ready += mark(r, polls[i].fd,
				      (asked & POLLIN) &&
					      (is & (POLLIN | POLLRDHUP | POLLHUP | POLLERR)));
			ready += mark(w, polls[i].fd,
				      (asked & POLLOUT) && (is & (POLLOUT | POLLERR)));
			ready += mark(e, polls[i].fd, (asked & POLLPRI) && (is & POLLPRI));
		}
		got = ready;
	}
	free(polls);
	return got;
}

SHIM int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
	struct timespec t, start, now;
	int ready;

	if (n < 0 || !set_has_stack(n, r, w, e))
		return real_calls()->select(n, r, w, e, timeout);
	if (!timeout)
		return select_both(n, r, w, e, NULL, NULL);
	t = (struct timespec){ timeout->tv_sec, timeout->tv_usec * 1000 };
	clock_gettime(CLOCK_MONOTONIC, &start);
	ready = select_both(n, r, w, e, &t, NULL);
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* Linux leaves what remains of the time in the argument. */
	long long left =
		timeout->tv_sec * 1000000LL + timeout->tv_usec -
		((now.tv_sec - start.tv_sec) * 1000000LL + (now.tv_nsec - start.tv_nsec) / 1000);

	if (left < 0)
		left = 0;
	*timeout = (struct timeval){ left / 1000000, left % 1000000 };
	return ready;
}

SHIM int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout,
		 const sigset_t *mask)
{
	if (n < 0 || !set_has_stack(n, r, w, e))
		return real_calls()->pselect(n, r, w, e, timeout, mask);
	return select_both(n, r, w, e, timeout, mask);
}

/* --- epoll --- */

SHIM int epoll_create1(int flags)
{
	return convoy_epoll_create1(flags);
}

SHIM int epoll_create(int size)
{
	if (size > 0)
		return convoy_epoll_create1(0);
	errno = EINVAL;
	return -1;
}

SHIM int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int cd = cd_of(fd);
	int result;

	if (cd >= 0)
		return convoy_epoll_ctl(epfd, op, cd, event);
	result = convoy_epoll_ctl(epfd, op, fd, event);
	if (result == 0 && fd_is_undecided(fd))
		fd_watched(fd, epfd, op == EPOLL_CTL_DEL ? NULL : event);
	return result;
}

SHIM int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	return convoy_epoll_wait(epfd, events, max, timeout_ms);
}

SHIM int epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms,
		     const sigset_t *mask)
{
	struct timespec t;

	return convoy_epoll_pwait2(epfd, events, max, timespec_of_ms(timeout_ms, &t), mask);
}

SHIM int epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout,
		      const sigset_t *mask)
{
	return convoy_epoll_pwait2(epfd, events, max, timeout, mask);
}

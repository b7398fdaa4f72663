/* segments.c - bytes in place: borrowed reads, reserved writes, and sendfile over those. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "comms/convoy.h"
#include "comms/src/adopt.h"
#include "comms/src/api.h"
#include "comms/src/join.h"
#include "comms/src/move.h"
#include "comms/src/stream.h"
#include "comms/src/wait.h"
#include "comms/src/os.h"

enum { MAX_SPANS = SHM_FIFO_CHUNKS };

/* --- borrowing --- */

static struct lent *lent_at(struct sock *s, uint32_t i)
{
	return &s->lent[(s->first_lent + i) % SOCK_MAX_LENT];
}

static bool can_lend(struct sock *s)
{
	if (!s->lent)
		s->lent = calloc(SOCK_MAX_LENT, sizeof(*s->lent));
	return s->lent && s->n_lent < SOCK_MAX_LENT;
}

/* Lend what is readable, up to @bytes in @max pieces. Returns the number of pieces. */
static int lend(struct sock *s, struct convoy_segment *segments, int max, size_t bytes)
{
	struct slice slices[MAX_SPANS];
	unsigned limit = max < MAX_SPANS ? (unsigned)max : MAX_SPANS;
	uint32_t want = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
	unsigned n;

	if (limit > SOCK_MAX_LENT - s->n_lent)
		limit = SOCK_MAX_LENT - s->n_lent;
	n = fifo_segments(&s->fifo, s->lent_bytes, want, slices, limit);
	for (unsigned i = 0; i < n; i++) {
		uint32_t position = s->fifo.head + s->lent_bytes;

		segments[i] = (struct convoy_segment){ .at = slices[i].at,
						       .len = slices[i].len,
						       .position = position,
						       .session = s->index };
		*lent_at(s, s->n_lent++) =
			(struct lent){ .position = position, .len = (uint32_t)slices[i].len };
		s->lent_bytes += (uint32_t)slices[i].len;
	}
	return (int)n;
}

/* What a read without waiting says when there is nothing: 0 at the end, or -errno; 1 for bytes. */
static ssize_t read_nothing(int cd)
{
	char none;
	struct iovec iov = { &none, 1 };

	return stream_read(cd, &iov, 1, MSG_DONTWAIT | MSG_PEEK);
}

/* One look: the number of pieces, 0 if there are none, or -errno. */
static ssize_t try_to_lend(int cd, struct convoy_segment *segments, int max, size_t bytes)
{
	struct sock *s = sock_lock(cd);
	ssize_t n = 0;

	if (!s)
		return -EBADF;
	if (s->state == SOCK_OPEN && !can_lend(s))
		n = s->lent ? -EAGAIN : -ENOMEM;
	else if (s->state == SOCK_OPEN && fifo_poll(&s->fifo) > s->lent_bytes)
		n = lend(s, segments, max, bytes);
	sock_unlock(s);
	return n;
}

int convoy_read_segments(int cd, struct convoy_segment *segments, int max, size_t bytes)
{
	ssize_t n, nothing;

	if (max <= 0 || bytes == 0)
		return api_fail(-EINVAL);
	do {
		n = try_to_lend(cd, segments, max, bytes);
		if (n != 0)
			return (int)api_count(n);
		nothing = read_nothing(cd);
	} while (nothing > 0); /* the peer wrote between the two looks */
	return (int)api_count(nothing);
}

/* Retire what has been given back at the front. */
static void retire(struct sock *s)
{
	uint32_t done = 0;

	while (s->n_lent > 0 && lent_at(s, 0)->released) {
		done += lent_at(s, 0)->len;
		s->first_lent = (s->first_lent + 1) % SOCK_MAX_LENT;
		s->n_lent--;
	}
	s->lent_bytes -= done;
	if (done > 0 && s->link)
		sock_consumed(s, done);
	if (unlikely(s->joining))
		join_on(s);
}

void convoy_release_segment(const struct convoy_segment *segment)
{
	struct sock *s = sock_at_or_null(segment->session);

	if (!s)
		return;
	source_lock(&s->source);
	for (uint32_t i = 0; i < s->n_lent; i++) {
		struct lent *l = lent_at(s, i);

		if (l->position == segment->position && !l->released) {
			l->released = true;
			break;
		}
	}
	if (s->n_lent > 0)
		retire(s);
	if (s->state == SOCK_LINGERING && s->n_lent == 0) {
		struct worker *home = source_home(&s->source);

		sock_settle(s);
		worker_give_lock(home);
		return;
	}
	sock_unlock(s);
}

/* --- reserving --- */

static unsigned reserve(struct sock *s, struct fifo_span *spans, unsigned max, size_t bytes)
{
	uint32_t want = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
	unsigned n = fifo_reserve(&s->fifo, want, spans, max);

	s->reserved = 0;
	for (unsigned i = 0; i < n; i++)
		s->reserved += spans[i].len;
	return n;
}

static void commit(struct sock *s, uint32_t n)
{
	s->reserved = 0;
	fifo_commit(&s->fifo, n);
	if (n > 0)
		stream_wrote(s, false);
	if (unlikely(s->moving))
		move_on(s);
	if (unlikely(s->joining))
		join_on(s);
}

/* A reservation, after asking for room if there is none. Returns spans or a negative errno. */
static int reserve_or_ask(struct sock *s, struct fifo_span *spans, unsigned max, size_t bytes)
{
	int err = stream_can_write(s);
	unsigned n;

	if (err)
		return err;
	n = reserve(s, spans, max, bytes);
	if (n == 0) {
		commit(s, 0);
		stream_ask_room(s);
		n = reserve(s, spans, max, bytes);
	}
	if (n > 0)
		return (int)n;
	commit(s, 0);
	if (fifo_room(&s->fifo) > 0)
		sock_starve(s);
	fifo_poll(&s->fifo);
	err = stream_can_write(s);
	return err ? err : -EAGAIN;
}

int convoy_reserve(int cd, struct iovec *pieces, int max, size_t bytes)
{
	struct fifo_span spans[MAX_SPANS];
	struct sock *s = stream_lock(cd, true);
	int n;

	if (!s)
		return api_fail(-EBADF);
	n = reserve_or_ask(s, spans, max < MAX_SPANS ? (unsigned)max : MAX_SPANS, bytes);
	for (int i = 0; i < n; i++)
		pieces[i] = (struct iovec){ spans[i].at, spans[i].len };
	sock_unlock(s);
	return api_result(n);
}

int convoy_commit(int cd, size_t bytes)
{
	struct sock *s = sock_lock(cd);
	int err;

	if (!s)
		return api_fail(-EBADF);
	err = stream_can_write(s);
	if (!err && bytes > s->reserved)
		err = -EINVAL;
	if (!err) {
		commit(s, (uint32_t)bytes);
		if (unlikely(adopt_may_change(s)))
			s = adopt_redo_write(s, cd);
	}
	if (s)
		sock_unlock(s);
	return api_result(err);
}

/* --- files --- */

/* One round: reserve, read the file into it, commit. The lock is held. */
static ssize_t send_piece(struct sock *s, int file_fd, off_t *offset, size_t n)
{
	struct fifo_span spans[MAX_SPANS];
	struct iovec iov[MAX_SPANS];
	int n_spans = reserve_or_ask(s, spans, MAX_SPANS, n);
	ssize_t got;

	if (n_spans < 0)
		return n_spans;
	for (int i = 0; i < n_spans; i++)
		iov[i] = (struct iovec){ spans[i].at, spans[i].len };
	got = offset ? os_preadv(file_fd, iov, n_spans, *offset) : os_readv(file_fd, iov, n_spans);
	if (got < 0)
		got = errno == ESPIPE ? -ESPIPE : errno == EBADF ? -EBADF : -errno;
	commit(s, got > 0 ? (uint32_t)got : 0);
	if (got > 0 && offset)
		*offset += got;
	return got;
}

ssize_t convoy_sendfile(int cd, int file_fd, off_t *offset, size_t n)
{
	struct sock *s = stream_lock(cd, true);
	size_t done = 0;

	if (!s)
		return api_fail(-EBADF);
	while (done < n) {
		ssize_t got = send_piece(s, file_fd, offset, n - done);
		int err;

		if (got > 0) {
			done += (size_t)got;
			if (unlikely(adopt_may_change(s)))
				s = adopt_redo_write(s, cd);
			if (!s)
				return (ssize_t)done;
			continue;
		}
		if (got != -EAGAIN || s->nonblocking) {
			sock_unlock(s);
			if (done == 0 && got == -EPIPE)
				raise(SIGPIPE);
			return done > 0 ? (ssize_t)done : api_count(got);
		}
		err = stream_wait(&s, cd, EPOLLOUT, wait_deadline(s->options.send_timeout_ns));
		if (err)
			return done > 0 ? (ssize_t)done : api_fail(err);
	}
	sock_unlock(s);
	return (ssize_t)done;
}

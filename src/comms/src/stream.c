/* stream.c - read and write. */
#include "comms/src/stream.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "comms/src/adopt.h"
#include "comms/src/connect.h"
#include "comms/src/wait.h"

enum {
	READ_FLAGS = MSG_PEEK | MSG_DONTWAIT | MSG_WAITALL | MSG_TRUNC | MSG_CMSG_CLOEXEC |
		     MSG_NOSIGNAL | MSG_ERRQUEUE,
	WRITE_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR | MSG_CONFIRM |
		      MSG_DONTROUTE | MSG_ZEROCOPY,
	/* Bytes copied before others get the lock. */
	PIECE = 256 << 10,
	/* A corked sender is heard all the same once it has written so much. */
	CORK_MAX = 32 << 10,
};

int stream_take_error(struct sock *s)
{
	int error = s->error;

	s->error = 0;
	return error;
}

int stream_wait(struct sock **s, int cd, uint32_t events, uint64_t deadline_ns)
{
	struct source *source = &(*s)->source;
	int err;

	sock_unlock(*s);
	err = wait_for_source(source, events, deadline_ns);
	if (err)
		return err;
	*s = sock_lock(cd);
	return *s ? 0 : -EBADF;
}

/* A look at the ring, for programs that try again and again without ever waiting. */
static bool news_came(struct sock *s)
{
	struct worker *w = source_home(&s->source);

	if (!worker_work_waits(w))
		return false;
	worker_drain(w);
	return true;
}

/* @in_turn: if another process waits for it, too, leave it there. */
static struct sock *lock_here(int cd, bool to_write, bool in_turn)
{
	struct sock *s = sock_lock(cd);

	if (unlikely(s && s->shared))
		adopt_look(s);
	if (likely(!s || (s->state != SOCK_DEFERRED && !adopt_is_elsewhere(s))))
		return s;
	if (in_turn && s->yielded && !s->nonblocking)
		return s;
	sock_unlock(s);
	connect_deferred_by_cd(cd);
	adopt_fetch(cd, to_write);
	return sock_lock(cd);
}

struct sock *stream_lock(int cd, bool to_write)
{
	return lock_here(cd, to_write, false);
}

/* --- reading --- */

void stream_consume(struct sock *s, uint32_t n)
{
	struct lent *l;

	if (likely(s->n_lent == 0)) {
		sock_consumed(s, n);
		return;
	}
	/* Behind borrowed bytes: retired when those are. */
	l = &s->lent[(s->first_lent + s->n_lent++) % SOCK_MAX_LENT];
	*l = (struct lent){ .position = s->fifo.head + s->lent_bytes, .len = n, .released = true };
	s->lent_bytes += n;
}

/* Copy to @iov from byte @done of it on. Returns the count. */
static uint32_t copy_out(struct sock *s, const struct iovec *iov, int n_iov, size_t done,
			 uint32_t max, bool discard)
{
	uint32_t copied = 0;

	for (int i = 0; i < n_iov && copied < max; i++) {
		size_t len = iov[i].iov_len;
		uint32_t n, got;

		if (done >= len) {
			done -= len;
			continue;
		}
		n = len - done < max - copied ? (uint32_t)(len - done) : max - copied;
		if (discard)
			got = n;
		else
			got = fifo_peek(&s->fifo, s->lent_bytes + copied,
					(char *)iov[i].iov_base + done, n);
		copied += got;
		if (got < n)
			break;
		done = 0;
	}
	return copied;
}

/* What recv() says when no byte is there. */
static ssize_t nothing_to_read(struct sock *s)
{
	switch ((enum sock_state)s->state) {
	case SOCK_OPEN:
		sock_check_reset(s);
		if (s->state != SOCK_OPEN)
			return -EAGAIN;
		if (s->error && s->error != EPIPE)
			return -stream_take_error(s);
		return fifo_finished(&s->fifo) || s->read_shut ? 0 : -EAGAIN;
	case SOCK_FAILED:
		/* The end of the stream came before such a reset. */
		if (s->error && s->error != EPIPE)
			return -stream_take_error(s);
		return 0;
	case SOCK_DEFERRED:
	case SOCK_CONNECTING:
		return -EAGAIN;
	case SOCK_INHERITED: /* another process has taken it meanwhile */
		return -EAGAIN;
	default:
		return -ENOTCONN;
	}
}

static ssize_t read_now(struct sock *s, const struct iovec *iov, int n_iov, size_t done,
			size_t total, int flags)
{
	uint32_t want = total - done > PIECE ? PIECE : (uint32_t)(total - done);
	uint32_t n;

	if (unlikely(s->state != SOCK_OPEN))
		return nothing_to_read(s);
	if (fifo_readable(&s->fifo) < want + s->lent_bytes)
		fifo_poll(&s->fifo);
	n = fifo_readable(&s->fifo) - s->lent_bytes;
	if (n > want)
		n = want;
	if (n == 0 || s->n_lent == SOCK_MAX_LENT)
		return n == 0 ? nothing_to_read(s) : -EAGAIN;
	n = copy_out(s, iov, n_iov, done, n, flags & MSG_TRUNC);
	if (n == 0)
		return nothing_to_read(s);
	if (!(flags & MSG_PEEK))
		stream_consume(s, n);
	return n;
}

/* A blocking read waits for so many bytes. */
static size_t least_to_read(const struct sock *s, size_t total, int flags)
{
	size_t low = s->options.low_mark ? (size_t)s->options.low_mark : 1;

	return flags & MSG_WAITALL || low > total ? total : low;
}

/* Another process may take the connection at this moment: how many of @n bytes read are ours? */
static ssize_t settle_read(struct sock **s, int cd, ssize_t n, size_t missing)
{
	n = adopt_undo_read(*s, n);
	if ((size_t)n < missing)
		*s = adopt_bring_back(*s, cd, false);
	return n;
}

static void end_read(struct sock *s, int flags)
{
	if (unlikely(s->wanted) && !(flags & MSG_PEEK))
		adopt_yield(s);
	sock_unlock(s);
}

static ssize_t read_locked(struct sock *s, int cd, const struct iovec *iov, int n_iov, size_t total,
			   int flags)
{
	bool block = !s->nonblocking && !(flags & MSG_DONTWAIT);
	size_t least = least_to_read(s, total, flags);
	uint64_t deadline_ns = 0;
	size_t done = 0;

	for (;;) {
		ssize_t n = read_now(s, iov, n_iov, done, total, flags);
		int err;

		if (n > 0 && !(flags & MSG_PEEK) && unlikely(adopt_may_change(s))) {
			n = settle_read(&s, cd, n, least - done);
			if (!s)
				return (ssize_t)done + n > 0 ? (ssize_t)done + n : -EBADF;
			if (n == 0)
				continue;
		}
		if (n > 0)
			done += (size_t)n;
		if (n == PIECE && done < total && !(flags & MSG_PEEK)) {
			sock_unlock(s);
			s = sock_lock(cd);
			if (!s)
				return (ssize_t)done;
			continue;
		}
		if (done >= least || (n != -EAGAIN && n <= 0) || (done > 0 && (flags & MSG_PEEK))) {
			end_read(s, flags);
			return done > 0 ? (ssize_t)done : n;
		}
		if (news_came(s))
			continue;
		if (!block) {
			end_read(s, flags);
			return done > 0 ? (ssize_t)done : -EAGAIN;
		}
		if (deadline_ns == 0)
			deadline_ns = wait_deadline(s->options.receive_timeout_ns);
		err = stream_wait(&s, cd, EPOLLIN | SOCK_ANY_BYTE, deadline_ns);
		if (err)
			return done > 0 ? (ssize_t)done : err;
	}
}

/* The sum of the lengths; -EINVAL if it does not fit. */
static ssize_t total_of(const struct iovec *iov, int n_iov)
{
	size_t total = 0;

	if (n_iov < 0 || n_iov > IOV_MAX)
		return -EINVAL;
	for (int i = 0; i < n_iov; i++) {
		if (iov[i].iov_len > SSIZE_MAX - total)
			return -EINVAL;
		total += iov[i].iov_len;
	}
	return (ssize_t)total;
}

ssize_t stream_read(int cd, const struct iovec *iov, int n_iov, int flags)
{
	ssize_t total = total_of(iov, n_iov);
	struct sock *s;

	if (total < 0)
		return total;
	if (flags & ~READ_FLAGS)
		return flags & MSG_OOB ? -EINVAL : -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	s = lock_here(cd, false, !(flags & MSG_DONTWAIT));
	if (!s)
		return -EBADF;
	if (total == 0) {
		ssize_t n = s->state == SOCK_OPEN ? 0 : nothing_to_read(s);

		sock_unlock(s);
		return n;
	}
	return read_locked(s, cd, iov, n_iov, (size_t)total, flags);
}

/* --- writing --- */

int stream_can_write(struct sock *s)
{
	switch ((enum sock_state)s->state) {
	case SOCK_OPEN:
		if (unlikely(s->fifo.my_state != SHM_OPEN))
			return -EPIPE;
		if (unlikely(s->fifo.peer_state >= SHM_CLOSED || s->fifo.broken))
			sock_check_reset(s);
		if (unlikely(s->state != SOCK_OPEN))
			return -EAGAIN;
		if (likely(s->fifo.peer_state < SHM_CLOSED && !s->fifo.broken))
			return 0;
		return s->error ? -stream_take_error(s) : -EPIPE;
	case SOCK_FAILED:
		return s->error ? -stream_take_error(s) : -EPIPE;
	case SOCK_DEFERRED:
	case SOCK_CONNECTING:
		return -EAGAIN;
	case SOCK_INHERITED: /* another process has taken it meanwhile */
		return -EAGAIN;
	default:
		return -EPIPE;
	}
}

void stream_ask_room(struct sock *s)
{
	if (s->state != SOCK_OPEN)
		return;
	fifo_want_room(&s->fifo);
	fifo_sweep(&s->link->channel, 64);
}

/* Room without a chunk to fill it: nobody will tell when there is one. */
static void note_starvation(struct sock *s)
{
	if (s->state == SOCK_OPEN && fifo_room(&s->fifo) > 0)
		sock_starve(s);
}

void stream_wrote(struct sock *s, bool more)
{
	if (unlikely(more || s->options.cork) && fifo_unread(&s->fifo) < CORK_MAX)
		sock_hold(s);
	else
		sock_announce(s);
}

/* The kernel takes the bytes, and learns by the answer that nobody is there. */
static ssize_t write_in_vain(struct sock *s, size_t n)
{
	sock_be_reset(s);
	return n < PIECE ? (ssize_t)n : PIECE;
}

static ssize_t write_now(struct sock *s, const struct iovec *iov, int n_iov, size_t done,
			 size_t total)
{
	size_t left = total - done;
	uint32_t written = 0;
	int err = stream_can_write(s);

	if (unlikely(err))
		return sock_meets_nobody(s) ? write_in_vain(s, left) : err;
	for (int i = 0; i < n_iov && written < PIECE; i++) {
		size_t len = iov[i].iov_len;
		uint32_t n, got;

		if (done >= len) {
			done -= len;
			continue;
		}
		n = len - done > PIECE ? PIECE : (uint32_t)(len - done);
		got = fifo_write(&s->fifo, (const char *)iov[i].iov_base + done, n);
		written += got;
		done = 0;
		if (got < n || n == PIECE)
			break;
	}
	if (written > 0)
		return written;
	/* The peer may have closed meanwhile: full for ever. */
	fifo_poll(&s->fifo);
	err = stream_can_write(s);
	if (unlikely(err) && sock_meets_nobody(s))
		return write_in_vain(s, left);
	return err ? err : -EAGAIN;
}

/* No byte meets the peer's end: as with the kernel, only our own end or an error is in the way. */
static ssize_t write_nothing(struct sock *s)
{
	if (s->state == SOCK_OPEN && s->fifo.my_state == SHM_OPEN && !fifo_was_reset(&s->fifo))
		return 0;
	return stream_can_write(s);
}

/* The end of a write: with bytes written, an error is for the next call. */
static ssize_t written_or_error(struct sock *s, size_t done, ssize_t n)
{
	if (done > 0 && n < 0 && n != -EAGAIN && n != -EPIPE)
		s->error = (int)-n;
	sock_unlock(s);
	return done > 0 ? (ssize_t)done : n;
}

static ssize_t write_locked(struct sock *s, int cd, const struct iovec *iov, int n_iov,
			    size_t total, int flags)
{
	bool block = !s->nonblocking && !(flags & MSG_DONTWAIT);
	bool asked = false;
	uint64_t deadline_ns = 0;
	size_t done = 0;

	for (;;) {
		ssize_t n = write_now(s, iov, n_iov, done, total);
		int err;

		if (n > 0) {
			done += (size_t)n;
			if (likely(!s->reset_told))
				stream_wrote(s, flags & MSG_MORE && done == total);
			asked = false;
			if (unlikely(adopt_may_change(s)))
				s = adopt_redo_write(s, cd);
			if (!s)
				return (ssize_t)done;
		}
		if (done == total || (n < 0 && n != -EAGAIN))
			return written_or_error(s, done, n);
		if (n >= PIECE) {
			sock_unlock(s); /* others first */
			s = sock_lock(cd);
			if (!s)
				return (ssize_t)done;
		}
		if (n > 0 || news_came(s))
			continue;
		if (!asked) {
			asked = true;
			stream_ask_room(s);
			continue;
		}
		note_starvation(s);
		if (!block)
			return written_or_error(s, done, -EAGAIN);
		asked = false;
		if (deadline_ns == 0)
			deadline_ns = wait_deadline(s->options.send_timeout_ns);
		err = stream_wait(&s, cd, EPOLLOUT, deadline_ns);
		if (err)
			return done > 0 ? (ssize_t)done : err;
	}
}

ssize_t stream_write(int cd, const struct iovec *iov, int n_iov, int flags)
{
	ssize_t total = total_of(iov, n_iov), n;
	struct sock *s;

	if (total < 0)
		return total;
	if (flags & ~WRITE_FLAGS)
		return -EOPNOTSUPP;
	s = stream_lock(cd, true);
	if (!s)
		return -EBADF;
	if (total == 0) {
		n = write_nothing(s);
		sock_unlock(s);
	} else {
		n = write_locked(s, cd, iov, n_iov, (size_t)total, flags);
	}
	if (n == -EPIPE && !(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	return n;
}

/*
 * kernel_handle.c - I/O handles over the kernel's sockets.
 *
 * The descriptor is registered once, edge-triggered, for everything, and taken out once: enabling
 * and disabling happen here, without a system call. @ready remembers what the kernel reported and
 * no operation has yet disproved, so that an operation which cannot succeed is not tried: a read
 * that got less than it asked for has emptied the socket, unless the peer's end was reported too.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/net/kernel_handle.h"
#include "proxy/net/sockaddr.h"

enum {
	READ_BLOCKS_SMALL = 1, /* until a read fills it */
	READ_BLOCKS_BULK = 8,
	BLOCK_BYTES = BUFFER_LARGE_BLOCK_BYTES - 64,
};

static const struct io_handle_ops kernel_ops;

static void report(struct kernel_handle *k, unsigned events)
{
	events &= k->enabled;
	if (events)
		k->fn(k->context, events);
}

static void fd_is_ready(void *context, unsigned ready)
{
	struct kernel_handle *k = context;
	unsigned events = 0;

	if (ready & FD_READ)
		events |= IO_READ;
	if (ready & FD_WRITE)
		events |= IO_WRITE;
	if (ready & FD_CLOSED) {
		events |= IO_READ | IO_CLOSED;
		k->peer_ended = true;
	}
	k->ready |= (uint8_t)events;
	report(k, events);
}

static void report_injected(struct task *t)
{
	struct kernel_handle *k = container_of(t, struct kernel_handle, inject);
	unsigned events = k->injected;

	k->injected = 0;
	k->ready |= (uint8_t)events;
	report(k, events);
}

static void inject(struct kernel_handle *k, unsigned events)
{
	k->injected |= (uint8_t)events;
	dispatcher_next_turn(k->dispatcher, &k->inject);
}

static int kernel_open_events(struct io_handle *h, struct dispatcher *d, unsigned mask,
			      io_event_fn fn, void *context)
{
	struct kernel_handle *k = kernel_handle_of(h);
	int err;

	if (k->watched)
		return ERR_EXIST;
	k->fn = fn;
	k->context = context;
	k->dispatcher = d;
	k->enabled = (uint8_t)mask;
	k->ready = 0; /* the registration reports the state as an edge */
	err = fd_event_open(&k->event, d, k->fd, FD_READ | FD_WRITE | FD_CLOSED, true, fd_is_ready,
			    k);
	k->watched = err == 0;
	return err;
}

static void kernel_enable_events(struct io_handle *h, unsigned mask)
{
	struct kernel_handle *k = kernel_handle_of(h);
	unsigned fresh = mask & ~k->enabled & k->ready;

	k->enabled = (uint8_t)mask;
	if (fresh)
		inject(k, fresh);
}

static void kernel_activate(struct io_handle *h, unsigned events)
{
	inject(kernel_handle_of(h), events);
}

/* True if @event may succeed; an unwatched handle always tries. */
static bool may(const struct kernel_handle *k, unsigned event)
{
	return !k->watched || (k->ready & event);
}

static int64_t received(struct kernel_handle *k, ssize_t n, size_t asked)
{
	if (n < 0) {
		int err = kernel_err();

		if (err == ERR_AGAIN)
			k->ready &= (uint8_t)~IO_READ;
		return err;
	}
	if ((size_t)n < asked && n > 0 && !k->peer_ended)
		k->ready &= (uint8_t)~IO_READ;
	return n;
}

static int64_t sent(struct kernel_handle *k, ssize_t n, size_t asked)
{
	if (n < 0) {
		int err = kernel_err();

		if (err == ERR_AGAIN)
			k->ready &= (uint8_t)~IO_WRITE;
		return err;
	}
	if ((size_t)n < asked)
		k->ready &= (uint8_t)~IO_WRITE;
	return n;
}

static size_t iov_bytes(const struct iovec *iov, unsigned n)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

static int64_t kernel_readv(struct io_handle *h, const struct iovec *iov, unsigned n)
{
	struct kernel_handle *k = kernel_handle_of(h);
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
	ssize_t got;

	if (!may(k, IO_READ))
		return ERR_AGAIN;
	if (n == 1)
		got = recv(k->fd, iov[0].iov_base, iov[0].iov_len, 0);
	else
		got = recvmsg(k->fd, &m, 0);
	return received(k, got, iov_bytes(iov, n));
}

static int64_t kernel_read(struct io_handle *h, struct buffer *b, size_t max)
{
	struct kernel_handle *k = kernel_handle_of(h);
	size_t want = (size_t)BLOCK_BYTES * (k->bulk ? READ_BLOCKS_BULK : READ_BLOCKS_SMALL);
	struct buffer_reservation reservation;
	struct iovec iov[READ_BLOCKS_BULK + 1];
	unsigned n_iov;
	int64_t n;

	if (!may(k, IO_READ))
		return ERR_AGAIN;
	if (!k->bulk && b->last && b->last->room >= BUFFER_MIN_READ_ROOM)
		want = b->last->room;
	if (want > max)
		want = max;
	n_iov = buffer_reserve_blocks(b, &reservation, iov, count_of(iov), want);
	n = kernel_readv(h, iov, n_iov);
	k->bulk = n == (int64_t)want || (k->bulk && n > BLOCK_BYTES);
	buffer_commit_blocks(b, &reservation, n > 0 ? (size_t)n : 0);
	return n;
}

static int64_t kernel_writev(struct io_handle *h, const struct iovec *iov, unsigned n)
{
	struct kernel_handle *k = kernel_handle_of(h);
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
	ssize_t done;

	if (!may(k, IO_WRITE))
		return ERR_AGAIN;
	if (n == 1)
		done = send(k->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL);
	else
		done = sendmsg(k->fd, &m, MSG_NOSIGNAL);
	return sent(k, done, iov_bytes(iov, n));
}

static int64_t kernel_write(struct io_handle *h, struct buffer *b)
{
	struct iovec iov[BUFFER_GATHER_MAX];
	unsigned n_iov = buffer_gather(b, iov, count_of(iov), SIZE_MAX);
	int64_t n;

	if (n_iov == 0)
		return 0;
	n = kernel_writev(h, iov, n_iov);
	if (n > 0)
		buffer_drain(b, (size_t)n);
	return n;
}

static int64_t kernel_recv(struct io_handle *h, void *out, size_t len, unsigned flags)
{
	struct kernel_handle *k = kernel_handle_of(h);
	bool peek = flags & IO_PEEK;
	ssize_t n;

	if (!may(k, IO_READ))
		return ERR_AGAIN;
	n = recv(k->fd, out, len, peek ? MSG_PEEK : 0);
	return received(k, n, peek ? 0 : len);
}

static int64_t kernel_sendmsg(struct io_handle *h, const struct io_message *message)
{
	struct kernel_handle *k = kernel_handle_of(h);
	struct sockaddr_storage to;
	struct msghdr m = { .msg_iov = message->iov, .msg_iovlen = message->n_iov };

	m.msg_namelen = sockaddr_of(&message->peer, &to);
	m.msg_name = m.msg_namelen ? &to : NULL;
	if (!may(k, IO_WRITE))
		return ERR_AGAIN;
	return sent(k, sendmsg(k->fd, &m, MSG_NOSIGNAL), 0);
}

static int64_t kernel_recvmsg(struct io_handle *h, struct io_message *message)
{
	struct kernel_handle *k = kernel_handle_of(h);
	struct sockaddr_storage from;
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = message->iov,
			    .msg_iovlen = message->n_iov };
	ssize_t n;

	if (!may(k, IO_READ))
		return ERR_AGAIN;
	n = recvmsg(k->fd, &m, 0);
	if (n >= 0) {
		address_of_sockaddr(&message->peer, &from, m.msg_namelen);
		message->truncated = m.msg_flags & MSG_TRUNC;
	}
	return received(k, n, 0);
}

static int kernel_bind(struct io_handle *h, const struct address *local)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(local, &ss);

	return bind(kernel_handle_of(h)->fd, (struct sockaddr *)&ss, len) ? kernel_err() : 0;
}

static int kernel_listen(struct io_handle *h, unsigned backlog)
{
	return listen(kernel_handle_of(h)->fd, (int)backlog) ? kernel_err() : 0;
}

static struct kernel_handle *new_handle_or_null(int fd, enum address_family family)
{
	struct kernel_handle *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->handle.ops = &kernel_ops;
	k->fd = fd;
	k->family = (uint8_t)family;
	task_init(&k->inject, report_injected);
	return k;
}

static int kernel_accept(struct io_handle *h, struct io_handle **out, struct address *peer)
{
	struct kernel_handle *k = kernel_handle_of(h);
	struct kernel_handle *fresh;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	if (!may(k, IO_READ))
		return ERR_AGAIN;
	do
		fd = accept4(k->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == ECONNABORTED || errno == EINTR));
	if (fd < 0) {
		if (errno == EAGAIN)
			k->ready &= (uint8_t)~IO_READ;
		return kernel_err();
	}
	fresh = new_handle_or_null(fd, k->family);
	if (!fresh) {
		close(fd);
		return ERR_NOMEM;
	}
	address_of_sockaddr(peer, &ss, len);
	*out = &fresh->handle;
	return 0;
}

static int kernel_connect(struct io_handle *h, const struct address *peer)
{
	struct kernel_handle *k = kernel_handle_of(h);
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(peer, &ss);

	if (connect(k->fd, (struct sockaddr *)&ss, len) == 0)
		return 0;
	return errno == EINPROGRESS ? ERR_AGAIN : kernel_err();
}

static int kernel_shutdown(struct io_handle *h, enum io_shutdown how)
{
	static const int kernels[] = {
		[IO_SHUT_READ] = SHUT_RD, [IO_SHUT_WRITE] = SHUT_WR, [IO_SHUT_BOTH] = SHUT_RDWR
	};

	return shutdown(kernel_handle_of(h)->fd, kernels[how]) ? kernel_err() : 0;
}

static void free_handle(struct deferred *x)
{
	free(container_of(x, struct kernel_handle, deletion));
}

static void kernel_close(struct io_handle *h, enum io_close how)
{
	struct kernel_handle *k = kernel_handle_of(h);
	struct linger reset = { .l_onoff = 1 };

	invariant(!k->closed);
	k->closed = true;
	k->enabled = 0;
	if (k->watched)
		fd_event_close(&k->event);
	if (how == IO_CLOSE_RESET)
		(void)setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(k->fd);
	task_cancel(&k->inject);
	if (k->dispatcher)
		dispatcher_delete(k->dispatcher, &k->deletion, free_handle);
	else
		free(k);
}

static const struct io_handle_ops kernel_ops = {
	.interface_name = SOCKET_NAME_KERNEL,
	.read = kernel_read,
	.readv = kernel_readv,
	.write = kernel_write,
	.writev = kernel_writev,
	.sendmsg = kernel_sendmsg,
	.recvmsg = kernel_recvmsg,
	.recv = kernel_recv,
	.bind = kernel_bind,
	.listen = kernel_listen,
	.accept = kernel_accept,
	.connect = kernel_connect,
	.shutdown = kernel_shutdown,
	.close = kernel_close,
	.set_option = kernel_set_option,
	.get_option = kernel_get_option,
	.local_address = kernel_local_address,
	.peer_address = kernel_peer_address,
	.rtt_us = kernel_rtt_us,
	.cwnd_bytes = kernel_cwnd_bytes,
	.open_events = kernel_open_events,
	.enable_events = kernel_enable_events,
	.activate = kernel_activate,
};

struct io_handle *kernel_handle_new_or_null(int fd, enum address_family family)
{
	struct kernel_handle *k = new_handle_or_null(fd, family);

	return k ? &k->handle : NULL;
}

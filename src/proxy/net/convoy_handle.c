/*
 * convoy_handle.c - I/O handles over sessions of the comms library.
 *
 * Small reads are copied into the buffer's blocks. After a read that filled its block the next ones
 * are lent in place: a body that is only passed on is then copied once, from one fifo to the other.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "proxy/net/convoy_worker.h"
#include "proxy/net/kernel_handle.h"
#include "proxy/net/option_number.h"
#include "proxy/net/sockaddr.h"
#include "proxy/net/socket_interface.h"

enum {
	COPY_BYTES = BUFFER_LARGE_BLOCK_BYTES - 64,
	SEGMENTS_PER_READ = 8,
};

static const struct io_handle_ops convoy_ops;

static struct convoy_handle *of(struct io_handle *h)
{
	return container_of(h, struct convoy_handle, handle);
}

int convoy_err(void)
{
	return errno == ENETDOWN ? ERR_UNREACHABLE : kernel_err();
}

/* --- events --- */

static void tell(struct convoy_handle *c, unsigned events)
{
	events &= c->enabled;
	if (events)
		c->fn(c->context, events);
}

void convoy_handle_report(struct convoy_handle *c, uint32_t events)
{
	unsigned got = 0;

	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		got |= IO_READ;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		got |= IO_WRITE;
	if (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
		got |= IO_READ | IO_CLOSED;
		c->peer_ended = true;
	}
	/* The library reports all that holds; only what was not known is news. Bytes are. */
	got &= ~(unsigned)(c->ready & IO_WRITE);
	c->ready |= (uint8_t)got;
	tell(c, got);
}

static void report_injected(struct task *t)
{
	struct convoy_handle *c = container_of(t, struct convoy_handle, inject);
	unsigned events = c->injected;

	c->injected = 0;
	c->ready |= (uint8_t)events;
	tell(c, events);
}

static void inject(struct convoy_handle *c, unsigned events)
{
	c->injected |= (uint8_t)events;
	dispatcher_next_turn(c->worker->dispatcher, &c->inject);
}

static int convoy_open_events(struct io_handle *h, struct dispatcher *d unused_arg, unsigned mask,
			      io_event_fn fn, void *context)
{
	struct convoy_handle *c = of(h);
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				 .data.u64 = c->self };

	if (c->watched)
		return ERR_EXIST;
	c->fn = fn;
	c->context = context;
	c->enabled = (uint8_t)mask;
	c->ready = 0; /* the library reports the state as an edge */
	if (convoy_epoll_ctl(c->worker->epfd, EPOLL_CTL_ADD, c->cd, &e) < 0)
		return convoy_err();
	c->watched = true;
	convoy_worker_look(c->worker);
	return 0;
}

static void convoy_enable_events(struct io_handle *h, unsigned mask)
{
	struct convoy_handle *c = of(h);
	unsigned fresh = mask & ~c->enabled & c->ready;

	c->enabled = (uint8_t)mask;
	if (fresh)
		inject(c, fresh);
}

static void convoy_activate(struct io_handle *h, unsigned events)
{
	inject(of(h), events);
}

/* True if @event may succeed; an unwatched handle always tries. */
static bool may(const struct convoy_handle *c, unsigned event)
{
	return !c->watched || (c->ready & event);
}

/* --- bytes --- */

static int64_t received(struct convoy_handle *c, ssize_t n, size_t asked)
{
	if (n < 0) {
		int err = convoy_err();

		if (err == ERR_AGAIN)
			c->ready &= (uint8_t)~IO_READ;
		return err;
	}
	convoy_worker_wrote(c->worker); /* room, for a peer that waits for it */
	if ((size_t)n < asked && n > 0 && !c->peer_ended)
		c->ready &= (uint8_t)~IO_READ;
	return n;
}

static int64_t convoy_recv_bytes(struct io_handle *h, void *out, size_t len, unsigned flags)
{
	struct convoy_handle *c = of(h);
	bool peek = flags & IO_PEEK;

	if (!may(c, IO_READ))
		return ERR_AGAIN;
	return received(c, convoy_recv(c->cd, out, len, peek ? MSG_PEEK : 0), peek ? 0 : len);
}

static int64_t convoy_readv_bytes(struct io_handle *h, const struct iovec *iov, unsigned n)
{
	struct convoy_handle *c = of(h);
	size_t asked = 0;

	if (!may(c, IO_READ))
		return ERR_AGAIN;
	for (unsigned i = 0; i < n; i++)
		asked += iov[i].iov_len;
	return received(c, convoy_readv(c->cd, iov, (int)n), asked);
}

static int64_t read_copied(struct convoy_handle *c, struct buffer *b, size_t max)
{
	struct buffer_reservation reservation;
	struct iovec iov[2];
	size_t want = max < COPY_BYTES ? max : COPY_BYTES;
	unsigned n_iov = buffer_reserve_blocks(b, &reservation, iov, count_of(iov), want);
	int64_t n = received(c, convoy_readv(c->cd, iov, (int)n_iov), want);

	c->bulk = n == COPY_BYTES;
	buffer_commit_blocks(b, &reservation, n > 0 ? (size_t)n : 0);
	return n;
}

static int64_t read_lent(struct convoy_handle *c, struct buffer *b, size_t max)
{
	struct convoy_segment segments[SEGMENTS_PER_READ];
	int n = convoy_read_segments(c->cd, segments, SEGMENTS_PER_READ, max);
	int64_t total = 0;

	/* Nothing there, or too many small loans already: a copy finds out. */
	if (n <= 0)
		return read_copied(c, b, max);
	for (int i = 0; i < n; i++) {
		total += (int64_t)segments[i].len;
		convoy_worker_lend(c->worker, b, &segments[i]);
	}
	c->bulk = total >= COPY_BYTES;
	return total;
}

static int64_t convoy_read_buffer(struct io_handle *h, struct buffer *b, size_t max)
{
	struct convoy_handle *c = of(h);

	if (!may(c, IO_READ))
		return ERR_AGAIN;
	return c->bulk ? read_lent(c, b, max) : read_copied(c, b, max);
}

static int64_t sent(struct convoy_handle *c, ssize_t n, size_t asked)
{
	if (n < 0) {
		int err = convoy_err();

		if (err == ERR_AGAIN)
			c->ready &= (uint8_t)~IO_WRITE;
		return err;
	}
	convoy_worker_wrote(c->worker);
	if ((size_t)n < asked)
		c->ready &= (uint8_t)~IO_WRITE;
	return n;
}

static int64_t convoy_writev_bytes(struct io_handle *h, const struct iovec *iov, unsigned n)
{
	struct convoy_handle *c = of(h);
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n };
	size_t asked = 0;

	if (!may(c, IO_WRITE))
		return ERR_AGAIN;
	for (unsigned i = 0; i < n; i++)
		asked += iov[i].iov_len;
	return sent(c, convoy_sendmsg(c->cd, &m, MSG_NOSIGNAL), asked);
}

static int64_t convoy_write_buffer(struct io_handle *h, struct buffer *b)
{
	struct iovec iov[BUFFER_GATHER_MAX];
	unsigned n_iov = buffer_gather(b, iov, count_of(iov), SIZE_MAX);
	int64_t n = n_iov ? convoy_writev_bytes(h, iov, n_iov) : 0;

	if (n > 0)
		buffer_drain(b, (size_t)n);
	return n;
}

static int64_t convoy_send_message(struct io_handle *h unused_arg,
				   const struct io_message *m unused_arg)
{
	return ERR_UNSUPPORTED; /* datagrams */
}

static int64_t convoy_receive_message(struct io_handle *h unused_arg,
				      struct io_message *m unused_arg)
{
	return ERR_UNSUPPORTED;
}

/* --- life --- */

static int convoy_bind_handle(struct io_handle *h, const struct address *local)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(local, &ss);

	return convoy_bind(of(h)->cd, (struct sockaddr *)&ss, len) ? convoy_err() : 0;
}

static int convoy_listen_handle(struct io_handle *h, unsigned backlog)
{
	return convoy_listen(of(h)->cd, (int)backlog) ? convoy_err() : 0;
}

struct convoy_handle *convoy_handle_new_or_null(struct convoy_worker *w, int cd)
{
	handle self;
	struct convoy_handle *c = pool_take_or_null(&w->handles, &self);

	if (!c)
		return NULL;
	c->handle.ops = &convoy_ops;
	c->worker = w;
	c->self = self;
	c->cd = cd;
	task_init(&c->inject, report_injected);
	return c;
}

static int convoy_accept_handle(struct io_handle *h, struct io_handle **out, struct address *peer)
{
	struct convoy_handle *c = of(h), *fresh;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int cd;

	if (!may(c, IO_READ))
		return ERR_AGAIN;
	cd = convoy_accept4(c->cd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK);
	if (cd < 0)
		return (int)received(c, -1, 0);
	fresh = convoy_handle_new_or_null(c->worker, cd);
	if (!fresh) {
		convoy_close(cd);
		return ERR_FULL;
	}
	address_of_sockaddr(peer, &ss, len);
	*out = &fresh->handle;
	return 0;
}

static int convoy_connect_handle(struct io_handle *h, const struct address *peer)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(peer, &ss);

	if (convoy_connect(of(h)->cd, (struct sockaddr *)&ss, len) == 0)
		return 0;
	convoy_worker_wrote(of(h)->worker);
	return errno == EINPROGRESS ? ERR_AGAIN : convoy_err();
}

static int convoy_shutdown_handle(struct io_handle *h, enum io_shutdown how)
{
	static const int ways[] = {
		[IO_SHUT_READ] = SHUT_RD, [IO_SHUT_WRITE] = SHUT_WR, [IO_SHUT_BOTH] = SHUT_RDWR
	};

	convoy_worker_wrote(of(h)->worker);
	return convoy_shutdown(of(h)->cd, ways[how]) ? convoy_err() : 0;
}

static void free_handle(struct deferred *x)
{
	struct convoy_handle *c = container_of(x, struct convoy_handle, deletion);

	pool_give(&c->worker->handles, c->self);
}

static void convoy_close_handle(struct io_handle *h, enum io_close how)
{
	struct convoy_handle *c = of(h);
	struct linger reset = { .l_onoff = 1 };

	invariant(!c->closed);
	c->closed = true;
	c->enabled = 0;
	if (how == IO_CLOSE_RESET)
		(void)convoy_setsockopt(c->cd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	convoy_close(c->cd);
	convoy_worker_wrote(c->worker);
	task_cancel(&c->inject);
	dispatcher_delete(c->worker->dispatcher, &c->deletion, free_handle);
}

/* --- options and addresses --- */

static int convoy_set_option(struct io_handle *h, enum io_option option, int value)
{
	int level, name;

	if (option == IO_OPT_ERROR)
		return ERR_INVAL;
	if (!socket_option_number(option, ADDRESS_IP4, &level, &name))
		return ERR_UNSUPPORTED;
	return convoy_setsockopt(of(h)->cd, level, name, &value, sizeof(value)) < 0 ? convoy_err()
										    : 0;
}

static int convoy_get_option(struct io_handle *h, enum io_option option, int *value)
{
	socklen_t len = sizeof(*value);
	int level, name;

	if (!socket_option_number(option, ADDRESS_IP4, &level, &name))
		return ERR_UNSUPPORTED;
	if (convoy_getsockopt(of(h)->cd, level, name, value, &len) < 0)
		return convoy_err();
	if (option == IO_OPT_ERROR && *value) {
		errno = *value;
		*value = convoy_err();
	}
	return 0;
}

static int convoy_local_address(struct io_handle *h, struct address *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (convoy_getsockname(of(h)->cd, (struct sockaddr *)&ss, &len) < 0)
		return convoy_err();
	address_of_sockaddr(out, &ss, len);
	return 0;
}

static int convoy_peer_address(struct io_handle *h, struct address *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (convoy_getpeername(of(h)->cd, (struct sockaddr *)&ss, &len) < 0)
		return convoy_err();
	address_of_sockaddr(out, &ss, len);
	return 0;
}

static int64_t convoy_no_figure(struct io_handle *h unused_arg)
{
	return ERR_UNSUPPORTED;
}

static const struct io_handle_ops convoy_ops = {
	.interface_name = SOCKET_NAME_CONVOY,
	.read = convoy_read_buffer,
	.readv = convoy_readv_bytes,
	.write = convoy_write_buffer,
	.writev = convoy_writev_bytes,
	.sendmsg = convoy_send_message,
	.recvmsg = convoy_receive_message,
	.recv = convoy_recv_bytes,
	.bind = convoy_bind_handle,
	.listen = convoy_listen_handle,
	.accept = convoy_accept_handle,
	.connect = convoy_connect_handle,
	.shutdown = convoy_shutdown_handle,
	.close = convoy_close_handle,
	.set_option = convoy_set_option,
	.get_option = convoy_get_option,
	.local_address = convoy_local_address,
	.peer_address = convoy_peer_address,
	.rtt_us = convoy_no_figure,
	.cwnd_bytes = convoy_no_figure,
	.open_events = convoy_open_events,
	.enable_events = convoy_enable_events,
	.activate = convoy_activate,
};

/*
 * io_handle.h - one socket, whoever provides it: the kernel, our stack, or memory (tests).
 *
 * A seam: struct io_handle_ops. Callers use the inline calls below. Handles do not block. Results
 * are counts or 0, or a negative enum err; ERR_AGAIN means that an event will tell.
 *
 * Events. A handle owns at most one file event, made by io_handle_open_events(). Readiness is
 * reported on its edge: after a callback for a bit, the bit is reported again only when an
 * operation has since returned ERR_AGAIN and the state changed. Whoever stops before ERR_AGAIN
 * calls io_handle_activate() to be called again. Enabling a bit that is ready reports it in the
 * next turn, as does activation: never from inside the caller.
 */
#ifndef CONVOY_PROXY_NET_IO_HANDLE_H
#define CONVOY_PROXY_NET_IO_HANDLE_H

#include <sys/uio.h>

#include "base/err.h"
#include "proxy/net/address.h"
#include "proxy/net/buffer.h"
#include "proxy/net/dispatcher.h"

struct io_handle;
struct socket_interface;

enum io_event {
	IO_READ = 1,   /* bytes, end of stream, an error, or a connection to accept */
	IO_WRITE = 2,  /* room to send; for a connecting handle: connected or failed */
	IO_CLOSED = 4, /* the peer will send no more; bytes may still wait to be read */
};

/* @events: IO_* bits. The handle may be closed inside. */
typedef void (*io_event_fn)(void *context, unsigned events);

enum io_type { IO_STREAM, IO_DATAGRAM };
enum io_shutdown { IO_SHUT_READ, IO_SHUT_WRITE, IO_SHUT_BOTH };
enum io_close {
	IO_CLOSE_NORMAL, /* what was written is still sent */
	IO_CLOSE_RESET,	 /* drop it and send a reset */
};
enum io_recv_flags { IO_PEEK = 1 };

/* Options with a portable meaning; values are ints (booleans 0 or 1) unless said otherwise. */
enum io_option {
	IO_OPT_REUSE_ADDRESS,
	IO_OPT_REUSE_PORT,
	IO_OPT_V6_ONLY,
	IO_OPT_NO_DELAY,
	IO_OPT_KEEPALIVE,
	IO_OPT_KEEPALIVE_IDLE_S,
	IO_OPT_KEEPALIVE_INTERVAL_S,
	IO_OPT_KEEPALIVE_PROBES,
	IO_OPT_SEND_BYTES,
	IO_OPT_RECEIVE_BYTES,
	IO_OPT_ERROR, /* read only: pending error as an enum err, 0 for none; clears it */
	IO_OPT_TOS,   /* IPv4 TOS byte or IPv6 traffic class, by the handle's family */
	IO_OPT_N,
};

/* One datagram, or one record of ancillary data with stream bytes. */
struct io_message {
	struct iovec *iov;
	unsigned n_iov;
	struct address peer;  /* in: where to (ADDRESS_NONE: connected); out: where from */
	struct address local; /* in: source (ADDRESS_NONE: any); out: destination of the datagram */
	uint16_t segment_bytes; /* 0, or the payload is a train of datagrams of this size */
	uint8_t tos;
	bool truncated; /* out: the datagram was longer than the room for it */
};

/* What a provider implements. @h is never NULL. Calls are made in the thread of its dispatcher. */
struct io_handle_ops {
	const char *interface_name;

	/*
	 * Append received bytes to @b, at most @max. A provider that can lends fragments in place.
	 * Returns the count, 0 at the end of the stream, ERR_AGAIN, ERR_CLOSED (reset) or others.
	 */
	int64_t (*read)(struct io_handle *h, struct buffer *b, size_t max);
	int64_t (*readv)(struct io_handle *h, const struct iovec *iov, unsigned n);
	/* Send from the front of @b and drain what was taken. Short counts are normal. */
	int64_t (*write)(struct io_handle *h, struct buffer *b);
	int64_t (*writev)(struct io_handle *h, const struct iovec *iov, unsigned n);
	int64_t (*sendmsg)(struct io_handle *h, const struct io_message *m);
	int64_t (*recvmsg)(struct io_handle *h, struct io_message *m);
	/* Copy up to @len bytes; with IO_PEEK they stay. */
	int64_t (*recv)(struct io_handle *h, void *out, size_t len, unsigned flags);

	int (*bind)(struct io_handle *h, const struct address *local);
	int (*listen)(struct io_handle *h, unsigned backlog);
	/* *@out: an open handle of the same provider; @peer its address. ERR_AGAIN when none waits;
	 * ERR_FULL when the process is out of descriptors or the provider out of sessions. */
	int (*accept)(struct io_handle *h, struct io_handle **out, struct address *peer);
	/* 0: connected at once. ERR_AGAIN: under way; IO_WRITE follows, then read IO_OPT_ERROR. */
	int (*connect)(struct io_handle *h, const struct address *peer);
	int (*shutdown)(struct io_handle *h, enum io_shutdown how);
	/* Ends the handle; its memory goes at the end of the turn. Lent fragments stay valid. */
	void (*close)(struct io_handle *h, enum io_close how);

	int (*set_option)(struct io_handle *h, enum io_option option, int value);
	int (*get_option)(struct io_handle *h, enum io_option option, int *value);

	int (*local_address)(struct io_handle *h, struct address *out);
	int (*peer_address)(struct io_handle *h, struct address *out);
	/* Smoothed round-trip time in µs and congestion window in bytes; ERR_UNSUPPORTED without.
	 */
	int64_t (*rtt_us)(struct io_handle *h);
	int64_t (*cwnd_bytes)(struct io_handle *h);

	int (*open_events)(struct io_handle *h, struct dispatcher *d, unsigned mask, io_event_fn fn,
			   void *context);
	void (*enable_events)(struct io_handle *h, unsigned mask);
	void (*activate)(struct io_handle *h, unsigned events);
};

/* First member of every provider's handle. */
struct io_handle {
	const struct io_handle_ops *ops;
};

static inline int64_t io_handle_read(struct io_handle *h, struct buffer *b, size_t max)
{
	return h->ops->read(h, b, max);
}

static inline int64_t io_handle_readv(struct io_handle *h, const struct iovec *iov, unsigned n)
{
	return h->ops->readv(h, iov, n);
}

static inline int64_t io_handle_write(struct io_handle *h, struct buffer *b)
{
	return h->ops->write(h, b);
}

static inline int64_t io_handle_writev(struct io_handle *h, const struct iovec *iov, unsigned n)
{
	return h->ops->writev(h, iov, n);
}

static inline int64_t io_handle_sendmsg(struct io_handle *h, const struct io_message *m)
{
	return h->ops->sendmsg(h, m);
}

static inline int64_t io_handle_recvmsg(struct io_handle *h, struct io_message *m)
{
	return h->ops->recvmsg(h, m);
}

static inline int64_t io_handle_recv(struct io_handle *h, void *out, size_t len, unsigned flags)
{
	return h->ops->recv(h, out, len, flags);
}

static inline int io_handle_bind(struct io_handle *h, const struct address *local)
{
	return h->ops->bind(h, local);
}

static inline int io_handle_listen(struct io_handle *h, unsigned backlog)
{
	return h->ops->listen(h, backlog);
}

static inline int io_handle_accept(struct io_handle *h, struct io_handle **out,
				   struct address *peer)
{
	return h->ops->accept(h, out, peer);
}

static inline int io_handle_connect(struct io_handle *h, const struct address *peer)
{
	return h->ops->connect(h, peer);
}

static inline int io_handle_shutdown(struct io_handle *h, enum io_shutdown how)
{
	return h->ops->shutdown(h, how);
}

static inline void io_handle_close(struct io_handle *h, enum io_close how)
{
	h->ops->close(h, how);
}

static inline int io_handle_set_option(struct io_handle *h, enum io_option option, int value)
{
	return h->ops->set_option(h, option, value);
}

static inline int io_handle_get_option(struct io_handle *h, enum io_option option, int *value)
{
	return h->ops->get_option(h, option, value);
}

static inline int io_handle_local_address(struct io_handle *h, struct address *out)
{
	return h->ops->local_address(h, out);
}

static inline int io_handle_peer_address(struct io_handle *h, struct address *out)
{
	return h->ops->peer_address(h, out);
}

static inline int64_t io_handle_rtt_us(struct io_handle *h)
{
	return h->ops->rtt_us(h);
}

static inline int64_t io_handle_cwnd_bytes(struct io_handle *h)
{
	return h->ops->cwnd_bytes(h);
}

/* io_handle_open_events - make the handle's one file event, enabled for @mask. ERR_EXIST, ERR_IO.
 */
static inline int io_handle_open_events(struct io_handle *h, struct dispatcher *d, unsigned mask,
					io_event_fn fn, void *context)
{
	return h->ops->open_events(h, d, mask, fn, context);
}

/* io_handle_enable_events - report only the bits of @mask from now on. No system call. */
static inline void io_handle_enable_events(struct io_handle *h, unsigned mask)
{
	h->ops->enable_events(h, mask);
}

/* io_handle_activate - report @events, if still enabled, in the next turn. */
static inline void io_handle_activate(struct io_handle *h, unsigned events)
{
	h->ops->activate(h, events);
}

#endif

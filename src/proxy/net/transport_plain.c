/* transport_plain.c - bytes as they are ("envoy.transport_sockets.raw_buffer"). */
#include <stdlib.h>

#include "proxy/net/transport_socket.h"

static struct slice plain_protocol(struct transport_socket *t unused_arg)
{
	return slice_of(NULL, 0);
}

static const char *plain_failure_reason(struct transport_socket *t unused_arg)
{
	return "";
}

static bool plain_can_flush_close(struct transport_socket *t unused_arg)
{
	return true;
}

static bool plain_on_connected(struct transport_socket *t unused_arg)
{
	return true;
}

static struct io_outcome plain_read(struct transport_socket *t, struct buffer *b, size_t max)
{
	struct io_outcome out = { .action = IO_KEEP_OPEN };

	while (out.bytes < max) {
		int64_t n = io_handle_read(t->host->handle, b, max - out.bytes);

		if (n > 0) {
			out.bytes += (size_t)n;
			continue;
		}
		if (n == 0) {
			out.end_stream = true;
		} else if (n != ERR_AGAIN) {
			out.action = IO_CLOSE;
			out.err = (int)n;
		}
		return out;
	}
	out.more = true;
	return out;
}

static struct io_outcome plain_write(struct transport_socket *t, struct buffer *b, bool end_stream)
{
	struct io_outcome out = { .action = IO_KEEP_OPEN };

	while (buffer_len(b)) {
		int64_t n = io_handle_write(t->host->handle, b);

		if (n >= 0) {
			out.bytes += (size_t)n;
			continue;
		}
		if (n != ERR_AGAIN) {
			out.action = IO_CLOSE;
			out.err = (int)n;
		}
		return out;
	}
	/* A peer that is gone already says so when we read. */
	if (end_stream)
		(void)io_handle_shutdown(t->host->handle, IO_SHUT_WRITE);
	return out;
}

static void plain_close(struct transport_socket *t unused_arg)
{
}

static void plain_free(struct transport_socket *t)
{
	free(t);
}

static const struct transport_socket_ops plain_ops = {
	.name = "envoy.transport_sockets.raw_buffer",
	.protocol = plain_protocol,
	.failure_reason = plain_failure_reason,
	.can_flush_close = plain_can_flush_close,
	.on_connected = plain_on_connected,
	.do_read = plain_read,
	.do_write = plain_write,
	.close = plain_close,
	.free = plain_free,
};

static struct transport_socket *plain_new(const struct transport_factory *f unused_arg,
					  struct dispatcher *d unused_arg,
					  struct slice server_name unused_arg)
{
	struct transport_socket *t = calloc(1, sizeof(*t));

	invariant(t);
	t->ops = &plain_ops;
	return t;
}

static void plain_factory_free(struct transport_factory *f unused_arg)
{
}

static const struct transport_factory_ops plain_factory_ops = {
	.name = "envoy.transport_sockets.raw_buffer",
	.new_socket = plain_new,
	.free = plain_factory_free,
};

const struct transport_factory transport_plain = { .ops = &plain_factory_ops };

/*
 * transport_socket.h - what lies between a connection's buffers and its I/O handle: nothing, or
 * TLS.
 *
 * A seam: struct transport_socket_ops. The connection owns its transport socket and calls it only
 * in its dispatcher's thread.
 */
#ifndef CONVOY_PROXY_NET_TRANSPORT_SOCKET_H
#define CONVOY_PROXY_NET_TRANSPORT_SOCKET_H

#include "proxy/net/io_handle.h"

enum io_action { IO_KEEP_OPEN, IO_CLOSE };

/* Result of one round of reading or writing. */
struct io_outcome {
	enum io_action action;
	bool end_stream; /* read: the peer ended its direction */
	bool more;	 /* read: stopped at @max, not because nothing was left */
	int err;	 /* why IO_CLOSE: an enum err; ERR_CLOSED is a reset by the peer */
	size_t bytes;
};

/* What the connection offers to its transport socket. */
struct transport_host {
	struct io_handle *handle;
	const struct transport_host_ops *ops;
};

struct transport_host_ops {
	/* The secure handshake is done; raises CONNECTION_CONNECTED. */
	void (*connected)(struct transport_host *host);
	/* More can be read without a new event of the handle; do_read follows in a later turn. */
	void (*readable)(struct transport_host *host);
	/* Call do_write at the end of the turn, also with an empty buffer. */
	void (*flush)(struct transport_host *host);
};

struct transport_socket {
	const struct transport_socket_ops *ops;
	struct transport_host *host; /* set by the connection before the first call */
};

struct transport_socket_ops {
	const char *name;
	/* The application protocol agreed on (ALPN); empty if none. */
	struct slice (*protocol)(struct transport_socket *t);
	/* A phrase for the access log (UPSTREAM_TRANSPORT_FAILURE_REASON); "" if nothing failed. */
	const char *(*failure_reason)(struct transport_socket *t);
	/* False while bytes written now could not leave (handshake under way). */
	bool (*can_flush_close)(struct transport_socket *t);
	/* The handle is connected. Returns true if the connection is ready, false if the transport
	 * will call host->connected() later. */
	bool (*on_connected)(struct transport_socket *t);
	/* Append up to @max bytes to @b. */
	struct io_outcome (*do_read)(struct transport_socket *t, struct buffer *b, size_t max);
	/* Send from the front of @b; @end_stream: half-close once it is empty. */
	struct io_outcome (*do_write)(struct transport_socket *t, struct buffer *b,
				      bool end_stream);
	/* Last words before the handle is closed (close_notify). */
	void (*close)(struct transport_socket *t);
	void (*free)(struct transport_socket *t);
};

/* Makes transport sockets from configuration; immutable, shared by threads. */
struct transport_factory {
	const struct transport_factory_ops *ops;
};

struct transport_factory_ops {
	const char *name;
	bool secure; /* downstream: scheme https */
	/* @server_name: SNI to send, empty for none or for a listener's side. Never NULL. */
	struct transport_socket *(*new_socket)(const struct transport_factory *f,
					       struct dispatcher *d, struct slice server_name);
	void (*free)(struct transport_factory *f);
};

/* transport_plain - bytes go straight through ("envoy.transport_sockets.raw_buffer"). */
extern const struct transport_factory transport_plain;

#endif

/*
 * connection.h - a stream of bytes with filters over it, and the rules of its end.
 *
 *   io_handle <── transport socket <── connection ──> read filters ──> (HTTP connection manager, …)
 *                                      write buffer <── write filters <── connection_write()
 *
 * Life. A connection ends once, with CONNECTION_REMOTE_CLOSE or CONNECTION_LOCAL_CLOSE to every
 * observer. It frees itself, with its filters, at the end of that turn; whoever keeps a pointer
 * drops it in that callback. Nobody else frees a connection. Any call may be made from inside any
 * of its callbacks; after the end they do nothing.
 *
 * Writing. connection_write() only queues. What the callbacks of one event queued leaves together,
 * in one gathered write, when they have returned.
 *
 * Reading. One event reads up to a budget and hands the whole up once. What a filter leaves in the
 * buffer stays, and comes again with what follows it.
 */
#ifndef CONVOY_PROXY_NET_CONNECTION_H
#define CONVOY_PROXY_NET_CONNECTION_H

#include "proxy/net/buffer.h"
#include "proxy/net/io_handle.h"
#include "proxy/net/transport_socket.h"

struct connection;
struct network_filter;
struct socket_interface;

enum connection_event {
	CONNECTION_CONNECTED,	 /* client: ready to send; server with TLS: handshake done */
	CONNECTION_REMOTE_CLOSE, /* the peer closed, reset, or could not be reached */
	CONNECTION_LOCAL_CLOSE,	 /* we did */
};

enum connection_close {
	/* Send what was written, then close; gives up when the delayed-close timeout passes without
	 * progress. */
	CONNECTION_FLUSH,
	/* Send what was written, end our direction, wait up to the delayed-close timeout for the
	 * peer to close first, so that a reset does not overtake our last words. */
	CONNECTION_FLUSH_AND_WAIT,
	CONNECTION_NO_FLUSH, /* drop what was written, close in order */
	CONNECTION_ABORT,    /* drop what was written, send a reset */
};

/* Who ended it, and how; for the access log and for pools. */
enum connection_detected_close {
	CONNECTION_CLOSE_NORMAL,
	CONNECTION_CLOSE_LOCAL_RESET,
	CONNECTION_CLOSE_REMOTE_RESET,
};

/* A party that wants to know of events; embed it. Members of the ops may be NULL. */
struct connection_observer {
	struct list link;
	const struct connection_observer_ops *ops;
};

struct connection_observer_ops {
	void (*event)(struct connection_observer *o, struct connection *c,
		      enum connection_event event);
	/* The write buffer rose above its high mark, or fell to its low one. */
	void (*above_write_mark)(struct connection_observer *o, struct connection *c);
	void (*below_write_mark)(struct connection_observer *o, struct connection *c);
	/* The listener drains: end the connection when its work is done, at once if it is idle. */
	void (*draining)(struct connection_observer *o, struct connection *c);
};

struct connection_options {
	uint32_t buffer_limit_bytes;	   /* read budget and write high mark; 0: no limit */
	uint64_t connect_timeout_ns;	   /* client; 0: none but the provider's own */
	uint64_t delayed_close_timeout_ns; /* 0: a flush has no limit, nothing waits */
	bool no_delay;			   /* TCP_NODELAY; on for every Envoy connection */
};

/*
 * connection_new_server - a connection over an accepted handle, open from the start.
 * @h, @transport: taken
 * @peer: copied
 * Reading begins at the end of the caller: add filters first. The observers of a plain transport
 * get no CONNECTED event.
 */
struct connection *connection_new_server(struct dispatcher *d, struct io_handle *h,
					 struct transport_socket *transport,
					 const struct address *peer,
					 const struct connection_options *options);

/*
 * connection_new_client_or_null - a connection to @peer; connection_connect() starts it.
 * @transport: taken, also on failure
 * @source: NULL or the local address to bind
 * NULL: the interface has no such family or is out of handles; *@err says why.
 */
struct connection *connection_new_client_or_null(struct dispatcher *d, struct socket_interface *si,
						 struct transport_socket *transport,
						 const struct address *peer,
						 const struct address *source,
						 const struct connection_options *options,
						 int *err);

/* connection_connect - events follow in later turns, failures too (as REMOTE_CLOSE). */
void connection_connect(struct connection *c);

void connection_add_observer(struct connection *c, struct connection_observer *o,
			     const struct connection_observer_ops *ops);

/* connection_remove_observer - harmless if it is not one. */
void connection_remove_observer(struct connection *c, struct connection_observer *o);

/* connection_add_filter - take @f; reads pass filters in this order, writes in reverse. */
void connection_add_filter(struct connection *c, struct network_filter *f);

/* connection_start_filters - tell filters that the connection exists, and allow reading. Call once,
 * after the last connection_add_filter(). Returns false if a filter closed the connection. */
bool connection_start_filters(struct connection *c);

/* connection_continue_reading - a filter that stopped the chain lets it go on after itself. */
void connection_continue_reading(struct connection *c, struct network_filter *f);

/* connection_write - move all of @b to the write buffer; @end_stream: half-close after it. */
void connection_write(struct connection *c, struct buffer *b, bool end_stream);

/*
 * connection_write_buffer - append to it directly (codecs do, to save a move), then call
 * connection_write_ready(). Only where no filter looks at writes: NULL otherwise.
 */
struct buffer *connection_write_buffer_or_null(struct connection *c);
void connection_write_ready(struct connection *c, bool end_stream);

/* connection_read_disable - count up (@disable) or down; reads happen while the count is 0. */
void connection_read_disable(struct connection *c, bool disable);
bool connection_read_enabled(const struct connection *c);

void connection_close(struct connection *c, enum connection_close how);

enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_OPEN,
	CONNECTION_CLOSING,
	CONNECTION_CLOSED
};
/* connection_state - CLOSING: we closed, the flush is under way. */
enum connection_state connection_state(const struct connection *c);
enum connection_detected_close connection_detected_close(const struct connection *c);

/* connection_close_error - an enum err for why it failed or was reset; 0 if it closed in order. */
int connection_close_error(const struct connection *c);

/* connection_connect_timed_out - it ended because connect_timeout_ns passed. */
bool connection_connect_timed_out(const struct connection *c);

/* connection_failure_reason - the transport's phrase ("" if none). */
const char *connection_failure_reason(const struct connection *c);

/* connection_drain - tell the observers once, and remember. */
void connection_drain(struct connection *c);
bool connection_draining(const struct connection *c);

/* connection_set_half_close - keep writing after the peer's end, which then comes as end_stream.
 * Off at first: the peer's end closes the connection after its last bytes were handed up. */
void connection_set_half_close(struct connection *c, bool enabled);

/* connection_set_detect_early_close - close when the peer does although reading is disabled, and
 * whatever it sent before. Off at first: a response or a pipelined request may wait to be read. */
void connection_set_detect_early_close(struct connection *c, bool enabled);

void connection_set_buffer_limit(struct connection *c, uint32_t bytes);
void connection_set_delayed_close_timeout(struct connection *c, uint64_t ns);
bool connection_above_write_mark(const struct connection *c);

uint64_t connection_id(const struct connection *c); /* unique in the process, from 1 */
struct dispatcher *connection_dispatcher(const struct connection *c);
struct io_handle *connection_handle(const struct connection *c); /* NULL when closed */
const struct address *connection_peer(const struct connection *c);
/* connection_local - asked of the handle on first use; ADDRESS_NONE when it is closed by then. */
const struct address *connection_local(struct connection *c);
struct slice connection_protocol(const struct connection *c); /* ALPN */
uint64_t connection_start_ns(const struct connection *c);
uint64_t connection_bytes_received(const struct connection *c);
uint64_t connection_bytes_sent(const struct connection *c);

#endif

/* connection_impl.h - what the three files of the connection share; nobody else includes it. */
#ifndef CONVOY_PROXY_NET_CONNECTION_IMPL_H
#define CONVOY_PROXY_NET_CONNECTION_IMPL_H

#include "proxy/filter/network_filter.h"
#include "proxy/net/connection.h"

struct connection {
	struct dispatcher *dispatcher;
	struct io_handle *handle; /* NULL once closed */
	struct transport_socket *transport;
	struct transport_host host;

	struct buffer in;  /* read, not yet drained by the filters */
	struct buffer out; /* written, not yet taken by the handle */
	struct list filters;
	struct list observers;

	uint8_t state;		/* enum connection_state */
	uint8_t detected_close; /* enum connection_detected_close */
	bool half_close;
	bool detect_early_close;
	bool read_ended;     /* the peer's end was handed up */
	bool redispatch;     /* reading was off: hand @in up again, new bytes or not */
	bool write_ended;    /* nothing is written any more */
	bool write_shut;     /* and the handle was told */
	bool write_blocked;  /* waiting for IO_WRITE */
	bool waits_for_peer; /* CLOSING: CONNECTION_FLUSH_AND_WAIT */
	bool timed_out;
	bool draining;
	bool filters_write; /* some filter has on_write */
	uint32_t n_read_disabled;
	uint32_t buffer_limit;
	int error;

	struct task flush;  /* at turn end: out */
	struct task retry;  /* next turn: in, or a failure that happened too early to report */
	struct timer timer; /* connecting: the connect timeout; closing: the delayed close */
	struct deferred deletion;
	uint64_t connect_timeout_ns;
	uint64_t delayed_close_timeout_ns;

	uint64_t id;
	uint64_t start_ns;
	uint64_t bytes_received;
	uint64_t bytes_sent;
	struct address peer;
	struct address local; /* ADDRESS_NONE until asked for */
};

/* connection_end - close the handle, tell everybody, delete at the end of the turn. */
void connection_end(struct connection *c, enum connection_event event, enum io_close how);

/* connection_fail - the peer or the path is at fault: connection_end() with @err as the reason. */
void connection_fail(struct connection *c, int err);

/* connection_update_events - tell the handle what is of interest in the present state. */
void connection_update_events(struct connection *c);

/* connection_run_filters - hand @in up from the first filter; false if the connection ended. */
bool connection_run_filters(struct connection *c, bool end_stream);

/* connection_read_ready, connection_write_some - the handle may be read, or written. */
void connection_read_ready(struct connection *c);
void connection_write_some(struct connection *c);

/* connection_flush_soon - write what is queued at the end of the turn. */
void connection_flush_soon(struct connection *c);

#endif

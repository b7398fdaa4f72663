/*
 * network_filter.h - what works on a connection's bytes: the HTTP connection manager, a TCP proxy.
 *
 * A seam: struct network_filter_ops. A filter is made by its factory for one connection, lives as
 * long as that connection and is freed with it, at the end of the turn of its end. Events of the
 * connection come by a connection_observer, if the filter adds one.
 */
#ifndef CONVOY_PROXY_FILTER_NETWORK_FILTER_H
#define CONVOY_PROXY_FILTER_NETWORK_FILTER_H

#include "base/list.h"
#include "proxy/net/buffer.h"
#include "proxy/net/connection.h"

enum network_filter_status {
	NETWORK_FILTER_CONTINUE, /* go on with the next filter */
	NETWORK_FILTER_STOP, /* not now: connection_continue_reading() goes on, or more data comes
			      */
};

struct network_filter;

struct network_filter_ops {
	const char *name;
	/* The connection exists, before any byte. May be NULL. May close the connection. */
	enum network_filter_status (*on_new_connection)(struct network_filter *f);
	/*
	 * @b holds everything read and not yet drained; drain what is used. @end_stream: nothing
	 * will follow (only with connection_set_half_close()). May be NULL for a write filter.
	 */
	enum network_filter_status (*on_data)(struct network_filter *f, struct buffer *b,
					      bool end_stream);
	/* What is about to be queued; may be changed. NULL for a read filter. */
	enum network_filter_status (*on_write)(struct network_filter *f, struct buffer *b,
					       bool end_stream);
	/* The connection is gone: @f->connection must not be used. */
	void (*free)(struct network_filter *f);
};

/* First member of every filter. */
struct network_filter {
	const struct network_filter_ops *ops;
	struct connection *connection; /* set before on_new_connection */
	struct list link;
	bool started; /* on_new_connection was called */
};

/*
 * Makes filters from configuration. Immutable and shared by threads: what a filter needs of its
 * worker it finds through dispatcher_slot() of the connection's dispatcher.
 */
struct network_filter_factory {
	const struct network_filter_factory_ops *ops;
};

struct network_filter_factory_ops {
	const char *name; /* "envoy.filters.network.http_connection_manager" */
	bool terminal;	  /* must be the last of its chain */
	/* A filter for @c, or NULL to refuse the connection (overload). */
	struct network_filter *(*new_filter_or_null)(const struct network_filter_factory *f,
						     struct connection *c);
	void (*free)(struct network_filter_factory *f);
};

#endif

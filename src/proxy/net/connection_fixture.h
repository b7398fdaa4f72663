/*
 * connection_fixture.h - for the tests of connections: a dispatcher with a clock of its own, a
 * probe that is filter and observer, and the far side of an in-memory connection.
 */
#ifndef CONVOY_PROXY_NET_CONNECTION_FIXTURE_H
#define CONVOY_PROXY_NET_CONNECTION_FIXTURE_H

#include "proxy/filter/network_filter.h"
#include "proxy/net/connection.h"
#include "proxy/net/memory_sockets.h"

extern uint64_t now_ns;
extern struct dispatcher *d;
extern struct socket_interface *si;

int connection_set_up(void **state);
int connection_tear_down(void **state);

/* turns - run the dispatcher @n times. */
void turns(unsigned n);

/* A filter that writes down what it sees, and does what its test tells it to. */
struct probe {
	struct network_filter filter;
	struct connection_observer observer;
	struct connection *c;
	char data[4096];
	size_t len;
	unsigned n_data, n_above, n_below, n_draining;
	bool end_stream;
	char events[32]; /* c: connected, r: remote, l: local close */
	bool keep;	 /* leave data in the buffer */
	bool freed;
	enum network_filter_status status;
	void (*on_data)(struct probe *p);
};

extern const struct network_filter_ops probe_ops;
extern const struct connection_observer_ops probe_observer_ops;

/* probe_attach - make @p filter and observer of @c, and start it. */
void probe_attach(struct probe *p, struct connection *c);

/* serve - attach @p to a server connection (buffer limit 1 KiB, delayed close 1 s); returns its far
 * side. */
struct io_handle *serve(struct probe *p);

/* say - the far side sends @text. */
void say(struct io_handle *h, const char *text);

/* hear - what has arrived at the far side, as a string; returns the result of the read after it. */
int64_t hear(struct io_handle *h, char *out, size_t size);
void assert_hears(struct io_handle *h, const char *text, int64_t then);

/* write_text, write_bytes - our side writes; write_bytes() sends @len letters x. */
void write_text(struct connection *c, const char *text, bool end_stream);
void write_bytes(struct connection *c, size_t len);

#endif

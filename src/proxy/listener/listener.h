/*
 * listener.h - takes connections from an address and builds a filter chain over each.
 *
 * The spec is shared and immutable; every worker opens its own struct listener over it,
 * with its own socket (SO_REUSEPORT, enable_reuse_port in Envoy), so that the kernel spreads
 * connections and workers share nothing. A unix path is one socket: open it in one worker only.
 */
#ifndef CONVOY_PROXY_LISTENER_LISTENER_H
#define CONVOY_PROXY_LISTENER_LISTENER_H

#include "proxy/filter/network_filter.h"
#include "proxy/net/connection.h"
#include "proxy/net/socket_interface.h"

enum {
	LISTENER_BACKLOG_DEFAULT = 4096,
	LISTENER_ACCEPT_BUDGET = 64, /* connections taken per event, then the others' turn */
	LISTENER_BUFFER_LIMIT_DEFAULT = 1024 * 1024,
};

/* One way of handling a connection. Owned by the configuration. */
struct filter_chain {
	const char *name; /* "" if none was given */
	const struct transport_factory *transport;
	const struct network_filter_factory *const *filters;
	unsigned n_filters;
};

/* Counts of one listener on one worker, with Envoy's names; read by the stats folder. */
struct listener_stats {
	uint64_t downstream_cx_total;
	uint64_t downstream_cx_active; /* gauge */
	uint64_t downstream_cx_destroy;
	uint64_t downstream_cx_overflow; /* refused by a connection limit */
	uint64_t accept_errors;		 /* accept failed for want of descriptors or sessions */
};

/* Called by a listener in its worker's thread; members may be NULL. */
struct listener_hooks {
	void (*connection_ended)(void *context, uint64_t length_ns);
};

/* What to listen on and what to do with it; made from the configuration. */
struct listener_spec {
	const char *name;
	struct address address;
	struct socket_interface *interface;
	uint32_t unix_mode; /* permission bits of a unix socket; 0: the umask decides */
	unsigned backlog;   /* 0: LISTENER_BACKLOG_DEFAULT */
	uint32_t buffer_limit_bytes;
	uint64_t max_connections; /* per worker; 0: no limit */
	bool bind_to_port;	  /* false: exists, but takes no connections by itself */
	bool reuse_port;
	bool v6_only;			  /* IPv6 wildcard does not take IPv4 (ipv4_compat unset) */
	const struct filter_chain *chain; /* the only one: there is no matching yet */
};

struct listener;

/*
 * listener_open - bind, listen and accept in the thread of @d.
 * @spec:   borrowed until the listener and its connections are gone
 * @stats:  borrowed likewise; NULL: not counted
 * @hooks, @hook_context: borrowed likewise; NULL: none
 * Returns 0; ERR_BUSY (address in use), ERR_PERM, ERR_UNREACHABLE (not a local address),
 * ERR_UNSUPPORTED (family), or others of bind and listen.
 */
must_check
int listener_open(struct dispatcher *d, const struct listener_spec *spec,
		  struct listener_stats *stats, const struct listener_hooks *hooks,
		  void *hook_context, struct listener **out);

/* listener_local - the bound address, with the port that was picked for port 0. */
const struct address *listener_local(const struct listener *l);

/* listener_pause - stop accepting (overload), and go on; the backlog fills meanwhile. */
void listener_pause(struct listener *l, bool pause);

/* listener_stop - close the listening socket; connections live on. */
void listener_stop(struct listener *l);

/* listener_drain - listener_stop(), and connection_drain() for every connection. */
void listener_drain(struct listener *l);

unsigned listener_n_connections(const struct listener *l);

/* listener_free - stop, close every connection without flushing, free at the end of the turn. */
void listener_free(struct listener *l);

#endif

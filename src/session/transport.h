/*
 * transport.h - the transport seam: what the session layer asks of TCP, UDP, TLS …
 * What a transport asks of the session layer is in session/session.h.
 *
 * Everything happens on the worker that owns the session. A transport knows its side of a session
 * by `session->connection`, its own handle, which it sets and clears.
 *
 *   listen:   packet ─> session_find_listener() ─> handshake ─> session_accepted() ─>
 * session_rx_put() connect:  ops->connect() ─> handshake ─> session_connected() |
 * session_connect_failed() send:     ops->send() ─> session_tx_slices() … acknowledged ─>
 * session_tx_drop() receive:  session_rx_room() ─> session_rx_put() … the app reads ─> ops->room()
 *   end:      session_rx_fin(), session_tx_finished(); when nothing is left: session_done()
 */
#ifndef CONVOY_SESSION_TRANSPORT_H
#define CONVOY_SESSION_TRANSPORT_H

#include "shm/abi.h"

struct session;
struct worker;

/* Addresses of a session; ports in host order, as everywhere outside wire/. */
struct flow {
	uint32_t fib; /* VRF's table */
	struct shm_address local;
	struct shm_address remote;
};

/* What `show sessions` tells; zero where the transport has no such thing. */
struct transport_info {
	const char *state; /* in the protocol's own words: "ESTABLISHED" */
	uint32_t srtt_us, rttvar_us, rto_us;
	uint32_t cwnd_bytes, ssthresh_bytes, flight_bytes;
	uint32_t peer_window_bytes, window_bytes;
	uint32_t mss_bytes;
	uint64_t n_retransmits, n_timeouts;
	uint64_t bytes_sent, bytes_received;
	const char *congestion; /* name of the algorithm */
	uint8_t state_number;	/* as Linux numbers TCP's states */
	uint8_t options;	/* agreed with the peer: TCPI_OPT_* of Linux */
};

struct transport {
	const char *name;    /* "tcp" */
	uint8_t ip_protocol; /* 6 */
	/*
	 * Begin an active open toward flow->remote; local port 0 and an unset local address are
	 * the transport's to choose. The result comes by session_connected() or
	 * session_connect_failed(), never before this returns.
	 * ERR_UNREACHABLE, ERR_FULL (no port left), ERR_EXIST (that very flow is in use),
	 * ERR_NOMEM: failed at once, nothing is called.
	 */
	int (*connect)(struct worker *w, struct session *s, const struct flow *flow);
	/*
	 * The application has written bytes or finished writing (session_tx_finished()) or closed
	 * altogether (session_app_closed()). Called once per event, not per write.
	 */
	void (*send)(struct worker *w, struct session *s);
	/* The application has read and room has grown since it was last too small to use. */
	void (*room)(struct worker *w, struct session *s);
	/*
	 * The application aborts or has died: tell the peer (RST) and forget the connection.
	 * The session is gone when this returns; session_done() must not be called.
	 */
	void (*abort)(struct worker *w, struct session *s);
	/* Set an option; unknown ones are ignored. @value as in enum shm_option. */
	void (*set_option)(struct worker *w, struct session *s, enum shm_option option,
			   int32_t value);
	/* Fill @info, zeroed before, for `show sessions`. */
	void (*describe)(struct worker *w, const struct session *s, struct transport_info *info);
	/* A listener appeared or is going away on this worker; both may be NULL. */
	void (*listening)(struct worker *w, const struct shm_address *local, uint32_t fib,
			  bool begins);
};

#endif

/*
 * tcp.h - the Transmission Control Protocol, RFC 9293, as a transport of the session layer.
 *
 *   ip4-local ──> tcp4-input ──> session (fifo, events)
 *                      │ to-do list
 *   end of turn ───────┴──> tcp4-output ──> ip4-lookup
 *
 * A segment received, an application's write, a timer: each changes a connection and puts it on
 * its worker's to-do list. At the end of the turn every connection of the list is looked at once,
 * and sends what it may: data in super-segments of up to 64 KiB, or one acknowledgement for all
 * that came. README.md has the map of the files.
 */
#ifndef CONVOY_TRANSPORT_TCP_TCP_H
#define CONVOY_TRANSPORT_TCP_TCP_H

#include "session/transport.h"
#include "transport/cc/cc.h"

struct engine;
struct node_type;

/* What the operator may choose; zero or NULL stands for the value in the comment. */
struct tcp_settings {
	const struct cc_ops *cc;	/* CUBIC */
	uint32_t max_conns;		/* 65536, for each worker */
	uint32_t max_half_open;		/* 16384 */
	uint32_t max_time_wait;		/* 65536 */
	uint16_t first_port, last_port; /* 32768 to 60999, RFC 6056 §3.2 */
	uint64_t seed;			/* of the secrets, for simulations; 0: from the kernel */
};

/*
 * tcp_init - set TCP up on every worker of @e before they start. The caller registers
 * tcp_transport with the session layer. ERR_NOMEM, ERR_NOENT if the graph lacks its nodes.
 */
must_check
int tcp_init(struct engine *e, const struct tcp_settings *settings);
/* tcp_deinit - after the workers have stopped. */
void tcp_deinit(struct engine *e);

extern const struct transport tcp_transport;
extern const struct node_type tcp4_error_node;
extern const struct node_type tcp4_input_node;
extern const struct node_type tcp4_output_node;

#endif

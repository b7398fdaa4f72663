/* open.h - active opens: our SYN, and the answers to it. RFC 9293 §3.10.1, §3.10.7.3, RFC 6056. */
#ifndef CONVOY_TRANSPORT_TCP_OPEN_H
#define CONVOY_TRANSPORT_TCP_OPEN_H

#include "transport/tcp/worker.h"

/* tcp_open_connect - transport.connect: choose addresses, send a SYN. */
must_check
int tcp_open_connect(struct worker *w, struct session *s, const struct flow *flow);

/*
 * tcp_open_input - a segment for a connection in SYN_SENT, or in SYN_RECEIVED after both sides
 * opened at once and @s has passed tcp_check() and acknowledges our SYN.
 * Returns false if nothing of it is left to be looked at, true when the connection is established
 * and @s may carry data.
 */
must_check
bool tcp_open_input(struct tcp_conn *c, const struct tcp_segment *s, uint16_t window,
		    const struct tcp_options *o);

#endif

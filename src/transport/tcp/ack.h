/*
 * ack.h - what an acceptable acknowledgement does: bytes leave the send fifo, the window moves, the
 * round trip is measured, losses show. RFC 9293 §3.10.7.4 (fifth), RFC 5681, RFC 7323 §4.
 */
#ifndef CONVOY_TRANSPORT_TCP_ACK_H
#define CONVOY_TRANSPORT_TCP_ACK_H

#include "transport/tcp/worker.h"

/*
 * tcp_ack_input - @s has passed tcp_check(); @window is its header field.
 * Returns false if that ended the connection.
 */
must_check
bool tcp_ack_input(struct tcp_conn *c, const struct tcp_segment *s, uint16_t window,
		   const struct tcp_options *o);

#endif

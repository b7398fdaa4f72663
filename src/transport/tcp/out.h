/*
 * out.h - what a connection may send now: retransmissions, new data, a FIN, an acknowledgement.
 * RFC 9293 §3.8, RFC 5681, RFC 6675 §5. Runs once for each connection on the to-do list, at the
 * end of the turn.
 */
#ifndef CONVOY_TRANSPORT_TCP_OUT_H
#define CONVOY_TRANSPORT_TCP_OUT_H

#include "transport/tcp/worker.h"

/* tcp_out_run - send what is due for the connections of the list; false when something is left for
 * the next turn: buffers ran out, or it would have been too much at once. */
bool tcp_out_run(struct tcp_worker *tw);

/* tcp_out_probe - a segment just below the window, to which the peer must answer: zero-window
 * probe and keepalive. RFC 9293 §3.8.6.1, §3.8.4 */
void tcp_out_probe(struct tcp_conn *c);

/* tcp_out_probe_tail - a tail loss probe: a new segment, else the last one again. RFC 8985 §7.3.
 * False if nothing could be sent. */
bool tcp_out_probe_tail(struct tcp_conn *c);

/* tcp_out_challenge - RFC 5961 §7: an acknowledgement, ten a second at most. */
void tcp_out_challenge(struct tcp_conn *c);

#endif

/*
 * recv.h - what an acceptable segment carries: octets for the application in order, early ones to
 * be held, the end of the stream. RFC 9293 §3.10.7.4 (seventh, eighth), RFC 5681 §4.2.
 */
#ifndef CONVOY_TRANSPORT_TCP_RECV_H
#define CONVOY_TRANSPORT_TCP_RECV_H

#include "transport/tcp/worker.h"

enum tcp_fate {
	TCP_FATE_DONE, /* the buffer is free to go; the connection lives */
	TCP_FATE_HELD, /* the connection keeps the buffer */
	TCP_FATE_GONE, /* the buffer is free to go; so is the connection */
};

/* tcp_recv_input - data and FIN of @s, which lies in @b; schedules the acknowledgement. */
enum tcp_fate tcp_recv_input(struct tcp_conn *c, struct buf *b, const struct tcp_segment *s);

/* tcp_recv_release - free what is held. */
void tcp_recv_release(struct tcp_conn *c);

#endif

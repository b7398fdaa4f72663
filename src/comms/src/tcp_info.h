/* tcp_info.h - TCP_INFO: what the stack measures of a session. */
#ifndef CONVOY_COMMS_TCP_INFO_H
#define CONVOY_COMMS_TCP_INFO_H

#include <netinet/tcp.h>

#include "comms/src/sock.h"

/*
 * tcp_info_ask - have the stack publish what it knows about the session of @cd, and wait for it the
 * first time: some 20 µs, 20 ms at most. No lock is held.
 */
void tcp_info_ask(int cd);

/* tcp_info_fill - what has been published; for cut-through what a loopback would say. Locked. */
void tcp_info_fill(struct sock *s, struct tcp_info *info);

/* tcp_info_mss - octets of a full segment, as far as it is known. Locked. */
int tcp_info_mss(struct sock *s);

/* tcp_info_congestion - the algorithm's name as Linux has it. Locked. */
const char *tcp_info_congestion(struct sock *s);

#endif

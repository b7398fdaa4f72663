/*
 * timers.h - a connection's deadlines behind its one wheel entry. Deadlines move often and are
 * plain numbers; the entry is only ever moved to an earlier time. When it fires too early it looks,
 * finds nothing due and is set again. RFC 6298 §5, RFC 9293 §3.8.4, §3.8.6.
 */
#ifndef CONVOY_TRANSPORT_TCP_TIMERS_H
#define CONVOY_TRANSPORT_TCP_TIMERS_H

#include "transport/tcp/worker.h"

/* tcp_timers_init - the entry of a new connection. */
void tcp_timers_init(struct tcp_conn *c);

/* tcp_timers_arm - have the entry fire no later than the earliest deadline. */
void tcp_timers_arm(struct tcp_conn *c);

/* tcp_timers_sent - something that takes sequence space went out: start the retransmission timer
 * unless it runs. (5.1) */
void tcp_timers_sent(struct tcp_conn *c);

/* tcp_timers_probe_in - set the one timer that is shorter than a timeout. */
void tcp_timers_probe_in(struct tcp_conn *c, enum tcp_probe probe, uint32_t us);
void tcp_timers_no_probe(struct tcp_conn *c);

/* tcp_timers_tail - data is in flight: when to probe whether its tail is lost. RFC 8985 §7.2 */
void tcp_timers_tail(struct tcp_conn *c);

/* tcp_timers_acked - new data was acknowledged: start it anew, or stop it. (5.2), (5.3) */
void tcp_timers_acked(struct tcp_conn *c);

/* tcp_timers_heard - a segment has come: keepalive begins anew. */
void tcp_timers_heard(struct tcp_conn *c);

/* tcp_timers_delay_ack - acknowledge within @us, or earlier if that is already so. */
void tcp_timers_delay_ack(struct tcp_conn *c, uint32_t us);

/* tcp_timers_end_in - give the connection up after @seconds. */
void tcp_timers_end_in(struct tcp_conn *c, unsigned seconds);

#endif

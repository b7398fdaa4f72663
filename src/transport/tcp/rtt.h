/*
 * rtt.h - round-trip estimate and retransmission timeout. RFC 6298, in microseconds.
 *
 * Two departures, both what deployed stacks do: the minimum timeout is 200 ms instead of one
 * second, and the variance term never takes part with less than that minimum, so that a path of
 * constant delay does not time out on the first delayed acknowledgement.
 */
#ifndef CONVOY_TRANSPORT_TCP_RTT_H
#define CONVOY_TRANSPORT_TCP_RTT_H

#include "base/compiler.h"

enum {
	TCP_RTO_INITIAL_US = 1000000, /* RFC 6298 (2.1) */
	TCP_RTO_MIN_US = 200000,
	TCP_RTO_MAX_US = 60000000, /* RFC 6298 (2.5) */
};

struct tcp_rtt {
	uint32_t srtt_us; /* smoothed; 0 until the first sample */
	uint32_t var_us;
	uint32_t min_us;    /* lowest sample; UINT32_MAX until the first */
	uint32_t n_backoff; /* timeouts in a row */
};

void tcp_rtt_init(struct tcp_rtt *r);

/* tcp_rtt_sample - take in a measurement of data sent once (Karn); ends any back-off. */
void tcp_rtt_sample(struct tcp_rtt *r, uint32_t rtt_us);

/* tcp_rtt_back_off - double the timeout. RFC 6298 (5.5) */
void tcp_rtt_back_off(struct tcp_rtt *r);

/* tcp_rtt_acked - new data was acknowledged: the path answers, so undo the back-off. */
void tcp_rtt_acked(struct tcp_rtt *r);

/* tcp_rtt_rto_us - the timeout now, backed off, within [MIN, MAX]. */
uint32_t tcp_rtt_rto_us(const struct tcp_rtt *r);

#endif

/*
 * sent.h - when the octets in flight were first sent, for RACK (rack.h). Pure.
 *
 * New data goes out in order, so the log is a list of runs, each with where it ends and when it was
 * sent. It is short: when it is full the two neighbours closest in time become one, which then
 * spans a time. Who asks when something was sent gets the earliest it can have been; who asks what
 * had been sent by some time gets only what surely had.
 */
#ifndef CONVOY_TRANSPORT_TCP_SENT_H
#define CONVOY_TRANSPORT_TCP_SENT_H

#include "transport/tcp/seq.h"

enum { TCP_SENT_RUNS = 6 };

struct tcp_sent_run {
	uint32_t end; /* one past its last octet; it begins where the one before ends */
	uint32_t first_us, last_us; /* the clock wraps; no run lives for half an hour */
};

struct tcp_sent_log {
	uint32_t n;
	struct tcp_sent_run run[TCP_SENT_RUNS];
};

/* tcp_sent_note - everything up to @end has been sent, the last of it at @now_us. */
void tcp_sent_note(struct tcp_sent_log *l, uint32_t end, uint32_t now_us);

/* tcp_sent_tail_again - what lies in [@start, end of the log) has been sent once more. */
void tcp_sent_tail_again(struct tcp_sent_log *l, uint32_t start, uint32_t now_us);

/* tcp_sent_acked - forget what lies below @una. */
void tcp_sent_acked(struct tcp_sent_log *l, uint32_t una);

/* tcp_sent_when - the earliest time at which the octet before @end can have been sent; false if the
 * log does not know of it. */
bool tcp_sent_when(const struct tcp_sent_log *l, uint32_t end, uint32_t *us);

/* tcp_sent_by - one past what had surely been sent at @us; @una if nothing. */
uint32_t tcp_sent_by(const struct tcp_sent_log *l, uint32_t us, uint32_t una);

/* tcp_sent_after - when the run that holds octet @seq was sent at the latest; false if unknown. */
bool tcp_sent_after(const struct tcp_sent_log *l, uint32_t seq, uint32_t *us);

#endif

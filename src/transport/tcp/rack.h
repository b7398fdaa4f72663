/*
 * rack.h - RACK, RFC 8985: what was sent some time before a segment that has arrived, and has not
 * arrived itself, is lost. Pure. The times come from the log of what was sent (sent.h).
 *
 *   una            lost              rack.end                max
 *    |──────────────|──────────────────|──────────────────────|
 *     sent more than  sent before it:    later: nothing can be said
 *     a reordering    wait for the timer
 *     window before it
 *
 * Three segments that came after a gap also prove a loss (RFC 6675), until the path has reordered;
 * from then on time alone decides. What was sent again is judged by octets (recover.c).
 */
#ifndef CONVOY_TRANSPORT_TCP_RACK_H
#define CONVOY_TRANSPORT_TCP_RACK_H

#include "transport/tcp/sent.h"

enum {
	TCP_RACK_MULT_MAX = 20,
	TCP_RACK_PERSIST = 16,
	TCP_RACK_WINDOW_MIN_US = 1000, /* timers are no finer */
};

struct tcp_rack {
	uint32_t xmit_us; /* when the latest segment known to have arrived was sent */
	uint32_t end;	  /* where it ends */
	uint32_t rtt_us;  /* how long it took */
	bool known;
	bool reordered;	 /* the path has been seen to reorder */
	uint8_t mult;	 /* of the reordering window, 1 and up: grows when it proved too short */
	uint8_t persist; /* recoveries until it is 1 again */
};

/*
 * tcp_rack_arrived - the octet before @end has arrived for the first time, never sent again.
 * @min_rtt_us: an arrival sooner than that is one of an earlier transmission, and ignored
 */
void tcp_rack_arrived(struct tcp_rack *r, const struct tcp_sent_log *l, uint32_t end,
		      uint32_t now_us, uint32_t min_rtt_us);

/* tcp_rack_too_short - something that was taken for lost has arrived: wait longer. */
void tcp_rack_too_short(struct tcp_rack *r);

/* tcp_rack_recovered - a recovery is over. */
void tcp_rack_recovered(struct tcp_rack *r);

/*
 * tcp_rack_window_us - the reordering window: how long after its turn a segment may come.
 * @recovering: a loss is known; without reordering so far nothing more is waited for
 */
uint32_t tcp_rack_window_us(const struct tcp_rack *r, uint32_t min_rtt_us, uint32_t srtt_us,
			    bool recovering);

/*
 * tcp_rack_lost - one past the octets that are lost, as far as they have not arrived; @una if none.
 * *@wait_us: 0, or how long until more of them may be.
 */
uint32_t tcp_rack_lost(const struct tcp_rack *r, const struct tcp_sent_log *l, uint32_t una,
		       uint32_t now_us, uint32_t window_us, uint32_t *wait_us);

#endif

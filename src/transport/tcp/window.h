/*
 * window.h - window arithmetic: scaling, what to offer, what to send, and PAWS. RFC 7323,
 * RFC 9293 §3.8.6. Pure.
 */
#ifndef CONVOY_TRANSPORT_TCP_WINDOW_H
#define CONVOY_TRANSPORT_TCP_WINDOW_H

#include "transport/tcp/seq.h"

enum {
	TCP_PAWS_IDLE_MS = 24 * 24 * 3600 * 1000, /* RFC 7323 §5.5: 24 days */
};

/* tcp_window_shift - the smallest shift with which @bytes can be offered; at most 14. */
uint8_t tcp_window_shift(uint32_t bytes);

/*
 * tcp_window_edge - the right edge of the window to offer next.
 * @edge:     offered so far; the result is never left of it (no shrinking)
 * @rcv_nxt:  next octet expected
 * @room:     octets beyond @rcv_nxt that can be stored
 * @capacity: octets that could be stored if nothing were
 * The edge moves only if it gains a segment or half the capacity (silly window, §3.8.6.2.2).
 */
uint32_t tcp_window_edge(uint32_t edge, uint32_t rcv_nxt, uint32_t room, uint32_t capacity,
			 uint32_t mss);

/*
 * tcp_window_deserves_update - after the application has read: is the news worth a segment of its
 * own? When the edge gains two segments or half the capacity, or the peer was left with less than
 * a segment and has now one.
 */
bool tcp_window_deserves_update(uint32_t edge, uint32_t new_edge, uint32_t rcv_nxt,
				uint32_t capacity, uint32_t mss);

/*
 * tcp_window_limits - is it the capacity that holds a peer back? When two of it came within a
 * second or, on a longer path, within eight round trips. It should then grow.
 */
bool tcp_window_limits(uint32_t octets, uint32_t capacity, uint32_t elapsed_ms, uint32_t srtt_us);

/* tcp_window_field - the header's window field for [@rcv_nxt, @edge); 65535 at most. */
static inline uint16_t tcp_window_field(uint32_t edge, uint32_t rcv_nxt, uint8_t shift)
{
	uint32_t field = (edge - rcv_nxt) >> shift;

	return field > UINT16_MAX ? UINT16_MAX : (uint16_t)field;
}

/*
 * tcp_paws_is_old - RFC 7323 §5.3 R1: does the timestamp prove that the segment is an old one?
 * @recent:     last timestamp taken over from the peer
 * @recent_age_ms: how long ago; after 24 days it proves nothing
 */
static inline bool tcp_paws_is_old(uint32_t value, uint32_t recent, uint32_t recent_age_ms)
{
	return seq_lt(value, recent) && recent_age_ms < TCP_PAWS_IDLE_MS;
}

/* What tcp_send_now() is asked about. */
struct tcp_send_question {
	uint32_t len; /* octets that could go into the next segment, at most one MSS */
	uint32_t mss;
	uint32_t in_flight;  /* octets not acknowledged */
	uint32_t max_window; /* largest window that the peer has ever offered */
	bool more;	     /* the segment holds less than is queued: the window cut it */
	bool nodelay;
	bool cork;
	bool push_out; /* closing, or a timer said so: nothing more is coming */
};

/*
 * tcp_send_now - Nagle (RFC 896, with Minshall's aim met by the caller's @in_flight of small
 * segments only), cork, and the sender's silly-window rule. RFC 9293 §3.8.6.2.1.
 */
bool tcp_send_now(const struct tcp_send_question *q);

#endif

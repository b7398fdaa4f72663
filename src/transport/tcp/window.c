/* window.c - what to offer and when a small segment may go. */
#include "transport/tcp/window.h"

enum { LIMITS_MS = 1000, LIMITS_ROUNDS = 8 };

uint8_t tcp_window_shift(uint32_t bytes)
{
	uint8_t shift = 0;

	while (shift < 14 && (bytes >> shift) > UINT16_MAX)
		shift++;
	return shift;
}

uint32_t tcp_window_edge(uint32_t edge, uint32_t rcv_nxt, uint32_t room, uint32_t capacity,
			 uint32_t mss)
{
	uint32_t reach = rcv_nxt + room;
	uint32_t worth = capacity / 2 < mss ? capacity / 2 : mss;

	if (seq_lt(edge, rcv_nxt))
		edge = rcv_nxt; /* the peer has sent beyond a window that was cut by scaling */
	if (seq_le(reach, edge) || reach - edge < worth)
		return edge;
	return reach;
}

bool tcp_window_deserves_update(uint32_t edge, uint32_t new_edge, uint32_t rcv_nxt,
				uint32_t capacity, uint32_t mss)
{
	uint32_t gain = new_edge - edge;

	if (!seq_lt(edge, new_edge))
		return false;
	if (gain >= 2 * mss || gain >= capacity / 2)
		return true;
	return edge - rcv_nxt < mss && new_edge - rcv_nxt >= mss;
}

bool tcp_window_limits(uint32_t octets, uint32_t capacity, uint32_t elapsed_ms, uint32_t srtt_us)
{
	uint32_t within_ms = srtt_us / 1000 * LIMITS_ROUNDS;

	return octets >= 2 * capacity &&
	       elapsed_ms < (within_ms > LIMITS_MS ? within_ms : LIMITS_MS);
}

bool tcp_send_now(const struct tcp_send_question *q)
{
	if (q->len == 0)
		return false;
	if (q->len >= q->mss)
		return true;
	if (q->push_out)
		return true;
	if (q->more) /* cut short by the window: wait for a better one, §3.8.6.2.1 (3) */
		return q->len >= q->max_window / 2;
	if (q->cork)
		return false;
	return q->nodelay || q->in_flight == 0;
}

/* seq.h - arithmetic on 32-bit sequence numbers, which wrap. RFC 9293 §3.4. */
#ifndef CONVOY_TRANSPORT_TCP_SEQ_H
#define CONVOY_TRANSPORT_TCP_SEQ_H

#include "base/compiler.h"

/* A run of sequence numbers: from @start up to, not including, @end. */
struct tcp_range {
	uint32_t start;
	uint32_t end;
};

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return seq_lt(b, a);
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
	return seq_le(b, a);
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? b : a;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

#endif

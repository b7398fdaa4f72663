/* cookie.c - connections inside of sequence numbers. */
#include "transport/tcp/cookie.h"

enum { HASH_BITS = 24, AGE_BITS = 5, OPTION_BITS = 5, NO_SHIFT = 15 };

/* Common sizes: Ethernet with and without tunnels, jumbo frames; the least a peer may have. */
static const uint16_t sizes[8] = { 48, 536, 1220, 1360, 1440, 1460, 4312, 8960 };

static uint32_t hash_of(const struct siphash_key *secret, const struct tcp_key *key, uint32_t irs,
			uint64_t period, unsigned size)
{
	struct {
		struct tcp_key key;
		uint64_t period;
		uint32_t irs, size;
	} all = { *key, period, irs, size };

	return (uint32_t)siphash(secret, &all, sizeof(all)) >> (32 - HASH_BITS);
}

uint32_t tcp_cookie_isn(const struct siphash_key *secret, const struct tcp_key *key, uint32_t irs,
			uint16_t mss, uint64_t now_s)
{
	uint64_t period = now_s / TCP_COOKIE_PERIOD_S;
	unsigned size = count_of(sizes) - 1;

	while (size > 0 && sizes[size] > mss)
		size--;
	return (uint32_t)period << (32 - AGE_BITS) | size << HASH_BITS |
	       hash_of(secret, key, irs, period, size);
}

uint16_t tcp_cookie_mss(const struct siphash_key *secret, const struct tcp_key *key, uint32_t irs,
			uint32_t isn, uint64_t now_s)
{
	uint64_t period = now_s / TCP_COOKIE_PERIOD_S;
	unsigned size = isn >> HASH_BITS & (count_of(sizes) - 1);
	uint32_t age = ((uint32_t)period - (isn >> (32 - AGE_BITS))) & ((1u << AGE_BITS) - 1);

	if (age >= TCP_COOKIE_PERIODS || age > period ||
	    (isn & ((1u << HASH_BITS) - 1)) != hash_of(secret, key, irs, period - age, size))
		return 0;
	return sizes[size];
}

uint32_t tcp_cookie_time(uint32_t now_ms, const struct tcp_options *o)
{
	uint32_t mask = (1u << OPTION_BITS) - 1;
	uint32_t shift = o->has & TCP_HAS_WINDOW_SHIFT ? o->window_shift : NO_SHIFT;
	uint32_t bits = (o->has & TCP_HAS_SACK_PERMITTED ? 16u : 0) | (shift < 15 ? shift : 15);
	uint32_t time = (now_ms & ~mask) | bits;

	return time - now_ms <= mask && time != now_ms ? time - (mask + 1) : time;
}

void tcp_cookie_options(uint32_t time, struct tcp_options *o)
{
	o->has &= (typeof(o->has))~(TCP_HAS_SACK_PERMITTED | TCP_HAS_WINDOW_SHIFT);
	if (time & 16)
		o->has |= TCP_HAS_SACK_PERMITTED;
	if ((time & 15) != NO_SHIFT) {
		o->has |= TCP_HAS_WINDOW_SHIFT;
		o->window_shift = time & 15;
	}
}

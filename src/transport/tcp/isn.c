/* isn.c - ISN = M + F(local, remote, secret), RFC 6528 §3. */
#include "transport/tcp/isn.h"

uint32_t tcp_isn(const struct siphash_key *secret, const struct tcp_key *key, uint64_t now_us)
{
	return (uint32_t)(now_us / 4) + (uint32_t)siphash(secret, key, sizeof(*key));
}

uint32_t tcp_ts_offset(const struct siphash_key *secret, const struct tcp_key *key)
{
	/* The other half of the same hash: independent of the ISN, and the same for each
	 * incarnation, so that timestamps of one 4-tuple keep rising (RFC 6191). */
	return (uint32_t)(siphash(secret, key, sizeof(*key)) >> 32);
}

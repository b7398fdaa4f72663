/*
 * isn.h - initial sequence numbers and timestamp offsets that an outsider cannot guess. RFC 6528,
 * RFC 7323 §5.4. Pure: key and time are given.
 */
#ifndef CONVOY_TRANSPORT_TCP_ISN_H
#define CONVOY_TRANSPORT_TCP_ISN_H

#include "base/siphash.h"
#include "transport/tcp/key.h"

/*
 * tcp_isn - the ISN of a connection opened at @now_us: a clock of 4 µs plus F(connection).
 * Successive connections of one 4-tuple get rising numbers, those of others are unrelated.
 */
uint32_t tcp_isn(const struct siphash_key *secret, const struct tcp_key *key, uint64_t now_us);

/* tcp_ts_offset - what to add to the millisecond clock for this connection's timestamps. */
uint32_t tcp_ts_offset(const struct siphash_key *secret, const struct tcp_key *key);

#endif

/*
 * cookie.h - SYN cookies, RFC 4987 §3.6: an initial sequence number from which the connection can
 * be made when the acknowledgement brings it back, so that a flood of SYNs costs no memory. Pure.
 *
 *   ISN        [ age:5 | mss:3 | keyed hash of all else:24 ]    age counts periods of 64 s
 *   timestamp  [ our clock … | sack:1 | window shift:4 ]        only if the peer sends timestamps
 *
 * A guess succeeds once in 2^23 tries. Without timestamps the peer gets neither SACK nor scaling.
 */
#ifndef CONVOY_TRANSPORT_TCP_COOKIE_H
#define CONVOY_TRANSPORT_TCP_COOKIE_H

#include "base/siphash.h"
#include "transport/tcp/key.h"
#include "wire/tcp.h"

enum { TCP_COOKIE_PERIOD_S = 64, TCP_COOKIE_PERIODS = 2 /* for which one is good */ };

/* tcp_cookie_isn - for a SYN with number @irs that asks for segments of @mss octets. */
uint32_t tcp_cookie_isn(const struct siphash_key *secret, const struct tcp_key *key, uint32_t irs,
			uint16_t mss, uint64_t now_s);

/*
 * tcp_cookie_mss - is @isn a cookie of ours for this peer, not too old? Its segment size, at most
 * what the peer asked for; 0 if it is not.
 */
uint16_t tcp_cookie_mss(const struct siphash_key *secret, const struct tcp_key *key, uint32_t irs,
			uint32_t isn, uint64_t now_s);

/* tcp_cookie_time - our timestamp clock @now_ms, never ahead, with the options of @o in its tail.
 */
uint32_t tcp_cookie_time(uint32_t now_ms, const struct tcp_options *o);

/* tcp_cookie_options - what tcp_cookie_time() put there, into @o->has and window_shift. */
void tcp_cookie_options(uint32_t time, struct tcp_options *o);

#endif

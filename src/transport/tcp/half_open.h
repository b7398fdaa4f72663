/*
 * half_open.h - peers that have sent a SYN and not yet proved that they get our answer. What is
 * known of them fits in a small entry; the connection is made by the acknowledgement, from what a
 * SYN cookie could carry too: key, both ISNs, options. RFC 4987.
 *
 * Each listener may have as many entries as its backlog, or 64. Further peers get a SYN cookie,
 * which takes no memory. The number of all entries is bounded, too; when they are in use the oldest
 * goes.
 */
#ifndef CONVOY_TRANSPORT_TCP_HALF_OPEN_H
#define CONVOY_TRANSPORT_TCP_HALF_OPEN_H

#include "transport/tcp/worker.h"

struct tcp_half_open {
	struct tcp_key key;
	struct list age;
	struct timer timer;
	handle self;
	struct tcp_worker *worker;
	uint64_t sent_ns;
	uint32_t hash;
	uint32_t irs, iss;
	uint32_t ts_value; /* of the peer */
	uint32_t out_if;
	uint16_t mss; /* the peer's, as it came */
	uint16_t own_mss;
	uint16_t window;
	uint8_t has; /* TCP_HAS_* of the peer's SYN */
	uint8_t window_shift;
	uint8_t n_sent; /* SYN-ACKs */
};

/*
 * tcp_half_open_begin - a SYN @s for @key has come and nothing is stored under it: look for a
 * listener, remember the peer, answer. @iss_floor: 0, or our ISN must lie above it (RFC 6191).
 */
void tcp_half_open_begin(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			 const struct tcp_segment *s, uint16_t window, const struct tcp_options *o,
			 uint32_t iss_floor);

struct tcp_half_open *tcp_half_open_at_or_null(const struct tcp_worker *tw, uint32_t index);

/*
 * tcp_half_open_input - a segment for the entry @h.
 * Returns the connection that it completes, for which the segment then counts as its first; NULL
 * when that was all there was to do.
 */
struct tcp_conn *tcp_half_open_input(struct tcp_half_open *h, const struct tcp_segment *s,
				     uint16_t window, const struct tcp_options *o);

/*
 * tcp_half_open_cookie - a segment of no connection: does it bring a SYN cookie back? *@out is the
 * connection that it makes; NULL if there was no room for it, or it is over already.
 */
must_check
bool tcp_half_open_cookie(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			  const struct tcp_segment *s, uint16_t window, const struct tcp_options *o,
			  struct tcp_conn **out);

/* tcp_half_open_release_all - at the end of the worker. */
void tcp_half_open_release_all(struct tcp_worker *tw);

#endif

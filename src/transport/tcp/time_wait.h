/*
 * time_wait.h - connections that have ended, remembered for a minute so that their last segments
 * do no harm. 96 bytes each, in the order in which they expire; one timer for all of a worker.
 * RFC 9293 §3.6.1, RFC 1337, RFC 6191.
 */
#ifndef CONVOY_TRANSPORT_TCP_TIME_WAIT_H
#define CONVOY_TRANSPORT_TCP_TIME_WAIT_H

#include "base/list.h"
#include "base/pool.h"
#include "base/wheel.h"
#include "transport/tcp/conn.h"

enum { TCP_TIME_WAIT_S = 60 };

struct tcp_time_wait {
	struct tcp_key key;
	struct list age;
	uint32_t hash;
	uint32_t ends_s;
	uint32_t rcv_nxt, snd_nxt;
	uint32_t ts_recent;
	uint32_t ts_offset;
	uint16_t window; /* as last offered, scaled */
	bool timestamps;
	handle self;
};

_Static_assert(sizeof(struct tcp_time_wait) <= 96, "there can be very many");

struct tcp_time_waits {
	struct pool pool;
	struct list ages; /* oldest first */
	struct timer timer;
	struct tcp_worker *worker;
};

void tcp_time_waits_init(struct tcp_time_waits *t, struct tcp_worker *tw, uint32_t max);
void tcp_time_waits_deinit(struct tcp_time_waits *t);

/*
 * tcp_time_wait_begin - @c has ended in order and is about to be freed; keep its remains. When
 * there is no room the oldest entry goes.
 */
void tcp_time_wait_begin(struct tcp_worker *tw, const struct tcp_conn *c);

struct tcp_time_wait *tcp_time_wait_at_or_null(const struct tcp_worker *tw, uint32_t index);

enum tcp_time_wait_verdict {
	TCP_TIME_WAIT_DROP,
	TCP_TIME_WAIT_OPEN, /* the entry is gone: treat the SYN as a new connection's */
};

/*
 * tcp_time_wait_input - a segment for the entry @t; answers it where that is due.
 * @iss_floor: with OPEN, the new connection's sequence numbers must lie above it
 */
enum tcp_time_wait_verdict tcp_time_wait_input(struct tcp_worker *tw, struct tcp_time_wait *t,
					       const struct tcp_segment *s,
					       const struct tcp_options *o, uint32_t *iss_floor);

/*
 * tcp_time_wait_may_reuse - may we open the same connection again ourselves? With timestamps, once
 * the clock of the old one has moved on by a second: RFC 6191 §2 seen from the other side.
 */
bool tcp_time_wait_may_reuse(const struct tcp_worker *tw, const struct tcp_time_wait *t);

/* tcp_time_wait_end - forget @t; returns what the sequence numbers of its successor must exceed. */
uint32_t tcp_time_wait_end(struct tcp_worker *tw, struct tcp_time_wait *t);

#endif

/*
 * in.h - a segment for a connection: the fast path for what nearly all segments are, the checks of
 * RFC 9293 §3.10.7.4 in their order for the rest.
 */
#ifndef CONVOY_TRANSPORT_TCP_IN_H
#define CONVOY_TRANSPORT_TCP_IN_H

#include "transport/tcp/recv.h"
#include "transport/tcp/worker.h"

/*
 * tcp_in_conn - @b, whose transport lane is filled in, belongs to @c.
 * Says who has the buffer afterwards; every drop has been counted.
 */
enum tcp_fate tcp_in_conn(struct tcp_conn *c, struct buf *b);

/* tcp_in_stranger - nothing is stored under @key: a new peer, or somebody who is mistaken. */
enum tcp_fate tcp_in_stranger(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			      struct buf *b);

/* tcp_in_half_open, tcp_in_time_wait - for the entry at @index. */
enum tcp_fate tcp_in_half_open(struct tcp_worker *tw, uint32_t index, struct buf *b);
enum tcp_fate tcp_in_time_wait(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			       uint32_t index, struct buf *b);

#endif

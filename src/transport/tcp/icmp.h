/*
 * icmp.h - ICMP errors about our segments: what they mean to a connection. RFC 1122 §4.2.3.9,
 * RFC 5461, RFC 5927.
 *
 *   icmp4-input ──> tcp4-error ──┬──> tcp4-error        of the worker that owns the connection
 *                                └──> counted and freed
 *
 * An error is believed only if it quotes a sequence number that is in flight. Then:
 *
 *   nobody takes it (port, protocol)      an open is refused at once
 *   prohibited; or our own stack has no   an open fails at once as unreachable
 *     route or its neighbour is silent
 *   other unreachables, time exceeded     remembered: what a timeout is then called
 *   too big                               smaller segments; what is in flight goes out again
 *
 * A connection that is established is ended by none of them: routes come back.
 */
#ifndef CONVOY_TRANSPORT_TCP_ICMP_H
#define CONVOY_TRANSPORT_TCP_ICMP_H

#include "transport/tcp/worker.h"

enum tcp_error_reason {
	TCP_ERROR_QUOTE,
	TCP_ERROR_TYPE,
	TCP_ERROR_STRANGER,
	TCP_ERROR_SEQUENCE,
	TCP_ERROR_SIZE,
	TCP_ERROR_REFUSED,
	TCP_ERROR_REMEMBERED,
	TCP_ERROR_TOO_BIG,
	TCP_ERROR_N_REASONS,
};

/* What an error is about, told from its type and code. */
enum tcp_trouble {
	TCP_TROUBLE_NONE,
	TCP_TROUBLE_NOBODY,
	TCP_TROUBLE_PROHIBITED,
	TCP_TROUBLE_PATH,
	TCP_TROUBLE_TOO_BIG,
};
enum tcp_trouble tcp_icmp4_trouble(uint8_t type, uint8_t code);

/* An error about a segment of @c. */
struct tcp_trouble_report {
	enum tcp_trouble trouble;
	uint32_t seq;	    /* quoted */
	uint32_t quoted;    /* length of the packet that is quoted */
	uint32_t mtu_bytes; /* claimed; 0: not said */
	bool is_own;	    /* our own stack says so */
};

/* tcp_icmp_report - act on it; @c may be gone afterwards. Returns what to count. */
enum tcp_error_reason tcp_icmp_report(struct tcp_conn *c, const struct tcp_trouble_report *r);

/*
 * tcp_icmp_shrink - segments that fit into packets of @mtu_bytes from now on; what is in flight
 * goes out again in such. False if they do already.
 */
bool tcp_icmp_shrink(struct tcp_conn *c, uint32_t mtu_bytes);

/*
 * tcp_icmp_black_hole - a timeout, the @n_backoff-th in a row: packets that are too long may vanish
 * without an error. Two lead to small ones, two more prove that size was not it. RFC 8899 §4.3
 */
void tcp_icmp_black_hole(struct tcp_conn *c, uint32_t n_backoff);

#endif

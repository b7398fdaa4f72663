/*
 * ports.h - local ports for connections that we open. RFC 6056 §3.3.3, algorithm 3: a hash of the
 * destination gives each peer its own walk through the range, so that ports are hard to guess and
 * come back late. Pure: whether a port is free is the caller's question.
 */
#ifndef CONVOY_TRANSPORT_TCP_PORTS_H
#define CONVOY_TRANSPORT_TCP_PORTS_H

#include "base/siphash.h"
#include "transport/tcp/key.h"

struct tcp_ports {
	struct siphash_key secret;
	uint16_t first;
	uint16_t n;
	uint32_t next; /* grows with each port that was handed out */
};

/* tcp_ports_init - use @first to @last, both included; asserts that the range is not empty. */
void tcp_ports_init(struct tcp_ports *p, struct siphash_key secret, uint16_t first, uint16_t last);

/*
 * tcp_ports_pick - a port for the connection @key, whose local port does not count.
 * @taken: true if the port cannot be used for this key
 * Returns the port, 0 when every one is taken.
 */
uint16_t tcp_ports_pick(struct tcp_ports *p, const struct tcp_key *key,
			bool (*taken)(void *context, uint16_t port), void *context);

#endif

/*
 * key.h - who talks to whom: the identity of a connection, seen from our side.
 * An IPv4 address lies in the first four bytes of its field, the rest are zero, so that one table
 * holds both families. Compared and hashed as bytes; there is no padding.
 */
#ifndef CONVOY_TRANSPORT_TCP_KEY_H
#define CONVOY_TRANSPORT_TCP_KEY_H

#include "base/bytes.h"
#include "base/compiler.h"

enum { TCP_KEY_IP6 = 1u << 31 };

struct tcp_key {
	uint8_t local_ip[16];
	uint8_t remote_ip[16];
	be16 local_port;
	be16 remote_port;
	uint32_t fib; /* index of the VRF's table; TCP_KEY_IP6 is set for IPv6 */
};
_Static_assert(sizeof(struct tcp_key) == 40, "hashed and compared as bytes");

/* Secret of the connection table, so that a peer cannot choose colliding connections. */
struct tcp_key_secret {
	uint64_t k[5];
};

static inline uint64_t tcp_key_fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * tcp_key_hash - for the table, and to find the worker that owns the connection: three
 * multiplications folded, a fifth of SipHash's cost. Numbers that a peer sees use siphash().
 */
static inline uint32_t tcp_key_hash(const struct tcp_key_secret *s, const struct tcp_key *key)
{
	uint64_t w[5], h;

	memcpy(w, key, sizeof(w));
	h = tcp_key_fold(w[0] ^ s->k[0], w[2] ^ s->k[1]) ^
	    tcp_key_fold(w[1] ^ s->k[2], w[3] ^ s->k[3]);
	h = tcp_key_fold(h ^ s->k[4], w[4] ^ s->k[0]);
	return (uint32_t)(h ^ h >> 32);
}

static inline bool tcp_key_equal(const struct tcp_key *a, const struct tcp_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline struct tcp_key tcp_key_of_ip4(be32 local, be16 local_port, be32 remote,
					    be16 remote_port, uint32_t fib)
{
	struct tcp_key key = { .local_port = local_port, .remote_port = remote_port, .fib = fib };

	memcpy(key.local_ip, local.b, 4);
	memcpy(key.remote_ip, remote.b, 4);
	return key;
}

static inline be32 tcp_key_local_ip4(const struct tcp_key *key)
{
	be32 ip;

	memcpy(ip.b, key->local_ip, 4);
	return ip;
}

static inline be32 tcp_key_remote_ip4(const struct tcp_key *key)
{
	be32 ip;

	memcpy(ip.b, key->remote_ip, 4);
	return ip;
}

#endif

/*
 * key.h - who talks to whom: the identity of a connection, seen from our side.
 * An IPv4 address lies in the first four bytes of its field, the rest are zero, so that one table
 * holds both families. Compared and hashed as bytes; there is no padding.
 */
#ifndef CONVOY_TRANSPORT_TCP_KEY_H
#define CONVOY_TRANSPORT_TCP_KEY_H

#include "base/bytes.h"
#include "base/compiler.h"

struct tcp_key {
	uint8_t local_ip[16];
	uint8_t remote_ip[16];
	be16 local_port;
	be16 remote_port;
	uint32_t fib; /* index of the VRF's table; the upper bit is set for IPv6 */
};
_Static_assert(sizeof(struct tcp_key) == 40, "hashed and compared as bytes");

#endif

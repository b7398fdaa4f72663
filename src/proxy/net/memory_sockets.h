/*
 * memory_sockets.h - sockets inside one thread, for tests: everything above io_handle can be driven
 * byte by byte, and reads lend fragments in place as our stack's do.
 *
 * Listeners are found by address among the handles of one interface. Connecting takes a turn, as it
 * does elsewhere; 192.0.2.0/24 (RFC 5737) never answers; an address without a listener refuses.
 */
#ifndef CONVOY_PROXY_NET_MEMORY_SOCKETS_H
#define CONVOY_PROXY_NET_MEMORY_SOCKETS_H

#include "proxy/net/socket_interface.h"

#define SOCKET_NAME_MEMORY "memory"

/* 0 means the default: 64 KiB each way, and no further limit on one call. May be changed at any
 * time; the capacity holds for connections made afterwards. */
struct memory_options {
	size_t capacity_bytes;
	size_t read_max_bytes;
	size_t write_max_bytes;
};

struct socket_interface *memory_sockets_new(void);
struct memory_options *memory_sockets_options(struct socket_interface *si);

/* memory_sockets_pair - two handles connected to each other, as by socketpair(). */
void memory_sockets_pair(struct socket_interface *si, struct dispatcher *d, struct io_handle **a,
			 struct io_handle **b);

#endif

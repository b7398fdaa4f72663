/*
 * fib_peer.h - somebody else's longest-prefix match, to measure ours against. The build selects
 * fib_peer_dpdk.c where DPDK is installed, else fib_peer_none.c.
 */
#ifndef CONVOY_BENCH_FIB_PEER_H
#define CONVOY_BENCH_FIB_PEER_H

#include "l3/fib/key.h"

enum { FIB_PEER_BATCH = 256 };

struct fib_peer {
	const char *name;
	unsigned family; /* 4 or 6 */
	/* Make the empty table. Returns 0, or -1 if it cannot be had. */
	int (*open)(const struct fib_peer *p, unsigned n_routes);
	/* Returns 0, or -1 when the table is full. */
	int (*add)(const struct fib_peer *p, struct fib_key key, unsigned len, uint32_t hop);
	/* Up to FIB_PEER_BATCH addresses: uint32_t in host order, or struct ip6_addr. */
	void (*look_up)(const struct fib_peer *p, const void *dst, uint64_t *hops, unsigned n);
	void (*close)(const struct fib_peer *p);
	int how;      /* the peer's own */
	bool is_same; /* another way to look up in the table of the peer before */
};

/* fib_peers - the peers that are there; returns their number. */
unsigned fib_peers(const struct fib_peer **out);

#endif

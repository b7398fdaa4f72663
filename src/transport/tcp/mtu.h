/*
 * mtu.h - what is known of the way to a destination beyond our own interface: the largest packet
 * that got through. RFC 1191, RFC 5927 §7. A small table by address; what is not confirmed ages, so
 * that a path that grew is used again. Pure.
 */
#ifndef CONVOY_TRANSPORT_TCP_MTU_H
#define CONVOY_TRANSPORT_TCP_MTU_H

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	TCP_MTU_SLOTS = 256,
	TCP_MTU_AGE_S = 600, /* RFC 1191 §6.3: ten minutes */
	/* Less is not believed: a liar could make us send crumbs. */
	TCP_MTU_MIN = 552,
	/* What nearly every path takes; tried when full packets vanish in silence. RFC 8899 §5.1.2
	 */
	TCP_MTU_BASE = 1280,
};

struct tcp_mtu_slot {
	be32 addr;
	uint32_t fib;
	uint32_t until_s; /* 0: unused */
	uint32_t mtu_bytes;
};

struct tcp_mtu_table {
	struct tcp_mtu_slot slot[TCP_MTU_SLOTS];
};

/* tcp_mtu_learn - the way to @addr takes @mtu_bytes; another destination may be forgotten for it.
 */
void tcp_mtu_learn(struct tcp_mtu_table *t, uint32_t fib, be32 addr, uint32_t mtu_bytes,
		   uint64_t now_s);

/* tcp_mtu_of - the lesser of @mtu_bytes, our interface's, and what is known. */
uint32_t tcp_mtu_of(const struct tcp_mtu_table *t, uint32_t fib, be32 addr, uint32_t mtu_bytes,
		    uint64_t now_s);

/*
 * tcp_mtu_claimed - what an error says that the next hop takes, fit to be used; 0: not to be
 * believed.
 * @claimed: the field of RFC 1191, 0 from a router that does not fill it in (§5: the next plateau)
 * @quoted:  length of the packet that was too long; a smaller one cannot have been
 */
uint32_t tcp_mtu_claimed(uint32_t claimed, uint32_t quoted);

#endif

/* path.h - what routing says about a peer: our address towards it and how much fits in a packet. */
#ifndef CONVOY_TRANSPORT_TCP_PATH_H
#define CONVOY_TRANSPORT_TCP_PATH_H

#include "transport/tcp/worker.h"

struct tcp_path {
	be32 source;	    /* of ours, as routing would choose it */
	uint32_t mtu_bytes; /* of the interface, or what is known of the way beyond it */
	uint32_t if_index;
};

/* tcp_path_to - ERR_UNREACHABLE when no route leads to @dst or it is no address of a peer. */
must_check
int tcp_path_to(const struct tcp_worker *tw, uint32_t fib, be32 dst, struct tcp_path *out);

/* tcp_path_is_busy - do packets wait before the interface? 0 or a stale index is never busy. */
bool tcp_path_is_busy(const struct tcp_worker *tw, uint32_t if_index);

/* tcp_path_is_ours - may @addr be the local end of a connection? Broadcast addresses are not. */
bool tcp_path_is_ours(const struct tcp_worker *tw, uint32_t fib, be32 addr);

#endif

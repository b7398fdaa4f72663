/* fib_peer_none.c - a machine without DPDK: nobody to compare with. */
#include "bench/fib_peer.h"

unsigned fib_peers(const struct fib_peer **out)
{
	*out = NULL;
	return 0;
}

/* path.c - ask routing. */
#include "transport/tcp/path.h"

#include "engine/engine.h"
#include "l3/fib/fib.h"

int tcp_path_to(const struct tcp_worker *tw, uint32_t fib_index, be32 dst, struct tcp_path *out)
{
	const struct fib *fib = tw->worker->engine->module[MODULE_FIB];
	const struct vrf *vrf = fib_vrf_or_null(fib, fib_index);
	const struct adjacency *a;

	if (!vrf || ip4_is_multicast(host32(dst)) || ip4_is_this_network(host32(dst)))
		return ERR_UNREACHABLE;
	a = fib_lookup(fib, vrf, host32(dst), 0);
	switch (a->kind) {
	case ADJACENCY_GLEAN:
	case ADJACENCY_INCOMPLETE:
	case ADJACENCY_REWRITE:
		*out = (struct tcp_path){ .source = a->source,
					  .mtu_bytes = a->mtu_bytes,
					  .if_index = a->if_index };
		return 0;
	default:
		return ERR_UNREACHABLE;
	}
}

bool tcp_path_is_busy(const struct tcp_worker *tw, uint32_t if_index)
{
	const struct interface *i = interface_get_or_null(tw->worker->engine, if_index);

	return i && interface_busy(i);
}

bool tcp_path_is_ours(const struct tcp_worker *tw, uint32_t fib_index, be32 addr)
{
	const struct fib *fib = tw->worker->engine->module[MODULE_FIB];
	const struct vrf *vrf = fib_vrf_or_null(fib, fib_index);

	return vrf && fib_lookup(fib, vrf, host32(addr), 0)->kind == ADJACENCY_LOCAL;
}

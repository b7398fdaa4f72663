/* session_host.c - what routing answers to the session layer. */
#include "daemon/session_host.h"

#include "l3/ip4/ip4.h"

/* NULL unless @address is IPv4 and the VRF exists. */
static const struct adjacency *look_up(const struct engine *e, uint32_t vrf_index,
				       const struct shm_address *address)
{
	const struct fib *fib = ip4_stack_of(e)->fib;
	const struct vrf *vrf = fib_vrf_or_null(fib, vrf_index);
	be32 addr;

	if (address->family != 4 || !vrf)
		return NULL;
	memcpy(&addr, address->ip, sizeof(addr));
	return fib_lookup(fib, vrf, host32(addr), 0);
}

static struct shm_address address_of(be32 addr)
{
	struct shm_address a = { .family = 4 };

	memcpy(a.ip, &addr, sizeof(addr));
	return a;
}

static enum rpc_where where(void *context, uint32_t fib, const struct shm_address *remote,
			    struct shm_address *local)
{
	const struct adjacency *a = look_up(context, fib, remote);

	if (!a)
		return RPC_WHERE_KERNEL;
	switch ((enum adjacency_kind)a->kind) {
	case ADJACENCY_LOCAL:
		*local = *remote;
		local->port = 0;
		return RPC_WHERE_LOCAL;
	case ADJACENCY_GLEAN:
	case ADJACENCY_INCOMPLETE:
	case ADJACENCY_REWRITE:
		*local = address_of(a->source);
		return RPC_WHERE_ROUTE;
	default:
		return RPC_WHERE_KERNEL;
	}
}

static bool is_local(void *context, struct worker *w unused_arg, uint32_t fib,
		     const struct shm_address *address)
{
	const struct adjacency *a = look_up(context, fib, address);

	return a && a->kind == ADJACENCY_LOCAL;
}

struct session_host session_host_of(struct engine *e)
{
	return (struct session_host){ .context = e, .where = where, .is_local = is_local };
}

/* probe_args.c - the arguments of ping and traceroute. */
#include "l3/cli/probe_args.h"

#include "base/err.h"
#include "l3/cli/ip_json.h"
#include "l3/ip6/ip6.h"
#include "l3/vrf/vrf.h"

/* Only an address of ours gets answers. */
static bool is_ours(const struct engine *e, const struct probe_options *o)
{
	const struct fib *f = ip4_stack_of(e)->fib;
	const struct vrf *v = fib_vrf_or_null(f, o->vrf);

	if (!v)
		return false;
	if (ip6_is_mapped(&o->source))
		return fib_lookup(f, v, ip6_mapped_ip4(&o->source), 0)->kind == ADJACENCY_LOCAL;
	return fib6_lookup_on(f, v, &o->source, o->if_index, 0)->kind == ADJACENCY_LOCAL;
}

int probe_take_options(struct command_call *call, struct probe_options *out)
{
	int err;

	*out = (struct probe_options){ .vrf = VRF_DEFAULT };
	err = ip_take_addr(call, "address", &out->dst);
	if (err == 0 && command_arg_text(call, "interface"))
		err = ip_take_interface(call, "interface", &out->if_index);
	if (out->if_index)
		out->vrf = vrf_of_interface(call->context, out->if_index)->index;
	if (err == 0 && command_arg_text(call, "vrf"))
		err = ip_take_vrf(call, "vrf", &out->vrf);
	if (err == 0 && command_arg_text(call, "source"))
		err = ip_take_addr(call, "source", &out->source);
	if (err != 0 || !command_arg_text(call, "source"))
		return err;
	if (ip6_is_mapped(&out->source) != ip6_is_mapped(&out->dst))
		return command_fail(call, ERR_INVAL,
				    "source and destination are of different families");
	if (!is_ours(call->context, out))
		return command_fail(call, ERR_NOENT,
				    "the source is no usable address of ours; see: convoy show "
				    "addresses");
	return 0;
}

int probe_fail_open(struct command_call *call, int err)
{
	switch (err) {
	case ERR_INVAL:
		return command_fail(call, err,
				    "only a single host can be asked; a link-local address also "
				    "needs --interface NAME");
	case ERR_UNREACHABLE:
		return command_fail(
			call, err, "no address of ours leads there; see: convoy show routes%s%s",
			command_arg_text(call, "vrf") ? " --vrf " : "",
			command_arg_text(call, "vrf") ? command_arg_text(call, "vrf") : "");
	case ERR_FULL:
		return command_fail(call, err, "too many probes at once; wait for one to end");
	default:
		return command_fail(call, err, "%s", err_text(err));
	}
}

json_t *probe_ms_json(uint64_t ns)
{
	return json_real((double)((ns + NS_PER_US / 2) / NS_PER_US) / 1000.0);
}

/* net_config_vrf.c - net.yaml's VRFs, and the interfaces and routes that are in them. */
#include <string.h>

#include "base/name.h"
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"
#include "l3/fib/fib.h"
#include "l3/rpf/rpf.h"

int net_take_rpf(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_interface *i = holder;
	const char *text;
	int err = config_take_string(d, n, &text);

	if (err < 0)
		return err;
	for (i->rpf = RPF_OFF; i->rpf < N_RPF_MODES; i->rpf++)
		if (strcmp(text, rpf_mode_name((enum rpf_mode)i->rpf)) == 0)
			return 0;
	return config_fail(d->error, n, "\"%.20s\" is none of strict, loose and off", text);
}

static bool is_known(const struct net_config *c, const char *name)
{
	if (!name || strcmp(name, "default") == 0)
		return true;
	for (uint32_t i = 0; i < c->n_vrfs; i++)
		if (strcmp(c->vrfs[i], name) == 0)
			return true;
	return false;
}

static int fail_unknown(struct config_decoder *d, const struct config_node *at, const char *key,
			const char *name)
{
	return config_fail(d->error, config_member_or_null(at, key),
			   "no VRF is called \"%.32s\"; list it in \"vrfs\"", name);
}

static int check_names(struct config_decoder *d, const struct net_config *c,
		       const struct config_node *n)
{
	for (uint32_t i = 0; i < c->n_vrfs; i++) {
		const char *name = c->vrfs[i];

		if (!name_is_good(name, VRF_NAME_MAX))
			return config_fail(d->error, config_member_or_null(n, "vrfs"),
					   "\"%.40s\" is no name for a VRF: it has 1 to %d "
					   "printable characters, no blanks",
					   name, VRF_NAME_MAX - 1);
		if (strcmp(name, "default") == 0)
			return config_fail(d->error, config_member_or_null(n, "vrfs"),
					   "the VRF \"default\" is always there; leave it out");
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(c->vrfs[k], name) == 0)
				return config_fail(d->error, config_member_or_null(n, "vrfs"),
						   "two VRFs are called \"%s\"", name);
	}
	return 0;
}

int net_check_vrfs(struct config_decoder *d, const struct net_config *c,
		   const struct config_node *n)
{
	int err = check_names(d, c, n);

	if (err < 0)
		return err;
	for (uint32_t i = 0; i < c->n_interfaces; i++)
		if (!is_known(c, c->interfaces[i].vrf))
			return fail_unknown(d, c->interfaces[i].at, "vrf", c->interfaces[i].vrf);
	for (uint32_t i = 0; i < c->n_routes; i++) {
		const struct net_route *r = &c->routes[i];

		if (!is_known(c, r->vrf))
			return fail_unknown(d, r->at, "vrf", r->vrf);
		if (!is_known(c, r->lookup))
			return fail_unknown(d, r->at, "lookup", r->lookup);
		for (uint32_t k = 0; k < r->n_hops; k++)
			if (!is_known(c, r->hops[k].vrf))
				return fail_unknown(d, r->hops[k].at, "vrf", r->hops[k].vrf);
	}
	return 0;
}

/* interface_ip.c - from an interface's "ipv6" and "proxies" to what runs. */
#include "daemon/interface_ip.h"

#include "base/err.h"
#include "control/config_tree.h"
#include "l3/ip4/address.h"
#include "l3/icmp/redirect.h"
#include "l3/ip6/advertise.h"
#include "l3/neighbor/proxy.h"
#include "l3/rpf/rpf.h"
#include "l3/vrf/vrf.h"

static struct ip6_advertise_options advertise_options(const struct net_ip6_advertise *a)
{
	struct ip6_advertise_options o = { .lifetime_s = (uint16_t)(a->lifetime_ns / NS_PER_S),
					   .hop_limit = (uint8_t)a->hop_limit,
					   .managed = a->managed,
					   .other = a->other,
					   .mtu_bytes = a->mtu_bytes,
					   .reachable_ms = (uint32_t)(a->reachable_ns / NS_PER_MS),
					   .retransmit_ms =
						   (uint32_t)(a->retransmit_ns / NS_PER_MS),
					   .interval_s = (uint32_t)(a->interval_ns / NS_PER_S),
					   .n_prefixes = (uint8_t)a->n_prefixes,
					   .n_servers = a->n_servers,
					   .servers_s = (uint32_t)(3 * a->interval_ns / NS_PER_S) };

	memcpy(o.server, a->server, sizeof(o.server));
	for (uint32_t i = 0; i < a->n_prefixes; i++) {
		const struct net_ip6_prefix *p = &a->prefixes[i];

		o.prefix[i] = (struct nd_prefix){
			.prefix = p->prefix,
			.flags = (uint8_t)((p->on_link ? ND_ON_LINK : 0) |
					   (p->autonomous ? ND_AUTONOMOUS : 0)),
			.valid_s = p->valid_s,
			.preferred_s = p->preferred_s,
		};
	}
	return o;
}

static int settle_advertiser(const struct interface *i, const struct net_ip6 *config)
{
	struct ip6_advertise_options o;
	int err;

	if (!config->advertise) {
		err = ip6_advertise_end(i->engine, i->index);
		return err == ERR_NOENT ? 0 : err;
	}
	o = advertise_options(config->advertise);
	return ip6_advertise(i->engine, i->index, &o);
}

/* Without "ipv6" in the file an IPv6 address is what switches it on. */
static int settle_ip6(const struct interface *i, const struct net_ip6 *config)
{
	const struct ip6_link_options options = {
		.interface_id = (enum ip6_interface_id)config->interface_id,
		.autoconf = config->autoconf,
		.duplicate_checks = (uint8_t)config->duplicate_checks,
	};
	int err = 0;

	if (!config->is_given) {
		err = ip6_disable_unless_needed(i->engine, i->index);
		return err == ERR_NOENT ? 0 : err;
	}
	if (config->autoconf)
		err = settle_advertiser(i, config);
	if (err == 0)
		err = ip6_enable(i->engine, i->index, &options);
	if (err == 0 && !config->autoconf)
		err = settle_advertiser(i, config);
	return err;
}

static bool is_wanted(const struct net_interface *config, const struct ip6_addr *addr)
{
	for (uint32_t n = 0; n < config->n_proxies; n++)
		if (ip6_equal(&config->proxies[n].addr, addr))
			return true;
	return false;
}

static int settle_proxies(const struct interface *i, const struct net_interface *config)
{
	const struct neighbor_proxies *have = neighbor_proxies_of_or_null(i->engine, i->index);
	int err = 0;

	for (uint32_t n = have ? have->n : 0; n-- > 0 && err == 0;) {
		struct ip6_addr addr = have->addr[n];

		if (is_wanted(config, &addr))
			continue;
		err = neighbor_del_proxy(i->engine, i->index, &addr);
		have = neighbor_proxies_of_or_null(i->engine, i->index);
	}
	for (uint32_t n = 0; n < config->n_proxies && err == 0; n++) {
		err = neighbor_add_proxy(i->engine, i->index, &config->proxies[n].addr);
		err = err == ERR_EXIST ? 0 : err;
	}
	return err;
}

static int settle_unnumbered(const struct interface *i, const struct net_interface *config,
			     struct config_error *error)
{
	const struct interface *lender =
		config->unnumbered ? interface_by_name_or_null(i->engine, config->unnumbered)
				   : NULL;
	int err = config->unnumbered && !lender ? ERR_NOENT : 0;

	if (err == 0)
		err = ip4_set_unnumbered(i->engine, i->index, lender ? lender->index : 0);
	if (err < 0)
		config_fail(error, config->at,
			    "interface \"%s\" cannot use the addresses of \"%s\": %s", config->name,
			    config->unnumbered,
			    err == ERR_NOENT   ? "it has to stand before it in the file"
			    : err == ERR_BUSY  ? "it has addresses of its own"
			    : err == ERR_INVAL ? "that one has none of its own either"
					       : err_text(err));
	return err;
}

int interface_ip_settle(const struct interface *i, const struct net_interface *config,
			struct config_error *error)
{
	int err = rpf_set(i->engine, i->index, (enum rpf_mode)config->rpf);

	if (err == 0)
		err = redirect_set(i->engine, i->index, !config->no_redirects);
	if (err < 0)
		config_fail(error, config->at,
			    "interface \"%s\" cannot check the sources of its packets: %s",
			    config->name, err_text(err));
	if (err < 0)
		return err;
	err = settle_unnumbered(i, config, error);
	if (err < 0)
		return err;
	err = settle_ip6(i, &config->ip6);
	if (err < 0) {
		config_fail(error, config->at, "interface \"%s\" cannot have IPv6: %s",
			    config->name,
			    err == ERR_RANGE ? "it needs an MTU of at least 1280" : err_text(err));
		return err;
	}
	err = settle_proxies(i, config);
	if (err < 0)
		config_fail(error, config->at, "interface \"%s\" cannot answer for its proxies: %s",
			    config->name,
			    err == ERR_INVAL ? "one is no address of a single host"
					     : err_text(err));
	return err;
}

int interface_ip_place(const struct interface *i, const struct net_interface *config,
		       struct config_error *error)
{
	const struct fib *f = i->engine->module[MODULE_FIB];
	struct vrf *v = config->vrf ? fib_vrf_by_name_or_null(f, config->vrf)
				    : fib_vrf_or_null(f, VRF_DEFAULT);
	const char *what = "there is none of that name";
	int err = v ? vrf_move_interface(i->engine, i->index, v, &what) : ERR_NOENT;

	if (err < 0)
		config_fail(error, config->at, "interface \"%s\" cannot be in VRF \"%s\": %s",
			    config->name, config->vrf ? config->vrf : "default", what);
	return err;
}

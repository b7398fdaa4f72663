/* interface_ip.h - what net.yaml says about IP on an interface, besides its addresses. */
#ifndef CONVOY_DAEMON_INTERFACE_IP_H
#define CONVOY_DAEMON_INTERFACE_IP_H

#include "daemon/net_config.h"

struct engine;
struct interface;

/*
 * interface_ip_settle - IPv6, its advertisements and the proxies of @i are to be as @config says.
 * An enum err, with the reason in @error; then some of it may have changed, and settling it to the
 * configuration before undoes that.
 */
must_check
int interface_ip_settle(const struct interface *i, const struct net_interface *config,
			struct config_error *error);

/* interface_ip_place - put an interface into its VRF, with all that goes along: l3/vrf/vrf.h. */
must_check
int interface_ip_place(const struct interface *i, const struct net_interface *config,
		       struct config_error *error);

#endif

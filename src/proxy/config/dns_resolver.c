/* dns_resolver.c - who is asked for names: CaresDnsResolverConfig. */
#include "proxy/config/messages.h"

static const struct config_field options_fields[] = {
	{ "use_tcp_for_dns_lookups", CONFIG_BOOL,
	  .offset = offsetof(struct dns_resolver_config, use_tcp) },
	{ "no_default_search_domain", CONFIG_BOOL,
	  .offset = offsetof(struct dns_resolver_config, no_search) },
};
static const struct config_message options_message = {
	.name = "DnsResolverOptions",
	.size = sizeof(struct dns_resolver_config),
	.fields = options_fields,
	.n_fields = count_of(options_fields),
};

static int take_options(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct dns_resolver_config *r = holder, options;
	int err = config_decode(d, n, &options_message, &options);

	r->use_tcp = options.use_tcp;
	r->no_search = options.no_search;
	return err;
}

static int finish_cares(struct config_decoder *d, const struct config_node *n unused_arg,
			void *holder)
{
	struct dns_resolver_config *r = holder;
	struct address ip;

	r->given = true;
	for (uint32_t i = 0; i < r->n_servers; i++)
		if (r->servers[i].kind != ADDRESS_SOCKET ||
		    address_config_resolve(&r->servers[i], &ip))
			return config_fail(d->error, r->servers[i].at,
					   "a DNS server needs an IP address");
	return 0;
}

static const struct config_field cares_fields[] = {
	{ "resolvers", CONFIG_MESSAGE_LIST, .offset = offsetof(struct dns_resolver_config, servers),
	  .n_offset = offsetof(struct dns_resolver_config, n_servers),
	  .message = &address_message },
	{ "dns_resolver_options", CONFIG_CUSTOM, .decode = take_options },
	{ "query_timeout_seconds", CONFIG_U64,
	  .offset = offsetof(struct dns_resolver_config, query_timeout_s), .min = 1, .max = 3600 },
	{ "query_tries", CONFIG_U32, .offset = offsetof(struct dns_resolver_config, query_tries),
	  .min = 1, .max = 100 },
};
static const struct config_message cares_message = {
	.name = "CaresDnsResolverConfig",
	.size = sizeof(struct dns_resolver_config),
	.fields = cares_fields,
	.n_fields = count_of(cares_fields),
	.known = "use_resolvers_as_fallback filter_unroutable_families udp_max_queries "
		 "rotate_nameservers edns0_max_payload_size max_udp_channel_duration "
		 "reinit_channel_on_timeout",
	.finish = finish_cares,
};

static const struct config_extension_kind resolvers[] = {
	{ "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
	  "envoy.network.dns_resolver.cares", 0, &cares_message },
};

int take_dns_resolver(struct config_decoder *d, const struct config_node *n,
		      struct dns_resolver_config *out)
{
	struct config_extension e;
	int err = config_take_extension(d, n, resolvers, count_of(resolvers), &e);

	return err ? err : config_decode(d, e.config, e.kind->message, out);
}

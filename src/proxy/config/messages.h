/* messages.h - inside the config folder: the decoding tables that others build on. */
#ifndef CONVOY_PROXY_CONFIG_MESSAGES_H
#define CONVOY_PROXY_CONFIG_MESSAGES_H

#include "base/clock.h"
#include "control/config_decode.h"
#include "proxy/config/bootstrap.h"

/* Envoy's defaults, for structs that hold these without a field of their own. */
#define HTTP_OPTIONS_DEFAULTS                                                                      \
	{                                                                                          \
		.idle_timeout_ns = 3600ull * NS_PER_S,                                             \
		.max_connection_duration_ns = CONFIG_UNSET_NS,                                     \
		.max_stream_duration_ns = CONFIG_UNSET_NS, .max_headers_count = 100                \
	}
#define HTTP1_OPTIONS_DEFAULTS                                                                     \
	{                                                                                          \
		.allow_absolute_url = true                                                         \
	}

extern const struct config_message address_message;
extern const struct config_message access_log_message;
extern const struct config_message http_options_message;
extern const struct config_message http1_options_message;
extern const struct config_message route_table_message;
extern const struct config_message hcm_message;
extern const struct config_message listener_message;
extern const struct config_message cluster_message;
extern const struct config_message bootstrap_message;

/* take_no_filter_config - typed_per_filter_config: no filter of ours takes any. */
int take_no_filter_config(struct config_decoder *d, const struct config_node *n, void *holder);

/* take_transport_socket - plain bytes; everything else is refused by its name. */
int take_transport_socket(struct config_decoder *d, const struct config_node *n, void *holder);

/* take_load_assignment - the endpoints of the cluster_config that is @holder. */
int take_load_assignment(struct config_decoder *d, const struct config_node *n, void *holder);

/* take_http_protocol_options - a cluster's typed_extension_protocol_options. */
int take_http_protocol_options(struct config_decoder *d, const struct config_node *n, void *holder);

/* take_dns_resolver - a typed_dns_resolver_config into @out. */
int take_dns_resolver(struct config_decoder *d, const struct config_node *n,
		      struct dns_resolver_config *out);

/* bootstrap_validate - what needs more than one part of the file. 0 or ERR_INVAL, ERR_NOMEM. */
must_check
int bootstrap_validate(struct config_decoder *d, struct bootstrap_config *b);

/* data_source_take - envoy.config.core.v3.DataSource: the bytes, wherever they come from. */
struct data_source {
	const char *bytes; /* never NULL */
	size_t len;
};
int data_source_take(struct config_decoder *d, const struct config_node *n,
		     struct data_source *out);

#endif

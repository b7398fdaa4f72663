/* http_options.c - protocol options that connection managers and clusters share. */
#include "proxy/config/http.h"

#include "proxy/config/messages.h"

static const struct config_enum_value underscores[] = {
	{ "ALLOW", UNDERSCORES_ALLOW, NULL },
	{ "REJECT_REQUEST", UNDERSCORES_REJECT_REQUEST, NULL },
	{ "DROP_HEADER", UNDERSCORES_DROP_HEADER, NULL },
};
static const struct config_enum underscores_enum = { underscores, count_of(underscores) };

static const struct config_field common_fields[] = {
	{ "idle_timeout", CONFIG_DURATION,
	  .offset = offsetof(struct http_options_config, idle_timeout_ns) },
	{ "max_connection_duration", CONFIG_DURATION,
	  .offset = offsetof(struct http_options_config, max_connection_duration_ns) },
	{ "max_stream_duration", CONFIG_DURATION,
	  .offset = offsetof(struct http_options_config, max_stream_duration_ns) },
	{ "max_headers_count", CONFIG_U32,
	  .offset = offsetof(struct http_options_config, max_headers_count), .min = 1 },
	{ "max_requests_per_connection", CONFIG_U32,
	  .offset = offsetof(struct http_options_config, max_requests_per_connection) },
	{ "headers_with_underscores_action", CONFIG_ENUM,
	  .offset = offsetof(struct http_options_config, underscores),
	  .values = &underscores_enum },
	{ "max_response_headers_kb", .type = CONFIG_MISSING },
};
static const struct http_options_config common_defaults = HTTP_OPTIONS_DEFAULTS;
const struct config_message http_options_message = {
	.name = "HttpProtocolOptions",
	.size = sizeof(struct http_options_config),
	.defaults = &common_defaults,
	.fields = common_fields,
	.n_fields = count_of(common_fields),
};

struct key_format {
	uint8_t kind;
};
enum { KEY_FORMAT_PROPER_CASE = 1 };

static const struct config_message empty_message = { .name = "ProperCaseWords" };
static const struct config_field key_format_fields[] = {
	{ "proper_case_words", CONFIG_MESSAGE, .message = &empty_message,
	  .case_offset = offsetof(struct key_format, kind), .case_is = KEY_FORMAT_PROPER_CASE },
	{ "stateful_formatter", CONFIG_MISSING, .feature = "stateful header formatters" },
};
static const struct config_message key_format_message = {
	.name = "HeaderKeyFormat",
	.size = sizeof(struct key_format),
	.fields = key_format_fields,
	.n_fields = count_of(key_format_fields),
};

static int take_key_format(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct key_format format;
	int err = config_decode(d, n, &key_format_message, &format);

	((struct http1_options_config *)holder)->proper_case_words =
		format.kind == KEY_FORMAT_PROPER_CASE;
	return err;
}

static const struct config_field http1_fields[] = {
	{ "allow_absolute_url", CONFIG_BOOL,
	  .offset = offsetof(struct http1_options_config, allow_absolute_url) },
	{ "accept_http_10", CONFIG_BOOL,
	  .offset = offsetof(struct http1_options_config, accept_http_10) },
	{ "default_host_for_http_10", CONFIG_STRING,
	  .offset = offsetof(struct http1_options_config, default_host_for_http_10) },
	{ "header_key_format", CONFIG_CUSTOM, .decode = take_key_format },
	{ "enable_trailers", CONFIG_BOOL,
	  .offset = offsetof(struct http1_options_config, enable_trailers) },
	{ "allow_chunked_length", CONFIG_BOOL,
	  .offset = offsetof(struct http1_options_config, allow_chunked_length) },
	{ "override_stream_error_on_invalid_http_message", CONFIG_ONLY, .only = "false" },
	{ "send_fully_qualified_url", CONFIG_ONLY, .only = "false" },
	{ "use_balsa_parser", .type = CONFIG_NO_EFFECT }, /* which of Envoy's parsers */
	{ "allow_custom_methods", CONFIG_ONLY, .only = "false" },
	{ "ignore_http_11_upgrade", CONFIG_MISSING, .feature = "HTTP upgrades" },
};
static const struct http1_options_config http1_defaults = HTTP1_OPTIONS_DEFAULTS;
const struct config_message http1_options_message = {
	.name = "Http1ProtocolOptions",
	.size = sizeof(struct http1_options_config),
	.defaults = &http1_defaults,
	.fields = http1_fields,
	.n_fields = count_of(http1_fields),
};

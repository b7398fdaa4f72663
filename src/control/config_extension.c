/*
 * config_extension.c - which extension a {name, typed_config} message asks for.
 * Envoy has hundreds; those that we lack are refused by a feature name that is derived from the
 * type, so that no list of them has to be kept.
 */
#include "control/config_decode.h"

#include <stdio.h>

/* What a type is called in messages, by its package: "HTTP filter" + "lua". */
struct category {
	const char *package;
	const char *text;
};

static const struct category categories[] = {
	{ "envoy.extensions.filters.http.", "HTTP filter" },
	{ "envoy.extensions.filters.network.", "network filter" },
	{ "envoy.extensions.filters.listener.", "listener filter" },
	{ "envoy.extensions.filters.udp.", "UDP filter" },
	{ "envoy.extensions.transport_sockets.", "transport socket" },
	{ "envoy.extensions.access_loggers.", "access logger" },
	{ "envoy.extensions.clusters.", "cluster type" },
	{ "envoy.extensions.load_balancing_policies.", "load balancing policy" },
	{ "envoy.extensions.upstreams.", "upstream protocol options" },
	{ "envoy.extensions.resource_monitors.", "overload resource monitor" },
	{ "envoy.extensions.compression.", "compression library" },
	{ "envoy.extensions.network.dns_resolver.", "DNS resolver" },
	{ "envoy.extensions.network.socket_interface.", "socket interface" },
	{ "envoy.extensions.http.", "HTTP extension" },
	{ "envoy.config.trace.", "tracer" },
	{ "envoy.config.metrics.", "stats sink" },
	{ "envoy.extensions.", "extension" },
	{ "envoy.", "type" },
};

/* What v2 packages became; a type that matches none keeps its path. */
static const struct category v2_packages[] = {
	{ "envoy.config.filter.accesslog.v2.", "envoy.config.accesslog.v3." },
	{ "envoy.config.filter.", "envoy.extensions.filters." },
	{ "envoy.config.accesslog.v2.FileAccessLog",
	  "envoy.extensions.access_loggers.file.v3.FileAccessLog" },
	{ "envoy.api.v2.auth.", "envoy.extensions.transport_sockets.tls.v3." },
	{ "envoy.api.v2.route.", "envoy.config.route.v3." },
	{ "envoy.api.v2.core.", "envoy.config.core.v3." },
	{ "envoy.api.v2.Cluster", "envoy.config.cluster.v3.Cluster" },
	{ "envoy.api.v2.Listener", "envoy.config.listener.v3.Listener" },
	{ "envoy.api.v2.", "envoy.config.route.v3." },
	{ "", "" },
};

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static const char *last_part(const char *text, char separator)
{
	const char *at = strrchr(text, separator);

	return at ? at + 1 : text;
}

static const struct config_extension_kind *
kind_of_type_or_null(const struct config_extension_kind *kinds, uint32_t n_kinds, const char *type)
{
	for (uint32_t i = 0; i < n_kinds; i++)
		if (!strcmp(kinds[i].type, type))
			return &kinds[i];
	return NULL;
}

static const struct config_extension_kind *
kind_of_name_or_null(const struct config_extension_kind *kinds, uint32_t n_kinds, const char *name)
{
	size_t len = strlen(name);

	for (uint32_t i = 0; len && i < n_kinds; i++)
		for (const char *at = kinds[i].names; at && *at; at += strspn(at, " ")) {
			size_t n = strcspn(at, " ");

			if (n == len && !memcmp(at, name, n))
				return &kinds[i];
			at += n;
		}
	return NULL;
}

static int refuse_v2(struct config_decoder *d, const struct config_node *n, const char *type)
{
	char v3[160];
	const struct category *p = v2_packages;
	const char *rest;
	char *version;

	while (!starts_with(type, p->package))
		p++;
	rest = type + strlen(p->package);
	snprintf(v3, sizeof(v3), "%s%.90s", p->text, rest);
	version = strstr(v3, ".v2");
	if (version)
		version[2] = '3';
	return config_fail(d->error, n, "\"%.90s\" is of the v2 API; v3 has \"%s\"", type, v3);
}

static int refuse_type(struct config_decoder *d, const struct config_node *n, const char *type)
{
	const struct category *c = categories;
	const char *at;
	char v2[] = ".v2";

	if (!starts_with(type, "envoy."))
		return config_fail(d->error, n, "unknown type \"%.100s\"", type);
	at = strstr(type, v2);
	if (at && (at[3] == '.' || starts_with(at + 3, "alpha")))
		return refuse_v2(d, n, type);
	while (!starts_with(type, c->package))
		c++;
	at = type + strlen(c->package);
	return config_fail(d->error, n, "%s \"%.*s\" (%.100s): not supported yet", c->text,
			   (int)strcspn(at, "."), at, type);
}

/* google.protobuf.Struct in disguise: the real type and fields are one level down. */
static bool is_typed_struct(const char *type)
{
	return !strcmp(type, "udpa.type.v1.TypedStruct") ||
	       !strcmp(type, "xds.type.v3.TypedStruct");
}

static int take_type(struct config_decoder *d, const struct config_node *any, const char *member,
		     const struct config_node **at, const char **type)
{
	int err;

	*at = config_member_or_null(any, member);
	if (!*at)
		return config_fail(d->error, any, "\"%s\" is missing", member);
	err = config_take_string(d, *at, type);
	if (!err)
		*type = last_part(*type, '/');
	return err;
}

int config_take_any(struct config_decoder *d, const struct config_node *any,
		    const struct config_extension_kind *kinds, uint32_t n_kinds,
		    struct config_extension *out)
{
	const struct config_node *at;
	const char *type;
	int err = take_type(d, any, "@type", &at, &type);

	out->config = any;
	if (!err && is_typed_struct(type)) {
		err = take_type(d, any, "type_url", &at, &type);
		out->config = config_member_or_null(any, "value");
	}
	if (err)
		return err;
	out->kind = kind_of_type_or_null(kinds, n_kinds, type);
	return out->kind ? 0 : refuse_type(d, at, type);
}

int config_take_extension(struct config_decoder *d, const struct config_node *n,
			  const struct config_extension_kind *kinds, uint32_t n_kinds,
			  struct config_extension *out)
{
	const struct config_node *any = config_member_or_null(n, "typed_config");
	const struct config_node *named = config_member_or_null(n, "name");
	const char *name = "";

	if (any && any->kind != CONFIG_NULL)
		return config_take_any(d, any, kinds, n_kinds, out);
	if (named && named->kind != CONFIG_NULL) {
		int err = config_take_string(d, named, &name);

		if (err)
			return err;
	}
	out->config = NULL;
	out->kind = kind_of_name_or_null(kinds, n_kinds, name);
	if (out->kind)
		return 0;
	if (!*name)
		return config_fail(d->error, n, "\"typed_config\" is missing");
	return config_fail(d->error, named,
			   "extension \"%.80s\" without typed_config: not supported", name);
}

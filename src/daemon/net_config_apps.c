/* net_config_apps.c - the table of what net.yaml says about applications. */
#include <stdlib.h>

#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"
#include "shm/rpc.h"

static int take_mode(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct net_apps *apps = holder;
	const char *text;
	char *end;
	int err = config_take_string(d, n, &text);

	if (err < 0)
		return err;
	apps->socket_mode = (uint32_t)strtoul(text, &end, 8);
	if (*text < '0' || *text > '7' || *end || apps->socket_mode > 0777)
		return config_fail(d->error, n,
				   "\"%.20s\" are no permissions; expected some like \"0660\"",
				   text);
	return 0;
}

static int finish_namespace(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_namespace *one = holder;

	if (strlen(one->name) < RPC_NAME_BYTES)
		return 0;
	return config_fail(d->error, config_member_or_null(n, "name"),
			   "the name is longer than %d bytes", RPC_NAME_BYTES - 1);
}

static const struct config_field namespace_fields[] = {
	{ .name = "name", .type = CONFIG_STRING, .offset = offsetof(struct net_namespace, name) },
	{ .name = "secret", .type = CONFIG_U64, .offset = offsetof(struct net_namespace, secret) },
};

static const struct net_namespace namespace_defaults = { .name = "" };

static const struct config_message namespace_message = {
	.name = "namespace",
	.size = sizeof(struct net_namespace),
	.defaults = &namespace_defaults,
	.fields = namespace_fields,
	.n_fields = count_of(namespace_fields),
	.finish = finish_namespace,
};

static int finish_apps(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct net_apps *apps = holder;

	for (uint32_t i = 0; i < apps->n_namespaces; i++)
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(apps->namespaces[i].name, apps->namespaces[k].name) == 0)
				return config_fail(d->error, config_member_or_null(n, "namespaces"),
						   "two namespaces are called \"%s\"",
						   apps->namespaces[i].name);
	return 0;
}

static const struct config_field apps_fields[] = {
	{ .name = "socket_mode", .type = CONFIG_CUSTOM, .decode = take_mode },
	{ .name = "namespaces",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct net_apps, namespaces),
	  .n_offset = offsetof(struct net_apps, n_namespaces),
	  .message = &namespace_message },
};

static const struct net_apps apps_defaults = { .socket_mode = NET_APPS_SOCKET_MODE };

const struct config_message net_apps_message = {
	.name = "apps",
	.size = sizeof(struct net_apps),
	.defaults = &apps_defaults,
	.fields = apps_fields,
	.n_fields = count_of(apps_fields),
	.finish = finish_apps,
};

/* address.c - envoy.config.core.v3.Address. */
#include "proxy/config/address.h"

#include <stdio.h>
#include <strings.h>

#include "proxy/config/messages.h"

/* resolver_name doubles as the choice of a socket interface, as it does in Envoy. */
static int take_socket_interface(struct config_decoder *d, const struct config_node *n,
				 void *holder)
{
	static const struct {
		const char *name;
		enum socket_interface_choice choice;
	} names[] = {
		{ "envoy.extensions.network.socket_interface.default_socket_interface",
		  SOCKET_INTERFACE_KERNEL },
		{ "convoy", SOCKET_INTERFACE_CONVOY },
		{ "envoy.extensions.vcl.vcl_socket_interface", SOCKET_INTERFACE_CONVOY },
	};
	struct socket_address_config *a = holder;
	const char *name;
	int err = config_take_string(d, n, &name);

	for (unsigned i = 0; !err && i < count_of(names); i++)
		if (!strcmp(name, names[i].name)) {
			a->socket_interface = (uint8_t)names[i].choice;
			return 0;
		}
	if (!err && *name)
		err = config_fail(d->error, n, "address resolver \"%.60s\": not supported yet",
				  name);
	return err;
}

static const struct config_field socket_fields[] = {
	{ "protocol", CONFIG_ONLY, .only = "TCP", .feature = "UDP listeners" },
	{ "address", CONFIG_STRING, .offset = offsetof(struct socket_address_config, address),
	  .flags = CONFIG_REQUIRED },
	{ "port_value", CONFIG_U16, .offset = offsetof(struct socket_address_config, port),
	  .flags = CONFIG_REQUIRED },
	{ "named_port", CONFIG_MISSING, .feature = "ports by name" },
	{ "resolver_name", CONFIG_CUSTOM, .decode = take_socket_interface },
	{ "ipv4_compat", CONFIG_BOOL,
	  .offset = offsetof(struct socket_address_config, ipv4_compat) },
	{ "network_namespace_filepath", CONFIG_MISSING, .feature = "network namespaces" },
};
static const struct config_message socket_message = {
	.name = "SocketAddress",
	.size = sizeof(struct socket_address_config),
	.fields = socket_fields,
	.n_fields = count_of(socket_fields),
};

static const struct config_field pipe_fields[] = {
	{ "path", CONFIG_STRING, .offset = offsetof(struct pipe_config, path),
	  .flags = CONFIG_REQUIRED },
	{ "mode", CONFIG_U32, .offset = offsetof(struct pipe_config, mode), .max = 0777 },
};
static const struct config_message pipe_message = {
	.name = "Pipe",
	.size = sizeof(struct pipe_config),
	.fields = pipe_fields,
	.n_fields = count_of(pipe_fields),
};

static int finish_address(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct address_config *a = holder;

	if (a->kind == ADDRESS_UNSET)
		return config_fail(d->error, n, "\"socket_address\" or \"pipe\" is missing");
	return 0;
}

static const struct config_field address_fields[] = {
	{ "socket_address", CONFIG_MESSAGE, .offset = offsetof(struct address_config, socket),
	  .message = &socket_message, .case_offset = offsetof(struct address_config, kind),
	  .case_is = ADDRESS_SOCKET },
	{ "pipe", CONFIG_MESSAGE, .offset = offsetof(struct address_config, pipe),
	  .message = &pipe_message, .case_offset = offsetof(struct address_config, kind),
	  .case_is = ADDRESS_PIPE },
	{ "envoy_internal_address", CONFIG_MISSING, .feature = "internal listeners" },
};
const struct config_message address_message = {
	.name = "Address",
	.size = sizeof(struct address_config),
	.fields = address_fields,
	.n_fields = count_of(address_fields),
	.at_offset = offsetof(struct address_config, at),
	.finish = finish_address,
};

int address_config_resolve(const struct address_config *a, struct address *out)
{
	if (a->kind == ADDRESS_PIPE)
		return address_of_path(out, a->pipe.path);
	return address_parse_ip(out, a->socket.address, a->socket.port);
}

const char *address_config_text(const struct address_config *a, char *out, size_t size)
{
	if (a->kind == ADDRESS_PIPE)
		snprintf(out, size, "%s", a->pipe.path);
	else if (strchr(a->socket.address, ':'))
		snprintf(out, size, "[%s]:%u", a->socket.address, a->socket.port);
	else
		snprintf(out, size, "%s:%u", a->socket.address, a->socket.port);
	return out;
}

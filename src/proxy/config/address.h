/* address.h - envoy.config.core.v3.Address as configured: text, before any resolution. */
#ifndef CONVOY_PROXY_CONFIG_ADDRESS_H
#define CONVOY_PROXY_CONFIG_ADDRESS_H

#include "base/compiler.h"

struct config_node;

/* Which factory of I/O handles serves an address. */
enum socket_interface_choice {
	SOCKET_INTERFACE_DEFAULT, /* what default_socket_interface says */
	SOCKET_INTERFACE_KERNEL,
	SOCKET_INTERFACE_CONVOY,
};

enum address_kind { ADDRESS_UNSET, ADDRESS_SOCKET, ADDRESS_PIPE };

/* A duration that was not given, where that differs from 0 (which mostly means "off"). */
#define CONFIG_UNSET_NS UINT64_MAX

struct socket_address_config {
	const char *address; /* an IP address, or a host name where the cluster's type allows one */
	uint16_t port;
	bool ipv4_compat;
	/* from resolver_name, which names the socket interface of this one address */
	uint8_t socket_interface; /* enum socket_interface_choice */
};

struct pipe_config {
	const char *path;
	uint32_t mode; /* permission bits of the socket file; 0 leaves it to the umask */
};

struct address_config {
	uint8_t kind; /* enum address_kind */
	struct socket_address_config socket;
	struct pipe_config pipe;
	const struct config_node *at; /* where it stands, for messages */
};

/* address_config_text - "10.0.0.1:80", "[::1]:80" or the pipe's path, into @out; returns @out. */
const char *address_config_text(const struct address_config *a, char *out, size_t size);

/* address_config_is_ip - true for a socket address whose text is an IPv4 or IPv6 address. */
bool address_config_is_ip(const struct address_config *a);

#endif

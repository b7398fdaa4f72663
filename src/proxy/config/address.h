/* address.h - envoy.config.core.v3.Address as configured: text, before any resolution. */
#ifndef CONVOY_PROXY_CONFIG_ADDRESS_H
#define CONVOY_PROXY_CONFIG_ADDRESS_H

#include "base/compiler.h"
#include "proxy/net/address.h"

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

/*
 * address_config_resolve - the address as a value, without asking anybody.
 * Returns 0, or ERR_FORMAT for a host name and ERR_RANGE for a path that is too long.
 */
must_check
int address_config_resolve(const struct address_config *a, struct address *out);

/* address_config_text - "10.0.0.1:80", "[::1]:80", "web:80" or the pipe's path; returns @out. */
const char *address_config_text(const struct address_config *a, char *out, size_t size);

#endif

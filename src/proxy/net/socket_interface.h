/*
 * socket_interface.h - factories of I/O handles, found by name.
 *
 * A process makes one registry at start, adds the interfaces that it has, and passes it on. An
 * address may name its interface (listener, cluster, admin, xDS); without a name it gets the
 * default, which the bootstrap's default_socket_interface sets.
 */
#ifndef CONVOY_PROXY_NET_SOCKET_INTERFACE_H
#define CONVOY_PROXY_NET_SOCKET_INTERFACE_H

#include "proxy/net/io_handle.h"

#define SOCKET_NAME_KERNEL "envoy.extensions.network.socket_interface.default_socket_interface"
#define SOCKET_NAME_CONVOY "convoy"
#define SOCKET_NAME_VCL	   "envoy.extensions.vcl.vcl_socket_interface"

enum { SOCKET_INTERFACES_MAX = 4 };

struct socket_interface_ops {
	const char *name;
	const char *aliases[3]; /* NULL-terminated when fewer */

	/*
	 * A new handle, neither bound nor connected. @d is the dispatcher of the calling thread and
	 * of the handle's whole life. ERR_UNSUPPORTED for a family or type that it does not have,
	 * ERR_FULL when descriptors or sessions are exhausted.
	 */
	int (*open)(struct socket_interface *si, struct dispatcher *d, enum io_type type,
		    enum address_family family, struct io_handle **out);
	bool (*family_supported)(struct socket_interface *si, enum address_family family);

	/*
	 * Called in each worker's thread before its first handle and after its last one; may be
	 * NULL. *@worker_state is what socket_interface_worker() then returns in that thread.
	 */
	int (*worker_start)(struct socket_interface *si, struct dispatcher *d, void **worker_state);
	void (*worker_stop)(struct socket_interface *si, struct dispatcher *d, void *worker_state);
	void (*free)(struct socket_interface *si);
};

/* First member of every provider's interface. Shared by all threads; immutable after start. */
struct socket_interface {
	const struct socket_interface_ops *ops;
	unsigned slot; /* set by the registry */
};

struct socket_registry {
	struct socket_interface *interfaces[SOCKET_INTERFACES_MAX];
	unsigned n;
	struct socket_interface *default_interface;
};

void socket_registry_init(struct socket_registry *r);

/* socket_registry_deinit - frees the interfaces; all workers must have stopped. */
void socket_registry_deinit(struct socket_registry *r);

/* socket_registry_add - take @si; the first one becomes the default. ERR_EXIST, ERR_FULL. */
must_check
int socket_registry_add(struct socket_registry *r, struct socket_interface *si);

/* socket_registry_find_or_null - by name or alias; an empty or NULL name is the default. */
struct socket_interface *socket_registry_find_or_null(const struct socket_registry *r,
						      const char *name);
must_check
int socket_registry_set_default(struct socket_registry *r, const char *name);

/* In each thread that opens handles (workers and main): before the first and after the last. */
must_check
int socket_registry_worker_start(struct socket_registry *r, struct dispatcher *d);
void socket_registry_worker_stop(struct socket_registry *r, struct dispatcher *d);

/* socket_interface_worker - what worker_start() of @si made for this thread; NULL if nothing. */
void *socket_interface_worker(const struct socket_interface *si, const struct dispatcher *d);

static inline int socket_interface_open(struct socket_interface *si, struct dispatcher *d,
					enum io_type type, enum address_family family,
					struct io_handle **out)
{
	return si->ops->open(si, d, type, family, out);
}

/* kernel_sockets_new - the kernel's sockets. */
struct socket_interface *kernel_sockets_new(void);

/* convoy_sockets_new - sessions of our own stack; attaches to convoyd with the first handle. */
struct socket_interface *convoy_sockets_new(void);

#endif

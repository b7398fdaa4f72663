/*
 * netdev.h - a network device of the kernel that a driver works on: what it is like, and following
 * it as it goes and comes back.
 *
 *            found                 all workers have it             deleted, or another of its name
 *   GONE ─── open() ──> ATTACHING ───────────────────> ATTACHED ─────────────────> DETACHING
 *     ^                 attach() on each worker                    detach() on each worker │
 *     └────────────────────────────────── close() <─────────────────────────────────────────┘
 *
 * Everything is main's but attach() and detach(). An event of the kernel (rtnetlink) is a hint to
 * look; what counts is what is found then. The interface's link is what the device says, and down
 * in every state but ATTACHED.
 */
#ifndef CONVOY_DRIVERS_NETDEV_H
#define CONVOY_DRIVERS_NETDEV_H

#include <net/if.h>

#include "engine/engine.h"

enum { NETDEV_DRIVER_MAX = 32 };

struct netdev_info {
	int index;
	uint8_t mac[MAC_LEN];
	uint32_t mtu_bytes;
	bool up;      /* IFF_UP: somebody wants it */
	bool running; /* and it has a carrier */
	bool tso;     /* cuts super-segments, or passes them whole to another kernel device */
	uint32_t n_rx_queues;
	char driver[NETDEV_DRIVER_MAX]; /* "veth", "virtio_net"; "" if it does not say */
};

enum netdev_state { NETDEV_GONE, NETDEV_ATTACHING, NETDEV_ATTACHED, NETDEV_DETACHING };

/* What its driver does; @context is struct netdev's. */
struct netdev_ops {
	/* Main: open what the workers will use on the device @info. ERR_* with a sentence in @why.
	 */
	int (*open)(void *context, const struct netdev_info *info, char *why, size_t why_bytes);
	void (*attach)(struct worker *w, void *context);
	/* On each worker; also where nothing was attached. */
	void (*detach)(struct worker *w, void *context);
	/* Main: no worker uses it any more; close what open() opened. */
	void (*close)(void *context);
	/* Main: it has changed, but is the same device; may be NULL. */
	void (*changed)(void *context, const struct netdev_info *info);
};

/* Embedded in the driver's device. */
struct netdev {
	char name[IFNAMSIZ];
	enum netdev_state state;
	struct netdev_info info; /* as last seen */
	const struct netdev_ops *ops;
	void *context;
	struct engine *engine;
	struct interface *interface;
	int ask_fd;		 /* for ioctls */
	struct main_watch watch; /* rtnetlink; -1 when closed */
	bool closing;
	bool failed; /* open() failed the last time: said once */
};

/*
 * netdev_open - find the device @name and open it by @ops->open(). @n is not followed yet.
 * ERR_INVAL for a name that no device has, ERR_NOENT when there is none, what open() says, ERR_IO;
 * each with a sentence in @why. On failure nothing is left to close.
 */
must_check
int netdev_open(struct netdev *n, const char *name, const struct netdev_ops *ops, void *context,
		char *why, size_t why_bytes);

/*
 * netdev_attach - give it to the workers on behalf of @interface, and follow it from now on.
 * ERR_NOMEM, ERR_IO; then only netdev_close() may follow.
 */
must_check
int netdev_attach(struct netdev *n, struct interface *interface);

/* netdev_close - follow it no more; what is open stays until netdev_free(). */
void netdev_close(struct netdev *n);

/* netdev_free - no worker uses it: close what is open. */
void netdev_free(struct netdev *n);

/* netdev_set_up - bring the device up if it is not. ERR_PERM, ERR_NOENT, ERR_IO. */
must_check
int netdev_set_up(struct netdev *n);

/*
 * netdev_join - have the device @info receive all multicast packets, with @promiscuous all packets,
 * for as long as the descriptor *@fd is open. ERR_PERM and others with a sentence in @why.
 */
must_check
int netdev_join(const struct netdev *n, const struct netdev_info *info, bool promiscuous, int *fd,
		char *why, size_t why_bytes);

/* netdev_check_mtu - ERR_RANGE with a sentence in @why if it is larger than the device's. */
must_check
int netdev_check_mtu(const struct netdev *n, uint32_t mtu_bytes, char *why, size_t why_bytes);

/* For struct interface_driver, where the interface's device begins with its struct netdev. */
int netdev_interface_set_up(struct interface *i, bool up);
void netdev_interface_detach(struct worker *w, struct interface *i);
void netdev_interface_close(struct interface *i);

/* netdev_close_fd - unless it is -1, which it is then. */
void netdev_close_fd(int *fd);

/* netdev_describe - "key value" lines about it. */
void netdev_describe(const struct netdev *n, struct writer *out);

/*
 * netdev_fail - print the sentence into @why and append what @errno_value means.
 * Returns its enum err.
 */
printf_like(4, 5)
int netdev_fail(char *why, size_t why_bytes, int errno_value, const char *format, ...);

#endif

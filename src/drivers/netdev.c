/* netdev.c - asking the kernel about a device, and following it. */
#include "drivers/netdev.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

enum { WHY_MAX = 256, EVENT_BYTES = 4096 };

int netdev_fail(char *why, size_t why_bytes, int errno_value, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(why, why_bytes, format, args);
	va_end(args);
	len = strlen(why);
	snprintf(why + len, why_bytes - len, ": %s", strerror(errno_value));
	return err_of_errno(errno_value);
}

static struct ifreq request_for(const struct netdev *n)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, n->name, sizeof(ifr.ifr_name));
	return ifr;
}

/* An ethtool request that @command starts; false if the device does not know it. */
static bool ethtool(const struct netdev *n, void *command)
{
	struct ifreq ifr = request_for(n);

	ifr.ifr_data = command;
	return ioctl(n->ask_fd, SIOCETHTOOL, &ifr) == 0;
}

static void look_by_ethtool(const struct netdev *n, struct netdev_info *out)
{
	struct ethtool_value tso = { .cmd = ETHTOOL_GTSO };
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_value carrier = { .cmd = ETHTOOL_GLINK };

	/* A new device counts as running until the kernel has looked at its carrier. */
	if (ethtool(n, &carrier) && !carrier.data)
		out->running = false;
	out->tso = ethtool(n, &tso) && tso.data;
	out->n_rx_queues = 1;
	if (ethtool(n, &channels) && channels.rx_count + channels.combined_count)
		out->n_rx_queues = channels.rx_count + channels.combined_count;
	if (ethtool(n, &driver))
		snprintf(out->driver, sizeof(out->driver), "%s", driver.driver);
}

/* 0 or an errno value. */
static int look(const struct netdev *n, struct netdev_info *out)
{
	struct ifreq ifr = request_for(n);

	memset(out, 0, sizeof(*out));
	if (ioctl(n->ask_fd, SIOCGIFINDEX, &ifr) < 0)
		return errno;
	out->index = ifr.ifr_ifindex;
	if (ioctl(n->ask_fd, SIOCGIFHWADDR, &ifr) < 0)
		return errno;
	memcpy(out->mac, ifr.ifr_hwaddr.sa_data, MAC_LEN);
	if (ioctl(n->ask_fd, SIOCGIFMTU, &ifr) < 0)
		return errno;
	out->mtu_bytes = (uint32_t)ifr.ifr_mtu;
	if (ioctl(n->ask_fd, SIOCGIFFLAGS, &ifr) < 0)
		return errno;
	out->up = ifr.ifr_flags & IFF_UP;
	out->running = out->up && (ifr.ifr_flags & IFF_RUNNING);
	look_by_ethtool(n, out);
	return 0;
}

int netdev_set_up(struct netdev *n)
{
	struct ifreq ifr = request_for(n);

	if (ioctl(n->ask_fd, SIOCGIFFLAGS, &ifr) < 0)
		return err_of_errno(errno);
	if (ifr.ifr_flags & IFF_UP)
		return 0;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(n->ask_fd, SIOCSIFFLAGS, &ifr) < 0 ? err_of_errno(errno) : 0;
}

void netdev_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int open_events(struct netdev *n)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };

	n->watch.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (n->watch.fd < 0 ||
	    bind(n->watch.fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno;
	return 0;
}

static int find(struct netdev *n, char *why, size_t why_bytes)
{
	int errno_value = open_events(n);

	n->ask_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (errno_value || n->ask_fd < 0)
		return netdev_fail(why, why_bytes, errno_value ? errno_value : errno,
				   "cannot ask the kernel about devices");
	errno_value = look(n, &n->info);
	if (errno_value == ENODEV) {
		snprintf(why, why_bytes,
			 "there is no network device \"%s\" here; `ip link` shows those there are",
			 n->name);
		return ERR_NOENT;
	}
	return errno_value ? netdev_fail(why, why_bytes, errno_value, "device %s", n->name) : 0;
}

int netdev_open(struct netdev *n, const char *name, const struct netdev_ops *ops, void *context,
		char *why, size_t why_bytes)
{
	int err;

	memset(n, 0, sizeof(*n));
	if (!name || name[0] == '\0' || strlen(name) >= sizeof(n->name)) {
		snprintf(why, why_bytes, "a network device's name has 1 … %d characters",
			 IFNAMSIZ - 1);
		return ERR_INVAL;
	}
	strcpy(n->name, name);
	n->ops = ops;
	n->context = context;
	n->ask_fd = n->watch.fd = -1;
	err = find(n, why, why_bytes);
	if (err == 0)
		err = ops->open(context, &n->info, why, why_bytes);
	if (err) {
		netdev_close_fd(&n->ask_fd);
		netdev_close_fd(&n->watch.fd);
	}
	return err;
}

static void settle(struct netdev *n);

static void attach(struct worker *w, void *arg)
{
	struct netdev *n = arg;

	n->ops->attach(w, n->context);
}

static void attached(struct engine *e, void *arg)
{
	struct netdev *n = arg;

	(void)e;
	n->state = NETDEV_ATTACHED;
	if (!n->closing)
		settle(n);
}

static int start_attaching(struct netdev *n)
{
	int err;

	n->state = NETDEV_ATTACHING;
	err = engine_on_each(n->engine, attach, attached, n);
	if (err)
		n->state = NETDEV_ATTACHED; /* open, though nobody has it: netdev_free() closes */
	return err;
}

static void detach(struct worker *w, void *arg)
{
	struct netdev *n = arg;

	n->ops->detach(w, n->context);
}

static void detached(struct engine *e, void *arg)
{
	struct netdev *n = arg;

	(void)e;
	n->ops->close(n->context);
	n->state = NETDEV_GONE;
	if (!n->closing)
		settle(n);
}

static void lose(struct netdev *n)
{
	log_warn("netdev.gone", "name=%s device=%s", n->interface->name, n->name);
	interface_set_link(n->interface, false);
	n->state = NETDEV_DETACHING;
	if (engine_on_each(n->engine, detach, detached, n) < 0)
		n->state = NETDEV_ATTACHED; /* the next event finds it gone again */
}

static void reopen(struct netdev *n)
{
	char why[WHY_MAX] = "";
	int err = n->ops->open(n->context, &n->info, why, sizeof(why));

	if (err == 0 && n->interface->up && netdev_set_up(n) < 0)
		log_warn("netdev.up", "device=%s error=\"cannot be brought up\"", n->name);
	if (err == 0) {
		log_info("netdev.back", "name=%s device=%s", n->interface->name, n->name);
		err = start_attaching(n);
	} else if (!n->failed) {
		log_warn("netdev.open", "name=%s device=%s error=\"%s\"", n->interface->name,
			 n->name, why[0] ? why : err_text(err));
	}
	n->failed = err != 0;
}

/* Bring what is there and what we do with it together; when a step is under way, after it. */
static void settle(struct netdev *n)
{
	struct netdev_info info;
	bool here;

	if (n->state == NETDEV_ATTACHING || n->state == NETDEV_DETACHING)
		return;
	here = look(n, &info) == 0;
	if (n->state == NETDEV_ATTACHED && (!here || info.index != n->info.index)) {
		lose(n);
		return;
	}
	if (!here)
		return;
	n->info = info;
	if (n->state == NETDEV_GONE) {
		reopen(n);
		return;
	}
	if (n->ops->changed)
		n->ops->changed(n->context, &info);
	interface_set_link(n->interface, info.running);
}

static void event(struct engine *e, struct main_watch *watch, uint32_t events)
{
	struct netdev *n = container_of(watch, struct netdev, watch);
	char message[EVENT_BYTES];

	(void)e;
	(void)events;
	/* ENOBUFS says that some were lost: one more reason to look. */
	while (recv(watch->fd, message, sizeof(message), 0) >= 0 || errno == ENOBUFS)
		;
	settle(n);
}

int netdev_attach(struct netdev *n, struct interface *interface)
{
	int err;

	n->interface = interface;
	n->engine = interface->engine;
	n->watch.fired = event;
	err = engine_watch_main(n->engine, &n->watch, EPOLLIN);
	if (err) {
		netdev_close_fd(&n->watch.fd);
		n->state = NETDEV_ATTACHED;
		return err;
	}
	return start_attaching(n);
}

void netdev_close(struct netdev *n)
{
	n->closing = true;
	if (n->watch.fd >= 0 && n->engine)
		engine_unwatch_main(n->engine, &n->watch);
	netdev_close_fd(&n->watch.fd);
}

void netdev_free(struct netdev *n)
{
	if (n->state != NETDEV_GONE || !n->engine)
		n->ops->close(n->context);
	netdev_close_fd(&n->ask_fd);
	netdev_close_fd(&n->watch.fd);
}

int netdev_interface_set_up(struct interface *i, bool up)
{
	struct netdev *n = i->device;

	return up && n->state == NETDEV_ATTACHED ? netdev_set_up(n) : 0;
}

void netdev_interface_detach(struct worker *w, struct interface *i)
{
	detach(w, i->device);
}

void netdev_interface_close(struct interface *i)
{
	netdev_close(i->device);
}

int netdev_check_mtu(const struct netdev *n, uint32_t mtu_bytes, char *why, size_t why_bytes)
{
	uint32_t most = n->info.mtu_bytes;

	if (mtu_bytes <= most)
		return 0;
	snprintf(why, why_bytes,
		 "device %s has an MTU of %u bytes: take that, or `ip link set %s mtu %u` before",
		 n->name, most, n->name, mtu_bytes);
	return ERR_RANGE;
}

static int join(int fd, int index, unsigned short type)
{
	const struct packet_mreq request = { .mr_ifindex = index, .mr_type = type };

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request));
}

int netdev_join(const struct netdev *n, const struct netdev_info *info, bool promiscuous, int *fd,
		char *why, size_t why_bytes)
{
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), err;

	if (s >= 0 && join(s, info->index, PACKET_MR_ALLMULTI) == 0 &&
	    (!promiscuous || join(s, info->index, PACKET_MR_PROMISC) == 0)) {
		*fd = s;
		return 0;
	}
	err = netdev_fail(why, why_bytes, errno,
			  "device %s: cannot make it receive all %spackets (CAP_NET_RAW)", n->name,
			  promiscuous ? "" : "multicast ");
	netdev_close_fd(&s);
	return err;
}

void netdev_describe(const struct netdev *n, struct writer *out)
{
	static const char *const states[] = {
		[NETDEV_GONE] = "gone",
		[NETDEV_ATTACHING] = "coming",
		[NETDEV_ATTACHED] = "there",
		[NETDEV_DETACHING] = "going",
	};

	put_format(out, "device %s\nstate %s\n", n->name, states[n->state]);
	if (n->state == NETDEV_ATTACHED)
		put_format(out, "index %d\nkernel-driver %s\nkernel-queues %u\n", n->info.index,
			   n->info.driver[0] ? n->info.driver : "unknown", n->info.n_rx_queues);
}

/*
 * tap_host.c - the kernel's end of a tap: create it, name it, address it, bring it up.
 *
 * A device is born in the network namespace of the thread that opens it. So a thread of its own
 * enters the namespace, does everything there and ends; ours never moves.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "drivers/tap/tap_private.h"

struct errand {
	const struct tap_config *config;
	int *fds;
	uint32_t n;
	struct ifreq ifr; /* the device's name, once it is known */
	int err;
	char *why;
	size_t why_bytes;
};

static printf_like(3, 4)
int fail(struct errand *r, int errno_value, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(r->why, r->why_bytes, format, args);
	va_end(args);
	len = strlen(r->why);
	snprintf(r->why + len, r->why_bytes - len, ": %s", strerror(errno_value));
	return err_of_errno(errno_value);
}

static int enter_netns(struct errand *r)
{
	const char *netns = r->config->host_netns;
	char path[256];
	int fd, err = 0;

	snprintf(path, sizeof(path), strchr(netns, '/') ? "%s" : "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(r, errno, "cannot open network namespace %s", path);
	if (setns(fd, CLONE_NEWNET) < 0)
		err = fail(r, errno, "cannot enter network namespace %s", path);
	close(fd);
	return err;
}

static int open_queue(struct errand *r, uint32_t at)
{
	unsigned offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	int header_bytes = sizeof(struct virtio_net_hdr);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return fail(r, errno, "cannot open /dev/net/tun");
	r->fds[at] = fd;
	r->ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (r->n > 1)
		r->ifr.ifr_flags |= IFF_MULTI_QUEUE;
	if (ioctl(fd, TUNSETIFF, &r->ifr) < 0)
		return fail(r, errno, "cannot create tap device %s", r->ifr.ifr_name);
	if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) < 0)
		return fail(r, errno, "%s: cannot set the header size", r->ifr.ifr_name);
	if (r->config->no_offload)
		offload = 0;
	if (ioctl(fd, TUNSETOFFLOAD, offload) < 0)
		return fail(r, errno, "%s: cannot set offloads", r->ifr.ifr_name);
	return 0;
}

static int add_address4(struct errand *r, int sock, const char *text, struct in_addr address,
			unsigned prefix)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&r->ifr.ifr_addr;

	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	in->sin_addr = address;
	if (ioctl(sock, SIOCSIFADDR, &r->ifr) < 0)
		return fail(r, errno, "%s: cannot set address %s", r->ifr.ifr_name, text);
	in->sin_addr.s_addr = htonl(prefix ? ~0u << (32 - prefix) : 0);
	if (ioctl(sock, SIOCSIFNETMASK, &r->ifr) < 0)
		return fail(r, errno, "%s: cannot set the mask of %s", r->ifr.ifr_name, text);
	return 0;
}

static int add_address6(struct errand *r, const char *text, struct in6_addr address,
			unsigned prefix)
{
	struct in6_ifreq request = { .ifr6_addr = address, .ifr6_prefixlen = prefix };
	int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (sock < 0)
		return fail(r, errno, "%s: cannot set address %s", r->ifr.ifr_name, text);
	if (ioctl(sock, SIOCGIFINDEX, &r->ifr) < 0)
		err = fail(r, errno, "%s: no such device", r->ifr.ifr_name);
	request.ifr6_ifindex = r->ifr.ifr_ifindex;
	if (!err && ioctl(sock, SIOCSIFADDR, &request) < 0)
		err = fail(r, errno, "%s: cannot set address %s", r->ifr.ifr_name, text);
	close(sock);
	return err;
}

static int add_address(struct errand *r, int sock, const char *text)
{
	char address[INET6_ADDRSTRLEN], rest;
	struct in_addr in4;
	struct in6_addr in6;
	unsigned prefix;

	if (sscanf(text, "%45[0-9a-fA-F.:]/%u%c", address, &prefix, &rest) != 2)
		return fail(r, EINVAL, "%s: address %s is not ADDRESS/LENGTH", r->ifr.ifr_name,
			    text);
	if (inet_pton(AF_INET, address, &in4) == 1 && prefix <= 32)
		return add_address4(r, sock, text, in4, prefix);
	if (inet_pton(AF_INET6, address, &in6) == 1 && prefix <= 128)
		return add_address6(r, text, in6, prefix);
	return fail(r, EINVAL, "%s: address %s", r->ifr.ifr_name, text);
}

static int set_up(struct errand *r, int sock)
{
	const struct tap_config *c = r->config;

	if (c->host_mac) {
		r->ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
		memcpy(r->ifr.ifr_hwaddr.sa_data, c->host_mac, MAC_LEN);
		if (ioctl(sock, SIOCSIFHWADDR, &r->ifr) < 0)
			return fail(r, errno, "%s: cannot set the MAC address", r->ifr.ifr_name);
	}
	r->ifr.ifr_mtu = (int)c->mtu_bytes;
	if (ioctl(sock, SIOCSIFMTU, &r->ifr) < 0)
		return fail(r, errno, "%s: cannot set MTU %u", r->ifr.ifr_name, c->mtu_bytes);
	if (ioctl(sock, SIOCGIFFLAGS, &r->ifr) < 0)
		return fail(r, errno, "%s: cannot read flags", r->ifr.ifr_name);
	r->ifr.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &r->ifr) < 0)
		return fail(r, errno, "%s: cannot bring it up", r->ifr.ifr_name);
	for (uint32_t i = 0; i < c->n_host_addresses; i++) {
		int err = add_address(r, sock, c->host_addresses[i]);

		if (err)
			return err;
	}
	return 0;
}

static int do_errand(struct errand *r)
{
	int err = r->config->host_netns ? enter_netns(r) : 0;
	int sock;

	for (uint32_t i = 0; i < r->n && !err; i++)
		err = open_queue(r, i);
	if (err)
		return err;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return fail(r, errno, "cannot open a socket");
	err = set_up(r, sock);
	close(sock);
	return err;
}

/* --- a new MTU --- */

struct mtu_errand {
	struct errand base;
	int netns_fd;
};

static int do_mtu_errand(struct mtu_errand *r)
{
	int sock, err = 0;

	if (setns(r->netns_fd, CLONE_NEWNET) < 0)
		return fail(&r->base, errno, "cannot enter the network namespace of %s",
			    r->base.ifr.ifr_name);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return fail(&r->base, errno, "cannot open a socket");
	if (ioctl(sock, SIOCSIFMTU, &r->base.ifr) < 0)
		err = fail(&r->base, errno, "device %s cannot have it", r->base.ifr.ifr_name);
	close(sock);
	return err;
}

static void *mtu_errand_main(void *arg)
{
	struct mtu_errand *r = arg;

	r->base.err = do_mtu_errand(r);
	return NULL;
}

int tap_host_set_mtu(int fd, uint32_t mtu_bytes, char *why, size_t why_bytes)
{
	struct mtu_errand r = { .base = { .why = why, .why_bytes = why_bytes } };
	pthread_t thread;
	int errno_value;

	if (ioctl(fd, TUNGETIFF, &r.base.ifr) < 0)
		return fail(&r.base, errno, "the device is gone");
	r.base.ifr.ifr_mtu = (int)mtu_bytes;
	r.netns_fd = ioctl(fd, TUNGETDEVNETNS);
	if (r.netns_fd < 0)
		return fail(&r.base, errno, "cannot find the device's network namespace");
	errno_value = pthread_create(&thread, NULL, mtu_errand_main, &r);
	if (errno_value)
		r.base.err = fail(&r.base, errno_value, "cannot start a thread");
	else
		pthread_join(thread, NULL);
	close(r.netns_fd);
	return r.base.err;
}

/* --- a new device --- */

static void *errand_main(void *arg)
{
	struct errand *r = arg;

	r->err = do_errand(r);
	return NULL;
}

int tap_host_open(const struct tap_config *config, int *fds, uint32_t n, char name_out[IFNAMSIZ],
		  char *why, size_t why_bytes)
{
	const char *host_name = config->host_name ? config->host_name : config->name;
	struct errand r = {
		.config = config, .fds = fds, .n = n, .why = why, .why_bytes = why_bytes
	};
	pthread_t thread;
	int errno_value;

	for (uint32_t i = 0; i < n; i++)
		fds[i] = -1;
	if (strlen(host_name) >= IFNAMSIZ)
		return fail(&r, EINVAL, "device name %s has more than 15 characters", host_name);
	strcpy(r.ifr.ifr_name, host_name);
	errno_value = pthread_create(&thread, NULL, errand_main, &r);
	if (errno_value)
		return fail(&r, errno_value, "cannot start a thread");
	pthread_join(thread, NULL);
	strcpy(name_out, r.ifr.ifr_name);
	for (uint32_t i = 0; i < n && r.err; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return r.err;
}

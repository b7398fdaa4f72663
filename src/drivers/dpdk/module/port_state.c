/*
 * port_state.c - what an open device says about itself: link, losses, whether it is there at all;
 * and its interrupts.
 */
#include "drivers/dpdk/module/module.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* On a thread of DPDK's. */
static int event(uint16_t id unused_arg, enum rte_eth_event_type type, void *context,
		 void *result unused_arg)
{
	struct dpdk_port *p = context;

	if (type == RTE_ETH_EVENT_INTR_RMV)
		__atomic_store_n(&p->removed, true, __ATOMIC_RELEASE);
	p->changed(p->context);
	return 0;
}

static const enum rte_eth_event_type events[] = { RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RMV };

void port_listen(struct dpdk_port *p)
{
	p->has_callbacks = true;
	for (unsigned i = 0; i < count_of(events); i++)
		rte_eth_dev_callback_register(p->id, events[i], event, p);
}

void port_deafen(struct dpdk_port *p)
{
	if (!p->has_callbacks)
		return;
	for (unsigned i = 0; i < count_of(events); i++)
		while (rte_eth_dev_callback_unregister(p->id, events[i], event, p) == -EAGAIN)
			usleep(100); /* it is being called */
	p->has_callbacks = false;
}

/* What the kernel says about the device behind it: flags, or -1 when it is gone. */
static int kernel_flags(const struct dpdk_port *p)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), flags = -1;

	if (fd >= 0 && if_indextoname(p->if_index, ifr.ifr_name) &&
	    ioctl(fd, SIOCGIFFLAGS, &ifr) == 0)
		flags = (unsigned short)ifr.ifr_flags;
	if (fd >= 0)
		close(fd);
	return flags;
}

void port_look(struct dpdk_port *p, struct dpdk_port_state *out)
{
	struct rte_eth_link link = { 0 };
	struct rte_eth_stats stats = { 0 };
	int flags = p->if_index ? kernel_flags(p) : IFF_RUNNING;

	memset(out, 0, sizeof(*out));
	out->present = flags >= 0 && !__atomic_load_n(&p->removed, __ATOMIC_ACQUIRE) &&
		       !rte_eth_dev_is_removed(p->id);
	if (!out->present)
		return;
	if (rte_eth_link_get_nowait(p->id, &link) == 0) {
		out->link = link.link_status == RTE_ETH_LINK_UP && (flags & IFF_RUNNING);
		out->full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
		out->speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? DPDK_SPEED_UNKNOWN
									       : link.link_speed;
	}
	if (rte_eth_stats_get(p->id, &stats) == 0) {
		out->n_missed = stats.imissed + stats.rx_nombuf;
		out->n_rx_bad = stats.ierrors;
		out->n_tx_failed = stats.oerrors;
	}
}

void port_set_link_up(struct dpdk_port *p)
{
	rte_eth_dev_set_link_up(p->id); /* many have no such thing, and are up */
}

void port_find_fds(struct dpdk_port *p)
{
	eal_quiet(true); /* most have none, and say so */
	for (unsigned q = 0; q < INTERFACE_QUEUES_MAX; q++)
		p->rx_fd[q] = p->has_interrupts && q < p->info.n_rx_queues
				      ? rte_eth_dev_rx_intr_ctl_q_get_fd(p->id, (uint16_t)q)
				      : -1;
	eal_quiet(false);
}

int port_rx_fd(struct dpdk_port *p, unsigned q)
{
	return p->rx_fd[q];
}

bool port_rx_arm(struct dpdk_port *p, unsigned q, bool on)
{
	int rc = on ? rte_eth_dev_rx_intr_enable(p->id, (uint16_t)q)
		    : rte_eth_dev_rx_intr_disable(p->id, (uint16_t)q);

	return rc == 0;
}

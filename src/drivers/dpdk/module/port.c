/*
 * port.c - configuring and starting an ethdev: queues, offloads, addresses. What a device lacks is
 * done without where that costs speed only, and refused where it would lose packets.
 */
#include "drivers/dpdk/module/module.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MTU_DEFAULT = 1500, ETHERNET_MOST = 14 + 2 * 4, DRAIN_ROUNDS = 1024 };

enum {
	RX_CHECKSUMS = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
		       RTE_ETH_RX_OFFLOAD_UDP_CKSUM,
	TX_CHECKSUMS = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM,
	TX_SEGMENTS = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
		      RTE_ETH_TX_OFFLOAD_MULTI_SEGS | TX_CHECKSUMS,
};

struct opening {
	struct dpdk_port *port;
	const struct dpdk_wanted *wanted;
	struct rte_eth_dev_info device;
	struct rte_eth_conf conf;
	char *why;
	size_t why_bytes;
};

static int failed(const struct opening *o, int rc, const char *doing)
{
	return port_fail(o->why, o->why_bytes, rc, "DPDK cannot %s of %.80s", doing,
			 o->wanted->device);
}

/* All of @bits that are offered, or none. */
static uint64_t all_of(uint64_t offered, uint64_t bits)
{
	return (offered & bits) == bits ? bits : 0;
}

static void choose_offloads(struct opening *o)
{
	struct dpdk_port_info *info = &o->port->info;
	uint64_t rx = o->device.rx_offload_capa, tx = o->device.tx_offload_capa;

	info->chains = tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	info->scatter = rx & RTE_ETH_RX_OFFLOAD_SCATTER;
	o->conf.txmode.offloads = tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	o->conf.rxmode.offloads = rx & RTE_ETH_RX_OFFLOAD_SCATTER;
	if (o->wanted->no_offload)
		return;
	o->conf.rxmode.offloads |= rx & RX_CHECKSUMS;
	o->conf.txmode.offloads |= all_of(tx, TX_CHECKSUMS) | all_of(tx, TX_SEGMENTS);
	if (all_of(rx, RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM))
		info->caps |= CAP_RX_CSUM;
	if (all_of(tx, TX_CHECKSUMS))
		info->caps |= CAP_CSUM;
	if (all_of(tx, TX_SEGMENTS))
		info->caps |= CAP_TSO;
}

static uint16_t least(uint32_t a, uint32_t b)
{
	return (uint16_t)(a < b ? a : b);
}

/*
 * Some have as many queues of the one kind as of the other. A memif has as many as its peer wants,
 * and loses what is sent to more: one, unless told otherwise.
 */
static void settle_pairs(struct opening *o)
{
	struct dpdk_port_info *info = &o->port->info;
	uint16_t n = info->n_rx_queues;

	if (strcmp(info->driver, "net_memif") == 0)
		n = o->wanted->n_rx_queues ? n : 1;
	else if (strcmp(info->driver, "net_tap") == 0 || strcmp(info->driver, "net_af_packet") == 0)
		n = n > info->n_tx_queues ? n : info->n_tx_queues;
	else
		return;
	info->n_rx_queues = info->n_tx_queues = n;
}

static void choose_queues(struct opening *o)
{
	struct dpdk_port_info *info = &o->port->info;
	uint32_t wanted = o->wanted->n_rx_queues ? o->wanted->n_rx_queues : o->wanted->n_workers;
	uint64_t hash = o->device.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);

	info->n_rx_queues = least(wanted, o->device.max_rx_queues);
	info->n_tx_queues = least(o->wanted->n_workers, o->device.max_tx_queues);
	settle_pairs(o);
	info->rss = info->n_rx_queues > 1 && hash;
	if (!info->rss)
		return;
	o->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	o->conf.rx_adv_conf.rss_conf.rss_hf = hash;
}

/* Some state their longest frame only; DPDK counts 18 bytes of it as the link's. */
static uint32_t mtu_most(const struct rte_eth_dev_info *device)
{
	uint32_t frame = device->max_rx_pktlen - (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN);

	return device->max_mtu == UINT16_MAX && frame < device->max_mtu ? frame : device->max_mtu;
}

static int check_mtu(const struct dpdk_port *p, const struct rte_eth_dev_info *device, uint32_t mtu,
		     char *why, size_t why_bytes)
{
	uint32_t most = mtu_most(device);

	if (mtu > most) {
		snprintf(why, why_bytes, "the device takes an MTU of %u bytes at most", most);
		return ERR_RANGE;
	}
	if (mtu + ETHERNET_MOST > BUF_DATA && !p->info.scatter) {
		snprintf(why, why_bytes,
			 "the device receives into one buffer only: set mtu to %d or less",
			 BUF_DATA - ETHERNET_MOST);
		return ERR_RANGE;
	}
	return 0;
}

int port_set_mtu(struct dpdk_port *p, uint32_t mtu_bytes, char *why, size_t why_bytes)
{
	struct rte_eth_dev_info device;
	int rc = rte_eth_dev_info_get(p->id, &device), err;

	if (rc < 0)
		return port_fail(why, why_bytes, rc, "the device does not say what it can");
	err = check_mtu(p, &device, mtu_bytes, why, why_bytes);
	if (err)
		return err;
	rc = rte_eth_dev_set_mtu(p->id, (uint16_t)mtu_bytes);
	return rc < 0 ? port_fail(why, why_bytes, rc,
				  "the device does not take another MTU while it runs")
		      : 0;
}

static int choose_mtu(struct opening *o)
{
	struct dpdk_port_info *info = &o->port->info;
	uint32_t mtu = o->wanted->mtu_bytes ? o->wanted->mtu_bytes : MTU_DEFAULT;
	int err = check_mtu(o->port, &o->device, mtu, o->why, o->why_bytes);

	if (err)
		return err;
	info->mtu_bytes = mtu;
	o->conf.rxmode.mtu = mtu;
	return 0;
}

/* Interrupts for link and queues where there are some; configured without if it refuses them. */
static int configure(struct opening *o)
{
	struct dpdk_port *p = o->port;
	int rc;

	o->conf.intr_conf.lsc = (*o->device.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0;
	o->conf.intr_conf.rmv = (*o->device.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
	o->conf.intr_conf.rxq = 1;
	rc = rte_eth_dev_configure(p->id, p->info.n_rx_queues, p->info.n_tx_queues, &o->conf);
	if (rc < 0) {
		o->conf.intr_conf.rxq = 0;
		rc = rte_eth_dev_configure(p->id, p->info.n_rx_queues, p->info.n_tx_queues,
					   &o->conf);
	}
	p->has_interrupts = rc == 0 && o->conf.intr_conf.rxq;
	return rc < 0 ? failed(o, rc, "configure the queues") : 0;
}

/* Half of the pool may lie in the device's queues. */
static int check_pool(const struct opening *o)
{
	const struct dpdk_port_info *info = &o->port->info;
	uint32_t n_buffers = o->port->mbufs->pool->n_buffers;
	uint32_t lent = (uint32_t)info->n_rx_queues * info->n_rx_descriptors;

	if (lent <= n_buffers / 2)
		return 0;
	snprintf(o->why, o->why_bytes,
		 "%u queues of %u packets take %u buffers of %u; lower queues or descriptors, or "
		 "raise \"buffers\"",
		 info->n_rx_queues, info->n_rx_descriptors, lent, n_buffers);
	return ERR_RANGE;
}

static int set_up_queues(struct opening *o)
{
	struct dpdk_port *p = o->port;
	struct dpdk_port_info *info = &p->info;
	int socket = rte_eth_dev_socket_id(p->id), err;
	int rc;

	info->n_rx_descriptors = info->n_tx_descriptors =
		(uint16_t)(o->wanted->n_descriptors ? o->wanted->n_descriptors : DPDK_DESCRIPTORS);
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &info->n_rx_descriptors,
					      &info->n_tx_descriptors);
	if (rc < 0)
		return failed(o, rc, "agree on descriptors");
	err = check_pool(o);
	if (err)
		return err;
	for (uint16_t q = 0; q < info->n_rx_queues; q++) {
		struct rte_eth_rxconf conf = o->device.default_rxconf;

		conf.offloads = o->conf.rxmode.offloads;
		rc = rte_eth_rx_queue_setup(p->id, q, info->n_rx_descriptors, (unsigned)socket,
					    &conf, p->mbufs->mempool);
		if (rc < 0)
			return failed(o, rc, "set up a receive queue");
	}
	for (uint16_t q = 0; q < info->n_tx_queues; q++) {
		struct rte_eth_txconf conf = o->device.default_txconf;

		conf.offloads = o->conf.txmode.offloads;
		rc = rte_eth_tx_queue_setup(p->id, q, info->n_tx_descriptors, (unsigned)socket,
					    &conf);
		if (rc < 0)
			return failed(o, rc, "set up a transmit queue");
	}
	return 0;
}

/*
 * A card behind an IOMMU must be allowed into the pool. Devices without one say ENOTSUP; the
 * mapping belongs to all cards of the process and ends with it.
 */
static int map_memory(const struct opening *o)
{
	const struct buf_pool *pool = o->port->mbufs->pool;
	uint64_t at = (uintptr_t)pool->base;
	int rc = rte_dev_dma_map(o->port->device, pool->base, at, pool->map_bytes);

	if (rc == 0 || rte_errno == ENOTSUP || rte_errno == EEXIST)
		return 0;
	return failed(o, -rte_errno, "reach the buffers");
}

/* What the device is to receive: our address, all multicast, with luck no more. */
static int set_addresses(struct opening *o)
{
	struct dpdk_port *p = o->port;
	struct dpdk_port_info *info = &p->info;
	struct rte_ether_addr mac;
	bool all = o->wanted->promiscuous;
	int rc = rte_eth_macaddr_get(p->id, &mac);

	if (rc < 0)
		return failed(o, rc, "tell the address");
	if (o->wanted->mac && memcmp(&mac, o->wanted->mac, sizeof(mac)) != 0) {
		memcpy(&mac, o->wanted->mac, sizeof(mac));
		all |= rte_eth_dev_default_mac_addr_set(p->id, &mac) < 0;
	}
	memcpy(info->mac, &mac, sizeof(info->mac));
	all |= rte_eth_allmulticast_enable(p->id) < 0;
	/* Devices that cannot choose what they receive have no such switch. */
	info->promiscuous = all && rte_eth_promiscuous_enable(p->id) == 0;
	return 0;
}

static int start(struct opening *o)
{
	struct dpdk_port *p = o->port;
	int rc = rte_eth_dev_start(p->id);

	if (rc < 0)
		return failed(o, rc, "start");
	p->started = true;
	return set_addresses(o);
}

static int configure_all(struct opening *o)
{
	int err;

	snprintf(o->port->info.driver, sizeof(o->port->info.driver), "%s", o->device.driver_name);
	o->port->partial = strcmp(o->device.driver_name, "net_af_packet") == 0;
	choose_queues(o);
	choose_offloads(o);
	err = choose_mtu(o);
	if (err == 0)
		err = map_memory(o);
	if (err == 0)
		err = configure(o);
	if (err == 0)
		err = set_up_queues(o);
	return err ? err : start(o);
}

int port_open(struct dpdk_mbufs *m, const struct dpdk_wanted *wanted, struct dpdk_port **out,
	      struct dpdk_port_info *info, char *why, size_t why_bytes)
{
	struct dpdk_port *p = calloc(1, sizeof(*p));
	struct opening o = { .port = p, .wanted = wanted, .why = why, .why_bytes = why_bytes };
	int err, rc;

	if (!p)
		return ERR_NOMEM;
	p->mbufs = m;
	p->changed = wanted->changed;
	p->context = wanted->context;
	eal_quiet(true);
	err = port_probe(p, wanted->device, why, why_bytes);
	eal_quiet(false);
	if (err) {
		free(p);
		return err;
	}
	rc = rte_eth_dev_info_get(p->id, &o.device);
	err = rc < 0 ? failed(&o, rc, "ask") : configure_all(&o);
	if (err) {
		port_close(p);
		return err;
	}
	port_find_fds(p);
	port_listen(p);
	*info = p->info;
	*out = p;
	return 0;
}

/* What still waits in it would be lost to the pool with some devices (net_ring). */
static void drain(struct dpdk_port *p)
{
	struct rte_mbuf *m[DPDK_BURST];

	for (uint16_t q = 0; q < p->info.n_rx_queues; q++)
		for (unsigned round = 0; round < DRAIN_ROUNDS; round++) {
			uint16_t n = rte_eth_rx_burst(p->id, q, m, DPDK_BURST);

			for (uint16_t i = 0; i < n; i++)
				rte_pktmbuf_free(m[i]);
			if (n == 0)
				break;
		}
}

void port_close(struct dpdk_port *p)
{
	port_deafen(p);
	if (p->started) {
		if (!p->removed)
			drain(p);
		rte_eth_dev_stop(p->id);
	}
	port_leave(p);
	free(p);
}

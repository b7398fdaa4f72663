/*
 * af_packet.c - packet sockets as an interface: configuration, creation, placement on workers.
 *
 *   device ── ring ──> af-packet-input ──> arc device-input
 *   interface-output ──> NAME-tx ── sendmmsg ──> device
 *
 * Queue q is received by worker q modulo the number of workers; every worker sends by a socket of
 * its own. Kernel documentation: packet(7), networking/packet_mmap.rst.
 */
#include <inttypes.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "drivers/af_packet/af_packet_private.h"

/*
 * Checksums: the kernel fills in what its device cannot. Segments: only where the device takes
 * them whole, since a packet that bypasses the queueing discipline is not cut any more.
 */
uint32_t af_packet_caps(const struct af_packet *p, const struct netdev_info *info)
{
	uint32_t caps = CAP_RX_CSUM | CAP_LRO;

	if (!p->config.no_offload)
		caps |= CAP_CSUM | (info->tso ? CAP_TSO : 0);
	return caps;
}

/* The device's number while its program is there. */
static uint32_t port_of(const struct af_packet *p)
{
	return p->config.shortcuts && p->filter_fd >= 0 ? (uint32_t)p->index : 0;
}

static void tell_port(const struct af_packet *p)
{
	if (p->interface)
		interface_set_shortcut_port(p->interface, port_of(p));
}

static int open_device(void *context, const struct netdev_info *info, char *why, size_t why_bytes)
{
	struct af_packet *p = context;
	int err = af_packet_open_sockets(p, info, why, why_bytes);

	p->index = info->index;
	tell_port(p);
	return err;
}

static void close_device(void *context)
{
	af_packet_close_sockets(context);
	tell_port(context);
}

static void attach(struct worker *w, void *context)
{
	struct af_packet *p = context;

	for (uint32_t at = 0; at < p->n_sockets; at++) {
		struct af_packet_queue *q = &p->queue[at];

		if (interface_queue_worker(p->interface, q->number) != w->index)
			continue;
		q->attached = worker_add_input(w, &q->input) == 0;
	}
	p->tx[w->index].attached = true;
}

static void detach(struct worker *w, void *context)
{
	struct af_packet *p = context;

	for (uint32_t at = 0; at < p->n_sockets; at++) {
		struct af_packet_queue *q = &p->queue[at];

		if (interface_queue_worker(p->interface, q->number) != w->index)
			continue;
		if (q->attached)
			worker_remove_input(w, &q->input);
		q->attached = false;
	}
	p->tx[w->index].attached = false;
}

static void changed(void *context, const struct netdev_info *info)
{
	struct af_packet *p = context;
	uint32_t caps = af_packet_caps(p, info);

	if (caps != p->interface->device_caps && interface_set_caps(p->interface, caps) < 0)
		log_warn("af_packet.offloads", "name=%s error=\"not changed\"", p->interface->name);
}

static const struct netdev_ops ops = {
	.open = open_device,
	.attach = attach,
	.detach = detach,
	.close = close_device,
	.changed = changed,
};

static void free_memory(struct af_packet *p)
{
	free(p->queue);
	free(p->tx);
	free(p);
}

static void free_interface(struct interface *i)
{
	struct af_packet *p = i->device;

	netdev_free(&p->netdev);
	free_memory(p);
}

static void describe(const struct interface *i, struct writer *out)
{
	const struct af_packet *p = i->device;
	uint64_t n_drops = 0;

	netdev_describe(&p->netdev, out);
	for (uint32_t q = 0; q < p->n_sockets; q++)
		n_drops += __atomic_load_n(&p->queue[q].n_ring_drops, __ATOMIC_RELAXED);
	put_format(out, "queues %u\nring-drops %" PRIu64 "\n", p->n_queues, n_drops);
	put_format(out, "sends-by-program %s\n", p->tx[0].sender.batch ? "yes" : "no");
	put_format(out, "promiscuous %s\nexclusive %s\nsegments %s\n",
		   p->promiscuous ? "yes" : "no", p->filter_fd >= 0 ? p->hidden_by : "no",
		   i->caps & CAP_TSO ? "whole" : "cut here");
	put_format(out, "shortcuts %s\n", p->config.shortcuts ? "yes" : "no");
}

static int set_mtu(struct interface *i, uint32_t mtu_bytes, char *why, size_t room)
{
	return netdev_check_mtu(i->device, mtu_bytes, why, room);
}

static const struct interface_driver af_packet_driver = {
	.name = "af_packet",
	.tx = &af_packet_tx_node,
	.takes_shared = true,
	.set_up = netdev_interface_set_up,
	.set_mtu = set_mtu,
	.detach = netdev_interface_detach,
	.close = netdev_interface_close,
	.free = free_interface,
	.describe = describe,
};

static void init_queue(struct af_packet *p, const struct engine *e, uint32_t at)
{
	static const uint16_t protocols[] = { ETH_P_IP, ETH_P_IPV6, ETH_P_ARP };
	struct af_packet_queue *q = &p->queue[at];

	q->owner = p;
	q->fd = -1;
	q->number = at % p->n_queues;
	q->protocol = p->config.shortcuts ? protocols[at / p->n_queues] : ETH_P_ALL;
	af_packet_init_input(e, q);
}

static struct af_packet *make_or_null(struct engine *e, const struct af_packet_config *config)
{
	struct af_packet *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->engine = e;
	p->config = *config;
	p->has_mac = config->mac != NULL;
	if (config->mac)
		memcpy(p->mac, config->mac, MAC_LEN);
	p->filter_fd = p->membership_fd = -1;
	p->n_workers = e->n_workers;
	p->n_queues = config->n_queues ? config->n_queues : e->n_workers;
	if (p->n_queues > AF_PACKET_QUEUES_MAX)
		p->n_queues = AF_PACKET_QUEUES_MAX;
	p->n_sockets = config->shortcuts ? 2 * p->n_queues + 1 : p->n_queues;
	p->queue = calloc(p->n_sockets, sizeof(*p->queue));
	p->tx = calloc(p->n_workers, sizeof(*p->tx));
	if (!p->queue || !p->tx) {
		free_memory(p);
		return NULL;
	}
	for (uint32_t at = 0; at < p->n_sockets; at++)
		init_queue(p, e, at);
	for (uint32_t w = 0; w < p->n_workers; w++) {
		p->tx[w].fd = p->tx[w].ring_fd = -1;
		p->tx[w].sender.map_fd = p->tx[w].sender.program_fd = -1;
	}
	return p;
}

static int check(const struct af_packet_config *c, char *why, size_t why_bytes)
{
	if (c->program == BPF_SENDER_ALWAYS && c->bypass_qdisc) {
		snprintf(why, why_bytes,
			 "send_by_program: always goes through the queueing discipline; leave out "
			 "bypass_qdisc or it");
		return ERR_INVAL;
	}
	if (c->n_queues <= AF_PACKET_QUEUES_MAX && c->ring_mib <= AF_PACKET_RING_MIB_MAX)
		return 0;
	snprintf(why, why_bytes, "queues are 1 … %d, ring_mib 1 … %d", AF_PACKET_QUEUES_MAX,
		 AF_PACKET_RING_MIB_MAX);
	return ERR_INVAL;
}

/* @p is open: make the interface and give it to the workers. */
static int add_interface(struct af_packet *p, struct engine *e)
{
	const struct netdev_info *info = &p->netdev.info;
	const struct interface_params params = {
		.name = p->config.name,
		.mac = p->mac,
		.mtu_bytes = p->config.mtu_bytes ? p->config.mtu_bytes : info->mtu_bytes,
		.caps = af_packet_caps(p, info),
		.n_queues = p->n_queues,
		.driver = &af_packet_driver,
		.device = p,
		.ip_only = p->config.shortcuts,
	};

	return interface_add(e, &params, &p->interface);
}

int af_packet_create(struct engine *e, const struct af_packet_config *config,
		     struct interface **out, char *why, size_t why_bytes)
{
	int err = check(config, why, why_bytes);
	struct af_packet *p;

	if (err)
		return err;
	p = make_or_null(e, config);
	if (!p)
		return ERR_NOMEM;
	err = netdev_open(&p->netdev, config->device, &ops, p, why, why_bytes);
	if (err)
		goto not_open;
	err = netdev_check_mtu(&p->netdev, config->mtu_bytes, why, why_bytes);
	if (err)
		goto not_added;
	err = add_interface(p, e);
	if (err) {
		p->interface = NULL;
		snprintf(why, why_bytes, "cannot add interface %s: %s", config->name,
			 err_text(err));
		goto not_added;
	}
	*out = p->interface;
	interface_set_shortcut_port(p->interface, port_of(p));
	err = netdev_attach(&p->netdev, p->interface);
	if (err)
		interface_remove(p->interface); /* frees @p, soon */
	return err;

not_added:
	netdev_free(&p->netdev);
not_open:
	free_memory(p);
	return err;
}

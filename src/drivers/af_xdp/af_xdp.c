/*
 * af_xdp.c - AF_XDP sockets as an interface: configuration, creation, placement on workers.
 *
 *   device ── program ── rx ring ──> af-xdp-input ──> arc device-input
 *               fill ring <── free buffers
 *   interface-output ──> NAME-tx ── tx ring ──> device
 *               completion ring ──> buffers are free again
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/af_xdp/af_xdp_private.h"

static int open_device(void *context, const struct netdev_info *info, char *why, size_t why_bytes)
{
	struct af_xdp *x = context;

	if (x->n_queues == 0) /* the first time, and all of them are wanted */
		x->n_queues = info->n_rx_queues < AF_XDP_QUEUES_MAX ? info->n_rx_queues
								    : AF_XDP_QUEUES_MAX;
	return af_xdp_open_sockets(x, info, why, why_bytes);
}

static void close_device(void *context)
{
	af_xdp_close_sockets(context);
}

static void attach(struct worker *w, void *context)
{
	struct af_xdp *x = context;

	for (uint32_t at = 0; at < x->n_queues; at++) {
		struct xdp_queue *q = &x->queue[at];

		if (interface_queue_worker(x->interface, at) != w->index)
			continue;
		q->attached = worker_add_input(w, &q->input) == 0;
		if (q->attached)
			af_xdp_take(w, q);
	}
}

static void detach(struct worker *w, void *context)
{
	struct af_xdp *x = context;

	for (uint32_t at = 0; at < x->n_queues; at++) {
		struct xdp_queue *q = &x->queue[at];

		if (interface_queue_worker(x->interface, at) != w->index)
			continue;
		if (q->attached) {
			worker_remove_input(w, &q->input);
			af_xdp_leave(w, q);
		}
		q->attached = false;
	}
}

static const struct netdev_ops ops = {
	.open = open_device,
	.attach = attach,
	.detach = detach,
	.close = close_device,
};

static void free_memory(struct af_xdp *x)
{
	free(x->queue);
	free(x->lent);
	free(x);
}

static void free_interface(struct interface *i)
{
	struct af_xdp *x = i->device;

	netdev_free(&x->netdev);
	free_memory(x);
}

static void describe(const struct interface *i, struct writer *out)
{
	const struct af_xdp *x = i->device;
	uint64_t lost = 0;

	netdev_describe(&x->netdev, out);
	for (uint32_t q = 0; q < x->n_queues; q++)
		lost += __atomic_load_n(&x->queue[q].n_kernel_lost, __ATOMIC_RELAXED);
	put_format(out, "queues %u\nmode %s\ncopy %s\nchains %s\nkernel-lost %" PRIu64 "\n",
		   x->n_queues, x->native ? "native" : "generic", x->zero_copy ? "none" : "once",
		   x->chains ? "yes" : "no", lost);
	put_format(out, "sends-by-program %s\n", x->queue[0].sender.batch ? "yes" : "no");
	put_format(out, "promiscuous %s\nbusy-poll-us %u\n", x->promiscuous ? "yes" : "no",
		   x->config.busy_poll_us);
}

static int check_mtu(const struct af_xdp *x, uint32_t mtu, char *why, size_t why_bytes)
{
	int err = netdev_check_mtu(&x->netdev, mtu, why, why_bytes);

	if (err)
		return err;
	if (x->queue[0].sender.batch && mtu > AF_XDP_SENDER_MTU_MAX) {
		snprintf(why, why_bytes,
			 "an MTU of %u bytes is more than a program sends: set mtu to %d or less, "
			 "or write send_by_program: never",
			 mtu, AF_XDP_SENDER_MTU_MAX);
		return ERR_RANGE;
	}
	if (!x->chains && mtu > BUF_DATA - 18) {
		snprintf(why, why_bytes,
			 "an MTU of %u bytes needs packets in several pieces (Linux 6.6); set mtu "
			 "to %d or less",
			 mtu, BUF_DATA - 18);
		return ERR_UNSUPPORTED;
	}
	return 0;
}

static int set_mtu(struct interface *i, uint32_t mtu_bytes, char *why, size_t room)
{
	return check_mtu(i->device, mtu_bytes, why, room);
}

static const struct interface_driver af_xdp_driver = {
	.name = "af_xdp",
	.tx = &af_xdp_tx_node,
	.set_up = netdev_interface_set_up,
	.set_mtu = set_mtu,
	.detach = netdev_interface_detach,
	.close = netdev_interface_close,
	.free = free_interface,
	.describe = describe,
};

static struct af_xdp *make_or_null(struct engine *e, const struct af_xdp_config *config)
{
	struct af_xdp *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->config = *config;
	x->engine = e;
	x->has_mac = config->mac != NULL;
	if (config->mac)
		memcpy(x->mac, config->mac, MAC_LEN);
	x->membership_fd = x->map_fd = x->link_fd = -1;
	x->n_queues = config->n_queues;
	x->queue = calloc(AF_XDP_QUEUES_MAX, sizeof(*x->queue));
	x->lent = calloc((size_t)e->bufs.n_buffers + 1, 1);
	if (!x->queue || !x->lent) {
		free_memory(x);
		return NULL;
	}
	for (uint32_t q = 0; q < AF_XDP_QUEUES_MAX; q++) {
		x->queue[q].owner = x;
		x->queue[q].index = q;
		x->queue[q].fd = -1;
		x->queue[q].sender.map_fd = x->queue[q].sender.program_fd = -1;
		af_xdp_init_input(e, &x->queue[q]);
	}
	return x;
}

static int check(const struct af_xdp_config *c, char *why, size_t why_bytes)
{
	bool ring_fits =
		c->ring == 0 || (c->ring >= AF_XDP_RING_MIN && c->ring <= AF_XDP_RING_MAX &&
				 (c->ring & (c->ring - 1)) == 0);

	if (c->n_queues <= AF_XDP_QUEUES_MAX && ring_fits)
		return 0;
	snprintf(why, why_bytes, "queues are 1 … %d, ring is a power of two from %d to %d",
		 AF_XDP_QUEUES_MAX, AF_XDP_RING_MIN, AF_XDP_RING_MAX);
	return ERR_INVAL;
}

/* Half of the pool may lie with the kernel, waiting for packets. */
static int check_pool(const struct af_xdp *x, char *why, size_t why_bytes)
{
	uint64_t lent = (uint64_t)x->n_queues * (x->queue[0].fill.mask + 1);

	if (lent <= x->engine->bufs.n_buffers / 2)
		return 0;
	snprintf(why, why_bytes,
		 "%u queues with rings of %u packets take %" PRIu64 " buffers of %u; lower queues "
		 "or ring, or raise \"buffers\"",
		 x->n_queues, x->queue[0].fill.mask + 1, lent, x->engine->bufs.n_buffers);
	return ERR_RANGE;
}

/* @x is open: make the interface and give it to the workers. */
static int add_interface(struct af_xdp *x)
{
	const struct interface_params params = {
		.name = x->config.name,
		.mac = x->mac,
		.mtu_bytes = x->config.mtu_bytes ? x->config.mtu_bytes : x->netdev.info.mtu_bytes,
		.n_queues = x->n_queues,
		.driver = &af_xdp_driver,
		.device = x,
	};

	return interface_add(x->engine, &params, &x->interface);
}

int af_xdp_create(struct engine *e, const struct af_xdp_config *config, struct interface **out,
		  char *why, size_t why_bytes)
{
	int err = check(config, why, why_bytes);
	struct af_xdp *x;

	if (err)
		return err;
	x = make_or_null(e, config);
	if (!x)
		return ERR_NOMEM;
	err = netdev_open(&x->netdev, config->device, &ops, x, why, why_bytes);
	if (err)
		goto not_open;
	err = check_pool(x, why, why_bytes);
	if (!err)
		err = check_mtu(
			x, x->config.mtu_bytes ? x->config.mtu_bytes : x->netdev.info.mtu_bytes,
			why, why_bytes);
	if (err)
		goto not_added;
	err = add_interface(x);
	if (err) {
		snprintf(why, why_bytes, "cannot add interface %s: %s", config->name,
			 err_text(err));
		goto not_added;
	}
	*out = x->interface;
	err = netdev_attach(&x->netdev, x->interface);
	if (err)
		interface_remove(x->interface); /* frees @x, soon */
	return err;

not_added:
	netdev_free(&x->netdev);
not_open:
	free_memory(x);
	return err;
}

/*
 * tap.c - tap interfaces: creation, placement of queues on workers, removal.
 *
 * Queue q is received by worker q modulo the number of workers, and worker w sends through queue
 * w modulo the number of queues. The kernel remembers for each flow on which queue we sent it
 * and delivers the flow's packets there, so flows stay on their worker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/tap/tap_private.h"

enum { MTU_DEFAULT = 1500, MTU_MIN = 68, MTU_MAX = 65521 };

static void attach(struct worker *w, struct interface *i)
{
	struct tap *t = i->device;

	for (uint32_t q = 0; q < t->n_queues; q++) {
		struct tap_queue *queue = &t->queue[q];

		if (interface_queue_worker(i, q) != w->index)
			continue;
		queue->attached = worker_add_input(w, &queue->input) == 0;
	}
}

static void detach(struct worker *w, struct interface *i)
{
	struct tap *t = i->device;

	for (uint32_t q = 0; q < t->n_queues; q++) {
		struct tap_queue *queue = &t->queue[q];

		if (interface_queue_worker(i, q) != w->index)
			continue;
		if (queue->attached)
			worker_remove_input(w, &queue->input);
		queue->attached = false;
		buf_free(&w->bufs, &queue->idx[queue->n_missing], TAP_RX_BUFS - queue->n_missing);
		queue->n_missing = TAP_RX_BUFS;
	}
}

static void free_tap(struct tap *t)
{
	for (uint32_t q = 0; q < t->n_queues; q++)
		if (t->queue[q].fd >= 0)
			close(t->queue[q].fd);
	free(t);
}

static void free_device(struct interface *i)
{
	free_tap(i->device);
}

static void describe(const struct interface *i, struct writer *out)
{
	const struct tap *t = i->device;

	put_format(out, "device %s\nqueues %u\n", t->host_name, t->n_queues);
}

static int set_mtu(struct interface *i, uint32_t mtu_bytes, char *why, size_t room)
{
	const struct tap *t = i->device;

	return tap_host_set_mtu(t->queue[0].fd, mtu_bytes, why, room);
}

static const struct interface_driver tap_driver = {
	.name = "tap",
	.tx = &tap_tx_node,
	.takes_shared = true,
	.set_mtu = set_mtu,
	.attach = attach,
	.detach = detach,
	.free = free_device,
	.describe = describe,
};

/* Somebody deleted the kernel's end: the interface stays, without a link. */
static void device_gone(void *consumer, struct mail *mail)
{
	struct tap_queue *queue = container_of(mail, struct tap_queue, gone_mail);
	struct tap *t = queue->tap;

	(void)consumer;
	if (t->interface->link)
		log_warn("tap.gone", "name=%s device=%s", t->interface->name, t->host_name);
	interface_set_link(t->interface, false);
}

static void init_queue(struct tap *t, uint32_t q, int fd, uint16_t node)
{
	struct tap_queue *queue = &t->queue[q];

	queue->tap = t;
	queue->fd = fd;
	queue->n_missing = TAP_RX_BUFS;
	queue->gone_mail.deliver = device_gone;
	queue->input = (struct input){ .kind = INPUT_FD, .node = node, .fd = fd };
	queue->iov[0] = (struct iovec){ &queue->header, sizeof(queue->header) };
}

int tap_create(struct engine *e, const struct tap_config *config, struct interface **out, char *why,
	       size_t why_bytes)
{
	struct tap_config c = *config;
	struct interface_params params = {
		.name = c.name, .mac = c.mac, .driver = &tap_driver, .caps = CAP_RX_CSUM
	};
	uint16_t node = graph_node_id(&e->graph, tap_input_node.name);
	int fds[TAP_QUEUES_MAX];
	struct tap *t;
	int err;

	if (c.n_queues == 0)
		c.n_queues = e->n_workers < TAP_QUEUES_MAX ? e->n_workers : TAP_QUEUES_MAX;
	if (c.mtu_bytes == 0)
		c.mtu_bytes = MTU_DEFAULT;
	if (c.n_queues > TAP_QUEUES_MAX || c.mtu_bytes < MTU_MIN || c.mtu_bytes > MTU_MAX ||
	    c.n_host_addresses > TAP_HOST_ADDRESSES_MAX) {
		snprintf(why, why_bytes, "queues are 1 … %d, MTU is %d … %d, addresses 0 … %d",
			 TAP_QUEUES_MAX, MTU_MIN, MTU_MAX, TAP_HOST_ADDRESSES_MAX);
		return ERR_INVAL;
	}
	t = calloc(1, sizeof(*t) + c.n_queues * sizeof(t->queue[0]));
	if (!t)
		return ERR_NOMEM;
	err = tap_host_open(&c, fds, c.n_queues, t->host_name, why, why_bytes);
	if (err) {
		free(t);
		return err;
	}
	t->n_queues = c.n_queues;
	for (uint32_t q = 0; q < c.n_queues; q++)
		init_queue(t, q, fds[q], node);
	if (!c.no_offload)
		params.caps |= CAP_CSUM | CAP_TSO | CAP_LRO;
	params.mtu_bytes = c.mtu_bytes;
	params.n_queues = c.n_queues;
	params.device = t;
	err = interface_add(e, &params, &t->interface);
	if (err) {
		snprintf(why, why_bytes, "cannot add interface %s: %s", c.name, err_text(err));
		free_tap(t);
		return err;
	}
	interface_set_link(t->interface, true);
	*out = t->interface;
	return 0;
}

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

#include "base/err.h"
#include "drivers/tap/tap_private.h"

enum { MTU_DEFAULT = 1500, MTU_MIN = 68, MTU_MAX = 65521 };
enum { TEXTS_CHUNK = 512, TEXTS_MAX = 16384 };

void tap_attach(struct worker *w, struct interface *i)
{
	struct tap *t = i->device;

	for (uint32_t q = 0; q < t->n_queues; q++) {
		struct tap_queue *queue = &t->queue[q];

		if (interface_queue_worker(i, q) != w->index)
			continue;
		queue->gone = false;
		queue->attached = queue->input.fd >= 0 && worker_add_input(w, &queue->input) == 0;
	}
}

void tap_detach(struct worker *w, struct interface *i)
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

void tap_use(struct tap *t, const int *fds)
{
	for (uint32_t q = 0; q < t->n_queues; q++) {
		t->queue[q].input.fd = fds[q];
		__atomic_store_n(&t->queue[q].tx_fd, fds[q], __ATOMIC_RELAXED);
	}
}

void tap_close_queues(struct tap *t)
{
	for (uint32_t q = 0; q < t->n_queues; q++) {
		if (t->queue[q].input.fd >= 0)
			close(t->queue[q].input.fd);
		t->queue[q].input.fd = t->queue[q].tx_fd = -1;
	}
}

static void free_tap(struct tap *t)
{
	tap_close_queues(t);
	engine_errand_free(t->errand);
	arena_deinit(&t->texts);
	free(t);
}

static void close_device(struct interface *i)
{
	tap_unfollow(i->device);
}

static void free_device(struct interface *i)
{
	free_tap(i->device);
}

static void describe(const struct interface *i, struct writer *out)
{
	const struct tap *t = i->device;

	static const char *const states[] = {
		[TAP_THERE] = "there",
		[TAP_LEAVING] = "going",
		[TAP_GONE] = "gone",
		[TAP_COMING] = "coming",
	};

	put_format(out, "device %s\nstate %s\nqueues %u\n", t->host_name, states[t->state],
		   t->n_queues);
}

static int set_mtu(struct interface *i, uint32_t mtu_bytes, char *why, size_t room)
{
	const struct tap *t = i->device;

	/* The next device has it from the beginning. */
	return t->state == TAP_THERE ? tap_host_set_mtu(t->queue[0].input.fd, mtu_bytes, why, room)
				     : 0;
}

static const struct interface_driver tap_driver = {
	.name = "tap",
	.tx = &tap_tx_node,
	.takes_shared = true,
	.set_mtu = set_mtu,
	.attach = tap_attach,
	.detach = tap_detach,
	.close = close_device,
	.free = free_device,
	.describe = describe,
};

static void device_gone(void *consumer unused_arg, struct mail *mail)
{
	tap_lost(container_of(mail, struct tap_queue, gone_mail)->tap);
}

static void init_queue(struct tap *t, uint32_t q, uint16_t node)
{
	struct tap_queue *queue = &t->queue[q];

	queue->tap = t;
	queue->n_missing = TAP_RX_BUFS;
	queue->gone_mail.deliver = device_gone;
	queue->input = (struct input){ .kind = INPUT_FD, .node = node, .fd = -1 };
	queue->tx_fd = -1;
	queue->iov[0] = (struct iovec){ &queue->header, sizeof(queue->header) };
}

static const char *keep_text(struct arena *a, const char *text, bool *ok)
{
	char *copy = text ? arena_alloc_or_null(a, strlen(text) + 1) : NULL;

	*ok = *ok && (copy || !text);
	return copy ? strcpy(copy, text) : NULL;
}

/* Keep all that another device needs to be made like the first one. */
static int keep_config(struct tap *t, const struct tap_config *c)
{
	const char **addresses;
	uint8_t *mac;
	bool ok = true;

	arena_init(&t->texts, TEXTS_CHUNK, TEXTS_MAX);
	addresses = arena_alloc_or_null(&t->texts, sizeof(*addresses) * TAP_HOST_ADDRESSES_MAX);
	mac = arena_alloc_or_null(&t->texts, MAC_LEN);
	if (!addresses || !mac)
		return ERR_NOMEM;
	t->config = *c;
	t->config.name = keep_text(&t->texts, c->name, &ok);
	t->config.host_name = keep_text(&t->texts, c->host_name, &ok);
	t->config.host_netns = keep_text(&t->texts, c->host_netns, &ok);
	for (uint32_t n = 0; n < c->n_host_addresses; n++)
		addresses[n] = keep_text(&t->texts, c->host_addresses[n], &ok);
	t->config.host_addresses = addresses;
	if (c->host_mac)
		t->config.host_mac = memcpy(mac, c->host_mac, MAC_LEN);
	t->config.mac = NULL;
	return ok ? 0 : ERR_NOMEM;
}

static int check(struct tap_config *c, const struct engine *e, char *why, size_t why_bytes)
{
	if (c->n_queues == 0)
		c->n_queues = e->n_workers < TAP_QUEUES_MAX ? e->n_workers : TAP_QUEUES_MAX;
	if (c->mtu_bytes == 0)
		c->mtu_bytes = MTU_DEFAULT;
	if (c->n_queues <= TAP_QUEUES_MAX && c->mtu_bytes >= MTU_MIN && c->mtu_bytes <= MTU_MAX &&
	    c->n_host_addresses <= TAP_HOST_ADDRESSES_MAX)
		return 0;
	snprintf(why, why_bytes, "queues are 1 … %d, MTU is %d … %d, addresses 0 … %d",
		 TAP_QUEUES_MAX, MTU_MIN, MTU_MAX, TAP_HOST_ADDRESSES_MAX);
	return ERR_INVAL;
}

/* @t has its device: make the interface, which has it then. */
static int add_interface(struct tap *t, struct engine *e, const uint8_t *mac)
{
	const struct interface_params params = {
		.name = t->config.name,
		.mac = mac,
		.mtu_bytes = t->config.mtu_bytes,
		.caps = CAP_RX_CSUM | (t->config.no_offload ? 0 : CAP_CSUM | CAP_TSO | CAP_LRO),
		.n_queues = t->n_queues,
		.driver = &tap_driver,
		.device = t,
	};

	return interface_add(e, &params, &t->interface);
}

static struct tap *make_or_null(const struct engine *e, const struct tap_config *c)
{
	struct tap *t = calloc(1, sizeof(*t) + c->n_queues * sizeof(t->queue[0]));

	if (!t)
		return NULL;
	t->n_queues = c->n_queues;
	for (uint32_t q = 0; q < c->n_queues; q++)
		init_queue(t, q, graph_node_id(&e->graph, tap_input_node.name));
	t->again.fd = -1;
	if (keep_config(t, c) == 0)
		return t;
	free_tap(t);
	return NULL;
}

int tap_create(struct engine *e, const struct tap_config *config, struct interface **out, char *why,
	       size_t why_bytes)
{
	struct tap_config c = *config;
	int fds[TAP_QUEUES_MAX];
	struct tap *t;
	int err = check(&c, e, why, why_bytes);

	if (err)
		return err;
	t = make_or_null(e, &c);
	if (!t)
		return ERR_NOMEM;
	err = tap_host_open(&c, fds, c.n_queues, t->host_name, why, why_bytes);
	if (err) {
		free_tap(t);
		return err;
	}
	tap_use(t, fds);
	err = add_interface(t, e, c.mac);
	if (err) {
		snprintf(why, why_bytes, "cannot add interface %s: %s", c.name, err_text(err));
		free_tap(t);
		return err;
	}
	interface_set_link(t->interface, true);
	*out = t->interface;
	err = tap_follow(t);
	if (err)
		interface_remove(t->interface); /* frees @t, soon */
	return err;
}

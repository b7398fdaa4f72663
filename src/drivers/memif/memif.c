/* memif.c - memif interfaces: configuration, creation, removal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/memif/memif_private.h"

enum {
	MTU_DEFAULT = 1500,
	MTU_MAX = 65521,
	LOG2_RING_DEFAULT = 10,
	BUFFER_DEFAULT = 2048,
};

static void detach(struct worker *w, struct interface *i)
{
	struct memif *m = i->device;

	/* memif_close() has sent for the link before: it is not here any more. */
	invariant(w->index != m->owner || m->active == NULL);
}

static void close_device(struct interface *i)
{
	memif_close(i->device);
}

static void free_device(struct interface *i)
{
	free(i->device);
}

static void describe(const struct interface *i, struct writer *out)
{
	static const char *const states[] = {
		[MEMIF_IDLE] = "nobody there",	 [MEMIF_WAIT_HELLO] = "handshake",
		[MEMIF_WAIT_ACK] = "handshake",	 [MEMIF_WAIT_CONNECTED] = "handshake",
		[MEMIF_WAIT_INIT] = "handshake", [MEMIF_WAIT_CONNECT] = "handshake",
		[MEMIF_ATTACHING] = "handshake", [MEMIF_UP] = "connected",
		[MEMIF_DETACHING] = "closing",
	};
	const struct memif *m = i->device;

	put_format(out, "role %s\nsocket %s\nid %u\nstate %s\n",
		   m->role == MEMIF_SERVER ? "server" : "client", m->address.sun_path, m->id,
		   states[m->state]);
	if (m->state == MEMIF_UP)
		put_format(out, "peer %s\noffload %s\n", m->peer,
			   m->link->view.vnet ? "yes" : "no");
	else if (m->last_reason[0])
		put_format(out, "last %s\n", m->last_reason);
}

static const struct interface_driver memif_driver = {
	.name = "memif",
	.tx = &memif_tx_node,
	.takes_shared = true,
	.detach = detach,
	.close = close_device,
	.free = free_device,
	.describe = describe,
};

static int check(const struct memif_config *c, char *why, size_t why_bytes)
{
	const struct sockaddr_un *address = NULL;

	if (!c->socket || strlen(c->socket) >= sizeof(address->sun_path)) {
		snprintf(why, why_bytes, "a socket path has 1 … %zu bytes",
			 sizeof(address->sun_path) - 1);
		return ERR_RANGE;
	}
	if (c->mtu_bytes > MTU_MAX || (c->secret && strlen(c->secret) > MEMIF_SECRET_LEN) ||
	    (c->log2_ring_size && (c->log2_ring_size < MEMIF_LOG2_RING_MIN ||
				   c->log2_ring_size > MEMIF_LOG2_RING_MAX)) ||
	    (c->buffer_bytes &&
	     (c->buffer_bytes < MEMIF_BUFFER_MIN || c->buffer_bytes > MEMIF_BUFFER_MAX))) {
		snprintf(why, why_bytes,
			 "MTU is at most %d, a secret %d bytes, rings 2^%d … 2^%d descriptors, "
			 "buffers %d … %d bytes",
			 MTU_MAX, MEMIF_SECRET_LEN, MEMIF_LOG2_RING_MIN, MEMIF_LOG2_RING_MAX,
			 MEMIF_BUFFER_MIN, MEMIF_BUFFER_MAX);
		return ERR_INVAL;
	}
	return 0;
}

static void fill(struct memif *m, struct engine *e, const struct memif_config *c)
{
	m->engine = e;
	m->role = c->role;
	m->id = c->id;
	if (c->secret)
		memcpy(m->secret, c->secret, strlen(c->secret));
	m->address.sun_family = AF_UNIX;
	strcpy(m->address.sun_path, c->socket);
	m->log2_ring_size = c->log2_ring_size ? c->log2_ring_size : LOG2_RING_DEFAULT;
	m->buffer_bytes = c->buffer_bytes ? c->buffer_bytes : BUFFER_DEFAULT;
	m->no_offload = c->no_offload;
	m->region_fd = m->listener.fd = m->socket.fd = m->timer.fd = -1;
}

int memif_create(struct engine *e, const struct memif_config *config, struct interface **out,
		 char *why, size_t why_bytes)
{
	const struct interface_params params = {
		.name = config->name,
		.mac = config->mac,
		.mtu_bytes = config->mtu_bytes ? config->mtu_bytes : MTU_DEFAULT,
		.n_queues = 1,
		.driver = &memif_driver,
		.device = calloc(1, sizeof(struct memif)),
	};
	struct memif *m = params.device;
	int err = check(config, why, why_bytes);

	if (!m)
		return ERR_NOMEM;
	if (!err) {
		fill(m, e, config);
		err = interface_add(e, &params, &m->interface);
		if (err)
			snprintf(why, why_bytes, "cannot add interface %s: %s", config->name,
				 err_text(err));
	}
	if (err) {
		free(m);
		return err;
	}
	m->owner = interface_queue_worker(m->interface, 0);
	*out = m->interface;
	why[0] = '\0';
	err = memif_open(m, why, why_bytes);
	if (err && interface_remove(m->interface) < 0) /* frees @m, soon */
		return ERR_NOMEM;
	return err;
}

/* memif.c - memif interfaces: configuration, creation, removal. */
#include <errno.h>
#include <inttypes.h>
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
	invariant(m->way[w->index].tx == NULL);
}

static void close_device(struct interface *i)
{
	memif_close(i->device);
}

static void free_memif(struct memif *m)
{
	engine_errand_free(m->errand);
	free(m);
}

static void free_device(struct interface *i)
{
	struct memif *m = i->device;

	memif_ringer_close(&m->ringer);
	free_memif(m);
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
		put_format(out, "peer %s\noffload %s\nrx-queues %u\ntx-queues %u\nzero-copy %s\n",
			   m->peer, m->link->view.vnet ? "yes" : "no", m->link->n_rx, m->link->n_tx,
			   m->link->view.pool ? "yes" : "no");
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
	if (c->mtu_bytes > MTU_MAX || c->n_queues > MEMIF_QUEUES_MAX ||
	    (c->secret && strlen(c->secret) > MEMIF_SECRET_LEN) ||
	    (c->log2_ring_size && (c->log2_ring_size < MEMIF_LOG2_RING_MIN ||
				   c->log2_ring_size > MEMIF_LOG2_RING_MAX)) ||
	    (c->buffer_bytes &&
	     (c->buffer_bytes < MEMIF_BUFFER_MIN || c->buffer_bytes > MEMIF_BUFFER_MAX))) {
		snprintf(why, why_bytes,
			 "MTU is at most %d, queues %d, a secret %d bytes, rings 2^%d … 2^%d "
			 "descriptors, "
			 "buffers %d … %d bytes",
			 MTU_MAX, MEMIF_QUEUES_MAX, MEMIF_SECRET_LEN, MEMIF_LOG2_RING_MIN,
			 MEMIF_LOG2_RING_MAX, MEMIF_BUFFER_MIN, MEMIF_BUFFER_MAX);
		return ERR_INVAL;
	}
	return 0;
}

/* What depends on the engine, or on several fields at once. */
static int check_made(const struct memif *m, char *why, size_t why_bytes)
{
	const struct buf_pool *pool = &m->engine->bufs;
	uint64_t lent = (uint64_t)m->n_queues << m->log2_ring_size;

	if (!memif_memory_fits(m)) {
		snprintf(why, why_bytes,
			 "%u queues with rings of 2^%u buffers of %u bytes need more than 4 GiB",
			 m->n_queues, m->log2_ring_size, m->buffer_bytes);
		return ERR_RANGE;
	}
	if (m->role != MEMIF_CLIENT || !m->zero_copy)
		return 0;
	if (pool->fd < 0 || pool->map_bytes > UINT32_MAX) {
		snprintf(why, why_bytes,
			 "zero_copy needs buffers that can be shared, less than 4 GiB of them: "
			 "start convoyd with shared_buffers: true");
		return ERR_UNSUPPORTED;
	}
	if (lent > pool->n_buffers / 2) { /* empty ones, waiting for packets */
		snprintf(why, why_bytes,
			 "%u queues with rings of 2^%u take %" PRIu64
			 " buffers of %u; lower queues or log2_ring_size, or raise \"buffers\"",
			 m->n_queues, m->log2_ring_size, lent, pool->n_buffers);
		return ERR_RANGE;
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
	m->n_queues = c->n_queues ? c->n_queues : 1;
	m->no_offload = c->no_offload;
	m->zero_copy = c->zero_copy;
	m->trusted = c->trusted;
	for (uint32_t w = 0; w < WORKERS_MAX; w++)
		m->way[w].hand_to = WORKERS_MAX;
	m->region_fd = m->listener.fd = m->socket.fd = m->timer.fd = -1;
}

static struct memif *memif_new_or_null(void)
{
	struct memif *m = aligned_alloc(BUF_LINE, sizeof(*m));

	if (m)
		memset(m, 0, sizeof(*m));
	return m;
}

int memif_create(struct engine *e, const struct memif_config *config, struct interface **out,
		 char *why, size_t why_bytes)
{
	const struct interface_params params = {
		.name = config->name,
		.mac = config->mac,
		.mtu_bytes = config->mtu_bytes ? config->mtu_bytes : MTU_DEFAULT,
		.n_queues = config->n_queues ? config->n_queues : 1,
		.driver = &memif_driver,
		.device = memif_new_or_null(),
	};
	struct memif *m = params.device;
	int err = check(config, why, why_bytes);

	if (!m)
		return ERR_NOMEM;
	m->errand = engine_errand_new_or_null(e);
	if (!m->errand)
		err = ERR_NOMEM;
	if (!err) {
		fill(m, e, config);
		err = check_made(m, why, why_bytes);
	}
	if (!err) {
		err = interface_add(e, &params, &m->interface);
		if (err)
			snprintf(why, why_bytes, "cannot add interface %s: %s", config->name,
				 err_text(err));
	}
	if (err) {
		free_memif(m);
		return err;
	}
	*out = m->interface;
	why[0] = '\0';
	memif_ringer_open(&m->ringer);
	err = memif_open(m, why, why_bytes);
	if (err)
		interface_remove(m->interface); /* frees @m, soon */
	return err;
}

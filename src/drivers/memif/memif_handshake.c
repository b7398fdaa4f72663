/*
 * memif_handshake.c - both sides' handshakes: a message in, a message out, a link built on the way.
 * Nothing here touches a socket but to send, and nothing waits.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/memif/memif_private.h"
#include "drivers/vnet.h"

#define OWN_NAME       "convoy +vnet2"
#define OWN_NAME_PLAIN "convoy"
static const char vnet_tag[] = "+vnet2";

int memif_say(int sock, const struct memif_message *message, size_t len, int fd)
{
	struct iovec iov = { (void *)message, len };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { { 0 } };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		h.msg_control = control.bytes;
		h.msg_controllen = sizeof(control.bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(sock, &h, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? err_of_errno(errno) : 0;
}

int memif_send(struct memif *m, const struct memif_message *message, int fd)
{
	return memif_say(m->socket.fd, message, sizeof(*message), fd);
}

static void set_name(uint8_t to[MEMIF_NAME_LEN], const char *name)
{
	size_t len = strlen(name);

	memset(to, 0, MEMIF_NAME_LEN);
	memcpy(to, name, len < MEMIF_NAME_LEN ? len : MEMIF_NAME_LEN - 1);
}

static const char *own_name(const struct memif *m)
{
	return m->no_offload ? OWN_NAME_PLAIN : OWN_NAME;
}

/* Remember the other program's name, printable, and whether it knows our addition. */
static void take_name(struct memif *m, const uint8_t name[MEMIF_NAME_LEN])
{
	size_t len, tag_len = strlen(vnet_tag);

	memcpy(m->peer, name, MEMIF_NAME_LEN);
	m->peer[MEMIF_NAME_LEN] = '\0';
	len = strlen(m->peer);
	for (size_t i = 0; i < len; i++)
		if (m->peer[i] < ' ' || m->peer[i] > '~')
			m->peer[i] = '?';
	m->peer_vnet =
		!m->no_offload && len >= tag_len && strcmp(m->peer + len - tag_len, vnet_tag) == 0;
}

/* --- client's side of the handshake --- */

static int send_init(struct memif *m)
{
	struct memif_message out = { .type = MEMIF_INIT };

	out.init.version = MEMIF_VERSION;
	out.init.id = m->id;
	out.init.mode = MEMIF_MODE_ETHERNET;
	memcpy(out.init.secret, m->secret, sizeof(m->secret));
	set_name(out.init.name, own_name(m));
	return memif_send(m, &out, -1);
}

/* The rings, with their buffers unless those are the pool's, which is the other region then. */
static int send_region(struct memif *m, uint16_t index)
{
	const struct memif_view *v = &m->link->view;
	struct memif_message out = { .type = MEMIF_ADD_REGION };
	int err;

	out.add_region.index = index;
	if (index == MEMIF_POOL_REGION) {
		out.add_region.size = v->pool->map_bytes;
		return memif_send(m, &out, v->pool->fd);
	}
	out.add_region.size = v->region[0].size;
	err = memif_send(m, &out, m->region_fd);
	close(m->region_fd);
	m->region_fd = -1;
	return err;
}

static int send_ring(struct memif *m, bool s2m, uint16_t index)
{
	const struct memif_link *l = m->link;
	const struct memif_queue *q = s2m ? &l->tx[index].queue : &l->rx[index].queue;
	struct memif_message out = { .type = MEMIF_ADD_RING };

	out.add_ring.flags = s2m ? MEMIF_ADD_RING_S2M : 0;
	out.add_ring.index = index;
	out.add_ring.offset = (uint32_t)((uint8_t *)q->ring - l->view.region[0].base);
	out.add_ring.log2_ring_size = (uint8_t)l->log2_ring_size;
	out.add_ring.private_header_size = l->view.vnet ? MEMIF_HEADER_BYTES : 0;
	return memif_send(m, &out, q->bell_fd);
}

static int send_connect(struct memif *m, uint16_t type)
{
	struct memif_message out = { .type = type };

	set_name(out.connect.interface_name, m->interface->name);
	return memif_send(m, &out, -1);
}

static uint32_t at_most(uint32_t ours, uint32_t theirs)
{
	return ours < theirs ? ours : theirs;
}

static int on_hello(struct memif *m, const struct memif_hello *hello)
{
	struct memif_link *l;

	if (hello->min_version > MEMIF_VERSION || hello->max_version < MEMIF_VERSION)
		return ERR_VERSION;
	take_name(m, hello->name);
	l = m->link = memif_link_new_or_null(m);
	if (!l)
		return ERR_NOMEM;
	l->log2_ring_size = at_most(m->log2_ring_size, hello->max_log2_ring_size);
	l->n_tx = at_most(m->n_queues, (uint32_t)hello->max_s2m_ring + 1);
	l->n_rx = at_most(m->n_queues, (uint32_t)hello->max_m2s_ring + 1);
	l->view.vnet = m->peer_vnet;
	if (m->zero_copy && hello->max_region >= MEMIF_POOL_REGION)
		l->view.pool = &m->engine->bufs;
	m->region_fd = memif_memory_create(l);
	if (m->region_fd < 0)
		return m->region_fd;
	m->state = MEMIF_WAIT_ACK;
	m->acked = 0;
	return send_init(m);
}

/* After INIT: regions, rings to the server, rings from it, CONNECT. */
static int on_ack(struct memif *m)
{
	const struct memif_link *l = m->link;
	unsigned n_regions = l->view.pool ? 2 : 1, step = m->acked++;

	if (step < n_regions)
		return send_region(m, (uint16_t)step);
	step -= n_regions;
	if (step < l->n_tx)
		return send_ring(m, true, (uint16_t)step);
	step -= l->n_tx;
	if (step < l->n_rx)
		return send_ring(m, false, (uint16_t)step);
	m->state = MEMIF_WAIT_CONNECTED;
	return send_connect(m, MEMIF_CONNECT);
}

/* --- server's side --- */

static int send_ack(struct memif *m)
{
	struct memif_message out = { .type = MEMIF_ACK };

	return memif_send(m, &out, -1);
}

int memif_hello(struct memif *m)
{
	struct memif_message out = { .type = MEMIF_HELLO };

	out.hello.min_version = out.hello.max_version = MEMIF_VERSION;
	out.hello.max_region = MEMIF_REGIONS_MAX - 1;
	out.hello.max_s2m_ring = out.hello.max_m2s_ring = (uint16_t)(m->n_queues - 1);
	out.hello.max_log2_ring_size = MEMIF_LOG2_RING_MAX;
	set_name(out.hello.name, own_name(m));
	return memif_send(m, &out, -1);
}

static int on_init(struct memif *m, const struct memif_init *init)
{
	uint8_t differs = 0;

	if (init->version != MEMIF_VERSION)
		return ERR_VERSION;
	if (init->id != m->id || init->mode != MEMIF_MODE_ETHERNET)
		return ERR_NOENT;
	for (unsigned i = 0; i < MEMIF_SECRET_LEN; i++)
		differs |= init->secret[i] ^ m->secret[i];
	if (differs)
		return ERR_PERM;
	take_name(m, init->name);
	m->link = memif_link_new_or_null(m);
	if (!m->link)
		return ERR_NOMEM;
	m->state = MEMIF_WAIT_CONNECT;
	return send_ack(m);
}

/* ADD_REGION and ADD_RING, each with a descriptor that is theirs to keep. */
static int on_memory(struct memif *m, const struct memif_message *in, int *fd)
{
	struct memif_link *l = m->link;
	int err;

	if (*fd < 0)
		return ERR_PROTOCOL;
	if (in->type == MEMIF_ADD_REGION) {
		if (in->add_region.index != l->view.n_regions)
			return ERR_PROTOCOL;
		err = memif_memory_map(l, *fd, in->add_region.size);
		*fd = -1;
	} else {
		if (in->add_ring.private_header_size && !m->peer_vnet)
			return ERR_PROTOCOL;
		err = memif_memory_add_ring(l, &in->add_ring, *fd);
		if (!err)
			*fd = -1;
	}
	return err ? err : send_ack(m);
}

static int on_connect(struct memif *m)
{
	int err;

	if (!memif_memory_is_whole(m->link))
		return ERR_PROTOCOL;
	err = send_connect(m, MEMIF_CONNECTED);
	return err ? err : memif_attach(m);
}

/* What makes no sense in the state that we are in is a violation. */
int memif_on_message(struct memif *m, const struct memif_message *in, int *fd)
{
	if (m->state == MEMIF_WAIT_HELLO && in->type == MEMIF_HELLO)
		return on_hello(m, &in->hello);
	if (m->state == MEMIF_WAIT_ACK && in->type == MEMIF_ACK)
		return on_ack(m);
	if (m->state == MEMIF_WAIT_CONNECTED && in->type == MEMIF_CONNECTED)
		return memif_attach(m);
	if (m->state == MEMIF_WAIT_INIT && in->type == MEMIF_INIT)
		return on_init(m, &in->init);
	if (m->state == MEMIF_WAIT_CONNECT &&
	    (in->type == MEMIF_ADD_REGION || in->type == MEMIF_ADD_RING))
		return on_memory(m, in, fd);
	if (m->state == MEMIF_WAIT_CONNECT && in->type == MEMIF_CONNECT)
		return on_connect(m);
	return ERR_PROTOCOL;
}

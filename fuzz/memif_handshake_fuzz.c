/*
 * memif_handshake_fuzz.c - the other side of a memif, in either role, says what it likes and sends
 * whatever descriptors it likes with it; if that makes a connection, its rings hold the input too.
 * Input: {how:8}, then messages: {type:8, descriptor:8, body}. `how` has our role, the number of
 * queues, zero copy, whether the client is trusted. Nothing may be lost: no buffer, no descriptor.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/memif/memif_private.h"

enum { CLIENT = 1, MANY = 2, ZERO_COPY = 4, TRUSTED = 8 };
enum { REGION = 65536, RING_EVERY = 8192, BODY = 16, HELLO_BODY = 44, TURNS = 4 };

static struct engine *e;
static char path[64];

static unsigned sink_run(struct worker *w, struct node *node, struct frame *f)
{
	(void)node;
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static unsigned offload_run(struct worker *w, struct node *node, struct frame *f)
{
	uint16_t next[FRAME_MAX];

	for (unsigned i = 0; i < f->n; i++)
		next[i] = feature_next(w, buf_at(f->base, f->idx[i]));
	node_send(w, node, f, next);
	return f->n;
}

static const struct node_type sink = { .name = "sink", .run = sink_run };
static const struct node_type offload = { .name = "offload", .run = offload_run };
static const struct node_type *const types[] = {
	&sink, &offload, &drop_node, &interface_output_node, &memif_input_node, &memif_tx_node
};
static const struct feature_arc in_arc = {
	.id = ARC_DEVICE_INPUT, .name = "in", .side = ARC_RX, .end = "sink"
};
static const char *const out_nodes[] = { "offload" };
static const struct feature_arc out_arc = {
	.id = ARC_INTERFACE_OUTPUT, .name = "out", .side = ARC_TX, .nodes = out_nodes, .n_nodes = 1
};
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

static void begin(void)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_buffers = 1024,
						.seed = 1,
						.shared_buffers = true };

	log_set_level(LOG_LEVEL_OFF);
	snprintf(path, sizeof(path), "/tmp/convoy-memif-fuzz-%d", getpid());
	invariant(engine_new(&options, &e) == 0);
}

/* Memory with a cookie wherever a ring may begin, the input behind each. */
static int region_fd(const uint8_t *data, size_t size, int seals)
{
	int fd = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	struct memif_ring ring = { .cookie = MEMIF_COOKIE };

	invariant(fd >= 0 && ftruncate(fd, REGION) == 0);
	size = size < RING_EVERY / 2 ? size : RING_EVERY / 2;
	for (off_t at = 0; at < REGION; at += RING_EVERY) {
		ring.head = size ? data[(size_t)at / RING_EVERY % size] : 0;
		invariant(pwrite(fd, &ring, sizeof(ring), at) == sizeof(ring));
		invariant(pwrite(fd, data, size, at + (off_t)sizeof(ring)) == (ssize_t)size);
	}
	invariant(fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static int fd_for(uint8_t kind, const uint8_t *data, size_t size)
{
	int fds[2];

	switch (kind % 5) {
	case 1:
		return region_fd(data, size, F_SEAL_SHRINK);
	case 2:
		return region_fd(data, size, F_SEAL_GROW);
	case 3:
		return eventfd(0, EFD_CLOEXEC);
	case 4:
		invariant(pipe2(fds, O_CLOEXEC) == 0);
		close(fds[0]);
		return fds[1];
	default:
		return -1;
	}
}

static void say(int sock, const struct memif_message *m, int fd)
{
	(void)!memif_say(sock, m, sizeof(*m), fd); /* it may have hung up */
	if (fd >= 0)
		close(fd);
}

/* Throw away what it answers, with the descriptors. */
static void hear(int sock)
{
	char bytes[MEMIF_MESSAGE_LEN];

	while (recv(sock, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void talk(int sock, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		struct memif_message m = { .type = data[0] % 10 };
		size_t body = m.type == MEMIF_HELLO ? HELLO_BODY : BODY;
		int fd = fd_for(data[1], data, size);

		data += 2;
		size -= 2;
		body = body < size ? body : size;
		memcpy(m.bytes, data, body);
		data += body;
		size -= body;
		say(sock, &m, fd);
		engine_run_main(e);
		hear(sock);
	}
}

static int listen_here(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	invariant(bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
	invariant(listen(fd, 4) == 0);
	return fd;
}

static int dial_here(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	invariant(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct memif_config c = { .name = "m0", .socket = path, .log2_ring_size = 4 };
	struct interface *i;
	struct worker *w;
	int sock, listener = -1;
	char why[256];

	if (size < 1)
		return 0;
	begin(); /* an engine for each: what it keeps of interfaces shows as leaks when it goes */
	w = e->worker[0];
	strcpy(address.sun_path, path);
	c.role = data[0] & CLIENT ? MEMIF_CLIENT : MEMIF_SERVER;
	c.n_queues = data[0] & MANY ? 3 : 1;
	c.zero_copy = data[0] & ZERO_COPY;
	c.trusted = data[0] & TRUSTED;
	if (c.role == MEMIF_CLIENT)
		listener = listen_here(&address);
	invariant(memif_create(e, &c, &i, why, sizeof(why)) == 0);
	invariant(interface_set_up(i, true) == 0);
	sock = c.role == MEMIF_CLIENT ? accept4(listener, NULL, NULL, SOCK_CLOEXEC)
				      : dial_here(&address);
	invariant(sock >= 0);
	engine_run_main(e);
	hear(sock);
	talk(sock, data + 1, size - 1);
	for (unsigned n = 0; n < TURNS; n++) {
		worker_turn(w);
		engine_run_main(e);
	}
	close(sock);
	if (listener >= 0) {
		close(listener);
		unlink(path);
	}
	interface_remove(i);
	worker_turn(w);
	engine_run_main(e);
	invariant(w->bufs.n_taken == w->bufs.n_given);
	engine_free(e);
	return 0;
}

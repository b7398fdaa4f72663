/*
 * memif_test.c - two engines in one process, joined by a memif; and one engine against a client
 * that breaks every rule.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/memif/memif_private.h"
#include "drivers/vnet.h"

enum { DEADLINE_MS = 10000, ETH = 14, IP = 20, TCP = 20, HEADERS = ETH + IP + TCP };

/* What an engine received, for the test's thread to look at. */
struct seen {
	uint32_t n; /* atomic */
	uint32_t len, flags;
	uint16_t gso_type, gso_size;
	uint8_t bytes[70000];
};

static struct side {
	struct engine *e;
	struct interface *i;
	struct seen seen;
} a, b;

static unsigned sink_run(struct worker *w, struct node *node, struct frame *f)
{
	struct seen *seen = w->engine == a.e ? &a.seen : &b.seen;

	(void)node;
	for (unsigned i = 0; i < f->n; i++) {
		const struct buf *p = buf_at(f->base, f->idx[i]);

		seen->len = buf_copy_out(p, 0, seen->bytes, sizeof(seen->bytes));
		seen->flags = p->flags;
		seen->gso_type = p->gso_type;
		seen->gso_size = p->gso_size;
		__atomic_fetch_add(&seen->n, 1, __ATOMIC_RELEASE);
	}
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

/* Stands for the real "offload", which has tests of its own. */
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
	&sink,
	&offload,
	&drop_node,
	&handoff_node,
	&interface_output_node,
	&memif_input_node,
	&memif_tx_node,
};
static const struct feature_arc in_arc = {
	.id = ARC_DEVICE_INPUT, .name = "in", .side = ARC_RX, .end = "sink"
};
static const char *const out_nodes[] = { "offload" };
static const struct feature_arc out_arc = {
	.id = ARC_INTERFACE_OUTPUT, .name = "out", .side = ARC_TX, .nodes = out_nodes, .n_nodes = 1
};
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

static char path[64];

static struct engine *new_engine(unsigned n_workers)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_workers = n_workers,
						.n_buffers = 4096 };
	struct engine *e = NULL;

	assert_int_equal(engine_new(&options, &e), 0);
	return e;
}

static int setup(void **state)
{
	static unsigned n;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/convoy-memif-%d-%u", getpid(), n++);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.e = new_engine(2);
	b.e = new_engine(1);
	assert_int_equal(engine_start(a.e), 0);
	assert_int_equal(engine_start(b.e), 0);
	return 0;
}

static void end(struct side *s)
{
	uint64_t taken = 0, given = 0;

	engine_stop(s->e);
	for (uint32_t i = 0; i < s->e->n_workers; i++) {
		taken += s->e->worker[i]->bufs.n_taken;
		given += s->e->worker[i]->bufs.n_given;
	}
	assert_int_equal(taken, given);
	engine_free(s->e);
}

static int teardown(void **state)
{
	(void)state;
	end(&a);
	end(&b);
	assert_int_equal(access(path, F_OK), -1); /* no socket is left */
	return 0;
}

static struct memif *memif_of(const struct side *s)
{
	return s->i->device;
}

/* Run both mains for a while. */
static void pump(void)
{
	struct pollfd fds[2] = { { .fd = engine_main_fd(a.e), .events = POLLIN },
				 { .fd = engine_main_fd(b.e), .events = POLLIN } };

	poll(fds, 2, 5);
	engine_run_main(a.e);
	engine_run_main(b.e);
}

#define wait_until(condition)                                                                      \
	for (uint64_t deadline_ns =                                                                \
		     clock_now_ns(&clock_monotonic) + DEADLINE_MS * (uint64_t)NS_PER_MS;           \
	     !(condition);) {                                                                      \
		assert_true(clock_now_ns(&clock_monotonic) < deadline_ns);                         \
		pump();                                                                            \
	}

static void create(struct side *s, struct memif_config c)
{
	char why[256];

	c.name = "m0";
	c.socket = path;
	if (memif_create(s->e, &c, &s->i, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(s->i, true), 0);
}

static void join(struct memif_config server, struct memif_config client)
{
	server.role = MEMIF_SERVER;
	client.role = MEMIF_CLIENT;
	create(&a, server);
	create(&b, client);
	wait_until(a.i->link && b.i->link);
}

/* A packet to send, in a buffer chain of the sending worker. */
struct parcel {
	struct side *from;
	uint32_t len;
	uint16_t gso_size;
	unsigned seed;
};

static uint8_t byte_of(const struct parcel *p, uint32_t at)
{
	if (at == ETH + IP + 12)
		return 5 << 4; /* TCP header length */
	return (uint8_t)(at * (p->seed + 1) + at / 251);
}

static void send_parcel(struct worker *w, void *arg)
{
	static uint8_t bytes[70000];
	struct parcel *p = arg;
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *packet = buf_at(w->bufs.pool->base, idx);

	for (uint32_t at = 0; at < p->len; at++)
		bytes[at] = byte_of(p, at);
	assert_int_equal(buf_append_bytes(&w->bufs, packet, bytes, p->len), 0);
	packet->tx_if = p->from->i->index;
	if (p->gso_size) {
		packet->flags = BUF_NEED_L4_CSUM;
		packet->csum_off = CSUM_OFF_TCP;
		packet->l4_at = (uint16_t)(packet->at + ETH + IP);
		packet->gso_type = GSO_TCP4;
		packet->gso_size = p->gso_size;
	}
	node_send_to(w, graph_node_id(&w->engine->graph, "interface-output"), idx);
}

static void send_and_check(struct side *from, struct side *to, uint32_t worker, struct parcel p)
{
	uint32_t n = __atomic_load_n(&to->seen.n, __ATOMIC_ACQUIRE);

	p.from = from;
	assert_int_equal(worker_call(from->e->worker[worker], send_parcel, &p), 0);
	wait_until(__atomic_load_n(&to->seen.n, __ATOMIC_ACQUIRE) == n + 1);
	assert_int_equal(to->seen.len, p.len);
	for (uint32_t at = 0; at < p.len; at++)
		if (to->seen.bytes[at] != byte_of(&p, at))
			fail_msg("byte %u of %u", at, p.len);
	assert_int_equal(to->seen.gso_size, p.gso_size);
}

static const uint32_t lengths[] = { 14, 60, 1514, 2037, 2038, 2039, 2048, 2049, 4096, 9014, 65000 };

static void packets_of_every_length_cross_both_ways(void **state)
{
	static const struct memif_config shapes[][2] = {
		{ { 0 }, { 0 } },
		{ { 0 }, { .log2_ring_size = 6, .buffer_bytes = 2048 } },
		{ { .no_offload = true }, { 0 } },
		{ { 0 }, { .no_offload = true, .buffer_bytes = 512 } },
		{ { .secret = "open sesame", .id = 7 },
		  { .secret = "open sesame", .id = 7, .buffer_bytes = 65536 } },
	};

	(void)state;
	for (unsigned s = 0; s < count_of(shapes); s++) {
		join(shapes[s][0], shapes[s][1]);
		for (unsigned n = 0; n < 3 * count_of(lengths); n++) {
			struct parcel p = { .len = lengths[n % count_of(lengths)], .seed = n };

			send_and_check(&a, &b, n % 2, p); /* from the owner and from the other */
			send_and_check(&b, &a, 0, p);
		}
		assert_int_equal(interface_remove(a.i), 0);
		assert_int_equal(interface_remove(b.i), 0);
		wait_until(!a.e->interfaces.going[1] && !b.e->interfaces.going[1]);
	}
}

static void super_segments_cross_in_one_piece(void **state)
{
	(void)state;
	join((struct memif_config){ 0 }, (struct memif_config){ 0 });
	assert_true(a.i->caps & CAP_TSO);
	assert_true(b.i->caps & CAP_TSO);
	for (unsigned n = 0; n < 20; n++) {
		struct parcel p = { .len = 3000 + n * 3000, .gso_size = 1448, .seed = n };

		send_and_check(&a, &b, n % 2, p);
		assert_true(b.seen.flags & BUF_NEED_L4_CSUM);
		assert_true(b.seen.flags & BUF_L4_CSUM_OK);
		assert_int_equal(b.seen.gso_type, GSO_TCP4);
		send_and_check(&b, &a, 0, p);
	}
}

static void without_the_tag_it_is_plain_memif(void **state)
{
	(void)state;
	join((struct memif_config){ 0 }, (struct memif_config){ .no_offload = true });
	assert_false(a.i->caps & (CAP_TSO | CAP_CSUM));
	assert_false(b.i->caps & (CAP_TSO | CAP_CSUM));
	assert_true(feature_enabled(a.e, ARC_INTERFACE_OUTPUT, "offload", a.i->index));
}

static void the_other_side_may_come_and_go(void **state)
{
	struct parcel p = { .len = 100 };

	(void)state;
	join((struct memif_config){ 0 }, (struct memif_config){ 0 });
	send_and_check(&a, &b, 0, p);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(interface_remove(b.i), 0);
		wait_until(!a.i->link && !b.e->interfaces.going[1]);
		create(&b, (struct memif_config){ .role = MEMIF_CLIENT });
		wait_until(a.i->link && b.i->link);
		send_and_check(&a, &b, 0, p);
		send_and_check(&b, &a, 0, p);
	}
	assert_int_equal(interface_remove(a.i), 0);
	wait_until(!b.i->link && !a.e->interfaces.going[1]);
	create(&a, (struct memif_config){ .role = MEMIF_SERVER });
	wait_until(a.i->link && b.i->link); /* the client has dialled again */
	send_and_check(&b, &a, 0, p);
}

static void the_wrong_id_or_secret_is_refused(void **state)
{
	(void)state;
	create(&a, (struct memif_config){ .role = MEMIF_SERVER, .id = 1, .secret = "x" });
	create(&b, (struct memif_config){ .role = MEMIF_CLIENT, .id = 2, .secret = "x" });
	wait_until(strstr(memif_of(&b)->last_reason, "no such object"));
	assert_int_equal(interface_remove(b.i), 0);
	wait_until(!b.e->interfaces.going[1]);
	create(&b, (struct memif_config){ .role = MEMIF_CLIENT, .id = 1, .secret = "y" });
	wait_until(strstr(memif_of(&b)->last_reason, "not permitted"));
	assert_false(a.i->link);
}

static void one_socket_one_server(void **state)
{
	struct memif_config c = { .name = "m1", .socket = path, .role = MEMIF_SERVER };
	struct interface *i = NULL;
	char why[256];

	(void)state;
	create(&a, (struct memif_config){ .role = MEMIF_SERVER });
	assert_int_equal(memif_create(b.e, &c, &i, why, sizeof(why)), ERR_BUSY);
	assert_non_null(strstr(why, path));
	c.name = "m2";
	c.socket = "/no/such/folder/memif";
	assert_int_equal(memif_create(b.e, &c, &i, why, sizeof(why)), ERR_NOENT);
	assert_non_null(strstr(why, c.socket));
}

/* A burst of numbered packets, all in one turn of the worker. */
struct burst {
	struct side *from;
	unsigned n;
};

enum { BURST_LEN = 1000 };

static void send_burst(struct worker *w, void *arg)
{
	const struct burst *burst = arg;

	for (unsigned n = 0; n < burst->n; n++) {
		struct parcel p = { .from = burst->from, .len = BURST_LEN, .seed = n };

		send_parcel(w, &p);
	}
}

static uint64_t tx_count(const struct side *s, const char *name)
{
	const struct node *tx = &s->e->worker[memif_of(s)->owner]->graph.node[s->i->tx_node];

	for (unsigned i = 0; i < tx->type->n_reasons; i++)
		if (strcmp(tx->type->reasons[i].name, name) == 0)
			return tx->reasons[i];
	fail_msg("no reason %s", name);
	return 0;
}

/* A ring of 64 and a burst of 500: what finds no room waits, in order; and then senders go on. */
static void a_burst_that_the_ring_cannot_take_is_not_lost(void **state)
{
	struct burst burst = { .from = &a, .n = 500 };
	struct parcel last = { .seed = 499 };

	(void)state;
	join((struct memif_config){ 0 }, (struct memif_config){ .log2_ring_size = 6 });
	assert_int_equal(worker_call(a.e->worker[memif_of(&a)->owner], send_burst, &burst), 0);
	wait_until(__atomic_load_n(&b.seen.n, __ATOMIC_ACQUIRE) == burst.n);
	assert_int_equal(b.seen.bytes[100], byte_of(&last, 100));
	assert_true(tx_count(&a, "waited") > 0);
	assert_int_equal(tx_count(&a, "full"), 0);
	wait_until(!interface_busy(a.i));
	assert_int_equal(interface_counters(a.i).tx_packets, burst.n);
	assert_int_equal(interface_counters(a.i).tx_drops, 0);
}

static void stop_reading(struct worker *w, void *arg)
{
	struct memif *m = arg;

	worker_remove_input(w, &m->active->input);
}

static void read_again(struct worker *w, void *arg)
{
	struct memif *m = arg;

	assert_int_equal(worker_add_input(w, &m->active->input), 0);
}

/* Whoever does not read costs a bounded number of packets, and those not for ever. */
static void a_side_that_does_not_read_loses_packets(void **state)
{
	struct burst burst = { .from = &a, .n = 500 };
	struct parcel p = { .len = 100 };
	struct worker *reader;

	(void)state;
	join((struct memif_config){ 0 }, (struct memif_config){ .log2_ring_size = 6 });
	reader = b.e->worker[memif_of(&b)->owner];
	assert_int_equal(worker_call(reader, stop_reading, memif_of(&b)), 0);
	assert_int_equal(worker_call(a.e->worker[memif_of(&a)->owner], send_burst, &burst), 0);
	wait_until(interface_counters(a.i).tx_drops > 0);
	wait_until(!interface_busy(a.i));
	assert_int_equal(tx_count(&a, "full"), interface_counters(a.i).tx_drops);
	assert_int_equal(interface_counters(a.i).tx_packets + tx_count(&a, "full"), burst.n);
	assert_int_equal(worker_call(reader, read_again, memif_of(&b)), 0);
	wait_until(__atomic_load_n(&b.seen.n, __ATOMIC_ACQUIRE) ==
		   interface_counters(a.i).tx_packets);
	send_and_check(&a, &b, 0, p);
}

/* A packet that not even an empty ring could hold must not stop those behind it. */
static void a_packet_longer_than_the_ring_is_dropped(void **state)
{
	struct parcel too_long = { .from = &a, .len = 40000 }, p = { .len = 100 };

	(void)state;
	join((struct memif_config){ 0 },
	     (struct memif_config){ .log2_ring_size = 4, .buffer_bytes = 2048 });
	assert_int_equal(worker_call(a.e->worker[0], send_parcel, &too_long), 0);
	wait_until(tx_count(&a, "too-long") == 1);
	send_and_check(&a, &b, 0, p);
}

static void ring_server(const struct memif_view *v)
{
	uint64_t one = 1;

	assert_int_equal(write(v->tx.bell_fd, &one, sizeof(one)), sizeof(one));
}

static uint32_t n_scribbled; /* atomic */

/* Write over what the client may write; the server must drop the connection and live on. */
static void scribble(struct worker *w, void *arg)
{
	struct memif_view *v = &memif_of(&b)->active->view;

	(void)w;
	switch ((uintptr_t)arg) {
	case 0: /* more packets than the ring has places */
		v->tx.ring->head = (uint16_t)(v->tx.at + v->tx.size + 1);
		break;
	case 1: /* a descriptor outside its region */
		v->tx.ring->descriptor[v->tx.at & (v->tx.size - 1)] =
			(struct memif_descriptor){ .length = 100, .offset = 0xfffffff0 };
		v->tx.ring->head = (uint16_t)(v->tx.at + 1);
		break;
	case 2: /* a region that there is not */
		v->tx.ring->descriptor[v->tx.at & (v->tx.size - 1)] =
			(struct memif_descriptor){ .length = 100, .region = 9 };
		v->tx.ring->head = (uint16_t)(v->tx.at + 1);
		break;
	case 3: /* a packet without an end */
		for (uint32_t n = 0; n < v->tx.size; n++)
			v->tx.ring->descriptor[n].flags = MEMIF_DESCRIPTOR_NEXT;
		v->tx.ring->head = (uint16_t)(v->tx.at + v->tx.size);
		break;
	case 4: /* fewer empty buffers than are in use */
		v->rx.ring->head = (uint16_t)(v->rx.at - 5);
		break;
	}
	ring_server(v);
	__atomic_store_n(&n_scribbled, n_scribbled + 1, __ATOMIC_RELEASE);
}

static void a_client_that_breaks_the_ring_loses_the_connection_only(void **state)
{
	struct parcel p = { .len = 100, .from = &a };

	(void)state;
	join((struct memif_config){ 0 }, (struct memif_config){ 0 });
	for (uintptr_t how = 0; how < 5; how++) {
		send_and_check(&a, &b, 1, p);
		send_and_check(&b, &a, 0, p);
		assert_int_equal(worker_call(b.e->worker[0], scribble, (void *)how), 0);
		wait_until(__atomic_load_n(&n_scribbled, __ATOMIC_ACQUIRE) == how + 1);
		if (how == 4) /* seen when the server sends */
			assert_int_equal(worker_call(a.e->worker[1], send_parcel, &p), 0);
		wait_until(strstr(memif_of(&a)->last_reason, "ring violation"));
		memif_of(&a)->last_reason[0] = '\0';
		wait_until(a.i->link && b.i->link); /* dialled again, with fresh memory */
	}
}

/* --- a hand-made client --- */

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct memif_message hear(int fd)
{
	struct memif_message in = { 0 };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	wait_until(poll(&p, 1, 0) == 1);
	if (recv(fd, &in, sizeof(in), 0) <= 0)
		in.type = 0;
	return in;
}

static void say(int sock, const struct memif_message *m, size_t len, int fd)
{
	struct iovec iov = { (void *)m, len };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { { 0 } };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		h.msg_control = control.bytes;
		h.msg_controllen = sizeof(control.bytes);
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(sock, &h, MSG_NOSIGNAL), (ssize_t)len);
}

static int region_fd(size_t size, int seals)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static const struct memif_message good_init = { .type = MEMIF_INIT,
						.init = { .version = MEMIF_VERSION } };
static const struct memif_message good_region = { .type = MEMIF_ADD_REGION,
						  .add_region = { .size = 65536 } };
static const struct memif_message good_ring = {
	.type = MEMIF_ADD_RING, .add_ring = { .flags = MEMIF_ADD_RING_S2M, .log2_ring_size = 4 }
};

enum with { NO_FD, SEALED, UNSEALED, SMALL, EVENTFD, PIPE };

static int fd_for(enum with with)
{
	int fds[2];

	switch (with) {
	case SEALED:
		return region_fd(65536, F_SEAL_SHRINK);
	case UNSEALED:
		return region_fd(65536, F_SEAL_GROW);
	case SMALL:
		return region_fd(4096, F_SEAL_SHRINK);
	case EVENTFD:
		return eventfd(0, 0);
	case PIPE:
		assert_int_equal(pipe(fds), 0);
		close(fds[0]);
		return fds[1];
	default:
		return -1;
	}
}

/* Each is sent after so many good steps (INIT, region, ring); the answer must be DISCONNECT. */
static const struct {
	const char *what;
	unsigned good_steps;
	struct memif_message m;
	size_t len; /* 0: all */
	enum with with;
} bad[] = {
	{ "short", 0, { .type = MEMIF_INIT }, 20, NO_FD },
	{ "unknown type", 0, { .type = 99 }, 0, NO_FD },
	{ "type 0", 0, { .type = 0 }, 0, NO_FD },
	{ "CONNECT first", 0, { .type = MEMIF_CONNECT }, 0, NO_FD },
	{ "HELLO from a client", 0, { .type = MEMIF_HELLO }, 0, NO_FD },
	{ "version 1", 0, { .type = MEMIF_INIT, .init = { .version = 1 << 8 } }, 0, NO_FD },
	{ "mode IP",
	  0,
	  { .type = MEMIF_INIT, .init = { .version = MEMIF_VERSION, .mode = 1 } },
	  0,
	  NO_FD },
	{ "region without memory",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = 65536 } },
	  0,
	  NO_FD },
	{ "region that can shrink",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = 65536 } },
	  0,
	  UNSEALED },
	{ "region smaller than said",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = 65536 } },
	  0,
	  SMALL },
	{ "region of nothing", 1, { .type = MEMIF_ADD_REGION }, 0, SEALED },
	{ "region of no memfd",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { .size = 65536 } },
	  0,
	  PIPE },
	{ "region out of turn",
	  1,
	  { .type = MEMIF_ADD_REGION, .add_region = { 3, 65536 } },
	  0,
	  SEALED },
	{ "ring before region",
	  1,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring in no region",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .region = 1, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring past the end",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .offset = 65520, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring too large",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 14 } },
	  0,
	  EVENTFD },
	{ "ring larger than any",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 60 } },
	  0,
	  EVENTFD },
	{ "ring at an odd place",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .offset = 7, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "ring with a pipe for a bell",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 4 } },
	  0,
	  PIPE },
	{ "ring without a bell",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .log2_ring_size = 4 } },
	  0,
	  NO_FD },
	{ "second queue pair",
	  2,
	  { .type = MEMIF_ADD_RING, .add_ring = { .index = 1, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "strange private header",
	  2,
	  { .type = MEMIF_ADD_RING,
	    .add_ring = { .log2_ring_size = 4, .private_header_size = 64 } },
	  0,
	  EVENTFD },
	{ "private header unasked",
	  2,
	  { .type = MEMIF_ADD_RING,
	    .add_ring = { .log2_ring_size = 4, .private_header_size = 10 } },
	  0,
	  EVENTFD },
	{ "the same ring twice",
	  3,
	  { .type = MEMIF_ADD_RING,
	    .add_ring = { .flags = MEMIF_ADD_RING_S2M, .log2_ring_size = 4 } },
	  0,
	  EVENTFD },
	{ "CONNECT with one ring", 3, { .type = MEMIF_CONNECT }, 0, NO_FD },
};

static void take_good_steps(int sock, unsigned n)
{
	const struct memif_message *const steps[] = { &good_init, &good_region, &good_ring };
	static const enum with fds[] = { NO_FD, SEALED, EVENTFD };

	assert_int_equal(hear(sock).type, MEMIF_HELLO);
	for (unsigned i = 0; i < n; i++) {
		int fd = fd_for(fds[i]);

		say(sock, steps[i], sizeof(*steps[i]), fd);
		assert_int_equal(hear(sock).type, MEMIF_ACK);
		if (fd >= 0)
			close(fd);
	}
}

static void a_client_that_breaks_the_handshake_is_sent_away(void **state)
{
	(void)state;
	create(&a, (struct memif_config){ .role = MEMIF_SERVER });
	for (unsigned i = 0; i < count_of(bad); i++) {
		int sock = dial(), fd = fd_for(bad[i].with);

		take_good_steps(sock, bad[i].good_steps);
		say(sock, &bad[i].m, bad[i].len ? bad[i].len : sizeof(bad[i].m), fd);
		if (hear(sock).type != MEMIF_DISCONNECT)
			fail_msg("%s", bad[i].what);
		if (fd >= 0)
			close(fd);
		close(sock);
	}
	create(&b, (struct memif_config){ .role = MEMIF_CLIENT });
	wait_until(a.i->link && b.i->link);
}

static void a_server_that_nobody_greets_hangs_up(void **state)
{
	int sock;

	(void)state;
	create(&a, (struct memif_config){ .role = MEMIF_SERVER });
	sock = dial();
	assert_int_equal(hear(sock).type, MEMIF_HELLO);
	assert_int_equal(hear(sock).type, MEMIF_DISCONNECT); /* after three seconds */
	close(sock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_of_every_length_cross_both_ways, setup,
						teardown),
		cmocka_unit_test_setup_teardown(super_segments_cross_in_one_piece, setup, teardown),
		cmocka_unit_test_setup_teardown(without_the_tag_it_is_plain_memif, setup, teardown),
		cmocka_unit_test_setup_teardown(the_other_side_may_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(the_wrong_id_or_secret_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(one_socket_one_server, setup, teardown),
		cmocka_unit_test_setup_teardown(a_burst_that_the_ring_cannot_take_is_not_lost,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_side_that_does_not_read_loses_packets, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_packet_longer_than_the_ring_is_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_client_that_breaks_the_ring_loses_the_connection_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_that_breaks_the_handshake_is_sent_away,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_server_that_nobody_greets_hangs_up, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

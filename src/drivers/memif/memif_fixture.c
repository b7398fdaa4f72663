/* memif_fixture.c - what the tests of memif share. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/memif/memif_fixture.h"

struct side a, b;
char memif_path[64];

static unsigned sink_run(struct worker *w, struct node *node, struct frame *f)
{
	struct seen *seen = &(w->engine == a.e ? &a : &b)->seen[w->index];

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

static struct engine *new_engine(unsigned n_workers, bool shared)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_workers = n_workers,
						.n_buffers = 8192,
						.shared_buffers = shared };
	struct engine *e = NULL;

	assert_int_equal(engine_new(&options, &e), 0);
	return e;
}

int memif_setup_with(unsigned n_a, unsigned n_b, bool shared)
{
	static unsigned n;

	snprintf(memif_path, sizeof(memif_path), "/tmp/convoy-memif-%d-%u", getpid(), n++);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.e = new_engine(n_a, shared);
	b.e = new_engine(n_b, shared);
	assert_int_equal(engine_start(a.e), 0);
	assert_int_equal(engine_start(b.e), 0);
	return 0;
}

int memif_setup(void **state)
{
	(void)state;
	return memif_setup_with(2, 1, false);
}

int memif_setup_shared(void **state)
{
	(void)state;
	return memif_setup_with(2, 1, true);
}

static void end(struct side *s)
{
	uint64_t taken = 0, given = 0;
	struct interface *i = interface_by_name_or_null(s->e, "m0");

	engine_stop(s->e);
	if (i)
		interface_remove(i);
	for (uint32_t w = 0; w < s->e->n_workers; w++) {
		taken += s->e->worker[w]->bufs.n_taken;
		given += s->e->worker[w]->bufs.n_given;
	}
	assert_int_equal(taken, given);
	engine_free(s->e);
}

int memif_teardown(void **state)
{
	(void)state;
	/* Buffers that the other side might still have written to. */
	wait_until(list_empty(&a.e->delays) && list_empty(&b.e->delays));
	end(&a);
	end(&b);
	assert_int_equal(access(memif_path, F_OK), -1); /* no socket is left */
	return 0;
}

struct memif *memif_of(const struct side *s)
{
	return s->i->device;
}

struct worker *memif_owner(const struct side *s, uint32_t q)
{
	return s->e->worker[interface_queue_worker(s->i, q)];
}

void memif_pump(void)
{
	struct pollfd fds[2] = { { .fd = engine_main_fd(a.e), .events = POLLIN },
				 { .fd = engine_main_fd(b.e), .events = POLLIN } };

	poll(fds, 2, 5);
	engine_run_main(a.e);
	engine_run_main(b.e);
}

void memif_add(struct side *s, struct memif_config c)
{
	char why[256];

	c.name = "m0";
	c.socket = memif_path;
	if (memif_create(s->e, &c, &s->i, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(s->i, true), 0);
}

void memif_join(struct memif_config server, struct memif_config client)
{
	server.role = MEMIF_SERVER;
	client.role = MEMIF_CLIENT;
	memif_add(&a, server);
	memif_add(&b, client);
	wait_until(a.i->link && b.i->link);
}

void memif_part(void)
{
	uint32_t index_a = a.i->index, index_b = b.i->index;

	interface_remove(a.i);
	interface_remove(b.i);
	wait_until(!a.e->interfaces.going[index_a] && !b.e->interfaces.going[index_b]);
}

uint8_t memif_parcel_byte(const struct parcel *p, uint32_t at)
{
	if (at == ETH + IP + 12)
		return 5 << 4; /* TCP header length */
	return (uint8_t)(at * (p->seed + 1) + at / 251);
}

void memif_send_parcel(struct worker *w, void *arg)
{
	static __thread uint8_t bytes[70000];
	struct parcel *p = arg;
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *packet = buf_at(w->bufs.pool->base, idx);

	for (uint32_t at = 0; at < p->len; at++)
		bytes[at] = memif_parcel_byte(p, at);
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

void memif_stop_reading(struct worker *w, struct memif_rx *rx)
{
	worker_remove_input(w, &rx->input);
	rx->attached = false;
}

uint32_t memif_n_seen(const struct side *s)
{
	uint32_t n = 0;

	for (unsigned w = 0; w < MEMIF_TEST_WORKERS; w++)
		n += __atomic_load_n(&s->seen[w].n, __ATOMIC_ACQUIRE);
	return n;
}

uint32_t memif_cross(struct side *from, struct side *to, uint32_t worker, struct parcel p)
{
	uint32_t before = memif_n_seen(to), by;
	uint32_t other = __atomic_load_n(&to->seen[1].n, __ATOMIC_ACQUIRE);
	const struct seen *seen;

	p.from = from;
	assert_int_equal(worker_call(from->e->worker[worker], memif_send_parcel, &p), 0);
	wait_until(memif_n_seen(to) == before + 1);
	by = __atomic_load_n(&to->seen[1].n, __ATOMIC_ACQUIRE) != other;
	seen = &to->seen[by];
	assert_int_equal(seen->len, p.len);
	for (uint32_t at = 0; at < p.len; at++)
		if (seen->bytes[at] != memif_parcel_byte(&p, at))
			fail_msg("byte %u of %u", at, p.len);
	assert_int_equal(seen->gso_size, p.gso_size);
	return by;
}

uint64_t memif_tx_count(const struct side *s, const char *name)
{
	uint64_t n = 0;

	for (unsigned w = 0; w < s->e->n_workers; w++) {
		const struct node *tx = &s->e->worker[w]->graph.node[s->i->tx_node];
		unsigned i = 0;

		while (i < tx->type->n_reasons && strcmp(tx->type->reasons[i].name, name) != 0)
			i++;
		assert_true(i < tx->type->n_reasons);
		n += tx->reasons[i];
	}
	return n;
}

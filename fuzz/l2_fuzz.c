/*
 * l2_fuzz.c - frames into VLAN subinterfaces, a bridge with its BVI and answers, and a
 * cross-connect: nothing crashes, every buffer comes back, what leaves has a header, and no bridge
 * knows more addresses than its limit.
 *
 * Input: frames, each behind two bytes: its length in units of 2 bytes; the port that it comes by
 * (low bits; with LONG it also gets so long that copies of it share their tails, which have to
 * arrive as they were), and whether to make it a super-segment, pause, flush, or fix its source.
 */
#include <stdlib.h>

#include "engine/engine.h"
#include "l2/bridge/answer.h"
#include "l2/bridge/bridge_private.h"
#include "l2/ethernet/ethernet.h"
#include "l2/vlan/vlan.h"
#include "l2/xconnect/xconnect.h"

enum { N_BUFFERS = 4096, N_PORTS = 6, MACS_LIMIT = 8, INPUT_MAX = 4096, INPUTS_PER_DRAIN = 4096 };
/* A pause sweeps a fiftieth of the MAC table; what is there ages over many inputs. */
#define PAUSE_NS (20 * (uint64_t)NS_PER_MS)

enum {
	PORT_BITS = 7,
	LONG = 7,
	GSO = 0x08,
	PAUSE = 0x10,
	FLUSH = 0x20,
	FIX = 0x40,
	FOR_ALL = 0x80
};

/* What frames as long end with; no others are. The first bytes of it may be a header. */
enum { FILLING = 900, FILLING_AS_IT_WAS = FILLING - 64 };
static uint8_t filling[FILLING];

static uint64_t now_ns = 1000 * (uint64_t)NS_PER_S;
static struct engine *engine;
static struct interface *port[N_PORTS];
static struct bridge *bridge;

static uint64_t read_now(void *context unused_arg)
{
	return now_ns;
}

static void check_end(const struct buf *b)
{
	uint8_t end[FILLING_AS_IT_WAS];

	if (b->total_len < FILLING)
		return;
	buf_copy_out(b, b->total_len - FILLING_AS_IT_WAS, end, FILLING_AS_IT_WAS);
	invariant(memcmp(end, &filling[FILLING - FILLING_AS_IT_WAS], sizeof(end)) == 0);
}

static unsigned tx_run(struct worker *w, struct node *node unused_arg, struct frame *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct buf *b = buf_at(f->base, f->idx[i]);
		invariant(b->len >= ETHERNET_HDR_LEN && b->total_len >= b->len);
		check_end(b);
	}
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

/* A port that writes on what it sends. */
static unsigned own_tx_run(struct worker *w, struct node *node unused_arg, struct frame *f)
{
	unsigned n = f->n;

	for (unsigned i = 0; i < n; i++) {
		struct buf *b = buf_at(f->base, f->idx[i]);

		check_end(b);
		for (; b; b = buf_next_or_null(b)) {
			invariant(!(b->flags & BUF_SHARED));
			memset(buf_data(b), 0, b->len);
		}
	}
	buf_free(&w->bufs, f->idx, n);
	return n;
}

/* Where l3 would begin. */
static unsigned end_run(struct worker *w, struct node *node unused_arg, struct frame *f)
{
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static const struct node_type tx_node = { .name = "fuzz-tx", .run = tx_run };
static const struct node_type own_tx_node = { .name = "fuzz-own-tx", .run = own_tx_run };
static const struct node_type ip4_node = { .name = "ip4-input", .run = end_run };
static const struct node_type ip6_node = { .name = "ip6-input", .run = end_run };
static const struct node_type arp_node = { .name = "arp-input", .run = end_run };
static void free_device(struct interface *i unused_arg)
{
}
static const struct interface_driver driver = {
	.name = "fuzz", .tx = &tx_node, .takes_shared = true, .free = free_device
};
/* Of every third port: it needs bytes of its own, and writes on them. */
static const struct interface_driver own_driver = { .name = "fuzz-own",
						    .tx = &own_tx_node,
						    .free = free_device };
static const struct node_type *const nodes[] = {
	&drop_node,
	&interface_output_node,
	&tx_node,
	&own_tx_node,
	&ip4_node,
	&ip6_node,
	&arp_node,
	&ethernet_input_node,
	&l2_input_node,
	&vlan_input_node,
	&vlan_tx_node,
	&xconnect_node,
	&bridge_input_node,
	&bridge_flood_node,
	&bridge_answer_node,
	&bvi_tx_node,
};
static const struct feature_arc arcs[] = {
	{ .id = ARC_DEVICE_INPUT, .name = "device-input", .side = ARC_RX, .end = "ethernet-input" },
	{ .id = ARC_INTERFACE_OUTPUT, .name = "interface-output", .side = ARC_TX },
	{ .id = ARC_L2_INPUT, .name = "l2-input", .side = ARC_RX },
	{ .id = ARC_L2_OUTPUT, .name = "l2-output", .side = ARC_TX, .end = "interface-output" },
};
static const struct feature_arc *const arc_list[] = { &arcs[0], &arcs[1], &arcs[2], &arcs[3] };

static void must(int err)
{
	invariant(err == 0);
}

static void add_port(unsigned n)
{
	char name[] = { 'p', (char)('0' + n), 0 };
	const uint8_t mac[] = { 2, 0, 0, 0, 0, (uint8_t)(0xf0 + n) };
	const struct interface_params params = { .name = name,
						 .mac = mac,
						 .mtu_bytes = 1500,
						 .caps = CAP_CSUM | CAP_TSO,
						 .n_queues = 1,
						 .driver = n % 3 == 1 ? &own_driver : &driver };

	must(interface_add(engine, &params, &port[n]));
	must(interface_set_up(port[n], true));
}

/* A subinterface of @parent with these tags, up. */
static struct interface *add_vlan(const char *name, const char *parent, const char *tags,
				  const char *inside)
{
	struct vlan_config config = { .name = name, .parent = parent };
	struct interface *i;
	char why[128];

	must(vlan_match_from_text(tags, &config.match));
	must(vlan_inside_from_text(inside, &config.inside));
	must(vlan_create(engine, &config, &i, why, sizeof(why)));
	must(interface_set_up(i, true));
	return i;
}

static void start(void)
{
	static const struct clock clock = { read_now, NULL };
	const struct engine_options options = { .nodes = nodes,
						.n_nodes = count_of(nodes),
						.arcs = arc_list,
						.n_arcs = count_of(arc_list),
						.n_workers = 1,
						.n_buffers = N_BUFFERS,
						.clock = &clock,
						.seed = 1 };
	const struct bridge_config config = { .age_s = 5,
					      .macs_limit = MACS_LIMIT,
					      .answer = true };
	const struct bridge_port_config plain = { 0 }, group = { .split_horizon = 3 };
	struct interface *bvi;

	for (unsigned n = 0; n < FILLING; n++)
		filling[n] = (uint8_t)(n * 7 + n / 256);
	must(engine_new(&options, &engine));
	must(vlan_init(engine));
	must(xconnect_init(engine));
	must(bridge_init(engine));
	for (unsigned n = 0; n < N_PORTS; n++)
		add_port(n);
	must(bridge_create(engine, "lan", &config, &bridge));
	must(bridge_add_port(bridge, port[0], &plain));
	must(bridge_add_port(bridge, port[1], &group));
	must(bridge_add_port(bridge, add_vlan("a", "p2", "10", "none"), &group));
	must(bridge_add_port(bridge, add_vlan("b", "p2", "802.1ad 10.20", "7"), &plain));
	must(bridge_add_port(bridge, add_vlan("c", "p3", "30.any", "30"), &plain));
	must(bridge_add_port(bridge, add_vlan("d", "p3", "rest", "5.6"), &plain));
	must(bridge_create_bvi(bridge, "bvi", NULL, 0, &bvi));
	must(interface_set_up(bvi, true));
	must(xconnect_create(port[4], add_vlan("e", "p5", "untagged", "none")));
}

static void turn(void)
{
	do
		engine_run_main(engine);
	while (worker_turn(engine->worker[0]) > 0);
}

static void inject(struct interface *i, struct slice bytes, bool is_long, bool is_gso)
{
	struct worker *w = engine->worker[0];
	struct frame *f = w->graph.input_frame;
	struct node *node = &w->graph.node[graph_node_id(&engine->graph, "drop")];
	struct buf *b;

	f->n = 1;
	f->base = w->bufs.pool->base;
	f->idx[0] = buf_alloc_one_or_zero(&w->bufs);
	invariant(f->idx[0]);
	b = buf_at(f->base, f->idx[0]);
	must(buf_append_bytes(&w->bufs, b, bytes.at, (uint32_t)bytes.len));
	if (is_long)
		must(buf_append_bytes(&w->bufs, b, filling, FILLING));
	if (is_gso) {
		b->gso_type = GSO_TCP4;
		b->gso_size = 1000;
		b->flags = BUF_NEED_L4_CSUM;
		b->l4_at = (uint16_t)(b->at + 34);
		b->csum_off = CSUM_OFF_TCP;
	}
	interface_receive(w, node, f, i, b->total_len);
}

static void act(unsigned how, struct slice frame)
{
	struct mac source;

	if (how & PAUSE)
		bridge_tick(engine, now_ns += PAUSE_NS);
	if (how & FLUSH)
		bridge_flush(bridge);
	if (!(how & FIX) || frame.len < 2 * MAC_BYTES)
		return;
	memcpy(source.b, frame.at + MAC_BYTES, MAC_BYTES);
	if (how & FLUSH)
		(void)!bridge_delete_mac(bridge, &source);
	else
		(void)!bridge_add_mac(bridge, &source, how & PAUSE ? NULL : port[0]);
}

static void check(void)
{
	const struct bridges *all = bridges_of(engine);

	invariant((uint32_t)all->bridge_macs[bridge->index] <= MACS_LIMIT);
	invariant(engine->worker[0]->bufs.n_taken == engine->worker[0]->bufs.n_given);
}

/* Fixed addresses would pile up from input to input. */
static void forget(void)
{
	bridge_forget_fixed(bridge, NULL);
	bridge_flush(bridge);
	answers_forget_bridge(answers_of(engine), bridge->index);
	bridge_tick(engine, now_ns += PAUSE_NS);
}

/* The engine lives as long as the program, in memory that LeakSanitizer does not look into. */
int __lsan_is_turned_off(void);

__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	static unsigned n_inputs;

	if (!engine)
		start();
	if (size > INPUT_MAX)
		return 0;
	while (in.len > 1) {
		unsigned how = in.at[1];
		struct slice frame = slice_first(slice_from(in, 2), in.at[0] * 2u);

		act(how, frame);
		for (unsigned n = 0; n < (how & FOR_ALL ? N_PORTS : 1); n++)
			inject(port[((how & PORT_BITS) + n) % N_PORTS], frame,
			       (how & PORT_BITS) == LONG, how & GSO);
		turn();
		in = slice_from(in, 2 + frame.len);
	}
	check();
	forget();
	if (++n_inputs % INPUTS_PER_DRAIN == 0)
		rcu_drain();
	return 0;
}

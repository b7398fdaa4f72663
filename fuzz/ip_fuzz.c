/*
 * ip_fuzz.c - Ethernet frames into the graph of l2 and l3, both families: nothing crashes, and 70
 * seconds after the last frame every buffer is back and no neighbour waits.
 *
 * Input: frames, each behind one byte: its length in units of 4 bytes, from the low seven bits, and
 * whether a second passes before it, from the high one.
 */
#include <stdlib.h>

#include "engine/engine.h"
#include "l2/ethernet/ethernet.h"
#include "l2/vlan/vlan.h"
#include "l3/icmp/icmp.h"
#include "l3/icmp/icmp6.h"
#include "l3/icmp/redirect.h"
#include "l3/ip4/address.h"
#include "l3/ip6/address.h"
#include "l3/mld/mld.h"
#include "l3/neighbor/neighbor.h"
#include "l3/reassembly/reassembly.h"
#include "l3/route/hop.h"
#include "l3/route/route.h"

enum { N_BUFFERS = 4096, SECONDS_TO_REST = 70, INPUTS_PER_DRAIN = 4096 };

static uint64_t now_ns = 1000 * (uint64_t)NS_PER_S;
static struct engine *engine;
static struct interface *interface;
static uint16_t input_node;

static uint64_t read_now(void *context unused_arg)
{
	return now_ns;
}

static unsigned tx_run(struct worker *w, struct node *node unused_arg, struct frame *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct buf *b = buf_at(f->base, f->idx[i]);

		invariant(b->len >= 14 && b->total_len <= 14 + 1500);
	}
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static const struct node_type tx_node = { .name = "fuzz-tx", .run = tx_run };
static const struct interface_driver driver = { .name = "fuzz", .tx = &tx_node };
static const struct node_type *const nodes[] = {
	&drop_node,	      &handoff_node,	 &interface_output_node, &tx_node,
	&ethernet_input_node, &arp_input_node,	 &ip4_input_node,	 &ip4_options_node,
	&ip4_lookup_node,     &ip4_hold_node,	 &ip4_rewrite_node,	 &ip4_fragment_node,
	&ip4_local_node,      &ip4_deliver_node, &ip4_reassembly_node,	 &icmp4_input_node,
	&icmp4_error_node,    &vlan_input_node,	 &ip6_input_node,	 &ip6_hop_by_hop_node,
	&ip6_lookup_node,     &ip6_hold_node,	 &ip6_rewrite_node,	 &ip6_fragment_node,
	&ip6_local_node,      &ip6_deliver_node, &ip6_reassembly_node,	 &icmp6_input_node,
	&icmp6_error_node,    &mld_input_node,	 &nd_input_node,
};
static const struct feature_arc arcs[] = {
	{ .id = ARC_DEVICE_INPUT, .name = "device-input", .side = ARC_RX, .end = "ethernet-input" },
	{ .id = ARC_INTERFACE_OUTPUT, .name = "interface-output", .side = ARC_TX },
	{ .id = ARC_IP4_UNICAST, .name = "ip4-unicast", .side = ARC_RX, .end = "ip4-lookup" },
	{ .id = ARC_IP4_OUTPUT, .name = "ip4-output", .side = ARC_TX, .end = "interface-output" },
	{ .id = ARC_IP4_LOCAL, .name = "ip4-local", .side = ARC_RX, .end = "ip4-deliver" },
	{ .id = ARC_IP6_UNICAST, .name = "ip6-unicast", .side = ARC_RX, .end = "ip6-lookup" },
	{ .id = ARC_IP6_OUTPUT, .name = "ip6-output", .side = ARC_TX, .end = "interface-output" },
	{ .id = ARC_IP6_LOCAL, .name = "ip6-local", .side = ARC_RX, .end = "ip6-deliver" },
};
static const struct feature_arc *const arc_list[] = { &arcs[0], &arcs[1], &arcs[2], &arcs[3],
						      &arcs[4], &arcs[5], &arcs[6], &arcs[7] };

static void must(int err)
{
	invariant(err == 0);
}

static struct ip6_prefix prefix6(const char *text)
{
	struct ip6_prefix p;

	must(ip6_prefix_from_text(text, &p));
	return p;
}

static void add_route(const char *to, const char *via)
{
	struct route_hop hop = { .vrf = VRF_DEFAULT, .has_addr = true };
	const struct route_to where = { .n_hops = 1, .hop = &hop };
	struct ip_prefix prefix;
	const char *what;

	must(ip_prefix_from_text(to, &prefix));
	must(ip_addr_from_text(via, &hop.addr));
	must(route_set(engine, VRF_DEFAULT, &prefix, FIB_STATIC, &where, 0, &what));
}

/* Addresses are there at once; routers and hosts may say what they like. */
static void start_ip6(void)
{
	const struct ip6_link_options options = { .autoconf = true };
	uint32_t i = interface->index;

	must(ip6_enable(engine, i, &options));
	must(ip6_add_address(engine, i, prefix6("2001:db8::1/64")));
	add_route("2001:db8:f::/48", "2001:db8::fe");
}

static void start(void)
{
	static const struct clock clock = { read_now, NULL };
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 1 };
	const struct engine_options options = { .nodes = nodes,
						.n_nodes = count_of(nodes),
						.arcs = arc_list,
						.n_arcs = count_of(arc_list),
						.n_workers = 1,
						.n_buffers = N_BUFFERS,
						.clock = &clock,
						.seed = 1 };
	const struct interface_params params = { .name = "wire",
						 .mac = mac,
						 .mtu_bytes = 1500,
						 .caps = CAP_CSUM | CAP_TSO,
						 .n_queues = 1,
						 .driver = &driver };
	const struct ip4_prefix address = { 0x0a000001, 24 };

	must(engine_new(&options, &engine));
	must(ip4_init(engine));
	must(ip6_init(engine));
	must(neighbor_init(engine));
	must(route_hops_init(engine));
	must(routes_init(engine));
	must(icmp4_init(engine));
	must(icmp6_init(engine));
	must(mld_init(engine));
	must(redirect_init(engine));
	must(reassembly_init(engine));
	must(interface_add(engine, &params, &interface));
	must(ip4_add_address(engine, interface->index, address));
	must(interface_set_up(interface, true));
	add_route("192.168.0.0/16", "10.0.0.254");
	start_ip6();
	input_node = graph_node_id(&engine->graph, "ethernet-input");
}

static void turn(void)
{
	do
		engine_run_main(engine);
	while (worker_turn(engine->worker[0]) > 0);
}

static void pass_second(void)
{
	now_ns += NS_PER_S;
	neighbor_tick(engine, now_ns);
	ip6_tick(engine, now_ns);
	turn();
}

static void inject(struct slice frame)
{
	struct worker *w = engine->worker[0];
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *b;

	invariant(idx);
	b = buf_at(w->bufs.pool->base, idx);
	must(buf_append_bytes(&w->bufs, b, frame.at, (uint32_t)frame.len));
	b->rx_if = interface->index;
	node_send_to(w, input_node, idx);
}

static bool nobody_waits(const struct neighbor *n, void *context unused_arg)
{
	invariant(list_empty(&n->waiters));
	return true;
}

/*
 * The engine lives as long as the program, and much of it is reached only through tables in mapped
 * memory, which LeakSanitizer does not look into. Buffers are accounted for below.
 */
int __lsan_is_turned_off(void);

__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
	return 1; /* also where the environment asks for leaks */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	static unsigned n_inputs;

	if (!engine)
		start();
	if (size > 8192)
		return 0;
	while (in.len > 0) {
		unsigned head = in.at[0];
		struct slice frame = slice_first(slice_from(in, 1), (head & 0x7f) * 4);

		if (head & 0x80)
			pass_second();
		inject(frame);
		turn();
		in = slice_from(in, 1 + frame.len);
	}
	for (unsigned i = 0; i < SECONDS_TO_REST; i++)
		pass_second();
	invariant(engine->worker[0]->bufs.n_taken == engine->worker[0]->bufs.n_given);
	neighbor_walk(engine, nobody_waits, NULL);
	if (++n_inputs % INPUTS_PER_DRAIN == 0)
		rcu_drain();
	return 0;
}

/* engine_test.c - graph, features, interfaces, trace: single-threaded, with the test's own clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "engine/trace.h"

/* A source hands out packets numbered in `flow_hash`; "sort" sends odd ones to "odd", drops
 * multiples of 5 and all others to "even"; odd and even note what they saw, in order. */
struct seen {
	uint32_t number[4096];
	unsigned n;
};

static struct seen odd_seen, even_seen, tx_seen;
static uint64_t fake_now_ns = 1000 * (uint64_t)NS_PER_MS;
static unsigned to_make;
static uint32_t made;

static uint64_t fake_now(void *context)
{
	(void)context;
	return fake_now_ns;
}
static const struct clock fake_clock = { fake_now, NULL };

enum { SOURCE_SORT };
static const char *const source_next[] = { [SOURCE_SORT] = "sort" };

static unsigned source_run(struct worker *w, struct node *node, struct frame *f)
{
	unsigned n = to_make < FRAME_MAX ? to_make : FRAME_MAX;

	f->n = buf_alloc(&w->bufs, f->idx, n);
	for (unsigned i = 0; i < f->n; i++) {
		struct buf *b = buf_at(f->base, f->idx[i]);

		b->flow_hash = made++;
		memcpy(buf_append(b, 4), &b->flow_hash, 4);
	}
	to_make -= f->n;
	node_send_all(w, node, f, SOURCE_SORT);
	return f->n;
}

enum { SORT_DROP, SORT_ODD };
static const char *const sort_next[] = { [SORT_DROP] = "drop", [SORT_ODD] = "odd" };
enum { FIFTH, SORT_REASONS };
static const struct reason sort_reasons[] = { [FIFTH] = { "fifth", "a multiple of five" } };

static unsigned sort_run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	uint16_t even = next_node(graph_node_id(&w->engine->graph, "even"));

	frame_bufs(f, b);
	assert_ptr_equal(b[f->n - 1 + PREFETCH_AHEAD], b[f->n - 1]);
	for (unsigned i = 0; i < f->n; i++) {
		next[i] = b[i]->flow_hash % 2 ? SORT_ODD : even;
		if (b[i]->flow_hash % 5 == 0) {
			b[i]->reason = FIFTH;
			next[i] = SORT_DROP;
		}
	}
	node_send(w, node, f, next);
	return f->n;
}

static void note(struct seen *seen, struct worker *w, struct frame *f)
{
	for (unsigned i = 0; i < f->n; i++)
		seen->number[seen->n++] = buf_at(f->base, f->idx[i])->flow_hash;
	buf_free(&w->bufs, f->idx, f->n);
}

static unsigned odd_run(struct worker *w, struct node *node, struct frame *f)
{
	(void)node;
	note(&odd_seen, w, f);
	return f->n;
}

static unsigned even_run(struct worker *w, struct node *node, struct frame *f)
{
	(void)node;
	note(&even_seen, w, f);
	return f->n;
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;

	interface_count_tx(w, i->index, f->n, 0, 0);
	note(&tx_seen, w, f);
	return f->n;
}

/* A feature that adds its digit to the packet's number. */
static unsigned feature_run(struct worker *w, struct node *node, struct frame *f)
{
	uint16_t next[FRAME_MAX];

	for (unsigned i = 0; i < f->n; i++) {
		struct buf *b = buf_at(f->base, f->idx[i]);

		b->flow_hash = b->flow_hash * 10 + (uint32_t)(node->type->name[1] - '0');
		next[i] = feature_next(w, b);
	}
	node_send(w, node, f, next);
	return f->n;
}

static const struct node_type source = { .name = "source",
					 .kind = NODE_INPUT,
					 .run = source_run,
					 .next_names = source_next,
					 .n_next = 1 };
static const struct node_type sort = { .name = "sort",
				       .run = sort_run,
				       .next_names = sort_next,
				       .n_next = 2,
				       .reasons = sort_reasons,
				       .n_reasons = SORT_REASONS };
static const struct node_type odd = { .name = "odd", .run = odd_run };
static const struct node_type even = { .name = "even", .run = even_run };
static const struct node_type f1 = { .name = "f1", .run = feature_run };
static const struct node_type f2 = { .name = "f2", .run = feature_run };
static const struct node_type f3 = { .name = "f3", .run = feature_run };
static const struct node_type tx = { .name = "test-tx", .run = tx_run };

static unsigned l2_run(struct worker *w, struct node *node, struct frame *f)
{
	uint16_t next[FRAME_MAX];

	for (unsigned i = 0; i < f->n; i++)
		next[i] = feature_from(w, buf_at(f->base, f->idx[i]), ARC_L2_INPUT, 0);
	node_send(w, node, f, next);
	return f->n;
}

static const struct node_type l2 = { .name = "l2-input", .run = l2_run };
static const struct node_type *const types[] = {
	&sort, &source, &even, &odd, &drop_node, &f1, &f2, &f3, &tx, &l2, &interface_output_node,
};

static const char *const in_features[] = { "f1", "f2", "f3" };
static const char *const out_features[] = { "f3", "f1" };
static const struct feature_arc in_arc = {
	ARC_DEVICE_INPUT, "device-input", ARC_RX, in_features, 3, "even"
};
static const struct feature_arc out_arc = {
	ARC_INTERFACE_OUTPUT, "interface-output", ARC_TX, out_features, 2, NULL
};
static const struct feature_arc l2_arc = { ARC_L2_INPUT, "l2-input", ARC_RX, in_features, 3, NULL };
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc, &l2_arc };

static struct engine_options options = {
	.nodes = types,
	.n_nodes = count_of(types),
	.arcs = arcs,
	.n_arcs = count_of(arcs),
	.n_buffers = 2048,
	.clock = &fake_clock,
	.seed = 7,
};

static unsigned n_freed;

static void free_device(struct interface *i)
{
	(void)i;
	n_freed++;
}

static const struct interface_driver driver = { .name = "test", .tx = &tx, .free = free_device };

static struct engine *e;
static struct worker *w;
static struct input in;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(engine_new(&options, &e), 0);
	w = e->worker[0];
	in = (struct input){ .kind = INPUT_POLLED,
			     .node = graph_node_id(&e->graph, "source"),
			     .fd = -1 };
	assert_int_equal(worker_add_input(w, &in), 0);
	odd_seen.n = even_seen.n = tx_seen.n = 0;
	made = to_make = n_freed = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	worker_remove_input(w, &in);
	assert_int_equal(w->bufs.n_taken, w->bufs.n_given); /* no packet was lost or freed twice */
	engine_free(e);
	return 0;
}

static struct interface *add_interface(const char *name, uint32_t caps)
{
	const struct interface_params params = {
		.name = name, .mtu_bytes = 1500, .caps = caps, .driver = &driver
	};
	struct interface *i = NULL;

	assert_int_equal(interface_add(e, &params, &i), 0);
	return i;
}

static uint32_t packet(uint32_t number)
{
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);

	assert_int_not_equal(idx, 0);
	buf_at(e->bufs.base, idx)->flow_hash = number;
	return idx;
}

static void packets_are_sorted_in_order_and_counted(void **state)
{
	const struct node *sorter = &w->graph.node[graph_node_id(&e->graph, "sort")];
	unsigned n_odd = 0, n_even = 0;

	(void)state;
	to_make = 1000;
	while (worker_turn(w))
		;
	for (uint32_t number = 0; number < 1000; number++) {
		if (number % 5 == 0)
			continue;
		if (number % 2)
			assert_int_equal(odd_seen.number[n_odd++], number);
		else
			assert_int_equal(even_seen.number[n_even++], number);
	}
	assert_int_equal(odd_seen.n, n_odd);
	assert_int_equal(even_seen.n, n_even);
	assert_int_equal(sorter->reasons[FIFTH], 200);
	assert_int_equal(sorter->n_vectors, 1000);
	assert_int_equal(sorter->n_calls, 4); /* 256 + 256 + 256 + 232 */
	assert_int_equal(w->graph.node[in.node].n_calls, 4);
}

static void more_than_a_frame_for_one_node_in_one_turn(void **state)
{
	uint16_t id = graph_node_id(&e->graph, "odd");

	(void)state;
	for (uint32_t number = 0; number < 600; number++)
		node_send_to(w, id, packet(number));
	worker_turn(w);
	assert_int_equal(odd_seen.n, 600);
	for (uint32_t number = 0; number < 600; number++)
		assert_int_equal(odd_seen.number[number], number);
	assert_int_equal(w->graph.node[id].n_calls, 3);
}

static void unknown_next_and_double_names_are_refused(void **state)
{
	const struct node_type *const no_odd[] = { &sort, &drop_node };
	const struct node_type *const twice[] = { &odd, &odd, &drop_node };
	const struct node_type *const no_drop[] = { &odd };
	struct graph *g = malloc(sizeof(*g));

	(void)state;
	assert_int_equal(graph_init(g, no_odd, 2), ERR_NOENT);
	assert_int_equal(graph_init(g, twice, 3), ERR_EXIST);
	assert_int_equal(graph_init(g, no_drop, 1), ERR_NOENT);
	free(g);
}

static void drop_without_reason_is_counted_too(void **state)
{
	struct node *sorter = &w->graph.node[graph_node_id(&e->graph, "sort")];

	(void)state;
	node_drop(w, sorter, packet(1), BUF_NO_REASON);
	node_drop(w, sorter, packet(1), FIFTH);
	worker_turn(w);
	assert_int_equal(sorter->reasons[FIFTH], 1);
	assert_int_equal(sorter->reasons[SORT_REASONS], 1);
}

static void interfaces_come_change_and_go(void **state)
{
	struct interface *a = add_interface("a", CAP_CSUM | CAP_TSO);
	struct interface *b = add_interface("b", CAP_CSUM | CAP_TSO);
	const struct interface_params again = { .name = "a", .driver = &driver };
	const struct interface_params bad = { .name = "a b", .driver = &driver };
	struct interface *none = NULL;
	uint16_t old_node = a->tx_node;

	(void)state;
	assert_int_equal(interface_add(e, &again, &none), ERR_EXIST);
	assert_int_equal(interface_add(e, &bad, &none), ERR_INVAL);
	assert_ptr_equal(interface_by_name_or_null(e, "b"), b);
	assert_ptr_equal(interface_get_or_null(e, a->index), a);
	assert_int_equal(a->mac[0] & 3, 2);
	interface_remove(a);
	assert_int_equal(n_freed, 1);
	assert_null(interface_by_name_or_null(e, "a"));
	a = add_interface("c", CAP_CSUM | CAP_TSO);
	assert_int_equal(a->tx_node, old_node); /* ids are used again */
	assert_int_equal(graph_node_id(&e->graph, "c-tx"), old_node);
	assert_int_equal(graph_node_id(&e->graph, "a-tx"), NODE_NONE);
}

/* "tap" has a transmit node though "tap-tx" is the driver's. */
static void an_interface_may_be_named_like_a_driver(void **state)
{
	struct interface *i = add_interface("test", CAP_CSUM | CAP_TSO);

	(void)state;
	assert_string_equal(e->graph.entry[i->tx_node].name, "test-tx-2");
	assert_ptr_equal(w->graph.node[i->tx_node].instance, i);
	interface_remove(i);
	i = add_interface("test", CAP_CSUM | CAP_TSO);
	assert_string_equal(e->graph.entry[i->tx_node].name, "test-tx-2");
}

static void output_goes_to_the_device_or_is_dropped_with_a_reason(void **state)
{
	struct interface *i = add_interface("a", CAP_CSUM | CAP_TSO);
	uint16_t out = graph_node_id(&e->graph, "interface-output");
	uint32_t idx = packet(1);

	(void)state;
	buf_at(e->bufs.base, idx)->tx_if = i->index;
	node_send_to(w, out, idx);
	worker_turn(w);
	assert_int_equal(tx_seen.n, 0);
	assert_int_equal(w->graph.node[out].reasons[1], 1); /* down */
	assert_int_equal(interface_set_up(i, true), 0);
	for (uint32_t number = 0; number < 3; number++) {
		idx = packet(number);
		buf_at(e->bufs.base, idx)->tx_if = number == 2 ? 99 : i->index;
		node_send_to(w, out, idx);
	}
	worker_turn(w);
	assert_int_equal(tx_seen.n, 2);
	assert_int_equal(w->graph.node[out].reasons[0], 1); /* no-interface */
	assert_int_equal(interface_counters(i).tx_packets, 2);
}

static void receive_with(struct interface *i, uint32_t number)
{
	struct frame *f = w->graph.input_frame;

	f->n = 1;
	f->base = e->bufs.base;
	f->idx[0] = packet(number);
	interface_receive(w, &w->graph.node[in.node], f, i, 60);
	worker_turn(w);
}

static void features_in_order_and_only_where_enabled(void **state)
{
	struct interface *a = add_interface("a", CAP_CSUM | CAP_TSO);
	struct interface *b = add_interface("b", CAP_CSUM | CAP_TSO);
	uint16_t out = graph_node_id(&e->graph, "interface-output");
	uint32_t idx;

	(void)state;
	assert_int_equal(interface_set_up(a, true), 0);
	assert_int_equal(interface_set_up(b, true), 0);
	receive_with(a, 4);
	assert_int_equal(even_seen.number[0], 4);
	assert_int_equal(feature_enable(e, ARC_DEVICE_INPUT, "f3", a->index, true), 0);
	assert_int_equal(feature_enable(e, ARC_DEVICE_INPUT, "f1", a->index, true), 0);
	assert_int_equal(feature_enable(e, ARC_DEVICE_INPUT, "f9", a->index, true), ERR_NOENT);
	assert_true(feature_enabled(e, ARC_DEVICE_INPUT, "f3", a->index));
	assert_false(feature_enabled(e, ARC_DEVICE_INPUT, "f3", b->index));
	receive_with(a, 4);
	receive_with(b, 4);
	assert_int_equal(even_seen.number[1], 413);
	assert_int_equal(even_seen.number[2], 4);
	assert_int_equal(feature_enable(e, ARC_DEVICE_INPUT, "f1", a->index, false), 0);
	receive_with(a, 4);
	assert_int_equal(even_seen.number[3], 43);

	assert_int_equal(feature_enable(e, ARC_INTERFACE_OUTPUT, "f1", b->index, true), 0);
	assert_int_equal(feature_enable(e, ARC_INTERFACE_OUTPUT, "f3", b->index, true), 0);
	idx = packet(4);
	buf_at(e->bufs.base, idx)->tx_if = b->index;
	node_send_to(w, out, idx);
	worker_turn(w);
	assert_int_equal(tx_seen.number[0], 431); /* the arc's own order */
}

static void received_frames_go_where_the_interface_says(void **state)
{
	struct interface *i = add_interface("a", CAP_CSUM | CAP_TSO);
	uint16_t odd_id = graph_node_id(&e->graph, "odd"),
		 sort_id = graph_node_id(&e->graph, "sort");

	(void)state;
	assert_int_equal(interface_set_up(i, true), 0);
	assert_int_equal(interface_set_l2(i, odd_id), 0);
	assert_int_equal(interface_set_l2(i, odd_id), ERR_BUSY);
	receive_with(i, 4);
	assert_int_equal(odd_seen.n, 1);
	/* The arc of l2, also behind features of the device. */
	assert_int_equal(feature_enable(e, ARC_L2_INPUT, "f2", i->index, true), 0);
	receive_with(i, 4);
	assert_int_equal(odd_seen.number[1], 42);
	assert_int_equal(feature_enable(e, ARC_DEVICE_INPUT, "f1", i->index, true), 0);
	receive_with(i, 4);
	assert_int_equal(odd_seen.number[2], 412);
	assert_int_equal(feature_enable(e, ARC_L2_INPUT, "f2", i->index, false), 0);
	receive_with(i, 4);
	assert_int_equal(odd_seen.number[3], 41);
	assert_int_equal(feature_enable(e, ARC_DEVICE_INPUT, "f1", i->index, false), 0);
	/* The classifier sees everything, of a port of l2 and of an interface of l3. */
	interface_set_classifier(i, sort_id);
	assert_int_equal(i->input_node, sort_id);
	assert_int_equal(i->own_node, odd_id);
	assert_int_equal(interface_set_l2(i, NODE_NONE), 0);
	assert_int_equal(i->input_node, sort_id);
	interface_set_classifier(i, NODE_NONE);
	receive_with(i, 4);
	assert_int_equal(even_seen.n, 1);
}

static void who_sends_through_another_is_busy_with_it(void **state)
{
	struct interface *below = add_interface("a", CAP_CSUM | CAP_TSO), *above;
	const struct interface_params params = {
		.name = "b", .caps = CAP_CSUM | CAP_TSO, .driver = &driver, .below = below
	};

	(void)state;
	assert_int_equal(interface_add(e, &params, &above), 0);
	interface_set_busy(below, true);
	assert_true(interface_busy(above));
	interface_set_busy(below, false);
	assert_false(interface_busy(above));
	interface_set_busy(above, true);
	assert_false(interface_busy(below));
}

static void thousands_of_interfaces_share_a_transmit_node(void **state)
{
	static const struct interface_driver shared = {
		.name = "shared", .tx = &tx, .shared_tx = true, .free = free_device
	};
	struct interface_params params = { .caps = CAP_CSUM | CAP_TSO, .driver = &shared };
	uint32_t n_nodes = e->graph.n_nodes;
	struct interface *i;
	char name[16];

	(void)state;
	for (uint32_t n = 1; n < INTERFACES_MAX; n++) {
		params.name = name;
		snprintf(name, sizeof(name), "if%u", n);
		assert_int_equal(interface_add(e, &params, &i), 0);
		assert_int_equal(i->index, n);
	}
	params.name = "one too many";
	assert_int_equal(interface_add(e, &params, &i), ERR_INVAL); /* spaces */
	params.name = "one-too-many";
	assert_int_equal(interface_add(e, &params, &i), ERR_FULL);
	assert_int_equal(e->graph.n_nodes, n_nodes);
	i = interface_by_name_or_null(e, "if2777");
	assert_int_equal(i->index, 2777);
	interface_remove(i);
	assert_null(interface_by_name_or_null(e, "if2777"));
	assert_int_equal(interface_add(e, &params, &i), 0);
	assert_int_equal(i->index, 2777);
}

static void an_interface_that_is_down_receives_nothing(void **state)
{
	struct interface *a = add_interface("a", CAP_CSUM | CAP_TSO);

	(void)state;
	receive_with(a, 4);
	assert_int_equal(even_seen.n, 0);
	assert_int_equal(interface_counters(a).rx_drops, 1);
}

static void a_trace_notes_every_node(void **state)
{
	const struct trace *t;
	const struct trace_packet *p;

	(void)state;
	assert_int_equal(trace_add(e, in.node, 0, NULL), ERR_INVAL);
	assert_int_equal(trace_add(e, in.node, 2, NULL), 0);
	to_make = 7;
	worker_turn(w);
	t = trace_store_or_null(e, 0);
	assert_int_equal(t->n_packets, 2);
	p = &t->packet[0]; /* number 0: dropped by sort */
	assert_int_equal(p->n_hops, 3);
	assert_int_equal(p->hop[0].node, in.node);
	assert_int_equal(p->hop[0].next, graph_node_id(&e->graph, "sort"));
	assert_int_equal(p->hop[1].next, e->graph.drop);
	assert_int_equal(p->hop[1].reason, FIFTH);
	assert_int_equal(p->hop[2].node, e->graph.drop);
	p = &t->packet[1]; /* number 1: odd */
	assert_int_equal(p->n_hops, 3);
	assert_int_equal(p->hop[2].node, graph_node_id(&e->graph, "odd"));
	assert_int_equal(p->hop[2].next, NODE_NONE);
	assert_int_equal(p->hop[2].n_bytes, 4);
	assert_int_equal(p->hop[2].bytes[0], 1);
	assert_int_equal(trace_buf(&p->hop[2])->flow_hash, 1);
	assert_int_equal(trace_clear(e), 0);
	assert_null(w->trace);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(packets_are_sorted_in_order_and_counted, setup, teardown),
	cmocka_unit_test_setup_teardown(more_than_a_frame_for_one_node_in_one_turn, setup,
					teardown),
	cmocka_unit_test_setup_teardown(unknown_next_and_double_names_are_refused, setup, teardown),
	cmocka_unit_test_setup_teardown(drop_without_reason_is_counted_too, setup, teardown),
	cmocka_unit_test_setup_teardown(interfaces_come_change_and_go, setup, teardown),
	cmocka_unit_test_setup_teardown(an_interface_may_be_named_like_a_driver, setup, teardown),
	cmocka_unit_test_setup_teardown(output_goes_to_the_device_or_is_dropped_with_a_reason,
					setup, teardown),
	cmocka_unit_test_setup_teardown(features_in_order_and_only_where_enabled, setup, teardown),
	cmocka_unit_test_setup_teardown(an_interface_that_is_down_receives_nothing, setup,
					teardown),
	cmocka_unit_test_setup_teardown(received_frames_go_where_the_interface_says, setup,
					teardown),
	cmocka_unit_test_setup_teardown(who_sends_through_another_is_busy_with_it, setup, teardown),
	cmocka_unit_test_setup_teardown(thousands_of_interfaces_share_a_transmit_node, setup,
					teardown),
	cmocka_unit_test_setup_teardown(a_trace_notes_every_node, setup, teardown),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}

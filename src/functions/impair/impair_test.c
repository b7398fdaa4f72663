/* impair_test.c - fates by the numbers, then packets through an engine with the test's own clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "functions/impair/impair.h"
#include "functions/offload/offload.h"

enum { N = 100000, MS = NS_PER_MS };

static struct impair_line line;

static void make_line(struct impair_config c)
{
	assert_int_equal(impair_line_init(&line, &c), 0);
}

static void shares_are_what_was_asked_for(void **state)
{
	static const struct {
		struct impair_config c;
		unsigned fate;
		unsigned least, most;
	} cases[] = {
		{ { .loss_ppm = 10000 }, IMPAIR_LOST, 900, 1100 },
		{ { .loss_ppm = IMPAIR_PPM }, IMPAIR_LOST, N, N },
		{ { .duplicate_ppm = 500000 }, IMPAIR_DUPLICATED, 49000, 51000 },
		{ { .corrupt_ppm = 1000 }, IMPAIR_CORRUPTED, 60, 140 },
		{ { .reorder_ppm = 20000 }, IMPAIR_REORDERED, 1800, 2200 },
		{ { .delay_ns = 5 }, IMPAIR_LOST | IMPAIR_DUPLICATED | IMPAIR_CORRUPTED, 0, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < count_of(cases); i++) {
		unsigned n = 0;
		uint64_t release_ns;

		make_line(cases[i].c);
		for (unsigned k = 0; k < N; k++)
			n += (impair_line_judge(&line, k, 100, &release_ns) & cases[i].fate) != 0;
		if (n < cases[i].least || n > cases[i].most)
			fail_msg("case %u: %u of %u", i, n, N);
		impair_line_deinit(&line);
	}
}

static void the_same_seed_gives_the_same_fates(void **state)
{
	struct impair_config c = {
		.loss_ppm = 100000, .delay_ns = 10 * MS, .jitter_ns = 5 * MS, .seed = 3
	};
	uint64_t first[100], release_ns;
	unsigned fates[100], n_different = 0;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		c.seed = round == 2 ? 4 : 3;
		make_line(c);
		for (unsigned k = 0; k < 100; k++) {
			unsigned fate = impair_line_judge(&line, 0, 100, &release_ns);

			if (round == 0) {
				fates[k] = fate;
				first[k] = release_ns;
			} else if (round == 1) {
				assert_int_equal(fate, fates[k]);
				assert_true(fate || release_ns == first[k]);
			} else {
				n_different += fate != fates[k] || release_ns != first[k];
			}
		}
		impair_line_deinit(&line);
	}
	assert_true(n_different > 10);
}

static void a_rate_lets_packets_out_one_after_the_other(void **state)
{
	uint64_t release_ns;

	(void)state;
	make_line(
		(struct impair_config){ .rate_bps = 8000000, .delay_ns = 3 * MS }); /* 1 byte/us */
	for (unsigned k = 1; k <= 10; k++) {
		assert_int_equal(impair_line_judge(&line, 7 * MS, 1000, &release_ns), 0);
		assert_int_equal(release_ns, (7 + 3 + k) * (uint64_t)MS);
	}
	assert_int_equal(impair_line_judge(&line, 100 * MS, 1000, &release_ns), 0); /* idle since */
	assert_int_equal(release_ns, 104 * (uint64_t)MS);
	impair_line_deinit(&line);
}

static void jitter_keeps_the_order_and_reordering_does_not(void **state)
{
	uint64_t release_ns, last_ns = 0;
	uint32_t packet, last = 0;
	unsigned n = 0, n_back = 0;

	(void)state;
	make_line((struct impair_config){
		.delay_ns = 10 * MS, .jitter_ns = 10 * MS, .held_max = 1000 });
	for (uint32_t k = 0; k < 1000; k++) {
		assert_int_equal(impair_line_judge(&line, k * 1000, 100, &release_ns), 0);
		assert_true(release_ns >= last_ns && release_ns <= k * 1000 + 20 * MS);
		last_ns = release_ns;
		assert_true(impair_line_hold(&line, k + 1, release_ns));
	}
	while (impair_line_due(&line, UINT64_MAX, &packet)) {
		assert_int_equal(packet, last + 1);
		last = packet;
	}
	assert_int_equal(last, 1000);
	impair_line_deinit(&line);

	make_line((struct impair_config){
		.delay_ns = 10 * MS, .reorder_ppm = 100000, .held_max = 1000 });
	for (uint32_t k = 0; k < 1000; k++) {
		impair_line_judge(&line, (uint64_t)k * MS, 100, &release_ns);
		assert_true(impair_line_hold(&line, k + 1, release_ns));
	}
	for (last = 0; impair_line_due(&line, UINT64_MAX, &packet); n++) {
		n_back += packet < last;
		last = packet;
	}
	assert_int_equal(n, 1000);
	assert_in_range(n_back, 10, 200);
	impair_line_deinit(&line);
}

static void only_what_is_due_comes_out_and_only_so_many_fit(void **state)
{
	uint64_t release_ns;
	uint32_t packet;

	(void)state;
	make_line((struct impair_config){ .delay_ns = 10 * MS, .held_max = 3 });
	for (uint32_t k = 0; k < 3; k++) {
		assert_int_equal(impair_line_judge(&line, k * MS, 100, &release_ns), 0);
		assert_true(impair_line_hold(&line, k, release_ns));
	}
	assert_int_equal(impair_line_judge(&line, 3 * MS, 100, &release_ns), IMPAIR_FULL);
	assert_int_equal(impair_line_next_ns(&line), 10 * (uint64_t)MS);
	assert_false(impair_line_due(&line, 10 * MS - 1, &packet));
	assert_true(impair_line_due(&line, 11 * MS, &packet));
	assert_true(impair_line_due(&line, 11 * MS, &packet));
	assert_false(impair_line_due(&line, 11 * MS, &packet));
	impair_line_deinit(&line);
}

static void numbers_out_of_range_are_refused(void **state)
{
	static const struct impair_config bad[] = {
		{ .loss_ppm = IMPAIR_PPM + 1 },
		{ .jitter_ns = 1 },
		{ .delay_ns = 61ull * NS_PER_S },
		{ .held_max = IMPAIR_HELD_MAX + 1 },
	};

	(void)state;
	for (unsigned i = 0; i < count_of(bad); i++)
		assert_int_equal(impair_line_init(&line, &bad[i]), ERR_INVAL);
}

/* --- through an engine --- */

static uint64_t now_ns = 1000 * (uint64_t)MS;

static uint64_t fake_now(void *context)
{
	(void)context;
	return now_ns;
}
static const struct clock fake_clock = { fake_now, NULL };

static unsigned n_sent, n_received, n_turned;

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	(void)node;
	for (unsigned i = 0; i < f->n; i++) {
		const struct buf *b = buf_at(f->base, f->idx[i]);

		for (unsigned k = 0; k < b->len; k++)
			n_turned += (unsigned)__builtin_popcount(b->room[b->at + k]);
		assert_int_equal(b->gso_type, GSO_NONE);
	}
	n_sent += f->n;
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static unsigned sink_run(struct worker *w, struct node *node, struct frame *f)
{
	(void)node;
	n_received += f->n;
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static void free_device(struct interface *i)
{
	(void)i;
}

static const struct node_type tx = { .name = "test-tx", .run = tx_run };
static const struct node_type sink = { .name = "sink", .run = sink_run };
static const struct interface_driver driver = { .name = "test", .tx = &tx, .free = free_device };
static const struct node_type *const types[] = {
	&tx,
	&sink,
	&drop_node,
	&handoff_node,
	&gro_node,
	&offload_node,
	&wire_input_node,
	&interface_output_node,
	&impair_in_node,
	&impair_out_node,
};
static const char *const in_nodes[] = { "wire-input", "impair-in", "gro" };
static const char *const out_nodes[] = { "offload", "impair-out" };
static const struct feature_arc in_arc = { ARC_DEVICE_INPUT, "in", ARC_RX, in_nodes, 3, "sink" };
static const struct feature_arc out_arc = {
	ARC_INTERFACE_OUTPUT, "out", ARC_TX, out_nodes, 2, NULL
};
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

static struct engine *e;
static struct interface *iface;

static int setup(void **state)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_workers = 2,
						.clock = &fake_clock,
						.seed = 1,
						.n_buffers = 4096 };
	const struct interface_params params = { .name = "x0",
						 .mtu_bytes = 1500,
						 .caps = CAP_CSUM | CAP_TSO | CAP_LRO,
						 .driver = &driver };

	(void)state;
	n_sent = n_received = n_turned = 0;
	assert_int_equal(engine_new(&options, &e), 0);
	assert_int_equal(impair_init(e), 0);
	assert_int_equal(interface_add(e, &params, &iface), 0);
	assert_int_equal(interface_set_up(iface, true), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	impair_deinit(e);
	assert_int_equal(e->worker[0]->bufs.n_taken + e->worker[1]->bufs.n_taken,
			 e->worker[0]->bufs.n_given + e->worker[1]->bufs.n_given);
	engine_free(e);
	return 0;
}

static void turn(void)
{
	for (unsigned n = 0; n < 2; n++)
		for (unsigned i = 0; i < 2; i++)
			worker_turn(e->worker[i]);
}

/* Packets of 60 zero bytes out by the interface, from worker @from. */
static void send_packets(unsigned from, unsigned n)
{
	struct worker *w = e->worker[from];

	for (unsigned k = 0; k < n; k++) {
		uint32_t idx = buf_alloc_one_or_zero(&w->bufs);

		memset(buf_append(buf_at(e->bufs.base, idx), 60), 0, 60);
		buf_at(e->bufs.base, idx)->tx_if = iface->index;
		node_send_to(w, graph_node_id(&e->graph, "interface-output"), idx);
	}
	turn();
}

static uint64_t count_of_reason(const char *node, unsigned reason)
{
	uint16_t id = graph_node_id(&e->graph, node);

	return e->worker[0]->graph.node[id].reasons[reason] +
	       e->worker[1]->graph.node[id].reasons[reason];
}

static void packets_wait_for_their_time_whichever_worker_sends_them(void **state)
{
	const struct impair_config c = { .delay_ns = 10 * MS };

	(void)state;
	assert_int_equal(impair_set(iface, IMPAIR_OUT, &c), 0);
	assert_int_equal(impair_get_or_null(iface, IMPAIR_OUT)->delay_ns, 10 * MS);
	assert_null(impair_get_or_null(iface, IMPAIR_IN));
	send_packets(0, 3);
	send_packets(1, 4);
	assert_int_equal(n_sent, 0);
	now_ns += 9 * MS;
	turn();
	assert_int_equal(n_sent, 0);
	now_ns += 2 * MS;
	turn();
	assert_int_equal(n_sent, 7);
	send_packets(0, 5);
	assert_int_equal(impair_clear(iface, IMPAIR_OUT), 0); /* lets everything out */
	turn();
	assert_int_equal(n_sent, 12);
	send_packets(1, 1);
	assert_int_equal(n_sent, 13);
	assert_int_equal(iface->caps, CAP_CSUM | CAP_TSO | CAP_LRO);
}

static void fates_are_counted_and_carried_out(void **state)
{
	const struct impair_config c = { .loss_ppm = 200000,
					 .duplicate_ppm = 300000,
					 .corrupt_ppm = 400000 };
	uint64_t lost, doubled;

	(void)state;
	assert_int_equal(impair_set(iface, IMPAIR_OUT, &c), 0);
	send_packets(0, 200);
	lost = count_of_reason("impair-out", 0);
	doubled = count_of_reason("impair-out", 2);
	assert_in_range(lost, 20, 60);
	assert_in_range(doubled, 30, 80);
	assert_int_equal(n_sent, 200 - lost + doubled);
	assert_int_equal(n_turned, count_of_reason("impair-out", 3));
	assert_true(n_turned > 30);
}

static void a_removed_interface_takes_its_packets_along(void **state)
{
	const struct impair_config c = { .delay_ns = 10 * MS };

	(void)state;
	assert_int_equal(impair_set(iface, IMPAIR_OUT, &c), 0);
	send_packets(0, 30);
	interface_remove(iface);
	now_ns += 100 * MS;
	turn();
	assert_int_equal(n_sent, 0);
}

static void received_packets_are_impaired_as_well(void **state)
{
	const struct impair_config c = { .delay_ns = 5 * MS };
	struct worker *w = e->worker[0];
	struct frame *f = w->graph.input_frame;

	(void)state;
	assert_int_equal(impair_set(iface, IMPAIR_IN, &c), 0);
	f->n = buf_alloc(&w->bufs, f->idx, 10);
	f->base = e->bufs.base;
	for (unsigned i = 0; i < f->n; i++)
		memset(buf_append(buf_at(f->base, f->idx[i]), 60), 0, 60);
	interface_receive(w, &w->graph.node[graph_node_id(&e->graph, "sink")], f, iface, 600);
	turn();
	assert_int_equal(n_received, 0);
	now_ns += 6 * MS;
	turn();
	assert_int_equal(n_received, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_what_was_asked_for),
		cmocka_unit_test(the_same_seed_gives_the_same_fates),
		cmocka_unit_test(a_rate_lets_packets_out_one_after_the_other),
		cmocka_unit_test(jitter_keeps_the_order_and_reordering_does_not),
		cmocka_unit_test(only_what_is_due_comes_out_and_only_so_many_fit),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test_setup_teardown(
			packets_wait_for_their_time_whichever_worker_sends_them, setup, teardown),
		cmocka_unit_test_setup_teardown(fates_are_counted_and_carried_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_removed_interface_takes_its_packets_along, setup,
						teardown),
		cmocka_unit_test_setup_teardown(received_packets_are_impaired_as_well, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

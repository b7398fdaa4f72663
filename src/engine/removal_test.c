/* removal_test.c - an interface goes while packets for it are between two workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "engine/handoff.h"

enum { FIRST, SECOND, N_WORKERS };

static struct engine *engine;
static struct interface *interface;
static struct input input;
static unsigned n_sent, n_freed;

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;

	assert_int_equal(n_freed, 0); /* or @i is memory of nobody's */
	interface_count_tx(w, i->index, f->n, 0, 0);
	n_sent += f->n;
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static const struct node_type tx_node = { .name = "test-tx", .run = tx_run };

static void free_device(struct interface *i unused_arg)
{
	n_freed++;
}

static const struct interface_driver driver = { .name = "test",
						.tx = &tx_node,
						.free = free_device };

/*
 * In the middle of a turn of the first worker: a packet is on its way to the second, which owns the
 * ring of the device. Main removes the interface, and the second worker hears of that.
 */
static unsigned source_run(struct worker *w, struct node *node unused_arg,
			   struct frame *f unused_arg)
{
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);

	assert_int_not_equal(idx, 0);
	worker_remove_input(w, &input);
	handoff_send(w, SECOND, interface->tx_node, idx);
	interface_remove(interface);
	worker_turn(engine->worker[SECOND]);
	return 1;
}

static const struct node_type source_node = { .name = "source",
					      .kind = NODE_INPUT,
					      .run = source_run };

static const struct node_type *const nodes[] = { &drop_node, &handoff_node, &interface_output_node,
						 &source_node, &tx_node };

static void turn_all(void)
{
	worker_turn(engine->worker[FIRST]);
	engine_run_main(engine);
	worker_turn(engine->worker[SECOND]);
	engine_run_main(engine);
}

static void packets_between_workers_find_their_interface(void **state unused_arg)
{
	const struct engine_options options = { .nodes = nodes,
						.n_nodes = count_of(nodes),
						.n_workers = N_WORKERS };
	const struct interface_params params = { .name = "device",
						 .caps = CAP_CSUM | CAP_TSO,
						 .driver = &driver };

	assert_int_equal(engine_new(&options, &engine), 0);
	engine->running = true; /* the test takes their turns: messages go as with threads */
	assert_int_equal(interface_add(engine, &params, &interface), 0);
	input = (struct input){ .kind = INPUT_POLLED,
				.node = graph_node_id(&engine->graph, "source"),
				.fd = -1 };
	assert_int_equal(worker_add_input(engine->worker[FIRST], &input), 0);
	worker_turn(engine->worker[FIRST]);
	turn_all();
	assert_int_equal(n_sent, 1);
	for (unsigned n = 0; n < 4; n++)
		turn_all();
	assert_int_equal(n_freed, 1);
	engine->running = false;
	engine_free(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_between_workers_find_their_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

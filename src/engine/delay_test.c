/* delay_test.c - what main does later comes in its time, once, and at the latest with the end. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/delay.h"

enum { N = 3, DEADLINE_MS = 10000 };

static struct engine *e;
static struct engine_delay delay[N];
static unsigned n_due, order[2 * N];
static bool was_running;
static _Atomic uint64_t ahead_ns; /* of the kernel's clock, which the timer goes by */

static uint64_t now_ns(void *context)
{
	(void)context;
	return clock_now_ns(&clock_monotonic) + ahead_ns;
}

static int setup(void **state)
{
	static const struct node_type *const types[] = { &drop_node, &interface_output_node };
	static const struct clock clock = { now_ns, NULL };
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.clock = &clock };

	(void)state;
	n_due = 0;
	ahead_ns = 0;
	return engine_new(&options, &e);
}

static void due(struct engine *engine, struct engine_delay *d)
{
	assert_ptr_equal(engine, e);
	was_running = engine->running;
	order[n_due++] = (unsigned)(d - delay);
}

static void wait_due(unsigned n)
{
	uint64_t deadline_ns = clock_now_ns(&clock_monotonic) + DEADLINE_MS * (uint64_t)NS_PER_MS;

	while (n_due < n) {
		struct pollfd fd = { .fd = engine_main_fd(e), .events = POLLIN };

		assert_true(clock_now_ns(&clock_monotonic) < deadline_ns);
		poll(&fd, 1, 10);
		engine_run_main(e);
	}
}

static void they_come_by_time_and_once(void **state)
{
	uint64_t began_ns = clock_now_ns(&clock_monotonic);

	(void)state;
	assert_int_equal(engine_start(e), 0);
	engine_delay(e, &delay[0], 60, due);
	engine_delay(e, &delay[1], 20, due);
	engine_delay(e, &delay[2], 40, due);
	assert_int_equal(n_due, 0);
	wait_due(N);
	assert_true(clock_now_ns(&clock_monotonic) - began_ns >= 60 * (uint64_t)NS_PER_MS);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
	assert_int_equal(order[2], 0);
	engine_delay(e, &delay[0], 1, due); /* it may be used again */
	wait_due(N + 1);
	engine_free(e);
	assert_int_equal(n_due, N + 1);
}

/* Main was busy elsewhere: all are due when it looks. */
static void late_ones_come_by_time(void **state)
{
	(void)state;
	assert_int_equal(engine_start(e), 0);
	engine_delay(e, &delay[0], 600, due);
	engine_delay(e, &delay[1], 20, due);
	engine_delay(e, &delay[2], 400, due);
	ahead_ns = NS_PER_S;
	wait_due(N);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
	assert_int_equal(order[2], 0);
	engine_free(e);
}

static void at_the_end_all_are_due(void **state)
{
	(void)state;
	assert_int_equal(engine_start(e), 0);
	engine_delay(e, &delay[0], 1000000, due);
	engine_delay(e, &delay[1], 1000000, due);
	engine_free(e);
	assert_int_equal(n_due, 2);
	assert_false(was_running);
}

static void without_workers_nothing_waits(void **state)
{
	(void)state;
	engine_delay(e, &delay[0], 1000000, due);
	assert_int_equal(n_due, 1);
	engine_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(they_come_by_time_and_once, setup),
		cmocka_unit_test_setup(late_ones_come_by_time, setup),
		cmocka_unit_test_setup(at_the_end_all_are_due, setup),
		cmocka_unit_test_setup(without_workers_nothing_waits, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

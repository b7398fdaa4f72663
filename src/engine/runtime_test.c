/* runtime_test.c - histograms of turns, edges, and counters since they were cleared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "engine/runtime.h"

static uint64_t fake_now_ns = NS_PER_S;

static uint64_t fake_now(void *context)
{
	(void)context;
	return fake_now_ns;
}
static const struct clock fake_clock = { fake_now, NULL };

enum { TO_DROP };
static const char *const next_names[] = { [TO_DROP] = "drop" };
enum { WRONG, N_REASONS };
static const struct reason reasons[] = { [WRONG] = { "wrong", "everything is" } };

static unsigned refuse_run(struct worker *w, struct node *node, struct frame *f)
{
	node_drop_all(w, node, f, WRONG);
	return f->n;
}

static const struct node_type refuse = { .name = "refuse",
					 .run = refuse_run,
					 .next_names = next_names,
					 .n_next = 1,
					 .reasons = reasons,
					 .n_reasons = N_REASONS };
static const struct node_type *const types[] = { &refuse, &drop_node, &interface_output_node };

static struct engine *e;

static int start(void **state)
{
	const struct engine_options options = {
		.nodes = types, .n_nodes = count_of(types), .clock = &fake_clock, .n_buffers = 1024
	};

	(void)state;
	return engine_new(&options, &e);
}

static int stop(void **state)
{
	(void)state;
	engine_free(e);
	return 0;
}

/* Two nodes by their ids in types[]. */
enum { REFUSE, DROP };

static void send(unsigned n)
{
	while (n--)
		node_send_to(e->worker[0], REFUSE, buf_alloc_one_or_zero(&e->worker[0]->bufs));
	worker_turn(e->worker[0]);
}

static void a_bucket_holds_an_eighth_of_an_octave(void **state)
{
	static const struct {
		uint64_t clocks;
		unsigned bucket;
		uint64_t limit;
	} rows[] = {
		{ 0, 0, 1 },	    { 7, 7, 8 },	{ 8, 8, 9 },	    { 15, 15, 16 },
		{ 16, 16, 18 },	    { 17, 16, 18 },	{ 18, 17, 20 },	    { 1023, 63, 1024 },
		{ 1024, 64, 1152 }, { 1151, 64, 1152 }, { 1152, 65, 1280 },
	};
	uint64_t previous = 0;

	(void)state;
	for (unsigned i = 0; i < count_of(rows); i++) {
		assert_int_equal(turns_bucket(rows[i].clocks), rows[i].bucket);
		assert_int_equal(turns_limit(rows[i].bucket), rows[i].limit);
	}
	for (unsigned b = 0; b + 1 < TURNS_BUCKETS; b++) {
		assert_true(turns_limit(b) > previous);
		assert_int_equal(turns_bucket(turns_limit(b) - 1), b);
		previous = turns_limit(b);
	}
	assert_int_equal(turns_bucket(UINT64_MAX), TURNS_BUCKETS - 1);
}

static void percentiles(void **state)
{
	uint64_t bucket[TURNS_BUCKETS] = { 0 };

	(void)state;
	assert_int_equal(turns_percentile(bucket, 0.5), 0);
	bucket[turns_bucket(100)] = 9998;
	bucket[turns_bucket(5000)] = 1;
	bucket[turns_bucket(1000000)] = 1;
	assert_int_equal(turns_total(bucket), 10000);
	assert_in_range(turns_percentile(bucket, 0.5), 100, 112);
	assert_in_range(turns_percentile(bucket, 0.9998), 100, 112);
	assert_in_range(turns_percentile(bucket, 0.9999), 5000, 5625);
	assert_in_range(turns_percentile(bucket, 1), 1000000, 1125000);
}

static void turns_are_counted_but_not_sleeps(void **state)
{
	uint64_t bucket[TURNS_BUCKETS], own[TURNS_BUCKETS];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		worker_turn(e->worker[0]);
	runtime_turns(e, 0, bucket, own);
	assert_int_equal(turns_total(bucket), 4); /* the fifth is not over */
	turns_break(&e->worker[0]->turns);
	worker_turn(e->worker[0]);
	runtime_turns(e, 0, bucket, own);
	assert_int_equal(turns_total(bucket), 4);
	assert_int_equal(runtime_clear(e), 0);
	worker_turn(e->worker[0]);
	runtime_turns(e, 0, bucket, own);
	assert_int_equal(turns_total(bucket), 1);
}

static void turns_that_lost_the_processor_are_not_our_own(void **state)
{
	const struct timespec a_moment = { 0, 1000000 };
	uint64_t all[TURNS_BUCKETS], own[TURNS_BUCKETS];
	struct turns *t = &e->worker[0]->turns;

	(void)state;
	if (!switch_mark_known())
		skip();
	t->mark = switch_mark_of_thread();
	for (unsigned i = 0; i < 5; i++) {
		worker_turn(e->worker[0]);
		nanosleep(&a_moment, NULL); /* as another program would have it */
	}
	worker_turn(e->worker[0]);
	runtime_turns(e, 0, all, own);
	assert_int_equal(turns_total(all), 5);
	assert_int_equal(turns_total(own), 0);
	assert_int_equal(runtime_clear(e), 0);
	for (unsigned i = 0; i < 1000; i++)
		worker_turn(e->worker[0]);
	runtime_turns(e, 0, all, own);
	assert_int_equal(turns_total(all), 1000);
	assert_in_range(turns_total(own), 500, 1000); /* others want the processor, too */
}

static void counters_since_they_were_cleared(void **state)
{
	(void)state;
	send(5);
	assert_int_equal(runtime_node(e, RUNTIME_ALL, REFUSE).vectors, 5);
	assert_int_equal(runtime_node(e, 0, REFUSE).calls, 1);
	assert_int_equal(runtime_edge(e, REFUSE, DROP), 5);
	assert_int_equal(runtime_edge(e, DROP, REFUSE), 0);
	assert_int_equal(runtime_reason(e, REFUSE, WRONG), 5);
	assert_int_equal(runtime_worker(e, 0).turns, 1);

	fake_now_ns += 7 * (uint64_t)NS_PER_S;
	assert_int_equal(runtime_clear(e), 0);
	assert_int_equal(runtime_node(e, RUNTIME_ALL, REFUSE).vectors, 0);
	assert_int_equal(runtime_edge(e, REFUSE, DROP), 0);
	assert_int_equal(runtime_reason(e, REFUSE, WRONG), 5); /* not what was asked for */
	assert_true(runtime_seconds(e) == 0);

	send(3);
	fake_now_ns += 2 * (uint64_t)NS_PER_S;
	assert_int_equal(runtime_node(e, RUNTIME_ALL, REFUSE).vectors, 3);
	assert_int_equal(runtime_edge(e, REFUSE, DROP), 3);
	assert_int_equal(runtime_clear_reasons(e), 0);
	send(1);
	assert_int_equal(runtime_reason(e, REFUSE, WRONG), 1);
	assert_true(runtime_seconds(e) == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_holds_an_eighth_of_an_octave),
		cmocka_unit_test(percentiles),
		cmocka_unit_test_setup_teardown(turns_are_counted_but_not_sleeps, start, stop),
		cmocka_unit_test_setup_teardown(turns_that_lost_the_processor_are_not_our_own,
						start, stop),
		cmocka_unit_test_setup_teardown(counters_since_they_were_cleared, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* worker_test.c - real threads: sleeping and waking, calls, hand-off, removal. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "engine/handoff.h"

enum { N_HANDED = 20000, DEADLINE_MS = 10000 };

static uint32_t received[N_HANDED];
static uint32_t n_received; /* atomic */

static unsigned sink_run(struct worker *w, struct node *node, struct frame *f)
{
	(void)node;
	for (unsigned i = 0; i < f->n; i++) {
		uint32_t at = __atomic_load_n(&n_received, __ATOMIC_RELAXED);

		received[at] = buf_at(f->base, f->idx[i])->flow_hash;
		__atomic_store_n(&n_received, at + 1, __ATOMIC_RELEASE);
	}
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

/* Reads an eventfd: one "packet" per ring. */
static uint32_t n_rings; /* atomic */

static unsigned bell_run(struct worker *w, struct node *node, struct frame *f)
{
	uint64_t rings;

	(void)w;
	(void)node;
	if (read(f->input->fd, &rings, sizeof(rings)) < 0) {
		input_drained(f->input);
		return 0;
	}
	__atomic_fetch_add(&n_rings, (uint32_t)rings, __ATOMIC_RELEASE);
	return 1;
}

static const struct node_type sink = { .name = "sink", .run = sink_run };
static const struct node_type bell = { .name = "bell", .kind = NODE_INPUT, .run = bell_run };
static const struct node_type *const types[] = { &sink, &bell, &drop_node, &handoff_node };

static struct engine *e;

static int start(void **state, unsigned n_workers)
{
	struct engine_options options = { .nodes = types,
					  .n_nodes = count_of(types),
					  .n_workers = n_workers,
					  .n_buffers = 4096 };

	(void)state;
	n_received = n_rings = 0;
	assert_int_equal(engine_new(&options, &e), 0);
	return 0;
}

static int start_one(void **state)
{
	return start(state, 1);
}

static int start_two(void **state)
{
	return start(state, 2);
}

static int finish(void **state)
{
	uint64_t taken = 0, given = 0;

	(void)state;
	engine_stop(e);
	for (uint32_t i = 0; i < e->n_workers; i++) {
		taken += e->worker[i]->bufs.n_taken;
		given += e->worker[i]->bufs.n_given;
	}
	assert_int_equal(taken, given);
	engine_free(e);
	return 0;
}

/* Wait until *@value is at least @n; fails the test at the deadline. */
static void wait_for(const uint32_t *value, uint32_t n)
{
	for (unsigned ms = 0; __atomic_load_n(value, __ATOMIC_ACQUIRE) < n; ms++) {
		assert_true(ms < DEADLINE_MS);
		poll(NULL, 0, 1);
	}
}

static uint32_t n_calls; /* atomic */

static void count_call(struct worker *w, void *arg)
{
	(void)w;
	assert_int_equal((uintptr_t)arg, __atomic_load_n(&n_calls, __ATOMIC_RELAXED));
	__atomic_fetch_add(&n_calls, 1, __ATOMIC_RELEASE);
}

/* Each call finds the worker asleep or about to be; if a wake-up is lost, the test hangs here. */
static void calls_wake_a_sleeper_and_keep_their_order(void **state)
{
	(void)state;
	assert_int_equal(engine_start(e), 0);
	n_calls = 0;
	for (uint32_t n = 0; n < 20000; n++) {
		assert_int_equal(worker_call(e->worker[0], count_call, (void *)(uintptr_t)n), 0);
		if (n % 7 == 0)
			wait_for(&n_calls, n);
	}
	wait_for(&n_calls, 20000);
}

static void an_idle_worker_uses_no_cpu(void **state)
{
	clockid_t clock_id;
	struct timespec before, after;
	uint64_t sleeps, used_ns;

	(void)state;
	assert_int_equal(engine_start(e), 0);
	assert_int_equal(pthread_getcpuclockid(e->worker[0]->thread, &clock_id), 0);
	for (unsigned ms = 0; __atomic_load_n(&e->worker[0]->n_sleeps, __ATOMIC_RELAXED) == 0;
	     ms++) {
		assert_true(ms < DEADLINE_MS);
		poll(NULL, 0, 1);
	}
	clock_gettime(clock_id, &before);
	sleeps = e->worker[0]->n_sleeps;
	poll(NULL, 0, 300);
	clock_gettime(clock_id, &after);
	used_ns = (uint64_t)(after.tv_sec - before.tv_sec) * NS_PER_S +
		  (uint64_t)(after.tv_nsec - before.tv_nsec);
	assert_true(used_ns < 3 * (uint64_t)NS_PER_MS);
	assert_true(e->worker[0]->n_sleeps - sleeps <= 1);
}

static uint64_t fired_ns; /* atomic */

static void fired(struct timer *t, uint64_t now_ns)
{
	(void)t;
	__atomic_store_n(&fired_ns, now_ns, __ATOMIC_RELEASE);
}

static void a_sleeper_wakes_for_its_timer(void **state)
{
	struct worker *w = e->worker[0];
	uint64_t now_ns = clock_now_ns(&clock_monotonic), at_ns;
	struct timer t;

	(void)state;
	fired_ns = 0;
	timer_init(&t, fired);
	timer_set(&w->wheel, &t, now_ns + 60 * (uint64_t)NS_PER_MS);
	assert_int_equal(engine_start(e), 0);
	for (unsigned ms = 0; (at_ns = __atomic_load_n(&fired_ns, __ATOMIC_ACQUIRE)) == 0; ms++) {
		assert_true(ms < DEADLINE_MS);
		poll(NULL, 0, 1);
	}
	assert_true(at_ns >= now_ns + 60 * (uint64_t)NS_PER_MS);
}

static void descriptors_are_read_until_drained_and_again_when_they_fire(void **state)
{
	struct input in = { .kind = INPUT_FD, .node = graph_node_id(&e->graph, "bell") };
	uint64_t one = 1;

	(void)state;
	in.fd = eventfd(1, EFD_NONBLOCK | EFD_SEMAPHORE); /* readable before it is watched */
	assert_int_equal(worker_add_input(e->worker[0], &in), 0);
	assert_int_equal(engine_start(e), 0);
	wait_for(&n_rings, 1);
	for (uint32_t n = 2; n < 3000; n++) {
		assert_int_equal(write(in.fd, &one, sizeof(one)), sizeof(one));
		if (n % 3 == 0)
			wait_for(&n_rings, n);
	}
	wait_for(&n_rings, 2999);
	engine_stop(e);
	worker_remove_input(e->worker[0], &in);
	close(in.fd);
}

/* Hand over as many as the ring takes; go on when the receiver has caught up. */
static uint32_t n_sent;

static void hand_over(struct worker *w, void *arg)
{
	uint16_t to = graph_node_id(&w->engine->graph, "sink");

	(void)arg;
	for (unsigned i = 0; i < 500 && n_sent < N_HANDED; i++) {
		uint32_t idx = buf_alloc_one_or_zero(&w->bufs);

		assert_int_not_equal(idx, 0);
		buf_at(w->bufs.pool->base, idx)->flow_hash = n_sent++;
		handoff_send(w, 1, to, idx);
	}
}

static void packets_for_the_other_worker_arrive_in_order(void **state)
{
	(void)state;
	n_sent = 0;
	assert_int_equal(engine_start(e), 0);
	for (uint32_t n = 0; n < N_HANDED; n += 500) {
		assert_int_equal(worker_call(e->worker[0], hand_over, NULL), 0);
		wait_for(&n_received, n);
	}
	wait_for(&n_received, N_HANDED);
	for (uint32_t n = 0; n < N_HANDED; n++)
		assert_int_equal(received[n], n);
}

static void a_full_ring_drops_and_counts(void **state)
{
	struct worker *from = e->worker[0];

	(void)state;
	for (uint32_t n = 0; n < HANDOFF_SLOTS + 10; n++)
		handoff_send(from, 1, graph_node_id(&e->graph, "sink"),
			     buf_alloc_one_or_zero(&from->bufs));
	worker_turn(from);
	assert_int_equal(from->graph.node[e->handoff].reasons[0], 10);
	worker_turn(e->worker[1]);
	assert_int_equal(n_received, HANDOFF_SLOTS);
}

static uint32_t n_visited, n_done; /* atomic */

static void visit(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
	__atomic_fetch_add(&n_visited, 1, __ATOMIC_RELEASE);
}

static void visited(struct engine *engine, void *arg)
{
	(void)arg;
	assert_ptr_equal(engine, e);
	assert_int_equal(n_visited % 2, 0);
	n_done++;
}

static void an_errand_to_all_comes_back_to_main(void **state)
{
	struct pollfd bell_of_main = { .fd = engine_main_fd(e), .events = POLLIN };

	(void)state;
	n_visited = n_done = 0;
	assert_int_equal(engine_start(e), 0);
	for (uint32_t n = 1; n <= 200; n++) {
		assert_int_equal(engine_on_each(e, visit, visited, NULL), 0);
		while (n_done < n) {
			assert_int_equal(poll(&bell_of_main, 1, DEADLINE_MS), 1);
			engine_run_main(e);
		}
	}
	assert_int_equal(n_visited, 400);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(calls_wake_a_sleeper_and_keep_their_order, start_one,
					finish),
	cmocka_unit_test_setup_teardown(an_idle_worker_uses_no_cpu, start_one, finish),
	cmocka_unit_test_setup_teardown(a_sleeper_wakes_for_its_timer, start_one, finish),
	cmocka_unit_test_setup_teardown(descriptors_are_read_until_drained_and_again_when_they_fire,
					start_one, finish),
	cmocka_unit_test_setup_teardown(packets_for_the_other_worker_arrive_in_order, start_two,
					finish),
	cmocka_unit_test_setup_teardown(a_full_ring_drops_and_counts, start_two, finish),
	cmocka_unit_test_setup_teardown(an_errand_to_all_comes_back_to_main, start_two, finish),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}

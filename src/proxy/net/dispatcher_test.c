/* dispatcher_test.c - turns: what runs when, timers, posts from other threads. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proxy/net/dispatcher.h"
#include "proxy/net/fd_event.h"

static uint64_t test_now(void *context)
{
	return *(uint64_t *)context;
}

static uint64_t now_ns = NS_PER_S;
static const struct clock test_clock = { test_now, &now_ns };
static struct dispatcher *d;
static char order[64];

static int set_up(void **state unused_arg)
{
	order[0] = '\0';
	d = dispatcher_new_or_null("test", &test_clock);
	return d ? 0 : -1;
}

static int tear_down(void **state unused_arg)
{
	dispatcher_free(d);
	return 0;
}

static void mark(const char *what)
{
	strcat(order, what);
}

static void in_next_turn(struct task *t unused_arg)
{
	mark("n");
}

static void at_turn_end(struct task *t unused_arg)
{
	mark("e");
}

struct self {
	struct task task;
	struct timer timer;
	struct deferred deferred;
	unsigned n;
};

static void in_deletion(struct deferred *x unused_arg)
{
	mark("d");
}

static void again(struct task *t)
{
	struct self *s = container_of(t, struct self, task);

	s->n++;
	dispatcher_next_turn(d, t);
	dispatcher_delete(d, &s->deferred, in_deletion);
}

static void test_order_within_a_turn(void **state unused_arg)
{
	struct task n, e;
	struct deferred x;

	task_init(&n, in_next_turn);
	task_init(&e, at_turn_end);
	dispatcher_delete(d, &x, in_deletion);
	dispatcher_turn_end(d, &e);
	dispatcher_next_turn(d, &n);
	dispatcher_next_turn(d, &n);
	dispatcher_run_once(d);
	assert_string_equal(order, "ned");
	dispatcher_run_once(d);
	assert_string_equal(order, "ned");
}

/* A task that queues itself again runs once a turn: it does not starve the others. */
static void test_next_turn_is_the_next(void **state unused_arg)
{
	struct self s = { 0 };

	task_init(&s.task, again);
	dispatcher_next_turn(d, &s.task);
	for (unsigned i = 1; i <= 3; i++) {
		dispatcher_run_once(d);
		assert_int_equal(s.n, i);
	}
	task_cancel(&s.task);
	dispatcher_run_once(d);
	assert_int_equal(s.n, 3);
	assert_string_equal(order, "ddd");
}

static void endless(struct task *t)
{
	struct self *s = container_of(t, struct self, task);

	s->n++;
	dispatcher_turn_end(d, t);
}

static void test_turn_end_is_bounded(void **state unused_arg)
{
	struct self s = { 0 };

	task_init(&s.task, endless);
	dispatcher_turn_end(d, &s.task);
	dispatcher_run_once(d);
	assert_in_range(s.n, 1, 16);
	task_cancel(&s.task);
}

static void fired(struct timer *t, uint64_t at_ns unused_arg)
{
	struct self *s = container_of(t, struct self, timer);

	s->n++;
}

static void test_timers(void **state unused_arg)
{
	struct self a = { 0 }, b = { 0 };

	timer_init(&a.timer, fired);
	timer_init(&b.timer, fired);
	dispatcher_timer_set(d, &a.timer, 10 * NS_PER_MS);
	dispatcher_timer_set(d, &b.timer, 3600ull * NS_PER_S);
	now_ns += 9 * NS_PER_MS;
	dispatcher_run_once(d);
	assert_int_equal(a.n, 0);
	now_ns += NS_PER_MS;
	dispatcher_run_once(d);
	assert_int_equal(a.n, 1);
	dispatcher_timer_set(d, &a.timer, 5 * NS_PER_MS);
	dispatcher_timer_cancel(d, &a.timer);
	now_ns += 3599ull * NS_PER_S;
	dispatcher_run_once(d);
	assert_int_equal(a.n, 1);
	assert_int_equal(b.n, 0);
	now_ns += NS_PER_S;
	dispatcher_run_once(d);
	assert_int_equal(b.n, 1);
	dispatcher_timer_set(d, &b.timer, UINT64_MAX); /* never, not at once */
	dispatcher_run_once(d);
	assert_int_equal(b.n, 1);
	dispatcher_timer_cancel(d, &b.timer);
}

struct stopper {
	struct timer timer;
	struct dispatcher *d;
};

static void stop_loop(struct timer *t, uint64_t at_ns unused_arg)
{
	dispatcher_stop(container_of(t, struct stopper, timer)->d);
}

/* With the real clock: the loop sleeps, and wakes for the timer. */
static void test_run_wakes_for_a_timer(void **state unused_arg)
{
	struct dispatcher *real = dispatcher_new_or_null("real", &clock_monotonic);
	struct stopper s = { .d = real };
	uint64_t begin = clock_now_ns(&clock_monotonic);

	assert_non_null(real);
	timer_init(&s.timer, stop_loop);
	dispatcher_timer_set(real, &s.timer, 20 * NS_PER_MS);
	dispatcher_run(real);
	assert_true(clock_now_ns(&clock_monotonic) - begin >= 20 * NS_PER_MS);
	assert_true(dispatcher_stats(real)->n_turns < 50);
	dispatcher_free(real);
}

enum { N_POSTS = 1000 };

struct sender {
	struct dispatcher *to;
	struct post posts[N_POSTS];
};

static unsigned n_posts_run;
static struct post *expected;

static void post_came(struct post *p)
{
	assert_ptr_equal(p, expected);
	expected++;
	n_posts_run++;
}

static void last_post_came(struct post *p)
{
	post_came(p);
	dispatcher_stop(d);
}

static void *send_posts(void *context)
{
	struct sender *s = context;

	for (unsigned i = 0; i < N_POSTS; i++) {
		s->posts[i].run = i + 1 < N_POSTS ? post_came : last_post_came;
		dispatcher_post(s->to, &s->posts[i]);
	}
	return NULL;
}

static void test_posts_arrive_in_order(void **state unused_arg)
{
	static struct sender s;
	pthread_t thread;

	n_posts_run = 0;
	s.to = d;
	expected = s.posts;
	assert_int_equal(pthread_create(&thread, NULL, send_posts, &s), 0);
	dispatcher_run(d);
	assert_int_equal(n_posts_run, N_POSTS);
	pthread_join(thread, NULL);
}

static unsigned seen;

static void pipe_ready(void *context unused_arg, unsigned ready)
{
	seen |= ready;
}

static void test_fd_event_is_an_edge(void **state unused_arg)
{
	struct fd_event e;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fd_event_open(&e, d, fds[0], FD_READ, true, pipe_ready, NULL), 0);
	seen = 0;
	assert_int_equal(write(fds[1], "x", 1), 1);
	dispatcher_run_once(d);
	assert_int_equal(seen, FD_READ);
	seen = 0;
	dispatcher_run_once(d);
	assert_int_equal(seen, 0);
	fd_event_close(&e);
	close(fds[0]);
	close(fds[1]);
}

static void keep_going(struct task *t)
{
	dispatcher_next_turn(d, t);
}

static void stop_when_ready(void *context, unsigned ready unused_arg)
{
	dispatcher_stop(context);
}

/* Tasks that never end do not keep the loop from looking at its descriptors. */
static void test_tasks_do_not_hide_events(void **state unused_arg)
{
	struct fd_event e;
	struct task t;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fd_event_open(&e, d, fds[0], FD_READ, true, stop_when_ready, d), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	task_init(&t, keep_going);
	dispatcher_next_turn(d, &t);
	dispatcher_run(d);
	assert_in_range(dispatcher_stats(d)->n_turns, 1, 20);
	task_cancel(&t);
	fd_event_close(&e);
	close(fds[0]);
	close(fds[1]);
}

static void got_signal(void *context unused_arg, int number)
{
	assert_int_equal(number, SIGUSR1);
	mark("s");
}

static void test_signals(void **state unused_arg)
{
	struct signal_event *s = signal_event_new_or_null(d, SIGUSR1, got_signal, NULL);

	assert_non_null(s);
	raise(SIGUSR1);
	dispatcher_run_once(d);
	dispatcher_run_once(d);
	assert_string_equal(order, "s");
	signal_event_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_within_a_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_next_turn_is_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_turn_end_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_timers, set_up, tear_down),
		cmocka_unit_test(test_run_wakes_for_a_timer),
		cmocka_unit_test_setup_teardown(test_posts_arrive_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fd_event_is_an_edge, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tasks_do_not_hide_events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_signals, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

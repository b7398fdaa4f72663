/* switch_mark_test.c - a mark goes when the processor does, and not before. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "base/switch_mark.h"

static void need_it(void)
{
	if (switch_mark_known())
		return;
	print_message("the C library has not registered restartable sequences: skipped\n");
	skip();
}

static void it_goes_with_the_processor(void **state)
{
	const struct timespec a_moment = { 0, 1000000 };
	struct switch_mark m = switch_mark_of_thread();

	(void)state;
	need_it();
	for (unsigned i = 0; i < 10; i++) {
		switch_mark_set(&m);
		nanosleep(&a_moment, NULL);
		assert_true(switch_mark_gone(&m));
	}
}

static void it_lasts_while_the_thread_runs(void **state)
{
	struct switch_mark m = switch_mark_of_thread();
	unsigned n_gone = 0;

	(void)state;
	need_it();
	for (unsigned i = 0; i < 1000; i++) {
		switch_mark_set(&m);
		n_gone += switch_mark_gone(&m);
	}
	assert_in_range(n_gone, 0, 100); /* others want the processor, too */
}

static void where_it_is_not_known_nothing_is_said(void **state)
{
	struct switch_mark m = { 0 };

	(void)state;
	switch_mark_set(&m);
	assert_false(switch_mark_gone(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_with_the_processor),
		cmocka_unit_test(it_lasts_while_the_thread_runs),
		cmocka_unit_test(where_it_is_not_known_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* rpf_test.c - reverse path checks over sets of paths: every one counts, and their number is
 * bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/rpf/rpf.h"

static struct mailbox mailbox;
static struct fib *fib;

static int set_up(void **state unused_arg)
{
	assert_int_equal(mailbox_init(&mailbox), 0);
	assert_int_equal(fib_new(&mailbox, &fib), 0);
	return 0;
}

static int tear_down(void **state unused_arg)
{
	while (fib->yard.n_waiting > 0) {
		rcu_drain();
		mailbox_run(&mailbox, NULL);
	}
	fib_free(fib);
	mailbox_deinit(&mailbox);
	return 0;
}

static uint32_t adjacency(enum adjacency_kind kind, uint32_t if_index, uint32_t to)
{
	struct adjacency value = { .kind = (uint8_t)kind, .if_index = if_index, .to = to };
	uint32_t index;

	assert_int_equal(adjacency_new(&fib->adjacencies, &value, &index), 0);
	return index;
}

/* A set of @n paths by interfaces @first, @first + 1 …; with @via the last one leads to that set.
 */
static uint32_t set_of(unsigned n, uint32_t first, uint32_t via)
{
	struct fib_path paths[LOAD_BALANCE_PATHS];
	uint32_t index;

	for (uint32_t i = 0; i < n; i++)
		paths[i] = (struct fib_path){ adjacency(ADJACENCY_REWRITE, first + i, 0), 1 };
	if (via)
		paths[n - 1].adjacency = adjacency(ADJACENCY_VIA, 0, via);
	assert_int_equal(load_balance_get(&fib->load_balances, paths, n, true, &index), 0);
	return index;
}

static enum rpf_verdict judge(enum rpf_mode mode, uint32_t leaf, uint32_t if_index)
{
	return rpf_judge(fib, mode, leaf, fib_key_of_ip4(0x0a000009), 4, if_index);
}

static void test_every_path_of_a_set_counts(void **state unused_arg)
{
	uint32_t set = set_of(LOAD_BALANCE_PATHS, 100, 0);

	assert_int_equal(judge(RPF_STRICT, set, 100), RPF_FINE);
	assert_int_equal(judge(RPF_STRICT, set, 163), RPF_FINE);
	assert_int_equal(judge(RPF_STRICT, set, 164), RPF_NOT_BACK);
	assert_int_equal(judge(RPF_LOOSE, set, 164), RPF_FINE);
	assert_int_equal(judge(RPF_OFF, set, 164), RPF_FINE);
}

static void test_no_path_leads_nowhere(void **state unused_arg)
{
	assert_int_equal(judge(RPF_STRICT, LOAD_BALANCE_NONE, 1), RPF_NOT_BACK);
	assert_int_equal(judge(RPF_LOOSE, LOAD_BALANCE_NONE, 1), RPF_NOT_BACK);
}

static void test_next_hops_behind_next_hops_are_bounded(void **state unused_arg)
{
	uint32_t last = set_of(LOAD_BALANCE_PATHS, 300, 0);
	uint32_t middle = set_of(LOAD_BALANCE_PATHS, 200, last);
	uint32_t first = set_of(LOAD_BALANCE_PATHS, 100, middle);

	assert_int_equal(judge(RPF_STRICT, middle, 363), RPF_FINE);
	assert_int_equal(judge(RPF_STRICT, middle, 364), RPF_TOO_MANY);
	assert_int_equal(judge(RPF_STRICT, first, 262), RPF_FINE);
	assert_int_equal(judge(RPF_STRICT, first, 300), RPF_TOO_MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_path_of_a_set_counts),
		cmocka_unit_test(test_no_path_leads_nowhere),
		cmocka_unit_test(test_next_hops_behind_next_hops_are_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

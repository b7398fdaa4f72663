/* load_sort_test.c - lists of many lengths against qsort(), step by step. */
#include "l3/route/load_sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/random.h"

static int compare(const void *a, const void *b)
{
	return route_line_compare(a, b);
}

/* Few different keys, so that prefixes are there twice and lengths decide. */
static struct route_line *new_lines(uint32_t n, struct random *random)
{
	struct route_line *line = calloc(n ? n : 1, sizeof(*line));

	assert_non_null(line);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t r = random_u64(random);

		line[i] = (struct route_line){ .key = { r >> 40 << 44, 0 },
					       .at = i,
					       .len = (uint8_t)(r & 31),
					       .is_ip4 = r >> 8 & 1 };
	}
	return line;
}

static void check(uint32_t n, struct random *random)
{
	struct route_line *line = new_lines(n, random), *want = calloc(n ? n : 1, sizeof(*want));
	struct route_sort s;
	unsigned n_steps = 1;

	memcpy(want, line, n * sizeof(*want));
	qsort(want, n, sizeof(*want), compare);
	assert_int_equal(route_sort_init(&s, line, n), 0);
	while (route_sort_step(&s) == ERR_AGAIN)
		n_steps++;
	assert_memory_equal(s.line, want, n * sizeof(*want));
	assert_true(n_steps >= n / ROUTE_SORT_STEP); /* none does all of it */
	route_sort_deinit(&s);
	free(want);
}

static void lists_of_any_length_are_sorted(void **state unused_arg)
{
	static const uint32_t lengths[] = { 0,
					    1,
					    2,
					    ROUTE_SORT_STEP - 1,
					    ROUTE_SORT_STEP,
					    ROUTE_SORT_STEP + 1,
					    2 * ROUTE_SORT_STEP,
					    3 * ROUTE_SORT_STEP + 7,
					    100000 };
	struct random random;

	random_seed(&random, 1);
	for (unsigned i = 0; i < count_of(lengths); i++)
		check(lengths[i], &random);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_any_length_are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

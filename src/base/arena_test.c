/* arena_test.c - alignment, the limit, and that a reset keeps one chunk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"

static void keeps_what_it_gave(void **state unused_arg)
{
	struct arena a;
	uint8_t *given[200];

	arena_init(&a, 256, SIZE_MAX);
	for (unsigned i = 0; i < count_of(given); i++) {
		given[i] = arena_alloc_or_null(&a, i * 3);
		assert_non_null(given[i]);
		assert_int_equal((uintptr_t)given[i] % 16, 0);
		memset(given[i], (int)i, i * 3);
	}
	for (unsigned i = 0; i < count_of(given); i++)
		for (unsigned k = 0; k < i * 3; k++)
			assert_int_equal(given[i][k], i & 0xff);
	arena_deinit(&a);
}

static void stops_at_the_limit(void **state unused_arg)
{
	struct arena a;

	arena_init(&a, 256, 1024);
	assert_null(arena_alloc_or_null(&a, 1025));
	assert_null(arena_alloc_or_null(&a, SIZE_MAX));
	for (unsigned i = 0; i < 4; i++)
		assert_non_null(arena_alloc_or_null(&a, 250));
	assert_null(arena_alloc_or_null(&a, 250));
	arena_deinit(&a);
	assert_non_null(arena_alloc_or_null(&a, 250));
	arena_deinit(&a);
}

static void reset_starts_over_in_the_same_memory(void **state unused_arg)
{
	struct arena a;
	void *first;

	arena_init(&a, 256, 4096);
	first = arena_alloc_or_null(&a, 16);
	assert_non_null(arena_alloc_or_null(&a, 1000));
	arena_reset(&a);
	assert_ptr_equal(arena_alloc_or_null(&a, 16), first);
	assert_int_equal(a.used_bytes, 256);
	arena_deinit(&a);
}

static void copies_and_formats_text(void **state unused_arg)
{
	struct arena a;

	arena_init(&a, 64, SIZE_MAX);
	assert_string_equal(arena_text_or_null(&a, slice_of("abcd", 3)), "abc");
	assert_string_equal(arena_text_or_null(&a, slice_of(NULL, 0)), "");
	assert_string_equal(arena_format_or_null(&a, "%0100d", 7) + 98, "07");
	arena_deinit(&a);
}

static void texts_lie_without_gaps(void **state unused_arg)
{
	struct arena a;
	uint8_t *one, *two, *large;

	arena_init(&a, 64, SIZE_MAX);
	one = arena_reserve_text_or_null(&a, 50);
	memcpy(one, "abc", 3);
	arena_commit_text(&a, one, 3);
	two = arena_reserve_text_or_null(&a, 50);
	assert_ptr_equal(two, one + 3);
	arena_commit_text(&a, two, 5);
	large = arena_reserve_text_or_null(&a, 1000);
	memset(large, 1, 1000);
	arena_commit_text(&a, large, 1000);
	assert_ptr_equal(arena_reserve_text_or_null(&a, 1), two + 5);
	assert_int_equal((uintptr_t)arena_alloc_or_null(&a, 1) % 16, 0);
	assert_int_equal(memcmp(one, "abc", 3), 0);
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_gave),
		cmocka_unit_test(stops_at_the_limit),
		cmocka_unit_test(reset_starts_over_in_the_same_memory),
		cmocka_unit_test(copies_and_formats_text),
		cmocka_unit_test(texts_lie_without_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

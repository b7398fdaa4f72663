/* header_test.c - known names, and the array of fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/http/chars.h"
#include "proxy/http/header.h"

static void every_known_name_is_found(void **state unused_arg)
{
	for (unsigned id = HEADER_OTHER + 1; id < N_HEADER_IDS; id++) {
		uint8_t other[64];

		assert_true(header_names[id].len > 0);
		assert_int_equal(header_id_of(header_names[id]), id);
		/* and nothing that differs from it in one letter */
		for (size_t k = 0; k < header_names[id].len; k++) {
			memcpy(other, header_names[id].at, header_names[id].len);
			other[k] = '~';
			assert_int_equal(header_id_of(slice_of(other, header_names[id].len)),
					 HEADER_OTHER);
		}
	}
	assert_int_equal(header_id_of(slice_of_text("x-unknown")), HEADER_OTHER);
	assert_int_equal(header_id_of(slice_of_text("")), HEADER_OTHER);
}

static void fields_keep_their_order(void **state unused_arg)
{
	struct header_map m;
	struct arena arena;
	struct header other = { .name = (const uint8_t *)"x-a", .name_len = 3 };

	arena_init(&arena, 4096, SIZE_MAX);
	header_map_init(&m, &arena);
	for (int i = 0; i < 60; i++) {
		assert_int_equal(header_map_add(&m, HEADER_VIA, slice_of_text("v")), 0);
		assert_int_equal(header_map_append(&m, other), 0);
	}
	assert_int_equal(m.n, 120);
	assert_int_equal(header_map_set(&m, HEADER_VIA, slice_of_text("w")), 0);
	assert_int_equal(m.n, 61);
	assert_true(slice_is(header_map_value(&m, HEADER_VIA), "w"));
	assert_ptr_equal(header_map_get_or_null(&m, HEADER_VIA), &m.at[0]);
	assert_int_equal(header_map_remove_name(&m, slice_of_text("x-a")), 60);
	assert_int_equal(header_map_remove(&m, HEADER_VIA), 1);
	assert_int_equal(header_map_remove(&m, HEADER_VIA), 0);
	assert_null(header_map_get_or_null(&m, HEADER_VIA));
	assert_int_equal(header_map_value(&m, HEADER_VIA).len, 0);
	arena_deinit(&arena);
}

static void control_bytes_are_found_at_every_place(void **state unused_arg)
{
	uint8_t text[40];

	for (unsigned c = 0; c < 256; c++) {
		bool allowed = (c >= 0x20 && c != 0x7f) || c == '\t';

		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, 'x', sizeof(text));
			text[at] = (uint8_t)c;
			assert_int_equal(chars_value_ok(slice_of(text, sizeof(text))), allowed);
		}
	}
}

static void lists_are_taken_apart(void **state unused_arg)
{
	struct slice list = slice_of_text(" a ,, b\t,c d,"), item;

	assert_true(chars_next_item(&list, &item) && slice_is(item, "a"));
	assert_true(chars_next_item(&list, &item) && slice_is(item, "b"));
	assert_true(chars_next_item(&list, &item) && slice_is(item, "c d"));
	assert_false(chars_next_item(&list, &item));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_known_name_is_found),
		cmocka_unit_test(fields_keep_their_order),
		cmocka_unit_test(control_bytes_are_found_at_every_place),
		cmocka_unit_test(lists_are_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

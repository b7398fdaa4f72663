/* table_test.c - tables and sizes as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control/table.h"

static void test_columns_align(void **state unused_arg)
{
	static const struct table_column columns[] = {
		{ "name", "interface", TABLE_TEXT },  { "addresses", "addresses", TABLE_TEXT },
		{ "rx.packets", "rx", TABLE_NUMBER }, { "memory", "memory", TABLE_BYTES },
		{ "up", "up", TABLE_TEXT },
	};
	json_t *rows = json_pack("[{s:s, s:[s,s], s:{s:i}, s:i, s:b}, {s:s, s:{s:i}, s:b}]", "name",
				 "tap0", "addresses", "10.0.0.1/24", "10.1.0.1/24", "rx", "packets",
				 7, "memory", 1572864, "up", 1, "name", "größe", "rx", "packets",
				 123456, "up", 0);
	struct text out = { 0 };

	json_array_append_new(rows, json_object());
	table_render(&out, rows, columns, 5);
	assert_string_equal(out.at, "interface  addresses                    rx  memory  up\n"
				    "tap0       10.0.0.1/24 10.1.0.1/24       7    1.5M  yes\n"
				    "größe      -                        123456       -  no\n"
				    "-          -                             -       -  -\n");
	text_deinit(&out);
	json_decref(rows);
}

static void test_rows_sort(void **state unused_arg)
{
	json_t *rows = json_loads("[{\"a\":\"y\",\"b\":{\"c\":\"2\"}},{\"a\":\"x\"},"
				  "{\"a\":\"y\",\"b\":{\"c\":\"1\"}}]",
				  0, NULL);
	char *text;

	table_sort(rows, (const char *const[]){ "a", "b.c" }, 2);
	text = json_dumps(rows, JSON_COMPACT);
	assert_string_equal(text, "[{\"a\":\"x\"},{\"a\":\"y\",\"b\":{\"c\":\"1\"}},"
				  "{\"a\":\"y\",\"b\":{\"c\":\"2\"}}]");
	free(text);
	json_decref(rows);
}

static void test_no_rows(void **state unused_arg)
{
	static const struct table_column columns[] = { { "name", "name", TABLE_TEXT } };
	json_t *rows = json_array();
	struct text out = { 0 };

	table_render(&out, rows, columns, 1);
	assert_string_equal(out.at, "none\n");
	text_deinit(&out);
	json_decref(rows);
}

static void test_sizes(void **state unused_arg)
{
	static const struct {
		unsigned long long bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0" },
		{ 1023, "1023" },
		{ 1024, "1.0K" },
		{ 1536, "1.5K" },
		{ 1048575, "1.0M" },
		{ 3221225472, "3.0G" },
		{ UINT64_MAX, "16.0E" },
	};

	for (unsigned i = 0; i < count_of(sizes); i++) {
		struct text out = { 0 };

		text_add_bytes(&out, sizes[i].bytes);
		assert_string_equal(out.at, sizes[i].text);
		text_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_align),
		cmocka_unit_test(test_rows_sort),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

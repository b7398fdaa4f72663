/* top_test.c - differences between two samples, and the picture of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/sample.h"
#include "cli/scale.h"
#include "cli/top_view.h"

static void scales(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0, "0" },	    { 7, "7" },		{ 0.5, "0.50" },    { 999, "999" },
		{ 999.7, "1.00k" }, { 1234, "1.23k" },	{ 12345, "12.3k" }, { 123456, "123k" },
		{ 1e6, "1.00M" },   { 2.5e9, "2.50G" }, { 1e12, "1.00T" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[SCALE_TEXT_MAX];

		assert_string_equal(scale_text(rows[i].value, text), rows[i].text);
	}
}

static json_t *sample(int n)
{
	json_t *s = json_pack(
		"{s:{s:f, s:[{s:i, s:i, s:i, s:i, s:i}], s:[{s:s, s:i, s:i, s:i}, {s:s, s:i, s:i, "
		"s:i}]},"
		" s:[{s:s, s:s, s:{s:i, s:i, s:i, s:i, s:i, s:i}}],"
		" s:[{s:s, s:s, s:i, s:s}]}",
		"runtime", "clock_hz", 1000.0, "workers", "worker", 0, "packets", 100 * n, "turns",
		10 * n, "sleeps", n, "clocks", 250 * n, "nodes", "node", "slow", "calls", 10 * n,
		"vectors", 100 * n, "clocks", 200 * n, "node", "quick", "calls", 10 * n, "vectors",
		100 * n, "clocks", 50 * n, "interfaces", "name", "lan", "state", "up", "counters",
		"rx_packets", 100 * n, "rx_bytes", 6000 * n, "rx_drops", n, "tx_packets", 50 * n,
		"tx_bytes", 3000 * n, "tx_drops", n, "errors", "node", "slow", "reason", "late",
		"count", 5 * n, "text", "came too late");

	assert_non_null(s);
	return s;
}

static double at(const json_t *rows, size_t i, const char *key)
{
	return json_number_value(json_object_get(json_array_get(rows, i), key));
}

static void differences(void **state)
{
	json_t *before = sample(1), *after = sample(3);
	json_t *d = sample_difference(before, after, 2);
	const json_t *nodes = json_object_get(d, "nodes");

	(void)state;
	assert_true(json_number_value(json_object_get(d, "packets_per_s")) == 100);
	assert_true(at(json_object_get(d, "workers"), 0, "load_percent") == 25);
	assert_true(at(nodes, 0, "share_percent") == 80);
	assert_true(at(nodes, 1, "clocks_per_packet") == 0.5);
	assert_true(at(nodes, 0, "per_call") == 10);
	assert_true(at(json_object_get(d, "interfaces"), 0, "rx_bits_per_s") == 48000);
	assert_true(at(json_object_get(d, "interfaces"), 0, "drops_per_s") == 2);
	assert_true(at(json_object_get(d, "errors"), 0, "per_s") == 5);
	json_decref(d);
	/* Cleared meanwhile: what is there came after. */
	d = sample_difference(after, before, 1);
	assert_true(json_number_value(json_object_get(d, "packets_per_s")) == 100);
	json_decref(d);
	/* Nothing happened. */
	d = sample_difference(after, after, 1);
	assert_int_equal(json_array_size(json_object_get(d, "nodes")), 0);
	assert_int_equal(json_array_size(json_object_get(d, "errors")), 0);
	json_decref(d);
	json_decref(before);
	json_decref(after);
}

static void check_fits(const json_t *d, unsigned rows, unsigned columns)
{
	struct text out = { 0 };
	unsigned n = 0;
	char *line, *save = NULL;

	top_view(&out, d, rows, columns);
	for (const char *c = out.at; *c; c++)
		n += *c == '\n';
	assert_in_range(n, 1, rows);
	for (line = strtok_r(out.at, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		assert_in_range(text_columns(line), 0, columns);
	text_deinit(&out);
}

/* A small screen has fewer lines and no bits per second, but nothing else is cut off. */
static void check_says_the_same(const json_t *d, unsigned rows, unsigned columns)
{
	static const char *const parts[] = { "load %\n", "drops/s\n", "time %\n", "quick " };
	struct text out = { 0 };

	top_view(&out, d, rows, columns);
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(out.at, parts[i]))
			fail_msg("no \"%s\" in\n%s", parts[i], out.at);
	text_deinit(&out);
}

static void a_picture_fits_its_screen(void **state)
{
	json_t *before = sample(1), *after = sample(1000);
	json_t *nodes = json_object_get(json_object_get(after, "runtime"), "nodes"), *d;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		json_array_append_new(json_object_get(after, "interfaces"),
				      json_pack("{s:s, s:s, s:{s:i}}", "name",
						"a-long-interface-name", "state", "no link",
						"counters", "rx_packets", 9));
		json_array_append_new(nodes, json_pack("{s:s, s:i, s:i, s:i}", "node",
						       "a-node-with-quite-a-long-name-indeed",
						       "calls", 9, "vectors", 99, "clocks", 999));
		json_array_append_new(json_object_get(json_object_get(after, "runtime"), "workers"),
				      json_pack("{s:i}", "worker", (int)i));
	}
	d = sample_difference(before, after, 1);
	check_fits(d, 23, 80);
	check_fits(d, 60, 200);
	check_fits(d, 5, 40);
	check_says_the_same(d, 12, 55);
	json_decref(d);
	json_decref(before);
	json_decref(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scales),
		cmocka_unit_test(differences),
		cmocka_unit_test(a_picture_fits_its_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

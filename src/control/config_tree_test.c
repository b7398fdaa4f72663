/* config_tree_test.c - YAML and JSON into trees: places, aliases, limits and error lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/config_tree.h"

struct loaded {
	struct arena arena;
	struct config_error error;
	struct config_node *root;
	int err;
};

static struct loaded load_as(const char *text, enum config_syntax syntax)
{
	struct loaded l = { .root = NULL };

	arena_init(&l.arena, 4096, SIZE_MAX);
	l.err = config_load_text(&l.arena, "f", slice_of_text(text), syntax, &l.error, &l.root);
	return l;
}

static const struct config_node *walk(const struct config_node *n, const char *path)
{
	char name[64];

	while (n && *path) {
		size_t len = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		if (n->kind == CONFIG_LIST) {
			uint32_t idx = (uint32_t)atoi(name);

			n = n->first;
			while (n && idx--)
				n = n->next;
		} else {
			n = config_member_or_null(n, name);
		}
		path += len + (path[len] == '/');
	}
	return n;
}

static void knows_where_values_came_from(void **state unused_arg)
{
	static const char text[] = "a:\n"
				   "  - b: 1\n"
				   "    someName: 'x y'\n"
				   "c: {d: [e, null]}\n";
	static const struct {
		const char *at, *text, *path;
		enum config_kind kind;
		uint32_t line, column, key_line, key_column;
	} cases[] = {
		{ "a/0/b", "1", "a[0].b", CONFIG_SCALAR, 2, 8, 2, 5 },
		{ "a/0/some_name", "x y", "a[0].someName", CONFIG_SCALAR, 3, 15, 3, 5 },
		{ "c/d/0", "e", "c.d[0]", CONFIG_SCALAR, 4, 9, 4, 9 },
		{ "c/d/1", "null", "c.d[1]", CONFIG_NULL, 4, 12, 4, 12 },
	};
	struct loaded l = load_as(text, CONFIG_YAML);

	assert_int_equal(l.err, 0);
	for (unsigned i = 0; i < count_of(cases); i++) {
		const struct config_node *n = walk(l.root, cases[i].at);
		char path[64];

		assert_non_null(n);
		assert_int_equal(n->kind, cases[i].kind);
		assert_string_equal(n->text, cases[i].text);
		assert_string_equal(config_path(n, path, sizeof(path)), cases[i].path);
		assert_int_equal(n->line, cases[i].line);
		assert_int_equal(n->column, cases[i].column);
		assert_int_equal(n->key_line, cases[i].key_line);
		assert_int_equal(n->key_column, cases[i].key_column);
	}
	arena_deinit(&l.arena);
}

static void resolves_anchors_and_merge_keys(void **state unused_arg)
{
	struct loaded l = load_as("base: &base {x: 1, y: [2]}\n"
				  "more: &more {x: 7, z: 8}\n"
				  "use: *base\n"
				  "own: {<<: *base, x: 3}\n"
				  "two: {<<: [*base, *more]}\n",
				  CONFIG_YAML);
	char path[64];

	assert_int_equal(l.err, 0);
	assert_string_equal(walk(l.root, "use/y/0")->text, "2");
	assert_string_equal(config_path(walk(l.root, "use/y/0"), path, sizeof(path)), "use.y[0]");
	assert_int_equal(walk(l.root, "use/y/0")->line, 1);
	assert_string_equal(walk(l.root, "own/x")->text, "3");
	assert_string_equal(walk(l.root, "own/y/0")->text, "2");
	assert_null(walk(l.root, "own/<<"));
	assert_int_equal(walk(l.root, "own")->n_items, 2);
	assert_string_equal(walk(l.root, "two/x")->text, "1");
	assert_string_equal(walk(l.root, "two/z")->text, "8");
	arena_deinit(&l.arena);
}

static void names_the_place_of_an_error(void **state unused_arg)
{
	static const struct {
		const char *text, *error;
		enum config_syntax syntax;
		int err;
	} cases[] = {
		{ "a: 1\nb: 2\na: 3\n", "f:3:1: \"a\" is given twice, first in line 1 (at a)",
		  CONFIG_YAML, ERR_FORMAT },
		{ "a: *b\n", "f:1:5: no anchor of this name above", CONFIG_YAML, ERR_FORMAT },
		{ "a: &b [*b]\n", "f:1:9: this alias would contain itself", CONFIG_YAML,
		  ERR_FORMAT },
		{ "a: !secret x\n", "f:1:12: this YAML tag is not supported", CONFIG_YAML,
		  ERR_FORMAT },
		{ "? [a]\n: b\n", "f:1:3: a key must be plain text", CONFIG_YAML, ERR_FORMAT },
		{ "a: {<<: 7}\n", "f:1:9: a merge key (<<) takes a map or a list of maps (at a.<<)",
		  CONFIG_YAML, ERR_FORMAT },
		{ "a: 1\n---\nb: 1\n", "f:2:1: more than one document in the file", CONFIG_YAML,
		  ERR_FORMAT },
		{ "a: [1, 2\n", "f:", CONFIG_YAML, ERR_FORMAT },
		{ "a: 1\n", "f:", CONFIG_JSON, ERR_FORMAT },
		{ "a: x\nb: \"\xc3\xa9\xc0\"", "f:2:6: not valid UTF-8", CONFIG_YAML, ERR_FORMAT },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct loaded l = load_as(cases[i].text, cases[i].syntax);

		assert_int_equal(l.err, cases[i].err);
		assert_null(l.root);
		if (strlen(cases[i].error) > 2)
			assert_string_equal(l.error.text, cases[i].error);
		else
			assert_memory_equal(l.error.text, cases[i].error, 2);
		assert_null(strchr(l.error.text, '\n'));
		arena_deinit(&l.arena);
	}
}

static void bounds_aliases_and_depth(void **state unused_arg)
{
	char text[4096];
	size_t len = 0;
	struct loaded l;

	len += (size_t)snprintf(text, sizeof(text), "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (unsigned i = 1; i < 10; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"a%u: &a%u [*a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u]\n", i,
					i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	l = load_as(text, CONFIG_YAML);
	assert_int_equal(l.err, ERR_FULL);
	assert_non_null(strstr(l.error.text, "aliases of aliases"));
	arena_deinit(&l.arena);

	memset(text, '[', 200);
	memset(text + 200, ']', 200);
	text[400] = '\0';
	l = load_as(text, CONFIG_YAML);
	assert_int_not_equal(l.err, 0);
	assert_string_not_equal(l.error.text, "");
	arena_deinit(&l.arena);
}

static void takes_json_and_nothing(void **state unused_arg)
{
	struct loaded l = load_as("{\"a\": {\"b\": [true, \"q\\n\"]}}", CONFIG_JSON);

	assert_int_equal(l.err, 0);
	assert_string_equal(walk(l.root, "a/b/1")->text, "q\n");
	assert_true(walk(l.root, "a/b/1")->quoted);
	arena_deinit(&l.arena);

	l = load_as("# only a comment\n", CONFIG_YAML);
	assert_int_equal(l.err, 0);
	assert_int_equal(l.root->kind, CONFIG_NULL);
	arena_deinit(&l.arena);
}

static void merges_an_overlay(void **state unused_arg)
{
	struct loaded base = load_as("a: {b: 1, some_name: 2}\nl: [1]\nn: x\n", CONFIG_YAML);
	struct loaded over =
		load_as("a: {b: 9, someName: 3, c: 4}\nl: [2, 3]\nn: null\nm: {}\n", CONFIG_YAML);
	struct config_node *root = config_merge(base.root, over.root);

	assert_string_equal(walk(root, "a/b")->text, "9");
	assert_string_equal(walk(root, "a/some_name")->text, "3");
	assert_string_equal(walk(root, "a/c")->text, "4");
	assert_int_equal(walk(root, "a")->n_items, 3);
	assert_string_equal(walk(root, "l/2")->text, "3");
	assert_string_equal(walk(root, "n")->text, "x");
	assert_int_equal(walk(root, "m")->kind, CONFIG_MAP);
	arena_deinit(&base.arena);
	arena_deinit(&over.arena);
}

static void says_why_a_file_cannot_be_read(void **state unused_arg)
{
	struct config_error error = { "" };
	struct config_node *root;
	struct arena a;

	arena_init(&a, 4096, SIZE_MAX);
	assert_int_equal(config_load_file(&a, "/nowhere/x.yaml", &error, &root), ERR_NOENT);
	assert_string_equal(error.text,
			    "/nowhere/x.yaml:1:1: cannot open the file: No such file or directory");
	error.text[0] = '\0';
	assert_int_equal(config_load_file(&a, "/tmp", &error, &root), ERR_IO);
	assert_string_equal(error.text, "/tmp:1:1: cannot read the file: Is a directory");
	arena_deinit(&a);
}

static void knows_both_spellings(void **state unused_arg)
{
	assert_true(config_name_is("per_try_timeout", "per_try_timeout"));
	assert_true(config_name_is("perTryTimeout", "per_try_timeout"));
	assert_true(config_name_is("consecutive5xx", "consecutive_5xx"));
	assert_false(config_name_is("perTry_timeout", "per_try_timeout"));
	assert_false(config_name_is("perTryTimeouts", "per_try_timeout"));
	assert_false(config_name_is("perTryTimeou", "per_try_timeout"));
	assert_false(config_name_is("", "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_where_values_came_from),
		cmocka_unit_test(resolves_anchors_and_merge_keys),
		cmocka_unit_test(names_the_place_of_an_error),
		cmocka_unit_test(bounds_aliases_and_depth),
		cmocka_unit_test(takes_json_and_nothing),
		cmocka_unit_test(merges_an_overlay),
		cmocka_unit_test(says_why_a_file_cannot_be_read),
		cmocka_unit_test(knows_both_spellings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

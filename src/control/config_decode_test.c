/* config_decode_test.c - one table with every kind of field against good and bad values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "control/config_decode.h"

struct inner {
	const char *name;
	uint32_t n;
};

struct outer {
	bool flag;
	uint16_t port;
	uint32_t count;
	uint64_t big;
	double ratio;
	const char *text;
	uint64_t wait_ns;
	uint8_t color;
	uint8_t which;
	struct inner one;
	const struct inner *maybe;
	const struct inner *many;
	uint32_t n_many;
	const char *const *words;
	uint32_t n_words;
	const struct config_node *tree;
	int extension;
};

static const struct config_field inner_fields[] = {
	{ "name", CONFIG_STRING, .offset = offsetof(struct inner, name), .flags = CONFIG_REQUIRED },
	{ "n", CONFIG_U32, .offset = offsetof(struct inner, n) },
};
static const struct inner inner_defaults = { .n = 5 };
static const struct config_message inner_message = {
	.name = "Inner",
	.size = sizeof(struct inner),
	.defaults = &inner_defaults,
	.fields = inner_fields,
	.n_fields = count_of(inner_fields),
};
static const struct config_enum_value colors[] = {
	{ "RED", 1, NULL },
	{ "GREEN", 2, NULL },
	{ "ULTRAVIOLET", 3, "invisible light" },
};
static const struct config_enum color_enum = { colors, count_of(colors) };

static const struct config_extension_kind kinds[] = {
	{ "envoy.extensions.filters.http.router.v3.Router",
	  "envoy.filters.http.router envoy.router", 7, &inner_message },
};

static int take_ext(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct config_extension e;
	int err = config_take_extension(d, n, kinds, count_of(kinds), &e);

	if (!err)
		((struct outer *)holder)->extension = e.kind->value + (e.config ? 100 : 0);
	return err;
}

#define AT(member) .offset = offsetof(struct outer, member)
static const struct config_field outer_fields[] = {
	{ "flag", CONFIG_BOOL, AT(flag) },
	{ "port", CONFIG_U16, AT(port), .min = 1 },
	{ "max_count", CONFIG_U32, AT(count), .max = 100 },
	{ "big", CONFIG_U64, AT(big) },
	{ "ratio", CONFIG_DOUBLE, AT(ratio) },
	{ "text", CONFIG_STRING, AT(text), .flags = CONFIG_NOT_EMPTY },
	{ "wait", CONFIG_DURATION, AT(wait_ns) },
	{ "color", CONFIG_ENUM, AT(color), .values = &color_enum },
	{ "one", CONFIG_MESSAGE, AT(one), .message = &inner_message,
	  .case_offset = offsetof(struct outer, which), .case_is = 1 },
	{ "maybe", CONFIG_MESSAGE_NEW, AT(maybe), .message = &inner_message,
	  .case_offset = offsetof(struct outer, which), .case_is = 2 },
	{ "many", CONFIG_MESSAGE_LIST, AT(many), .n_offset = offsetof(struct outer, n_many),
	  .message = &inner_message },
	{ "words", CONFIG_STRING_LIST, AT(words), .n_offset = offsetof(struct outer, n_words) },
	{ "tree", CONFIG_TREE, AT(tree) },
	{ "ext", CONFIG_CUSTOM, .decode = take_ext },
	{ "note", .type = CONFIG_NO_EFFECT },
	{ "transparent", CONFIG_ONLY, .only = "false", .feature = "transparent sockets" },
	{ "health_checks", CONFIG_MISSING, .feature = "active health checks" },
	{ "hosts", CONFIG_REPLACED, .feature = "load_assignment" },
};
static const struct outer outer_defaults = { .count = 9, .text = "" };
static const struct config_message outer_message = {
	.name = "Outer",
	.size = sizeof(struct outer),
	.defaults = &outer_defaults,
	.fields = outer_fields,
	.n_fields = count_of(outer_fields),
	.known = "lb_subset_config metadata",
};

#define NS 1000000000ull /* of a second */

static int decode(struct arena *a, const char *text, struct outer *out, struct config_error *error)
{
	struct config_decoder d = { .arena = a, .error = error };
	struct config_node *root;

	error->text[0] = '\0';
	arena_init(a, 4096, SIZE_MAX);
	assert_int_equal(config_load_text(a, "f", slice_of_text(text), CONFIG_YAML, error, &root),
			 0);
	return config_decode(&d, root, &outer_message, out);
}

static void fills_every_kind_of_field(void **state unused_arg)
{
	struct config_error error;
	struct arena a;
	struct outer o;

	assert_int_equal(
		decode(&a,
		       "flag: true\nport: \"80\"\nmaxCount: 1e2\nbig: 18446744073709551615\n"
		       "ratio: -0.5\ntext: 12\nwait: 0.25s\ncolor: green\n"
		       "maybe: {name: m}\nmany: {name: only, n: 6}\nwords: \"*\"\n"
		       "tree: {x: 1}\nnote: {any: [thing]}\ntransparent: false\n"
		       "health_checks: []\nlb_subset_config: null\n"
		       "ext: {name: x, typed_config: {'@type': "
		       "a/envoy.extensions.filters.http.router.v3.Router}}\n",
		       &o, &error),
		0);
	assert_string_equal(error.text, "");
	assert_true(o.flag);
	assert_int_equal(o.port, 80);
	assert_int_equal(o.count, 100);
	assert_true(o.big == UINT64_MAX);
	assert_true(o.ratio == -0.5);
	assert_string_equal(o.text, "12");
	assert_true(o.wait_ns == NS_PER_S / 4);
	assert_int_equal(o.color, 2);
	assert_int_equal(o.which, 2);
	assert_string_equal(o.maybe->name, "m");
	assert_int_equal(o.maybe->n, 5);
	assert_int_equal(o.n_many, 1);
	assert_string_equal(o.many[0].name, "only");
	assert_int_equal(o.many[0].n, 6);
	assert_int_equal(o.n_words, 1);
	assert_string_equal(o.words[0], "*");
	assert_string_equal(config_member_or_null(o.tree, "x")->text, "1");
	assert_int_equal(o.extension, 107);
	arena_deinit(&a);

	assert_int_equal(decode(&a,
				"wait: {seconds: 2, nanos: 500}\next: {name: envoy.router}\n"
				"color: 0\nmany: [{name: a}, {name: b}]",
				&o, &error),
			 0);
	assert_int_equal(o.count, 9);
	assert_true(o.wait_ns == 2ull * NS_PER_S + 500);
	assert_int_equal(o.extension, 7);
	assert_int_equal(o.color, 1);
	assert_int_equal(o.n_many, 2);
	assert_string_equal(o.many[1].name, "b");
	arena_deinit(&a);
}

static void refuses_in_one_line(void **state unused_arg)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "flag: 1", "f:1:7: true or false expected, not \"1\" (at flag)" },
		{ "flag: [true]", "f:1:7: true or false expected, not a list (at flag)" },
		{ "port: 0", "f:1:7: 0 is not between 1 and 65535 (at port)" },
		{ "port: x", "f:1:7: a whole number expected, not \"x\" (at port)" },
		{ "max_count: 101", "f:1:12: 101 is not between 0 and 100 (at max_count)" },
		{ "big: -1", "f:1:6: -1 is not at least 0 (at big)" },
		{ "big: 1.5", "f:1:6: a whole number expected, not \"1.5\" (at big)" },
		{ "big: 0x10", "f:1:6: a whole number expected, not \"0x10\" (at big)" },
		{ "ratio: nan", "f:1:8: a number expected, not \"nan\" (at ratio)" },
		{ "text: {}", "f:1:7: text expected, not a map (at text)" },
		{ "text: ''", "f:1:7: \"text\" must not be empty (at text)" },
		{ "text: \"a\\0b\"", "f:1:7: text with a NUL in it (at text)" },
		{ "wait: 5", "f:1:7: a duration like \"0.25s\" expected, not \"5\" (at wait)" },
		{ "wait: -1s", "f:1:7: a duration like \"0.25s\" expected, not \"-1s\" (at wait)" },
		{ "wait: 99999999999s", "f:1:7: the duration is too long (at wait)" },
		{ "wait: {days: 1}", "f:1:8: unknown field \"days\" in a duration (at wait.days)" },
		{ "color: blue", "f:1:8: \"blue\" is none of RED, GREEN, ULTRAVIOLET (at color)" },
		{ "color: ultraviolet", "f:1:1: invisible light: not supported yet (at color)" },
		{ "one: {n: 1}", "f:1:6: \"name\" is missing in Inner (at one)" },
		{ "one: 7",
		  "f:1:6: a map of fields expected (Inner), not a single value (at one)" },
		{ "one: {name: a}\nmaybe: {name: b}",
		  "f:2:1: \"one\" excludes \"maybe\", which is also given (at maybe)" },
		{ "many: [null]", "f:1:8: an item of a list is null (at many[0])" },
		{ "many: [{name: x, nn: 1}]",
		  "f:1:18: unknown field \"nn\" in Inner (at many[0].nn)" },
		{ "words: [a, {b: c}]", "f:1:12: text expected, not a map (at words[1])" },
		{ "maxCount: 1\nmax_count: 2",
		  "f:2:1: \"max_count\" is given in two spellings (at max_count)" },
		{ "transparent: true", "f:1:1: transparent sockets: not supported yet "
				       "(at transparent)" },
		{ "healthChecks: [{}]",
		  "f:1:1: active health checks: not supported yet (at healthChecks)" },
		{ "lbSubsetConfig: {}",
		  "f:1:1: lbSubsetConfig: not supported yet (at lbSubsetConfig)" },
		{ "nonsense: 1", "f:1:1: unknown field \"nonsense\" in Outer (at nonsense)" },
		{ "hosts: []\ntext: x\none: {nme: y}",
		  "f:3:7: unknown field \"nme\" in Inner; did you mean \"name\"? (at one.nme)" },
		{ "hosts: [1]", "f:1:1: \"hosts\" is of the v2 API; v3 calls it "
				"\"load_assignment\" (at hosts)" },
		{ "ext: {name: envoy.filters.http.lua}",
		  "f:1:13: extension \"envoy.filters.http.lua\" without typed_config: not "
		  "supported (at ext.name)" },
		{ "ext: {typed_config: {'@type': "
		  "t/envoy.extensions.filters.http.lua.v3.Lua}}",
		  "f:1:31: HTTP filter \"lua\" (envoy.extensions.filters.http.lua.v3.Lua): not "
		  "supported yet (at ext.typed_config.@type)" },
		{ "ext: {typed_config: {'@type': t/udpa.type.v1.TypedStruct, "
		  "type_url: t/envoy.extensions.filters.http.fault.v3.HTTPFault}}",
		  "f:1:69: HTTP filter \"fault\" "
		  "(envoy.extensions.filters.http.fault.v3.HTTPFault): "
		  "not supported yet (at ext.typed_config.type_url)" },
		{ "ext: {typed_config: {'@type': "
		  "t/envoy.config.filter.http.router.v2.Router}}",
		  "f:1:31: \"envoy.config.filter.http.router.v2.Router\" is of the v2 API; v3 has "
		  "\"envoy.extensions.filters.http.router.v3.Router\" (at "
		  "ext.typed_config.@type)" },
		{ "ext: {typed_config: {'@type': my.Type}}",
		  "f:1:31: unknown type \"my.Type\" (at ext.typed_config.@type)" },
		{ "ext: {typed_config: {}}", "f:1:21: \"@type\" is missing (at ext.typed_config)" },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct config_error error;
		struct arena a;
		struct outer o;

		assert_int_equal(decode(&a, cases[i].text, &o, &error), ERR_INVAL);
		assert_string_equal(error.text, cases[i].error);
		arena_deinit(&a);
	}
}

/* Protobuf's form knows seconds only; other files may use other units as well. */
static void takes_other_units_where_allowed(void **state unused_arg)
{
	static const struct {
		const char *text;
		uint64_t ns; /* 0: refused */
	} cases[] = {
		{ "10ms", 10000000 },
		{ "1.5ms", 1500000 },
		{ "250us", 250000 },
		{ "0.001us", 1 },
		{ "2m", 120 * NS },
		{ "1.5h", 5400 * NS },
		{ "0.25s", NS / 4 },
		{ "0.0001us", 0 },
		{ "10", 0 },
		{ "ms", 0 },
		{ "1..5s", 0 },
		{ "10 ms", 0 },
		{ "1d", 0 },
		{ "-1ms", 0 },
		{ "9999999999999m", 0 },
		{ "9999999999999ms", 0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct config_error error = { 0 };
		struct arena a;
		struct config_decoder d = { .arena = &a, .error = &error, .any_time_unit = true };
		const struct config_node n = { .kind = CONFIG_SCALAR,
					       .file = "f",
					       .key = "wait",
					       .text = cases[i].text,
					       .text_len = strlen(cases[i].text) };
		uint64_t ns = 0;

		arena_init(&a, 4096, SIZE_MAX);
		assert_int_equal(config_take_duration(&d, &n, &ns), cases[i].ns ? 0 : ERR_INVAL);
		assert_int_equal(ns, cases[i].ns);
		d.any_time_unit = false;
		if (!strstr(cases[i].text, "5s"))
			assert_int_equal(config_take_duration(&d, &n, &ns), ERR_INVAL);
		arena_deinit(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_every_kind_of_field),
		cmocka_unit_test(refuses_in_one_line),
		cmocka_unit_test(takes_other_units_where_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* config_encode_test.c - decode a text, encode it, and look; and back again from YAML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "control/config_encode.h"
#include "control/config_yaml.h"

struct wheel {
	uint32_t inches;
};

struct radio {
	uint8_t band;
};

struct car {
	const char *name;
	bool open;
	uint16_t doors;
	uint64_t odometer;
	double litres;
	uint64_t service_ns;
	uint8_t color;
	uint8_t drive;
	struct wheel spare;
	const struct radio *radio;
	const struct wheel *wheels;
	uint32_t n_wheels;
	const char *const *owners;
	uint32_t n_owners;
};

#define AT(member) .offset = offsetof(struct car, member)

static const struct config_field wheel_fields[] = {
	{ "inches", CONFIG_U32, .offset = offsetof(struct wheel, inches) },
};
static const struct wheel wheel_defaults = { .inches = 16 };
static const struct config_message wheel_message = {
	.name = "wheel",
	.size = sizeof(struct wheel),
	.defaults = &wheel_defaults,
	.fields = wheel_fields,
	.n_fields = count_of(wheel_fields),
};

static const struct config_enum_value band_values[] = { { "FM", 0, NULL }, { "AM", 1, NULL } };
static const struct config_enum bands = { band_values, count_of(band_values) };
static const struct config_field radio_fields[] = {
	{ "band", CONFIG_ENUM, .offset = offsetof(struct radio, band), .values = &bands,
	  .flags = CONFIG_REQUIRED },
};
static const struct config_message radio_message = {
	.name = "radio",
	.size = sizeof(struct radio),
	.fields = radio_fields,
	.n_fields = count_of(radio_fields),
};

static const struct config_enum_value color_values[] = { { "RED", 1, NULL }, { "BLUE", 2, NULL } };
static const struct config_enum colors = { color_values, count_of(color_values) };

static int take_any(struct config_decoder *d unused_arg, const struct config_node *n unused_arg,
		    void *holder unused_arg)
{
	return 0;
}

static const struct config_field car_fields[] = {
	{ "name", CONFIG_STRING, AT(name) },
	{ "open", CONFIG_BOOL, AT(open) },
	{ "doors", CONFIG_U16, AT(doors) },
	{ "odometer", CONFIG_U64, AT(odometer) },
	{ "litres", CONFIG_DOUBLE, AT(litres) },
	{ "service", CONFIG_DURATION, AT(service_ns) },
	{ "color", CONFIG_ENUM, AT(color), .values = &colors },
	{ "spare_wheel", CONFIG_MESSAGE, AT(spare), .message = &wheel_message },
	{ "radio", CONFIG_MESSAGE_NEW, AT(radio), .message = &radio_message },
	{ "wheels", CONFIG_MESSAGE_LIST, AT(wheels), .n_offset = offsetof(struct car, n_wheels),
	  .message = &wheel_message },
	{ "owners", CONFIG_STRING_LIST, AT(owners), .n_offset = offsetof(struct car, n_owners) },
	{ "extra", CONFIG_CUSTOM, .decode = take_any },
	{ "petrol", CONFIG_CUSTOM, .decode = take_any, .case_offset = offsetof(struct car, drive),
	  .case_is = 1 },
	{ "note", CONFIG_NO_EFFECT },
};
static const struct car car_defaults = { .name = "car", .doors = 4 };
static const struct config_message car_message = {
	.name = "car",
	.size = sizeof(struct car),
	.defaults = &car_defaults,
	.fields = car_fields,
	.n_fields = count_of(car_fields),
};

/* What @text means, as JSON on one line. */
static json_t *round_trip(const char *text)
{
	struct config_error error = { "" };
	struct config_node *root;
	struct arena a;
	struct config_decoder d = { .arena = &a, .error = &error };
	struct car car;
	json_t *value;

	arena_init(&a, 4096, SIZE_MAX);
	assert_int_equal(config_load_text(&a, "f", slice_of_text(text), CONFIG_YAML, &error, &root),
			 0);
	if (config_decode(&d, root, &car_message, &car) < 0)
		fail_msg("%s", error.text);
	value = config_encode(&car_message, &car, root);
	arena_deinit(&a);
	return value;
}

/* clang-format off */
static const struct { const char *text, *json; } cases[] = {
	/* what has its default value is not said */
	{ "", "{}" },
	{ "{name: car, doors: 4, open: false, odometer: 0, spare_wheel: {inches: 16}}", "{}" },
	/* one spelling for each meaning */
	{ "{doors: '2', color: blue, open: 'true'}", "{\"open\":true,\"doors\":2,\"color\":\"BLUE\"}" },
	{ "spareWheel: {inches: 14}", "{\"spare_wheel\":{\"inches\":14}}" },
	/* what must be there is said, its first value too */
	{ "radio: {band: FM}", "{\"radio\":{\"band\":\"FM\"}}" },
	{ "service: 1.50s", "{\"service\":\"1.5s\"}" },
	{ "service: {seconds: 7}", "{\"service\":\"7s\"}" },
	{ "doors: 0", "{\"doors\":0}" },
	{ "name: ''", "{\"name\":\"\"}" },
	{ "odometer: 18446744073709551615", "{\"odometer\":\"18446744073709551615\"}" },
	{ "litres: 0.5", "{\"litres\":0.5}" },
	/* lists */
	{ "wheels: [{inches: 16}, {inches: 17}]", "{\"wheels\":[{},{\"inches\":17}]}" },
	{ "wheels: {inches: 17}", "{\"wheels\":[{\"inches\":17}]}" },
	{ "owners: me", "{\"owners\":[\"me\"]}" },
	/* what the table leaves to others: as it stands in the file */
	{ "extra: [7, '7', 007, true, x, {a: 1}, null]",
	  "{\"extra\":[7,\"7\",\"007\",true,\"x\",{\"a\":1},null]}" },
	{ "petrol: {}", "{\"petrol\":{}}" },
	{ "note: nobody reads this", "{}" },
};
/* clang-format on */

static void says_what_was_meant(void **state unused_arg)
{
	for (unsigned i = 0; i < count_of(cases); i++) {
		json_t *value = round_trip(cases[i].text);
		char *json = json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER);

		assert_string_equal(json, cases[i].json);
		free(json);
		json_decref(value);
	}
}

static void members_sort_by_the_table(void **state unused_arg)
{
	json_t *car = json_loads("{\"wheels\":[{\"size\":1,\"inches\":17}],\"else\":1,\"doors\":2,"
				 "\"name\":\"x\"}",
				 0, NULL);
	char *text;

	config_sort(car, &car_message);
	text = json_dumps(car, JSON_COMPACT | JSON_PRESERVE_ORDER);
	assert_string_equal(text, "{\"name\":\"x\",\"doors\":2,\"wheels\":[{\"inches\":17,"
				  "\"size\":1}],\"else\":1}");
	free(text);
	json_decref(car);
}

static void yaml_reads_back_as_the_same(void **state unused_arg)
{
	for (unsigned i = 0; i < count_of(cases); i++) {
		json_t *value = round_trip(cases[i].text), *again;
		struct text yaml = { 0 };

		config_print_yaml(&yaml, value);
		again = round_trip(yaml.at);
		if (!json_equal(value, again))
			fail_msg("%s became\n%s", cases[i].json, yaml.at);
		text_deinit(&yaml);
		json_decref(again);
		json_decref(value);
	}
}

static void yaml_is_for_people(void **state unused_arg)
{
	json_t *value = round_trip(
		"{name: lan, owners: [me, 'true', '12', 'a: b', 10.0.0.1/24, 2001:db8::1, '1e5',"
		" 'a:', 10.0.0.1, '', '- x', '0x10', '1.5', 'NO', \"a\\nb\"],"
		" wheels: [{inches: 17}, {}], petrol: {}, extra: {a: [[1], []]}}");
	struct text yaml = { 0 };

	config_print_yaml(&yaml, value);
	assert_string_equal(yaml.at, "name: lan\n"
				     "wheels:\n"
				     "  - inches: 17\n"
				     "  - {}\n"
				     "owners: [me, \"true\", \"12\", \"a: b\", 10.0.0.1/24, "
				     "2001:db8::1, \"1e5\", \"a:\", 10.0.0.1, \"\", \"- x\", "
				     "\"0x10\", \"1.5\", \"NO\", \"a\\nb\"]\n"
				     "extra:\n"
				     "  a:\n"
				     "    - [1]\n"
				     "    - []\n"
				     "petrol: {}\n");
	text_deinit(&yaml);
	json_decref(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_was_meant),
		cmocka_unit_test(members_sort_by_the_table),
		cmocka_unit_test(yaml_reads_back_as_the_same),
		cmocka_unit_test(yaml_is_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
